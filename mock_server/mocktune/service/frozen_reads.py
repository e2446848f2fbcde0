"""A guard against clients that wait for a clock nobody moves: how often they looked at one thing at one instant."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from mocktune.domain.clock import VirtualTime

MAX_FROZEN_READS = 1_000_000

_MAX_COUNTED = 10_000
"""Things that are told apart at one instant; past that, counting begins anew."""


@dataclass(slots=True)
class FrozenReads:
    """Reads of what is unfinished are answered ``most`` times while a frozen clock stands at one instant.

    ``refused`` counts those that were not answered, ``told`` is what the first of them was told. ``ignored`` tells that
    as many again were refused and the client goes on all the same; then again at every fifth of as many.
    """

    most: int
    refused: int = 0
    told: str = ""
    _at: VirtualTime | None = None
    _counts: dict[Hashable, int] = field(default_factory=dict)

    def count(self, now: VirtualTime, what: Hashable) -> int:
        """How often ``what`` was read at ``now``, this time included."""
        if now != self._at or len(self._counts) >= _MAX_COUNTED:
            self._at = now
            self._counts.clear()
        count = self._counts.get(what, 0) + 1
        self._counts[what] = count
        return count

    def refuse(self, message: str) -> None:
        self.refused += 1
        self.told = self.told or message

    @property
    def ignored(self) -> bool:
        return self.refused >= self.most and self.refused % max(1, self.most // 5) == 0
