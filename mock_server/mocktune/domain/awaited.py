"""What an advance goes on until: an object and the status it is to have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mocktune.domain.clock import ClockError, printable
from mocktune.domain.lifecycle import JobStatus

AwaitedKind = Literal["job", "file", "model"]

TERMINAL = "terminal"
"""Any end."""

STATUSES: dict[AwaitedKind, tuple[str, ...]] = {
    "job": (*JobStatus, TERMINAL),
    "file": ("processed", "error", TERMINAL),
    "model": ("loading", "ready"),
}

_SHARE = re.compile(r"\d{1,3}(\.\d{1,3})?%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Awaited:
    """The object ``id`` in ``status``; a running job once the share ``progress`` (0..1) of its steps has ended."""

    kind: AwaitedKind
    id: str
    status: str
    progress: float | None = None

    @classmethod
    def of(cls, kind: AwaitedKind, id: str, status: str, progress: float | None = None) -> Awaited:
        """``status`` is one of ``STATUSES``, or ``running@40%``. Raises ``ClockError``."""
        name, at, share = status.partition("@")
        if at:
            if progress is not None:
                raise ClockError("say how far the job is to have run once: by 'progress', or behind an '@'")
            if not _SHARE.fullmatch(share) or float(share[:-1]) > 100:
                raise ClockError(f"'{printable(share)}' is no share of a job's steps: write it like 'running@40%'")
            progress = float(share[:-1]) / 100
        if name not in STATUSES[kind]:
            raise ClockError(f"a {kind} never is '{printable(name)}': use {', '.join(STATUSES[kind])}")
        if progress is not None and (name != JobStatus.RUNNING or not 0 <= progress <= 1):
            raise ClockError("only a job that is 'running' has a progress, from 0 to 1")
        return cls(kind, id, name, progress)

    def __str__(self) -> str:
        share = "" if self.progress is None else f"@{self.progress * 100:g}%"
        return f"{self.kind} {self.id} {self.status}{share}"
