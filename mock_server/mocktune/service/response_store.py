"""What a sandbox keeps of its responses: for 30 days, and as many as there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.response_items import Item
from mocktune.ports import Ledger
from mocktune.service.sandboxes import Visit

RETENTION = 30 * 86_400 * SECOND
"""DOC: responses are stored for 30 days by default."""

MAX_STORED = 10_000
MAX_STORED_BYTES = 64 * 1024 * 1024
"""What a sandbox keeps, its conversations counted in full for each response; the oldest responses make room, as time
does on the real service."""


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A create request that passed every check of its shape.

    ``echoed`` is what the response repeats of it. ``callable_tools`` are the functions that ``tool_choice`` leaves, all
    of ``tools`` if None; ``must_call`` says that one of them has to be called, ``named_tool`` that it was named.
    ``top_logprobs`` asks for log probabilities, None for none.
    """

    model: str | None
    items: Sequence[Item] | None
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: Sequence[Item] = ()
    callable_tools: frozenset[str] | None = None
    must_call: bool = False
    named_tool: bool = False
    top_logprobs: int | None = None
    parallel_tool_calls: bool = True
    text_format: Mapping[str, Any] = field(default_factory=lambda: {"type": "text"})
    max_output_tokens: int | None = None
    truncation: str = "disabled"
    store: bool = True
    echoed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class ResponseRecord:
    """A response. ``earlier`` is the conversation it goes on with, ``input`` what was new; items as the API lists
    them. ``incomplete`` is the reason of a response that ended early. ``size_bytes`` counts all of its items;
    ``begins_at`` is its place in all bytes that were stored, so that what is kept need not be added up."""

    id: str
    created_at: VirtualTime
    model: str
    request: ResponseRequest
    earlier: tuple[Item, ...]
    input: tuple[Item, ...]
    output: tuple[Item, ...]
    incomplete: Literal["max_output_tokens", "content_filter"] | None
    input_tokens: int
    output_tokens: int
    size_bytes: int
    begins_at: int = 0

    @property
    def conversation(self) -> tuple[Item, ...]:
        return self.earlier + self.input + self.output


def ledger(visit: Visit) -> Ledger[ResponseRecord]:
    return visit.sandbox.ledger("response")


def kept(visit: Visit, id: str) -> ResponseRecord | None:
    """A response whose time is not over."""
    record = ledger(visit).get(id)
    return record if record is not None and visit.now < record.created_at + RETENTION else None


def kept_item(visit: Visit, id: str) -> Item | None:
    """An item of a kept response, the newest first."""
    for record in ledger(visit).newest_first():
        if visit.now < record.created_at + RETENTION:
            for item in record.output + record.input:
                if item["id"] == id:
                    return item
    return None


def keep(visit: Visit, record: ResponseRecord) -> None:
    """Store ``record``; the oldest go where there is no room."""
    responses = ledger(visit)
    newest = next(responses.newest_first(), None)
    record.begins_at = newest.begins_at + newest.size_bytes if newest else 0
    while (oldest := next(responses.oldest_first(), None)) is not None:
        size_bytes = record.begins_at + record.size_bytes - oldest.begins_at
        if len(responses) < MAX_STORED and size_bytes <= MAX_STORED_BYTES:
            break
        responses.remove(oldest.id)
    responses.add(record.id, visit.now, record)
