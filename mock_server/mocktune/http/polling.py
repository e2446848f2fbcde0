"""``advance_on_poll``: a read moves the sandbox's clock before it is answered, as a command issued before."""

from __future__ import annotations

from mocktune.http.call import Call


async def advance_before(call: Call) -> None:
    """Move the clock as far as the sandbox says, if this request polls something that is not finished."""
