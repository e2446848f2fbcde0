"""Stored chat completions: those that were asked for with ``store: true``, for 30 days.

A sandbox keeps the newest 10,000 of them and 64 MB of their requests: the oldest make room, as time does on the real
service, where a test suite that stores every call must not come to an end either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from mocktune.domain.clock import SECOND
from mocktune.domain.error_kinds.stored_completions import COMPLETION_NOT_FOUND
from mocktune.ports import Ledger
from mocktune.service.chat_objects import Completion
from mocktune.service.paging import Page, take, unknown_cursor, walk
from mocktune.service.sandboxes import Visit

MAX_STORED = 10_000
MAX_STORED_BYTES = 64 * 1024 * 1024

RETENTION = 30 * 86_400 * SECOND
"""DOC: stored completions are kept for 30 days."""

_SHOWN = (
    "messages", "tools", "tool_choice", "response_format", "seed", "temperature", "top_p", "presence_penalty",
    "frequency_penalty", "user", "service_tier",
)  # fmt: skip

Metadata = dict[str, str]
StoredMessage = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class StoredCompletion:
    """A completion and, as JSON, what of its request is shown.

    ``begins_at`` and ``ends_at`` are its place in all bytes ever stored: what is kept need not be added up.
    """

    completion: Completion
    metadata: Metadata
    asked: bytes
    begins_at: int = 0
    ends_at: int = 0

    @property
    def id(self) -> str:
        return self.completion.id

    def request(self) -> dict[str, Any]:
        """What of the request is shown, by its parameters' names."""
        asked: dict[str, Any] = msgspec.json.decode(self.asked)
        return asked


class StoredCompletionService:
    """Everything under ``/chat/completions`` but its making."""

    def keep(self, visit: Visit, completion: Completion, raw: Mapping[str, Any]) -> None:
        """Store ``completion``, the answer to the request ``raw``."""
        asked = {key: raw[key] for key in _SHOWN if raw.get(key) is not None}
        stored = StoredCompletion(completion, dict(raw.get("metadata") or {}), msgspec.json.encode(asked))
        ledger = _ledger(visit)
        newest = next(ledger.newest_first(), None)
        stored.begins_at = newest.ends_at if newest else 0
        stored.ends_at = stored.begins_at + _size_bytes(stored)
        while (oldest := next(ledger.oldest_first(), None)) is not None:
            if len(ledger) < MAX_STORED and stored.ends_at - oldest.begins_at <= MAX_STORED_BYTES:
                break
            ledger.remove(oldest.id)
        ledger.add(completion.id, visit.now, stored)

    async def list(
        self,
        visit: Visit,
        *,
        model: str | None,
        metadata: Metadata,
        after: str | None,
        limit: int,
        order: Literal["asc", "desc"],
    ) -> Page[StoredCompletion]:
        """Those of ``model`` whose metadata has all of ``metadata``."""
        return take(
            (
                each
                for each in walk(visit, _ledger(visit), after, order)
                if _is_there(visit, each)
                and (model is None or each.completion.model == model)
                and metadata.items() <= each.metadata.items()
            ),
            limit,
        )

    async def retrieve(self, visit: Visit, id: str) -> StoredCompletion:
        stored = _ledger(visit).get(id)
        if stored is None or not _is_there(visit, stored):
            raise COMPLETION_NOT_FOUND(id=id)
        return stored

    async def update(self, visit: Visit, id: str, metadata: Metadata | None) -> StoredCompletion:
        """Its metadata is replaced; None takes all of it away."""
        stored = await self.retrieve(visit, id)
        stored.metadata = dict(metadata or {})
        return stored

    async def delete(self, visit: Visit, id: str) -> None:
        await self.retrieve(visit, id)
        _ledger(visit).remove(id)

    async def messages(
        self, visit: Visit, id: str, *, after: str | None, limit: int, order: Literal["asc", "desc"]
    ) -> Page[tuple[str, StoredMessage]]:
        """The messages it answered (SPEC's example), each with its id: the completion's and its number."""
        stored = await self.retrieve(visit, id)
        messages = [(f"{id}-{number}", each) for number, each in enumerate(stored.request()["messages"])]
        if order == "desc":
            messages.reverse()
        if after is not None:
            place = next((index for index, (name, _) in enumerate(messages) if name == after), None)
            if place is None and not visit.loose:
                raise unknown_cursor(after)
            messages = messages[place + 1 :] if place is not None else messages
        return take(messages, limit)


def _ledger(visit: Visit) -> Ledger[StoredCompletion]:
    return visit.sandbox.ledger("stored_completion")


def _size_bytes(stored: StoredCompletion) -> int:
    size = len(stored.asked)
    for choice in stored.completion.choices:
        size += len(choice.content or "") + sum(len(call.arguments) for call in choice.tool_calls)
        size += sum(100 + 100 * len(token.top) for token in choice.logprobs or ())
    return size


def _is_there(visit: Visit, stored: StoredCompletion) -> bool:
    return visit.now < stored.completion.created_at + RETENTION
