"""A job's events: every one, once, oldest first, up to the very last."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocktune_client.jobs import CANCELLED, TERMINAL
from mocktune_client.steps import Emit, Sleep, Steps
from mocktune_client.waiting import Pace, Timing, patiently

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.pagination import SyncCursorPage
    from openai.types.fine_tuning import FineTuningJobEvent

SHORT_TAIL_S = 60.0
"""Of quiet, after a job that failed or was cancelled: its last event says so, and is not late [OBS]."""

_LAST_WORDS = {
    # Older jobs said "Fine-tuning job successfully completed" [SPEC]; Azure says "Job succeeded." [REC].
    "succeeded": ("successfully completed", "job succeeded"),
    "failed": (),
    **dict.fromkeys(CANCELLED, ("cancelled", "canceled")),
}
"""By a job's last status, how its last event is known. Texts may change: ``tail_s`` of quiet ends it as well."""

_STEP = re.compile(r"Step (\d{1,15})/(\d{1,15})\b")


@dataclass(frozen=True, slots=True)
class StepSeen:
    """How far a job has come: ``step`` of ``total_steps``."""

    step: int
    total_steps: int


def step_of(event: FineTuningJobEvent) -> StepSeen | None:
    """The step that a metric event tells of, by its data or its words; None for any other event.

    ``estimated_finish`` is null in nearly all jobs [OBS]: progress is known from here alone (contract 10, row 25).
    """
    data = event.data if isinstance(event.data, dict) else {}
    step, total = data.get("step"), data.get("total_steps")
    if isinstance(step, int) and isinstance(total, int):
        return StepSeen(step, total)
    found = _STEP.search(event.message or "")
    return StepSeen(int(found[1]), int(found[2])) if found else None


def follow(job_id: str, timing: Timing, *, page_size: int) -> Steps[None]:
    """Emits the events as they come, and returns after the last.

    The status turns terminal before the last events are there [OBS PINOLO: 2 s and 8 s]. So from then on all events
    are read once more, and new ones until the tail event came or ``tail_s`` brought nothing.
    """
    seen: set[str] = set()
    # The error event of a failing job may be read just before its status is.
    latest: deque[FineTuningJobEvent] = deque(maxlen=20)

    def emit_new(*, everything: bool, within_s: float) -> Steps[bool]:
        new = yield from _unseen(job_id, seen, timing, page_size, everything=everything, within_s=within_s)
        for event in new:
            seen.add(_name(event))
            latest.append(event)
            yield Emit(event)
        return bool(new)

    within_s = timing.patience_s
    pace, status = Pace(timing), None
    while True:
        # The status first: whatever happened before it turned terminal is then among the events.
        job = yield from patiently(lambda client: client.fine_tuning.jobs.retrieve(job_id), timing, within_s)
        # From here on the job is known to be there, and to give up costs more than to wait.
        within_s = timing.outage_s
        ended = job.status in TERMINAL
        if (yield from emit_new(everything=ended, within_s=within_s)) or job.status != status:
            pace.news()
        if ended:
            break
        status = job.status
        yield Sleep(pace.next_delay_s())

    tail_s = timing.tail_s if job.status == "succeeded" else min(timing.tail_s, SHORT_TAIL_S)
    quiet_until = timing.now() + tail_s
    while not any(_is_last(job.status, event) for event in latest) and (remaining_s := quiet_until - timing.now()) > 0:
        yield Sleep(min(timing.poll_delay_s(), remaining_s))
        if (yield from emit_new(everything=False, within_s=within_s)):
            quiet_until = timing.now() + tail_s


def _is_last(status: str, event: FineTuningJobEvent) -> bool:
    if status == "failed":
        return event.level == "error"
    said = (event.message or "").lower()
    return any(words in said for words in _LAST_WORDS[status])


def _name(event: FineTuningJobEvent) -> str:
    """What tells an event from others; the id, where there is one."""
    return event.id or f"{event.created_at} {event.message}"


def _unseen(
    job_id: str, seen: set[str], timing: Timing, page_size: int, *, everything: bool, within_s: float
) -> Steps[list[FineTuningJobEvent]]:
    """The events not in ``seen``, oldest first; pages are read, newest first, back to a seen one or, for
    ``everything``, to the end.
    """
    walked: dict[str, FineTuningJobEvent] = {}
    after: str | None = None
    while True:
        page = yield from patiently(_asking_for_page(job_id, after, page_size), timing, within_s)
        fresh = {_name(event): event for event in page.data or () if _name(event) not in walked}
        walked |= fresh
        # A page without a fresh event ends the walk too: that server does not understand ``after``.
        if page.has_more is False or not fresh or (not everything and _name(page.data[-1]) in seen):
            break
        after = page.data[-1].id
        if not after:
            break
    # Within one second the list's order is the reverse of emission; sorting is stable and keeps it.
    oldest_first = [event for name, event in reversed(walked.items()) if name not in seen]
    return sorted(oldest_first, key=lambda event: event.created_at or 0)


def _asking_for_page(
    job_id: str, after: str | None, size: int
) -> Callable[[OpenAI], SyncCursorPage[FineTuningJobEvent]]:
    def ask_for_page(client: OpenAI) -> SyncCursorPage[FineTuningJobEvent]:
        if after is None:
            return client.fine_tuning.jobs.list_events(job_id, limit=size)
        return client.fine_tuning.jobs.list_events(job_id, limit=size, after=after)

    return ask_for_page
