"""What ``mocktune distill`` shows until the tuning begins: a moving line on a terminal, lines in a pipe, or JSON."""

from __future__ import annotations

import shlex
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mocktune.cli.printing import note, print_json, printable
from mocktune_client.distilling import REASONS, Asked, Collected

if TYPE_CHECKING:
    from rich.status import Status

    from mocktune.cli.distill_request import DistillRequest
    from mocktune.cli.targets import Target
    from mocktune_client.distilling import BudgetReached, Distilled, Distilling
    from mocktune_client.progress import Waiting

LINE_EVERY = 500
"""Completions or prompts between two lines where nothing moves."""


class DistillView:
    """A context while requests are under way."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._status: Status | None = None
        self._told = 0
        self._waits = False

    def __enter__(self) -> Self:
        if not self._json and sys.stdout.isatty():
            from rich.console import Console

            console = Console(highlight=False)
            if not console.is_dumb_terminal:
                self._status = console.status("reading what is stored …")
                self._status.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    # -- while it goes on ----------------------------------------------------------------------------------------------

    def on(self, told: Distilling) -> None:
        if isinstance(told, Collected):
            document: dict[str, Any] = {"event": "collected", "seen": told.seen, "examples": told.examples}
            self._tell(f"{told.seen:,} stored completions, {told.examples:,} examples", document, told.seen)
        elif isinstance(told, Asked):
            document = {"event": "asked", "done": told.done, "total": told.total}
            document |= {"reused": told.reused, "usd": told.usd}
            self._tell(_asked(told), document, told.done, last=told.done == told.total)
        else:
            self._waiting(told)

    def _tell(self, text: str, document: dict[str, Any], count: int, *, last: bool = False) -> None:
        self._waits = False
        if self._json:
            print_json(document)
        elif self._status is not None:
            self._status.update(text)
        elif last or count >= self._told + LINE_EVERY:
            self._told = count
            print(text, flush=True)

    def _waiting(self, told: Waiting) -> None:
        text = f"{told.subject}: {printable(told.error)[:200]}; again in {told.delay_s:.0f} s"
        if self._json:
            document = {"event": "waiting", "subject": told.subject, "error": str(told.error)[:2_000]}
            print_json({**document, "delay_s": round(told.delay_s, 3)})
        elif self._status is not None:
            self._status.update(text)
        elif not self._waits:  # once for each row of errors
            self._waits = True
            print(text, flush=True)

    # -- ends ----------------------------------------------------------------------------------------------------------

    def done(self, made: Distilled, *, saved: bool, live: bool) -> None:
        """``saved``: the dataset stays; else it is there for the tuning alone."""
        if self._json:
            document: dict[str, Any] = {
                "event": "dataset",
                "path": str(made.path) if saved else None,
                "examples": made.examples,
            }
            document |= {"seen": made.seen, "repeated": made.repeated, "left_out": dict(made.left_out)}
            print_json(
                {**document, "models": dict(made.models), "asked": made.asked, "usd": made.usd, "stored": made.stored}
            )
            return
        models = ", ".join(map(printable, made.models))
        where = f" -> {made.path}" if saved else ""
        print(f"dataset: {_count(made.examples, 'example')}, answered by {models}{where}")
        if not live and any(not model.startswith("ft:") for model in made.models):
            print("  mocktune runs no model: what a base model answers here is a stand-in")
        if made.asked:
            spent = "at a price that is not known" if made.usd is None else f"for ${made.usd:,.4f}"
            print(f"  {_count(made.asked, 'prompt')} asked, {spent}")
        if not made.stored:
            print("  the service does not store answers: the same command again would ask for all of them")
        if made.repeated:
            print(f"  {_count(made.repeated, 'more answer')} to a prompt that is there already")
        for reason, count in made.left_out.items():
            print(f"  {count:,} left out: {REASONS[reason]} (first: {printable(made.details[reason])})")
        sys.stdout.flush()

    def check(self, made: Distilled) -> None:
        """How the dataset stands with the service's rules for a tuning."""
        from mocktune_client.dataset import check_dataset

        report = check_dataset(made.path)
        if self._json:
            print_json({"event": "checked", "errors": report.errors, "warnings": report.warnings})
            return
        findings = sorted(report.training.findings, key=lambda each: each.severity)
        for found in findings[:3]:
            place = "" if found.line is None else f"line {found.line}: "
            print(f"  {found.severity}: {place}{printable(found.message)}")
        if report.errors + report.warnings > 3:
            print(f"  {_count(report.errors, 'error')}, {_count(report.warnings, 'warning')} in all")
        path = shlex.quote(str(made.path))
        print(f"next: mocktune check {path}; mocktune tune {path} --model NAME", flush=True)

    def over(self, reached: BudgetReached) -> None:
        said = f"{reached} On this command line: --max-cost, --max-tokens."
        if self._json:
            print_json({"event": "error", "code": "over_budget", "message": said})
        note(said)

    def interrupted(self, *, asking: bool) -> None:
        if asking:
            note("interrupted. Answers that came are stored: the same command again asks only for the others")
        else:
            note("interrupted. Nothing was written; the same command again begins anew")

    def plan(self, request: DistillRequest, target: Target) -> None:
        """What would be done; nothing was sent."""
        steps = list(_steps(request))
        usd = request.at_most_usd()
        if self._json:
            print_json({"event": "plan", "steps": steps, "usd": usd, "max_cost_usd": target.max_cost_usd})
            return
        print("what would be done:")
        for number, step in enumerate(steps, 1):
            print(f"  {number}. {step}")
        if request.prompts is not None:
            print(f"answers: {'price not known' if usd is None else f'at most ${usd:,.4f}'}")
        print("nothing was sent", flush=True)


def _steps(request: DistillRequest) -> list[str]:
    pairs = ", ".join(f"{key}={value}" for key, value in request.metadata.items())
    whose = f" with {pairs}" if pairs else ""
    if request.prompts is not None:
        asked = f"ask {request.teacher} {_count(len(request.prompts), 'prompt')}, at most {request.max_tokens:,} tokens"
        steps = [
            f"look which answers are stored{whose}",
            f"{asked} an answer, each to be stored{whose}; not those that are",
        ]
    else:
        of = f" of {request.teacher}" if request.teacher else ""
        steps = [f"read the stored completions{of}{whose}, and the messages of each"]
    where = "" if request.out is None else f", as {request.out}"
    steps.append(f"make a dataset of them, each prompt once{where}")
    if request.student is not None:
        steps.append(f"check and price it; tune {request.student} on it, unless --max-cost forbids")
    return steps


def _asked(told: Asked) -> str:
    spent = "" if told.usd is None else f", ${told.usd:,.4f}"
    reused = f", {told.reused:,} of them stored before" if told.reused else ""
    return f"{told.done:,} of {told.total:,} prompts answered{reused}{spent}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
