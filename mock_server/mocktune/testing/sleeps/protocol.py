"""What the engine asks of a sandbox."""

from __future__ import annotations

from typing import Protocol


class SandboxTime(Protocol):
    """A sandbox's clock, in Unix seconds of virtual time. Both may be called by any thread.

    A third method ``advance_by(seconds: float) -> float`` may be there: it does in one call what
    ``advance_to(now() + seconds)`` does in two, and is used where nobody else can move the clock in between.
    """

    def now(self) -> float: ...

    def advance_to(self, instant: float) -> float:
        """Moves the clock to ``instant``, never back; answers where it stands now."""
