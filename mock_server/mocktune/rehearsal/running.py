"""A command in the foreground: it has this process's streams, and gets the signals that are meant for it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from mocktune.rehearsal.processes import ProcessGroup

FORWARDED = [
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if (number := getattr(signal, name, None)) is not None
]
ENDING = frozenset({getattr(signal, name, signal.SIGTERM) for name in ("SIGTERM", "SIGHUP")})

PATIENCE_S = 10.0
"""Wall time that a command has to come to its end after it was told to."""


def run_in_foreground(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``command`` with this process's streams; its exit code as a shell tells it. What it leaves behind is ended.

    At a terminal it stays in this process's group: the terminal hands Ctrl-C and Ctrl-Z to both, and lets both read.
    Raises ``CannotStart``.
    """
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    group = ProcessGroup.start(command, environment, apart=not at_terminal)
    try:
        with _forwarding(group, by_hand=not at_terminal) as told_to_end:
            was_told = False
            while (code := group.wait(PATIENCE_S)) is None:
                if was_told:  # so long ago that it does not mean to
                    group.end()
                was_told = bool(told_to_end)
    finally:
        group.end()
    return code


@contextmanager
def _forwarding(group: ProcessGroup, *, by_hand: bool) -> Iterator[list[int]]:
    """Signals go to the command; those that ask for its end are listed. Not ``by_hand``: the terminal sends Ctrl-C to
    the command itself.
    """
    asked: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if by_hand or number not in (signal.SIGINT, getattr(signal, "SIGQUIT", None)):
            group.signal(number)
        if number in ENDING:
            asked.append(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
