"""What is to be said of a run, by what its scenario expects of a good client. Pure.

A recover scenario must end with success, within its virtual time; a give-up scenario must end without, promptly and
saying why. Neither may earn a finding but those that are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mocktune.domain.clock import SECOND, format_duration
from mocktune.rehearsal.runs import Run
from mocktune.rehearsal.telling import Reason, reasons_shown, says_why

Outcome = Literal["recovered", "gave_up", "hung", "not_started", "interrupted"]

Behaviour = Literal["not_started", "hung", "gave_up", "false_success", "no_reason", "too_late", "silent", "broken_off"]
"""What can be wrong with how a command ended:

=================  ====================================================================================================
``not_started``    there is no such command, or it cannot be run
``hung``           it was still at it when its time was over
``gave_up``        it failed where a good client succeeds
``false_success``  it succeeded where there was nothing to succeed with
``no_reason``      it failed, as it had to, but did not say why
``too_late``       it came to the right end, after more virtual time than the scenario allows
``silent``         it sent no request at all
``broken_off``     it was interrupted from outside
=================  ====================================================================================================
"""


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that was wrong in a run: a finding's ``code``, or a behaviour. ``key`` is equal for those of other runs
    that have the same cause; ``text`` is a sentence.
    """

    code: Behaviour | str
    key: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A run and what is wrong with it: nothing, if it ``passed``."""

    run: Run
    outcome: Outcome
    symptoms: tuple[Symptom, ...]

    @property
    def passed(self) -> bool:
        return not self.symptoms


def judge(run: Run) -> Judged:
    outcome = _outcome(run)
    return Judged(run, outcome, (*_of_its_end(run, outcome), *_of_its_findings(run)))


def _outcome(run: Run) -> Outcome:
    if run.not_started:
        return "not_started"
    if run.stopped == "interrupted":
        return "interrupted"
    if run.exit_code is None:
        return "hung"
    return "recovered" if run.exit_code == 0 else "gave_up"


def _of_its_findings(run: Run) -> Iterator[Symptom]:
    for each in run.findings:
        yield Symptom(each["code"], (each["code"],), each["summary"])


def _of_its_end(run: Run, outcome: Outcome) -> Iterator[Symptom]:
    if outcome == "interrupted":
        yield Symptom("broken_off", ("broken_off",), "was interrupted")
        return
    if outcome == "not_started":
        yield Symptom("not_started", ("not_started",), run.not_started)
        return
    if not run.seen.requests:
        yield Symptom("silent", ("silent", str(run.exit_code)), f"sent no request and {_ended(run)}")
        return
    if outcome == "hung":
        yield Symptom("hung", ("hung", *_last_look(run)), f"{_still(run)}; last: {_last_told(run)}")
        return
    if run.expect.outcome == "recover":
        if outcome == "gave_up":
            yield Symptom("gave_up", ("gave_up", *_last_look(run)), f"{_ended(run)} after {_last_told(run)}")
            return
    else:
        reasons = reasons_shown(run)
        about = reasons[0].about if reasons else "what was refused"
        if outcome == "recovered":
            yield Symptom("false_success", ("false_success", _kind(about)), f"ended with 0 in spite of {about}")
            return
        if not says_why(run.stdout.text + "\n" + run.stderr.text, reasons):
            yield Symptom("no_reason", ("no_reason", about), _unsaid(reasons))
    yield from _lateness(run)


def _lateness(run: Run) -> Iterator[Symptom]:
    within = run.expect.within
    if within is None:
        return
    most_s = (within.low if within.high is None else within.high) / SECOND
    if run.virtual_s > most_s:
        took, allowed = told_duration(run.virtual_s), told_duration(most_s)
        yield Symptom("too_late", ("too_late", *_last_look(run)), f"took {took} of virtual time, {allowed} are allowed")


def _unsaid(reasons: list[Reason]) -> str:
    if not reasons:
        return "failed before it was shown why it had to"
    told = reasons[0].told
    return f"did not tell its user why: of {reasons[0].about} it was told {told[:160]!r}"


def _kind(about: str) -> str:
    """Jobs that failed and that were cancelled are one thing to who takes either for success."""
    return "a job that did not succeed" if about.startswith("a job") else about


def _last_look(run: Run) -> tuple[str, ...]:
    """What the client was at in the end: the same for runs that end for the same reason, as far as can be told."""
    if not run.seen.asked:
        return ()
    last = run.seen.asked[-1]
    return last.operation, str(last.status if last.shown else 0), last.said


def _last_told(run: Run) -> str:
    if not run.seen.asked:
        return "no request"
    last = run.seen.asked[-1]
    how = f"{last.status} {last.said}".strip() if last.shown else "no answer"
    return f"{last.operation or last.what} ({how})"


def _ended(run: Run) -> str:
    return f"ended with {run.exit_code}"


def _still(run: Run) -> str:
    if run.stopped == "virtual":
        return f"was still at it after {told_duration(run.virtual_s)} of virtual time"
    return f"was still at it after {run.wall_s:.0f} s of wall time"


def told_duration(seconds: float) -> str:
    """To the second, as people read it."""
    return format_duration(round(seconds) * SECOND)
