"""``Distiller`` and ``AsyncDistiller``: from the answers of a big model to a dataset for a small one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mocktune_client.distilling import asking, stored
from mocktune_client.distilling.asking import MAX_ANSWER_TOKENS, Questions, Tariff, tariff_of
from mocktune_client.distilling.dataset import Dataset, Distilled, Keep
from mocktune_client.distilling.examples import REASONS, Reason
from mocktune_client.distilling.prompts import Prompt
from mocktune_client.distilling.stored import Selection
from mocktune_client.distilling.telling import Distilling
from mocktune_client.errors import TuningError
from mocktune_client.steps import Steps, run, run_async
from mocktune_client.waiting import Timing, wall_now, wall_sleep, wall_sleep_async

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI


class NothingDistilled(TuningError):
    """No example came of it: ``seen`` completions were looked at, and all were left out for ``reasons``."""

    def __init__(self, seen: int, reasons: Mapping[Reason, int], details: Mapping[Reason, str]) -> None:
        super().__init__(seen, reasons, details)
        self.seen = seen
        self.reasons = reasons
        self.details = details

    def __str__(self) -> str:
        if not self.seen:
            return (
                "No stored completion was found. Only those made with store=True are kept, for 30 days: check the "
                "model and the metadata that were asked for, and the key's project."
            )
        why = "; ".join(f"{n} because {REASONS[reason]} ({self.details[reason]})" for reason, n in self.reasons.items())
        return f"None of {self.seen} completions makes an example: {why}. Nothing was written."


class Distiller:
    """Distilling on a synchronous client.

    ``patience_s``: how long errors of the connection or the service in a row are waited out. ``page_size``:
    completions asked for at once. ``sleep`` and ``now`` (seconds, any origin) belong together.
    """

    def __init__(
        self,
        client: OpenAI,
        *,
        patience_s: float = 3600.0,
        page_size: int = 100,
        sleep: Callable[[float], None] = wall_sleep,
        now: Callable[[], float] = wall_now,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._timing = Timing(now, patience_s=patience_s)
        self._page_size = page_size
        self._sleep = sleep

    def collect(
        self,
        out: Path | str,
        *,
        model: str | None = None,
        metadata: Mapping[str, str] | None = None,
        since: float | None = None,
        until: float | None = None,
        newest: int | None = None,
        system: str | None = None,
        keep: Keep = "newest",
        on: Callable[[Distilling], None] | None = None,
    ) -> Distilled:
        """Make a dataset at ``out`` of completions that the service has stored, in the order they were made.

        ``model`` and ``metadata`` select them; ``since`` and ``until`` (seconds of Unix time) and ``newest`` bound
        them. A name without a date stands for all its snapshots. Of a prompt that was answered several times ``keep``
        says which answer is taken. ``system`` replaces the system messages, "" takes them away. Answers that were cut
        off, filtered or refused, and what the rules for training files do not allow, are left out and counted.

        A file that was at ``out`` is replaced, by the whole new one. Raises ``NothingDistilled``, ``StoresNothing``,
        ``OSError``, and the SDK's errors.
        """
        selection = Selection(model, dict(metadata or {}), since, until, newest)
        steps = _collect(Path(out), selection, keep, self._timing, system, self._page_size)
        return run(steps, self._client, self._sleep, on)

    def ask(
        self,
        prompts: Iterable[Prompt],
        out: Path | str,
        *,
        model: str,
        metadata: Mapping[str, str] | None = None,
        max_tokens: int = MAX_ANSWER_TOKENS,
        tariff: Tariff | None = None,
        max_usd: float | None = None,
        system: str | None = None,
        on: Callable[[Distilling], None] | None = None,
    ) -> Distilled:
        """Make a dataset at ``out`` of the answers of ``model`` to ``prompts`` (see ``read_prompts``), in their order.

        Answers are stored on the service, with ``metadata`` and a pair that names the prompt: asking again, also after
        a kill, asks only for those that are missing. No request is sent that could bring the price beyond ``max_usd``;
        ``tariff`` is what the model costs, by default what the price table says. ``system`` replaces in the dataset
        what the model was told when it was asked.

        Raises ``BudgetReached``, ``NothingDistilled``, ``OSError``, and the SDK's errors.
        """
        questions = _questions(prompts, model, metadata, max_tokens, tariff, max_usd)
        return run(_ask(Path(out), questions, self._timing, system), self._client, self._sleep, on)


class AsyncDistiller:
    """``Distiller`` on an asynchronous client: the same methods, to be awaited; ``on`` is called synchronously."""

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        patience_s: float = 3600.0,
        page_size: int = 100,
        sleep: Callable[[float], Awaitable[None]] = wall_sleep_async,
        now: Callable[[], float] = wall_now,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._timing = Timing(now, patience_s=patience_s)
        self._page_size = page_size
        self._sleep = sleep

    async def collect(
        self,
        out: Path | str,
        *,
        model: str | None = None,
        metadata: Mapping[str, str] | None = None,
        since: float | None = None,
        until: float | None = None,
        newest: int | None = None,
        system: str | None = None,
        keep: Keep = "newest",
        on: Callable[[Distilling], None] | None = None,
    ) -> Distilled:
        """``Distiller.collect``."""
        selection = Selection(model, dict(metadata or {}), since, until, newest)
        steps = _collect(Path(out), selection, keep, self._timing, system, self._page_size)
        return await run_async(steps, self._client, self._sleep, on)

    async def ask(
        self,
        prompts: Iterable[Prompt],
        out: Path | str,
        *,
        model: str,
        metadata: Mapping[str, str] | None = None,
        max_tokens: int = MAX_ANSWER_TOKENS,
        tariff: Tariff | None = None,
        max_usd: float | None = None,
        system: str | None = None,
        on: Callable[[Distilling], None] | None = None,
    ) -> Distilled:
        """``Distiller.ask``."""
        questions = _questions(prompts, model, metadata, max_tokens, tariff, max_usd)
        return await run_async(_ask(Path(out), questions, self._timing, system), self._client, self._sleep, on)


def _questions(
    prompts: Iterable[Prompt],
    model: str,
    metadata: Mapping[str, str] | None,
    max_tokens: int,
    tariff: Tariff | None,
    max_usd: float | None,
) -> Questions:
    tariff = tariff or tariff_of(model)
    if tariff is None and max_usd is not None:
        raise ValueError(f"The price of {model} is not known: give its tariff, so that max_usd can be kept.")
    each_once = {prompt.key(): prompt for prompt in prompts}
    return Questions(tuple(each_once.values()), model, dict(metadata or {}), max_tokens, tariff, max_usd)


def _collect(
    out: Path, selection: Selection, keep: Keep, timing: Timing, system: str | None, page_size: int
) -> Steps[Distilled]:
    with Dataset(out, keep) as dataset:
        yield from stored.collect(selection, dataset, timing, system=system, page_size=page_size)
        return _finished(dataset)


def _ask(out: Path, questions: Questions, timing: Timing, system: str | None) -> Steps[Distilled]:
    with Dataset(out, "oldest") as dataset:
        answers = yield from asking.ask_the_rest(questions, dataset, timing, system=system)
        usd = None if questions.tariff is None else answers.usd
        return _finished(dataset, asked=answers.asked, usd=usd, stored=answers.stored)


def _finished(dataset: Dataset, *, asked: int = 0, usd: float | None = 0.0, stored: bool = True) -> Distilled:
    if not dataset.examples:
        raise NothingDistilled(dataset.seen, dataset.left_out, dataset.details)
    return dataset.finish(asked=asked, usd=usd, stored=stored)
