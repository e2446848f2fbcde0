"""What the service layer needs from the outside, as Protocols. Each seam has one or two methods and a shipped
adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Protocol, TypeVar

from mocktune.domain.clock import VirtualTime, WallTime
from mocktune.domain.learned import Learned
from mocktune.domain.models import Encoding
from mocktune.domain.report import FileReport

T = TypeVar("T")


class Clock(Protocol):
    """The one reader of wall time."""

    def wall(self) -> WallTime: ...


class Ledger(Protocol[T]):
    """The objects of one kind in one sandbox, in order of creation, each found by its id."""

    def __len__(self) -> int: ...

    def add(self, id: str, created_at: VirtualTime, item: T) -> None:
        """Put ``item`` after all that were created at or before ``created_at``."""

    def get(self, id: str) -> T | None: ...

    def remove(self, id: str) -> None: ...

    def newest_first(self, after: str | None = None) -> Iterator[T]:
        """From the newest on, or from the one after ``after`` on; KeyError for an unknown cursor."""

    def oldest_first(self, after: str | None = None) -> Iterator[T]: ...


class Store(Protocol):
    """Where sandboxes keep their objects."""

    def ledger(self) -> Ledger[Any]: ...


class Blob(Protocol):
    """The bytes of one uploaded file."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def open(self) -> BinaryIO: ...

    def delete(self) -> None: ...


class BlobWriter(Protocol):
    """Bytes on their way in. Nothing is visible before ``commit``; ``abort`` leaves nothing behind."""

    def write(self, data: bytes | memoryview) -> None: ...

    def commit(self) -> Blob: ...

    def abort(self) -> None: ...


class Blobs(Protocol):
    """Where uploaded bytes are kept."""

    def writer(self) -> BlobWriter: ...


class Tokenizer(Protocol):
    """Exact token counts."""

    def count(self, texts: Sequence[str], encoding: Encoding) -> list[int]: ...

    def cut(self, text: str, most: int, encoding: Encoding) -> str:
        """The longest beginning of ``text`` of at most ``most`` tokens, whole characters only."""


class DatasetReader(Protocol):
    """Reads whole training files without holding up other requests."""

    async def warm_up(self) -> None:
        """Get ready for the first file."""

    async def report(self, source: BinaryIO, size_bytes: int, encoding: Encoding) -> FileReport:
        """What is known of a file; closes ``source``."""

    async def learned(self, source: BinaryIO, size_bytes: int) -> Learned:
        """What a model learns from a file; closes ``source``."""
