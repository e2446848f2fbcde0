"""What ``mocktune distill`` was asked for, read from its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING

from mocktune.cli.exits import OVER_BUDGET, fail
from mocktune.cli.pairs import metadata_of
from mocktune_client.distilling import Distiller, Keep, Prompt, Tariff, UnreadablePrompts, read_prompts, tariff_of

if TYPE_CHECKING:
    from mocktune.cli.targets import Target
    from mocktune_client.distilling import Distilled, Distilling

KEEPS: tuple[Keep, ...] = ("newest", "oldest", "all")
MAX_SYSTEM_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DistillRequest:
    """``prompts`` are asked first; None takes what is stored. ``student`` is the model to tune, None for the dataset
    alone, and ``student_system`` what it learns with in place of the teacher's system message.
    """

    teacher: str | None
    metadata: Mapping[str, str]
    since: float | None
    until: float | None
    newest: int | None
    keep: Keep
    prompts: tuple[Prompt, ...] | None
    max_tokens: int
    student_system: str | None
    tariff: Tariff | None
    out: Path | None
    student: str | None

    def check_prices(self, target: Target, per_million: float | None) -> None:
        """Ends the command where a budget is to be kept and nobody knows what an answer or the training costs."""
        limit = target.max_cost_usd
        if self.student is not None and per_million is None:
            from mocktune.cli.budget import OverBudget, check_budget
            from mocktune_client.model_names import base_model_of

            if base_model_of(self.student) is None:
                try:
                    check_budget(None, self.student, limit, stays=True)
                except OverBudget as over:
                    fail(str(over), OVER_BUDGET)
        if self.prompts is not None and self.tariff is None and limit is not None and not isinf(limit):
            fail(
                f"no price is known for answers of '{self.teacher}', so that --max-cost cannot be kept: "
                "--priced-as MODEL says whose prices count",
                OVER_BUDGET,
            )

    def at_most_usd(self) -> float | None:
        """What the answers to all prompts cost at most; None where nobody knows."""
        from mocktune_client.distilling import Questions

        if self.prompts is None or self.tariff is None or self.teacher is None:
            return None
        questions = Questions(self.prompts, self.teacher, max_tokens=self.max_tokens, tariff=self.tariff)
        return sum(map(questions.most_usd, self.prompts))

    def perform(
        self, distiller: Distiller, path: Path, max_usd: float | None, on: Callable[[Distilling], None]
    ) -> Distilled:
        if self.prompts is not None and self.teacher is not None:
            return distiller.ask(
                self.prompts,
                path,
                model=self.teacher,
                metadata=self.metadata,
                max_tokens=self.max_tokens,
                tariff=self.tariff,
                max_usd=max_usd if self.tariff is not None else None,
                system=self.student_system,
                on=on,
            )
        return distiller.collect(
            path,
            model=self.teacher,
            metadata=self.metadata,
            since=self.since,
            until=self.until,
            newest=self.newest,
            system=self.student_system,
            keep=self.keep,
            on=on,
        )


def read_distill_request(
    *,
    teacher: str | None,
    metadata: Sequence[str],
    since: str | None,
    until: str | None,
    newest: int | None,
    keep: str,
    prompts: Path | None,
    system: str | None,
    max_tokens: int,
    student_system: str | None,
    priced_as: str | None,
    out: Path | None,
    model: str | None,
) -> DistillRequest:
    """Ends the command for what cannot be."""
    if out is None and model is None:
        fail("say what is to become of it: --out FILE for the dataset, --model NAME for a model tuned on it, or both")
    if prompts is not None and teacher is None:
        fail("--prompts: say who is asked, with --from MODEL")
    if prompts is None and system is not None:
        fail("--system is what the model is told that answers --prompts; --student-system replaces what was stored")
    if prompts is not None and (since or until or newest):
        fail("--since, --until and --newest choose among stored completions: not with --prompts")
    if keep not in KEEPS:
        fail(f"--keep: newest, oldest or all, not '{keep}'")
    if len(metadata) > 15:
        fail("--metadata: 15 pairs at most; one more names the prompt that was answered")
    if out is not None and not out.absolute().parent.is_dir():
        fail(f"--out: there is no folder for '{out}'")
    if out is not None and out.suffix != ".jsonl":
        fail("--out: a training file's name ends with .jsonl")
    return DistillRequest(
        teacher=teacher,
        metadata=metadata_of(metadata),
        since=_instant(since, "--since"),
        until=_instant(until, "--until"),
        newest=newest,
        keep=keep,
        prompts=None if prompts is None else _prompts(prompts, _text(system, "--system")),
        max_tokens=max_tokens,
        student_system=_text(student_system, "--student-system"),
        tariff=_tariff(teacher, priced_as),
        out=out,
        student=model,
    )


def _instant(text: str | None, option: str) -> float | None:
    """Seconds of Unix time."""
    if text is None:
        return None
    from mocktune.domain.clock import SECOND, ClockError, parse_instant

    try:
        return parse_instant(text) / SECOND
    except ClockError as error:
        fail(f"{option}: {error}")


def _text(text: str | None, option: str) -> str | None:
    """The text itself, or what is in the file behind an @."""
    if text is None or not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SYSTEM_BYTES + 1)
    except OSError as error:
        fail(f"{option}: '{path}' cannot be read: {error.strerror or error}")
    if len(data) > MAX_SYSTEM_BYTES:
        fail(f"{option}: '{path}' is longer than {MAX_SYSTEM_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        fail(f"{option}: '{path}' is not UTF-8 text")


def _prompts(path: Path, system: str | None) -> tuple[Prompt, ...]:
    try:
        return tuple(read_prompts(path, system=system))
    except UnreadablePrompts as error:
        fail(f"--prompts: {error}")
    except OSError as error:
        fail(f"--prompts: '{path}' cannot be read: {error.strerror or error}")


def _tariff(teacher: str | None, priced_as: str | None) -> Tariff | None:
    if priced_as is not None and tariff_of(priced_as) is None:
        from mocktune.domain.models import BASE_MODELS

        fail(f"--priced-as: there is no price of '{priced_as}'. One of: {', '.join(BASE_MODELS)}")
    named = priced_as or teacher
    return None if named is None else tariff_of(named)
