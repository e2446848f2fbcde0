"""A job's events: every one, once, oldest first, up to the very last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from mocktune_client.jobs import TERMINAL
from mocktune_client.steps import Emit, Sleep, Steps
from mocktune_client.waiting import Timing, patiently

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.pagination import SyncCursorPage
    from openai.types.fine_tuning import FineTuningJobEvent

_IS_TAIL: dict[str, Callable[[FineTuningJobEvent], bool]] = {
    # Older jobs said "Fine-tuning job successfully completed" [SPEC].
    "succeeded": lambda event: "successfully completed" in event.message,
    "failed": lambda event: event.level == "error",
    "cancelled": lambda event: "cancelled" in event.message,
}
"""By a job's last status, how its last event is known. Texts may change: ``tail_s`` of quiet ends it as well."""


def follow(job_id: str, timing: Timing, *, page_size: int) -> Steps[None]:
    """Emits the events as they come, and returns after the last.

    The status turns terminal before the last events are there [OBS PINOLO: 2 s and 8 s]. So from then on all events
    are read once more, and new ones until the tail event came or ``tail_s`` brought nothing.
    """
    seen: set[str] = set()
    # The error event of a failing job may be read just before its status is.
    latest: deque[FineTuningJobEvent] = deque(maxlen=20)

    def emit_new(*, everything: bool) -> Steps[bool]:
        new = yield from _unseen(job_id, seen, timing, page_size, everything=everything)
        for event in new:
            seen.add(event.id)
            latest.append(event)
            yield Emit(event)
        return bool(new)

    while True:
        # The status first: whatever happened before it turned terminal is then among the events.
        job = yield from patiently(lambda client: client.fine_tuning.jobs.retrieve(job_id), timing)
        yield from emit_new(everything=job.status in TERMINAL)
        if job.status in TERMINAL:
            break
        yield Sleep(timing.poll_delay_s())

    quiet_until = timing.now() + timing.tail_s
    while not any(map(_IS_TAIL[job.status], latest)) and (remaining_s := quiet_until - timing.now()) > 0:
        yield Sleep(min(timing.poll_delay_s(), remaining_s))
        if (yield from emit_new(everything=False)):
            quiet_until = timing.now() + timing.tail_s


def _unseen(
    job_id: str, seen: set[str], timing: Timing, page_size: int, *, everything: bool
) -> Steps[list[FineTuningJobEvent]]:
    """The events not in ``seen``, oldest first; pages are read, newest first, back to a seen one or, for
    ``everything``, to the end.
    """
    walked: dict[str, FineTuningJobEvent] = {}
    after: str | None = None
    while True:
        page = yield from _page(job_id, after, timing, page_size)
        fresh = {event.id: event for event in page.data or () if event.id not in walked}
        walked |= fresh
        # A page without a fresh event ends the walk too: that server does not understand ``after``.
        if page.has_more is False or not fresh or (not everything and page.data[-1].id in seen):
            break
        after = page.data[-1].id
    # Within one second the list's order is the reverse of emission; sorting is stable and keeps it.
    oldest_first = [event for event in reversed(walked.values()) if event.id not in seen]
    return sorted(oldest_first, key=lambda event: event.created_at)


def _page(job_id: str, after: str | None, timing: Timing, size: int) -> Steps[SyncCursorPage[FineTuningJobEvent]]:
    def ask_for_page(client: OpenAI) -> SyncCursorPage[FineTuningJobEvent]:
        if after is None:
            return client.fine_tuning.jobs.list_events(job_id, limit=size)
        return client.fine_tuning.jobs.list_events(job_id, limit=size, after=after)

    return patiently(ask_for_page, timing)
