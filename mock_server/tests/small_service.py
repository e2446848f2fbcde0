"""The service as a client may think of it: a small model, written from what the real service is known to do.

It knows nothing of the server's code: no plan, no timeline, no signal. A job is told phase by phase how long it lasts,
in whole seconds of its own time; a test asks at instants that are no whole seconds after anything, so that no border is
ever met. Sources: contract 4.1 (life cycle), 4.2 (events), 4.4 (checkpoints), 3.8 (billing), 8 (fresh models).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROCESSING, VALIDATING, QUEUED, STEP = 20, 40, 6, 2
MODEL_CREATED, COMPLETED, ABSENT, LOADING = 2, 8, 30, 60
TOKENS_PER_EXAMPLE = 1 + 1 + 2 * 4 + 1
"""Two words of one token, two messages of four and an example of one more (RUBY's bill)."""

WORLD: dict[str, Any] = {
    "schema": 1,
    "files": {"processing": f"{PROCESSING}s"},
    "job": {"validating": f"{VALIDATING}s", "queued": f"{QUEUED}s", "step": f"{STEP}s"},
    "events": {"model_created_after": f"{MODEL_CREATED}s", "completed_after": f"{COMPLETED}s"},
    "model": {"absent_for": f"{ABSENT}s", "loading_for": f"{LOADING}s"},
}
"""The same as a scenario's document."""

TERMINAL = ("succeeded", "failed", "cancelled")
FOLLOWS = {
    "validating_files": {"queued", "failed", "cancelled"},
    "queued": {"running", "failed", "cancelled"},
    "running": {"paused", "succeeded", "cancelled"},
    "paused": {"queued", "cancelled"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
}  # fmt: skip


def reachable(before: str, after: str) -> bool:
    """Whether a job once seen in ``before`` may be seen in ``after`` later."""
    seen, frontier = {before}, [before]
    while frontier:
        following = FOLLOWS[frontier.pop()] - seen
        seen |= following
        frontier += following
    return after in seen


@dataclass
class File:
    """``broken`` is the code a job fails with that has this file, "" for a good one."""

    id: str
    made: float
    examples: int
    broken: str = ""
    gone: float | None = None

    @property
    def ready(self) -> float:
        return self.made + PROCESSING

    def status(self, now: float) -> str:
        return "processed" if now >= self.ready else "uploaded"


@dataclass
class Job:
    """``stood`` are the pauses as (begin, resume); a resumed job queues again, and goes on where it stood."""

    id: str
    made: float
    file: File
    epochs: int
    cancelled: float | None = None
    stood: list[list[float | None]] = field(default_factory=list)

    @property
    def validated(self) -> float:
        return max(self.made, self.file.ready) + VALIDATING

    @property
    def fails(self) -> str:
        """The code it fails with when its files are validated."""
        if self.file.gone is not None and self.file.gone < self.validated:
            return "invalid_training_file"
        return self.file.broken

    @property
    def steps(self) -> int:
        return self.epochs * self.file.examples

    @property
    def starts(self) -> float:
        return self.validated + QUEUED

    @property
    def finishes(self) -> float | None:
        """None while a pause has no end."""
        end = self.starts + self.steps * STEP
        for begin, resumed in self.stood:
            if resumed is None:
                return None
            assert begin is not None
            end += resumed + QUEUED - begin
        return end

    def trained(self, now: float) -> float:
        """How long it has run."""
        ran, since = 0.0, self.starts
        for begin, resumed in self.stood:
            assert begin is not None
            ran += max(0.0, min(now, begin) - since)
            if resumed is None:
                return ran
            since = resumed + QUEUED
        return min(ran + max(0.0, now - since), self.steps * STEP)

    def status(self, now: float) -> str:
        if self.cancelled is not None:
            return "cancelled"
        if now < self.validated:
            return "validating_files"
        if self.fails:
            return "failed"
        if now < self.starts:
            return "queued"
        for begin, resumed in self.stood:
            assert begin is not None
            if now >= begin and (resumed is None or now < resumed):
                return "paused"
            if resumed is not None and resumed <= now < resumed + QUEUED:
                return "queued"
        return "succeeded" if self.finishes is not None and now >= self.finishes else "running"

    def messages(self, now: float) -> int:
        """How many events there are."""
        until = now if self.cancelled is None else self.cancelled
        count = 1 + (until >= self.file.ready) + (self.cancelled is not None)  # validation waits for the file
        if until < self.validated:
            return count
        if self.fails:
            return count + 1
        count += 1 + (until >= self.starts) + int(self.trained(until) // STEP)
        finished = self.finishes
        if finished is not None and until >= finished:
            count += (until >= finished + MODEL_CREATED) * (1 + min(2, self.epochs - 1))  # earlier checkpoints with it
            count += until >= finished + COMPLETED
        return count

    @property
    def bill(self) -> int:
        return TOKENS_PER_EXAMPLE * self.steps

    def model_answers(self, now: float) -> int:
        """The status of a chat with its model."""
        assert self.finishes is not None
        since = now - self.finishes
        return 404 if since < ABSENT else 429 if since < ABSENT + LOADING else 200
