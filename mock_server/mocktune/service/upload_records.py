"""What a sandbox keeps of each upload, under the kind ``upload``; of pending ones also under ``pending_upload``."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from mocktune.domain.clock import VirtualTime
from mocktune.domain.uploads import UploadRequest, UploadStatus, expiry_of
from mocktune.ports import Blob


@dataclass(frozen=True, slots=True)
class PartRecord:
    """Bytes that were added to an upload."""

    id: str
    created_at: VirtualTime
    blob: Blob


@dataclass(slots=True, eq=False)
class UploadRecord:
    """An upload. Commands on it hold ``lock``, one after the other: which of two came first never depends on how long
    completing took.

    ``ended`` is None until it was completed or cancelled, or its expiry was entered. While a completion is ``reading``
    its parts, their bytes stay.
    """

    id: str
    ordinal: int
    created_at: VirtualTime
    request: UploadRequest
    parts: dict[str, PartRecord] = field(default_factory=dict)
    parts_bytes: int = 0
    ended: UploadStatus | None = None
    file_id: str | None = None
    reading: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def expires_at(self) -> VirtualTime:
        return expiry_of(self.created_at)

    def status_at(self, now: VirtualTime) -> UploadStatus:
        if self.ended is not None:
            return self.ended
        return "expired" if now >= self.expires_at else "pending"

    def add_part(self, part: PartRecord) -> None:
        self.parts[part.id] = part
        self.parts_bytes += part.blob.size_bytes

    def end(self, status: UploadStatus, *, keep: Collection[str] = ()) -> None:
        """Nothing is added any more. The parts' bytes are given back, but for the parts in ``keep``, which a file has
        now; a completion that is reading them does it when it is done."""
        self.ended = status
        if self.reading:
            return
        for part in self.parts.values():
            if part.id not in keep:
                part.blob.delete()
        self.parts.clear()
