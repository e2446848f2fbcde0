"""What became of one run of a command under one scenario, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mocktune.domain.scenario import ExpectPart
from mocktune.rehearsal.seen import Seen

KEPT_BYTES = 32 * 1024
"""Of the beginning and of the end of each stream of a command."""

Stopped = Literal["", "wall", "virtual", "interrupted"]
"""Why a command was ended that had not come to its end: its wall time was over, or far more than its virtual time."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command wrote to one stream: its beginning, its end, and how many bytes in between are not kept."""

    head: bytes = b""
    tail: bytes = b""
    dropped: int = 0

    @property
    def text(self) -> str:
        gap = f"\n… {self.dropped} bytes …\n".encode() if self.dropped else b""
        return (self.head + gap + self.tail).decode("utf-8", "replace")

    def last_lines(self, count: int) -> list[str]:
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[-count:]


@dataclass(frozen=True, slots=True)
class Run:
    """``exit_code`` as shells tell it; None of a command that was ended (``stopped``) or could not be started
    (``not_started`` says why). ``verdict`` is the control plane's answer. Times in seconds; ``began_s`` is the
    sandbox's when the command was started. ``cost_usd`` is what the trainings would have cost in reality.
    """

    scenario: str
    asked: str
    summary: str
    expect: ExpectPart
    seed: int
    exit_code: int | None
    stopped: Stopped = ""
    not_started: str = ""
    wall_s: float = 0.0
    virtual_s: float = 0.0
    began_s: float = 0.0
    cost_usd: float = 0.0
    verdict: Mapping[str, Any] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    stdout: Output = Output()
    stderr: Output = Output()

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        return list(self.verdict.get("findings", ()))
