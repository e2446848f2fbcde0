"""A rehearsal: the same command under one scenario after the other, some side by side, told in the order asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from mocktune.rehearsal.faults import Fault, faults_of
from mocktune.rehearsal.judging import Judged, judge
from mocktune.rehearsal.performing import Performance, perform
from mocktune.rehearsal.stage import Piece, Stage

LOOK_S = 0.2
"""Wall time between two looks whether it is to be stopped."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it: the runs in the order of the scenarios. ``skipped`` were not run, or not to their end."""

    command: Sequence[str]
    judged: list[Judged]
    skipped: list[Piece] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def ready(self) -> bool:
        return not self.skipped and bool(self.judged) and all(each.passed for each in self.judged)

    @property
    def faults(self) -> list[Fault]:
        return faults_of(self.judged)


class Rehearsing:
    """Runs that are under way. ``judged`` has those that are done, by the place of their scenario."""

    def __init__(self, stage: Stage, pieces: Sequence[Piece], how: Performance) -> None:
        self._stage = stage
        self._pieces = pieces
        self._how = how
        self._interrupted = threading.Event()
        self.judged: dict[int, Judged] = {}

    def go(
        self, jobs: int, *, fail_fast: bool, on_start: Callable[[Piece], None], stopped: Callable[[], bool]
    ) -> Iterator[Judged]:
        """Each run when it has ended. Left early, or once ``stopped`` says so, running commands are ended."""
        places = iter(range(len(self._pieces)))
        with ThreadPoolExecutor(jobs, thread_name_prefix="mocktune-run") as pool:
            running: dict[Future[Judged], int] = {}
            try:
                more = True
                while not stopped():
                    while more and len(running) < jobs and (place := next(places, None)) is not None:
                        on_start(self._pieces[place])
                        running[pool.submit(self._perform, place)] = place
                    if not running:
                        return
                    done, _ = wait(running, LOOK_S, FIRST_COMPLETED)
                    for each in done:
                        judged = self.judged[running.pop(each)] = each.result()
                        more = more and (judged.passed or not fail_fast)
                        yield judged
            finally:
                self._interrupted.set()

    def finished(self, wall_s: float) -> Rehearsal:
        done = sorted(self.judged)
        skipped = [piece for place, piece in enumerate(self._pieces) if place not in self.judged]
        return Rehearsal(self._how.command, [self.judged[place] for place in done], skipped, wall_s)

    def _perform(self, place: int) -> Judged:
        piece = self._pieces[place]
        return judge(perform(self._stage, piece, self._how, f"run-{place + 1}", self._interrupted))
