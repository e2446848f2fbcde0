"""The big model is asked: each prompt once, its answer stored on the service, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mocktune.dataset_engine.tokenizer import count_batch
from mocktune.domain.billing import chat_prompt_tokens
from mocktune.domain.models import resolve_base_model
from mocktune_client.distilling.batches import patiently_all
from mocktune_client.distilling.dataset import Dataset
from mocktune_client.distilling.examples import LeftOut, example_of
from mocktune_client.distilling.prompts import Prompt
from mocktune_client.distilling.stored import AT_ONCE, NO_LIST, Json, Selection, walk
from mocktune_client.distilling.telling import Asked
from mocktune_client.errors import TuningError
from mocktune_client.jobs import MAX_METADATA_PAIRS
from mocktune_client.steps import Emit, Steps
from mocktune_client.waiting import Timing

if TYPE_CHECKING:
    from openai import OpenAI

PROMPT_KEY = "mocktune_client_prompt"
"""The pair of metadata that an answer is known by."""
MAX_ANSWER_TOKENS = 1_024
_MILLION = 1_000_000
_A_BILLIONTH = 1e-9  # sums of prices are no exact numbers


@dataclass(frozen=True, slots=True)
class Tariff:
    """What asking costs, in US dollars per million tokens."""

    input_usd: float
    output_usd: float

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        return (self.input_usd * input_tokens + self.output_usd * output_tokens) / _MILLION


def tariff_of(model: str) -> Tariff | None:
    """The price of a base model, or of one tuned from it, by the price table; None for a model it has not.

    The table has the prices of tuned models. Those of base models are not above them.
    """
    base = resolve_base_model(model.split(":")[1] if model.startswith("ft:") else model)
    return Tariff(base.prices.input, base.prices.output) if base else None


@dataclass(frozen=True, slots=True)
class Questions:
    """``prompts`` for ``model``, and how it is asked. ``metadata`` is stored with each answer, which has at most
    ``max_tokens`` tokens. ``tariff`` is what it costs, and ``max_usd`` what all of it may.
    """

    prompts: Sequence[Prompt]
    model: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    max_tokens: int = MAX_ANSWER_TOKENS
    tariff: Tariff | None = None
    max_usd: float | None = None

    def __post_init__(self) -> None:
        if len(self.metadata) > MAX_METADATA_PAIRS - 1:
            raise ValueError(f"metadata may have {MAX_METADATA_PAIRS - 1} pairs: one more names the prompt")

    def keys(self) -> list[str]:
        return [prompt.key(self.model, self.max_tokens) for prompt in self.prompts]

    def most_usd(self, prompt: Prompt) -> float:
        """What asking ``prompt`` costs at most; 0 where the price is not known."""
        if self.tariff is None:
            return 0.0
        base = resolve_base_model(self.model.split(":")[1] if self.model.startswith("ft:") else self.model)
        encoding = base.encoding if base else "o200k_base"
        tokens = chat_prompt_tokens(prompt.messages, prompt.tools, lambda texts: count_batch(texts, encoding), encoding)
        return self.tariff.usd(tokens, self.max_tokens)


class BudgetReached(TuningError):
    """What is missing can cost ``next_usd``; with the ``spent_usd`` that is more than ``max_usd``. Of ``total`` prompts
    ``done`` have an answer.
    """

    def __init__(self, max_usd: float, spent_usd: float, next_usd: float, done: int, total: int) -> None:
        super().__init__(max_usd, spent_usd, next_usd, done, total)
        self.max_usd = max_usd
        self.spent_usd = spent_usd
        self.next_usd = next_usd
        self.done = done
        self.total = total

    def __str__(self) -> str:
        spent = f", ${self.spent_usd:.4f} are spent," if self.spent_usd else ""
        return (
            f"Answers to {self.total - self.done} of {self.total} prompts are missing. They can cost "
            f"${self.next_usd:.4f}{spent} and the limit is ${self.max_usd:.4f}: allow more, or fewer tokens for an "
            "answer, or ask fewer prompts. Answers that are there are stored, and not asked for again."
        )


@dataclass(frozen=True, slots=True)
class Answers:
    """``asked`` prompts were answered anew, for ``usd`` at most; ``stored``: the service has kept their answers."""

    asked: int
    usd: float
    stored: bool


def ask_the_rest(questions: Questions, dataset: Dataset, timing: Timing, *, system: str | None) -> Steps[Answers]:
    """Puts an answer to each prompt into ``dataset``, in their order.

    Answers that are stored from an earlier run are not asked for again. Raises ``BudgetReached``, and the SDK's error
    where the service refuses more than single prompts.
    """
    asking = _Asking(questions, dataset, timing, system)
    yield from asking.find_stored()
    yield from asking.ask()
    return Answers(asking.asked, asking.spent_usd, asking.stores)


class _Asking:
    def __init__(self, questions: Questions, dataset: Dataset, timing: Timing, system: str | None) -> None:
        self._questions = questions
        self._dataset = dataset
        self._timing = timing
        self._system = system
        self._open = dict(zip(questions.keys(), enumerate(questions.prompts), strict=True))
        self._reused = 0
        self.stores = True
        self.asked = 0
        self.spent_usd = 0.0

    # -- what was stored before ----------------------------------------------------------------------------------------

    def find_stored(self) -> Steps[None]:
        import openai

        try:
            yield from walk(Selection(metadata=self._questions.metadata), self._timing, self._take_stored)
        except openai.APIStatusError as error:
            if error.status_code != 400 and error.status_code not in NO_LIST:
                raise  # else the service keeps no list of them, or has no metadata, and everything is asked
        yield Emit(self._told())

    def _take_stored(self, completions: Sequence[Json]) -> Steps[bool]:
        for each in completions:
            key = (each.get("metadata") or {}).get(PROMPT_KEY)
            if key in self._open:
                self._reused += 1
                self._add(key, each)
        return not self._open
        yield  # a generator, as ``walk`` wants one

    # -- what is asked now ---------------------------------------------------------------------------------------------

    def ask(self) -> Steps[None]:
        keys = list(self._open)
        # Half of the answers would be paid for and make no dataset: so all of them are counted before the first.
        self._reserve(sum(self._questions.most_usd(self._open[key][1]) for key in keys))
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            refused = yield from self._ask_some(some)
            yield Emit(self._told())
            for key, error in refused.items():
                # What all of the first are refused for does not lie in their prompts.
                if not _is_about_its_prompt(error) or (start == 0 and len(refused) == len(some)):
                    raise error
                index, _ = self._open.pop(key)
                self._dataset.leave_out(
                    f"prompt {index + 1}", LeftOut("rejected", str(getattr(error, "message", error)))
                )

    def _ask_some(self, keys: Sequence[str]) -> Steps[dict[str, Exception]]:
        """Adds what is answered; answers the errors of the others."""
        import openai

        most_usd = [self._questions.most_usd(self._open[key][1]) for key in keys]

        def failed(index: int, error: Exception) -> None:
            # An answer that was lost on its way may have been made, and billed.
            if isinstance(error, openai.APIConnectionError):
                self.spent_usd += most_usd[index]
                self._reserve(sum(most_usd))

        calls = [self._call(key) for key in keys]
        answers = yield from patiently_all(calls, f"model {self._questions.model}", self._timing, failed)
        refused: dict[str, Exception] = {}
        for key, answer in zip(keys, answers, strict=True):
            if isinstance(answer, Exception):
                refused[key] = answer
            else:
                self._add(key, answer.to_dict(), paid=True)
        if self.stores and any(map(_is_about_storing, refused.values())):
            self.stores = False
            return (yield from self._ask_some(list(refused)))
        return refused

    def _reserve(self, usd: float) -> None:
        limit = self._questions.max_usd
        if limit is not None and self.spent_usd + usd > limit + _A_BILLIONTH:
            raise BudgetReached(limit, self.spent_usd, usd, self._done, len(self._questions.prompts))

    def _call(self, key: str) -> Callable[[OpenAI], Any]:
        asked: dict[str, Any] = {
            "model": self._questions.model,
            "messages": list(self._open[key][1].messages),
            "max_completion_tokens": self._questions.max_tokens,
        }
        if tools := self._open[key][1].tools:
            asked["tools"] = list(tools)
        if self.stores:
            asked |= {"store": True, "metadata": {**self._questions.metadata, PROMPT_KEY: key}}
        return lambda client: client.chat.completions.create(**asked)

    # -- answers -------------------------------------------------------------------------------------------------------

    def _add(self, key: str, completion: Json, *, paid: bool = False) -> None:
        index, prompt = self._open.pop(key)
        if paid:
            self.asked += 1
            self.spent_usd += self._price(completion, prompt)
        try:
            # What the tools were is known here, whatever the completion shows of the request.
            example = example_of({**completion, "tools": prompt.tools}, prompt.messages, system=self._system)
        except LeftOut as why:
            self._dataset.leave_out(str(completion.get("id")), why)
        else:
            self._dataset.add(example, model=str(completion.get("model")), created=index)

    def _price(self, completion: Json, prompt: Prompt) -> float:
        tariff, usage = self._questions.tariff, completion.get("usage") or {}
        if tariff is None:
            return 0.0
        if not usage:
            return self._questions.most_usd(prompt)
        return tariff.usd(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)

    @property
    def _done(self) -> int:
        return len(self._questions.prompts) - len(self._open)

    def _told(self) -> Asked:
        usd = None if self._questions.tariff is None else self.spent_usd
        return Asked(self._done, len(self._questions.prompts), self._reused, usd)


def _is_about_storing(answer: object) -> bool:
    import openai

    return isinstance(answer, openai.BadRequestError) and (answer.param or "").partition(".")[0] in (
        "store",
        "metadata",
    )


def _is_about_its_prompt(error: Exception) -> bool:
    import openai

    return isinstance(error, openai.APIStatusError) and error.status_code in (400, 413, 422)
