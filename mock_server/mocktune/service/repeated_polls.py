"""Which polls repeat another: under ``advance_on_poll`` without ``advance_on_first_poll`` only those move the clock.

Who looks once is shown how things stand, and not how they stand at the next change: else a client that uploads a file
and looks at it once would always find it processed, and one that uses a new model at once would always be answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mocktune.domain.clock import VirtualTime

if TYPE_CHECKING:
    from mocktune.service.polls import Polled

_WAITED_FOR = frozenset({"answer", "deployment"})
"""A client's own pauses between requests for answers are short and are what it is judged by: where they move the clock,
nothing else does."""

_MAX_REMEMBERED = 10_000
"""Things that are told apart; past that, remembering begins anew."""


class RepeatedPolls:
    """What was asked about while it was unfinished, and when it last was."""

    def __init__(self) -> None:
        self._asked: dict[Polled, VirtualTime] = {}

    def repeats(self, polled: Polled, now: VirtualTime) -> bool:
        """Whether this is not the first look; of an answer, whether it was asked for at this very instant before."""
        before = self._asked.get(polled)
        self.remember(polled, now)
        return before is not None and (before == now or polled.kind not in _WAITED_FOR)

    def remember(self, polled: Polled, now: VirtualTime) -> None:
        """That it was answered at ``now``: after a poll moved the clock, where it moved it to."""
        if polled not in self._asked and len(self._asked) >= _MAX_REMEMBERED:
            self._asked.clear()
        self._asked[polled] = now
