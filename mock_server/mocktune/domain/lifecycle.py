"""The life of a job as a table.

``created_at`` is in ``validating_files``, whatever the state of the files: a job that names a file still being
processed waits in that status (SEED). Every recording since 2024 begins there; the public description's examples that
begin with ``queued`` are not followed. A job that fails validation never has a ``finished_at``, so the status alone
tells the end (CN1229). ``paused`` is outside the SDK's enum but in the public description's own example.

Timelines project the status from their instants; tests hold every life to ``TRANSITIONS``, and the diagram in the
documentation is printed from it.
"""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return not TRANSITIONS[self]


TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.VALIDATING_FILES: frozenset({JobStatus.QUEUED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset({JobStatus.PAUSED, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PAUSED: frozenset({JobStatus.QUEUED, JobStatus.CANCELLED}),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


def may_follow(before: JobStatus, after: JobStatus) -> bool:
    """Whether a job seen in ``before`` may be seen in ``after`` later, however many statuses were missed between."""
    seen = {before}
    frontier = [before]
    while frontier:
        for status in TRANSITIONS[frontier.pop()] - seen:
            seen.add(status)
            frontier.append(status)
    return after in seen


def diagram() -> str:
    """The table as a Mermaid state diagram; the documentation's copy is compared with this by a test."""
    lines = ["stateDiagram-v2", f"    [*] --> {JobStatus.VALIDATING_FILES}"]
    for before, followers in TRANSITIONS.items():
        lines += [f"    {before} --> {after}" for after in JobStatus if after in followers]
        if before.terminal:
            lines.append(f"    {before} --> [*]")
    return "\n".join(lines) + "\n"
