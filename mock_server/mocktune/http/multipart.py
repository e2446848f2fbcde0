"""Uploads parsed from the stream into the blob store: memory stays bounded whatever the size.

The bytes of a form's one file go to a ``BlobWriter`` as they arrive; small fields are kept in memory. Nothing becomes
visible before the whole body was read: a client that hangs up leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mocktune.domain.error_kinds import files as kinds
from mocktune.domain.error_kinds.common import PAYLOAD_TOO_LARGE
from mocktune.http.call import Call
from mocktune.ports import Blob, Blobs, BlobWriter

PIECE_BYTES = 256 * 1024
"""Body bytes are handed to the parser in pieces of this size: fewer turns, and 200 uploads still fit in 50 MB."""

MAX_FIELD_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_PARTS = 32
OVERHEAD_BYTES = 1024 * 1024
"""What field parts and part headers may add to the body on top of the file."""


@dataclass(slots=True)
class Form:
    """A parsed form: texts by field name, and the file with the first ``head_bytes`` bytes of it."""

    fields: dict[str, str]
    filename: str
    blob: Blob
    head: bytes


def _boundary_of(content_type: str | None) -> bytes:
    """Raises ``ParameterError`` for a body that is no multipart form."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or len(boundary) > 200:
        raise kinds.NO_FORM()
    return boundary


async def receive_file(call: Call, blobs: Blobs, *, field: str, max_bytes: int, head_bytes: int = 0) -> Form:
    """A call's form, the file in ``field`` stored. Refuses a declared length over the limit before a byte is read."""
    boundary = _boundary_of(call.headers.get("content-type"))
    if call.declared_bytes > max_bytes + OVERHEAD_BYTES:
        raise PAYLOAD_TOO_LARGE(limit=max_bytes, size=call.declared_bytes)
    return await _receive_form(
        call.stream(), boundary, blobs, file_field=field, max_file_bytes=max_bytes, head_bytes=head_bytes
    )


async def _receive_form(
    stream: AsyncIterator[bytes],
    boundary: bytes,
    blobs: Blobs,
    *,
    file_field: str,
    max_file_bytes: int,
    head_bytes: int,
) -> Form:
    """The form, its file stored. Raises for bad forms and too large files; then nothing stays stored.

    ``starlette.requests.ClientDisconnect`` passes through when the client goes away.
    """
    parts = _Parts(blobs, file_field, max_file_bytes, head_bytes)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.on_part_begin,
                "on_header_field": parts.on_header_field,
                "on_header_value": parts.on_header_value,
                "on_header_end": parts.on_header_end,
                "on_headers_finished": parts.on_headers_finished,
                "on_part_data": parts.on_part_data,
                "on_part_end": parts.on_part_end,
                "on_end": parts.on_end,
            },
        )
        async for piece in _in_pieces(stream):
            parser.write(piece)
        return parts.form()
    except FormParserError as error:
        raise kinds.UNREADABLE_FORM(problem=str(error)) from error
    finally:
        parts.abort_unless_finished()


async def _in_pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    waiting: list[bytes] = []
    waiting_bytes = 0
    async for data in stream:
        waiting.append(data)
        waiting_bytes += len(data)
        if waiting_bytes >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting.clear()
            waiting_bytes = 0
    if waiting:
        yield b"".join(waiting)


@dataclass(slots=True)
class _Parts:
    """The parser's callbacks. Header names and values may come in several bits."""

    blobs: Blobs
    file_field: str
    max_file_bytes: int
    head_bytes: int
    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    writer: BlobWriter | None = None
    size_bytes: int = 0
    head: bytearray = field(default_factory=bytearray)
    ended: bool = False
    finished: bool = False
    _count: int = 0
    _header_bytes: int = 0
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _name: str | None = None
    _in_file: bool = False
    _text: bytearray = field(default_factory=bytearray)

    def on_part_begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise kinds.TOO_MANY_FIELDS(most=MAX_PARTS)
        self._disposition, self._name, self._in_file = b"", None, False
        self._header_bytes = 0
        self._text.clear()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, size_bytes: int) -> None:
        self._header_bytes += size_bytes
        if self._header_bytes > MAX_HEADER_BYTES:
            raise kinds.FIELD_HEADERS_TOO_LONG(most=MAX_HEADER_BYTES)

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == self.file_field:
            if self.writer is not None:
                raise kinds.REPEATED_FILE(field=self._name, param=self._name)
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")
            self.writer = self.blobs.writer()
            self._in_file = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._in_file:
            if len(self._text) + end - start > MAX_FIELD_BYTES:
                raise kinds.FIELD_TOO_LONG(field=self._name)
            self._text += data[start:end]
            return
        self.size_bytes += end - start
        if self.size_bytes > self.max_file_bytes:
            raise PAYLOAD_TOO_LARGE(limit=self.max_file_bytes, size=self.size_bytes)
        if len(self.head) < self.head_bytes:
            self.head += data[start : min(end, start + self.head_bytes - len(self.head))]
        assert self.writer is not None
        self.writer.write(memoryview(data)[start:end])

    def on_part_end(self) -> None:
        if not self._in_file and self._name:
            self.fields[self._name] = self._text.decode("utf-8", "replace")

    def on_end(self) -> None:
        self.ended = True

    def form(self) -> Form:
        if not self.ended:
            raise kinds.FORM_CUT_SHORT()
        if self.writer is None:
            raise kinds.MISSING_FIELD(field=self.file_field, param=self.file_field)
        blob = self.writer.commit()
        self.finished = True
        return Form(self.fields, self.filename or "", blob, bytes(self.head))

    def abort_unless_finished(self) -> None:
        if self.writer is not None and not self.finished:
            self.writer.abort()
