"""What a sandbox remembers of a request: enough to judge a client by, and nothing that a key could be read from."""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime, WallTime

Headers = tuple[tuple[bytes, bytes], ...]

MAX_BODY_BYTES = 256 * 1024
"""Of one body: a longer one is cut."""


@dataclass(frozen=True, slots=True)
class FaultDecision:
    """What a rule of faults said of a request it is about: fired, or why not."""

    rule_id: str
    fired: bool
    reason: str


@dataclass(slots=True, eq=False)
class Entry:
    """A request to the API and its answer.

    ``ordinal`` counts the requests of a sandbox from 1, with those of the control plane, which are not remembered;
    ``operation`` is the name in the SDK's words, empty for a URL that is no endpoint. ``at`` and ``wall`` are when the
    request was let in, ``answered_at`` and ``answered_wall`` when its answer was ready; ``rate`` is the pace of the
    sandbox's clock then, 0 where it stands. ``connection`` tells connections apart while they are open: the client's
    port. ``headers`` holds those of ``KEPT_HEADERS``, never a credential. ``request_body`` is empty for uploads, whose
    length alone is kept (``request_bytes``). ``status`` is what was sent, 0 where nothing was; ``retry_after`` and
    ``retry_after_ms`` are an error's headers, empty without them. ``response_body`` is empty, and ``response_bytes`` 0,
    for an answer that is sent in pieces. ``committed``: the handler ran to its end and refused nothing; ``lost``: the
    answer did not arrive whole, by a fault or because the client went away. ``size_bytes`` is about what the entry
    takes in memory, as the journal counts it.
    """

    ordinal: int
    id: str
    operation: str
    method: str
    path: str
    query: bytes
    headers: Headers
    at: VirtualTime
    wall: WallTime
    answered_at: VirtualTime
    answered_wall: WallTime
    rate: float
    connection: int
    request_body: bytes
    request_bytes: int
    status: int
    retry_after: str
    retry_after_ms: str
    response_body: bytes
    response_bytes: int
    committed: bool
    lost: bool = False
    faults: tuple[FaultDecision, ...] = ()
    size_bytes: int = 0

    @property
    def was_cut(self) -> bool:
        """Whether one of the bodies is not kept to its end."""
        return max(len(self.request_body) and self.request_bytes, self.response_bytes) > MAX_BODY_BYTES

    def names(self, id: str) -> bool:
        """Whether ``id`` is a segment of the path, or a text in one of the bodies."""
        if id in self.path and id in self.path.split("/"):
            return True
        quoted = b'"%b"' % id.encode("utf-8", "surrogatepass")
        return quoted in self.response_body or quoted in self.request_body
