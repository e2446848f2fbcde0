"""What a sandbox remembers of a request: enough to judge a client by, and nothing that a key could be read from."""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime, WallTime


@dataclass(frozen=True, slots=True)
class FaultDecision:
    """What a rule of faults said of a request it is about: fired, or why not."""

    rule_id: str
    fired: bool
    reason: str


@dataclass(slots=True, eq=False)
class Entry:
    """A request to the API and its answer.

    ``ordinal`` counts the requests of a sandbox from 1; ``operation`` is the name in the SDK's words, empty for a URL
    that is no endpoint. ``at`` and ``wall`` are when the request was let in, ``answered_at`` and ``answered_wall`` when
    its answer was ready. ``headers`` holds those of ``KEPT_HEADERS``, never a credential. ``request_body`` is empty for
    uploads, whose length alone is kept (``request_bytes``). ``status`` is what was sent, 0 where nothing was;
    ``committed``: the handler ran to its end and refused nothing; ``lost``: a fault kept the answer from arriving
    whole.
    """

    ordinal: int
    id: str
    operation: str
    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    at: VirtualTime
    wall: WallTime
    answered_at: VirtualTime
    answered_wall: WallTime
    request_body: bytes
    request_bytes: int
    status: int
    retry_after: str
    response_body: bytes
    response_bytes: int
    committed: bool
    lost: bool = False
    faults: tuple[FaultDecision, ...] = ()

    @property
    def size_bytes(self) -> int:
        """About what the entry takes in memory."""
        return 600 + len(self.path) + len(self.query) + len(self.request_body) + len(self.response_body)
