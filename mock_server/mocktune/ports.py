"""What the service layer needs from the outside, as Protocols. Each seam has one or two methods and a shipped
adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

from mocktune.domain.clock import VirtualTime, WallTime
from mocktune.domain.learned import Learned
from mocktune.domain.models import Encoding, Method
from mocktune.domain.report import FileReport, Screening, Verdict

if TYPE_CHECKING:
    from mocktune.domain.deliveries import Delivery
    from mocktune.domain.webhooks import WebhookAnswer, WebhookRequest
    from mocktune.service.sandboxes import Sandbox, Visit

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

    def joined(self, parts: Sequence[Blob], sha256: str) -> Blob:
        """The bytes of ``parts`` in their order as one blob, without a copy; ``sha256`` is that of the whole.

        Its deletion deletes them, once the last of its readers has closed.
        """


class Tokenizer(Protocol):
    """Exact token counts, and the tokens themselves."""

    def count(self, texts: Sequence[str], encoding: Encoding) -> list[int]: ...

    def cut(self, text: str, most: int, encoding: Encoding) -> str:
        """The longest beginning of ``text`` of at most ``most`` tokens, whole characters only."""

    def split(self, text: str, encoding: Encoding) -> list[bytes]:
        """The tokens of ``text``, whose bytes joined are its UTF-8."""


class DatasetReader(Protocol):
    """Reads whole training files without holding up other requests. Each method closes its ``source``."""

    async def warm_up(self) -> None:
        """Get ready for the first file."""

    def close(self) -> None:
        """Give back what reading holds: processes, threads."""

    async def verdict(self, source: BinaryIO, size_bytes: int, method: Method = "supervised") -> Verdict:
        """Whether a file is good, with no token counted."""

    async def report(
        self, source: BinaryIO, size_bytes: int, encoding: Encoding, method: Method = "supervised"
    ) -> FileReport:
        """What is known of a file that a job of this method is about."""

    async def screen(self, source: BinaryIO, size_bytes: int) -> Screening:
        """What moderation says of a file."""

    async def learned(self, source: BinaryIO, size_bytes: int) -> Learned:
        """What a model learns from a file."""

    async def examples(self, source: BinaryIO, size_bytes: int, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
        """The examples with these numbers (1-based, rising), at most 64 of them; an empty one in the place of each that
        does not exist, is no JSON object, or lies behind 32 MiB of others that were asked for."""


class StateKeeper(Protocol):
    """Where a server's state is written when it ends. ``fault`` is why it was not."""

    fault: str | None

    def write(self, data: bytes) -> None:
        """All of it, or nothing. Raises ``OSError``."""


class WebhookSender(Protocol):
    """Brings one event to one endpoint."""

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        """Sign and send, once, in bounded time. Never raises for what the receiver does, or is not."""


class Deliverer(Protocol):
    """Performs the deliveries of webhooks."""

    def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
        """The earliest instant at which one may be due; None: none will be."""

    async def perform_due(self, visit: Visit) -> list[Delivery]:
        """Perform what is due by ``visit.now``, each once and in bounded time, and answer what was performed."""
