"""A seed state with its bytes: stored once, and lent to every sandbox that begins with the state."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from mocktune.domain.errors import ApiError
from mocktune.domain.state import FileState, State, StateError, told_of
from mocktune.ports import Blob, Blobs

if TYPE_CHECKING:  # most states have none
    from mocktune.service.state_kinds import SeedObjects


class Seed:
    """A state that can be loaded into any number of sandboxes; with ``lent`` False into one alone, whose own the bytes
    are then. Raises ``StateError`` for contents that cannot be stored.
    """

    def __init__(self, state: State, blobs: Blobs, *, lent: bool = True) -> None:
        self.state = state
        self._blobs = blobs
        self._lent = lent
        self._kept: dict[str, Blob] = {}
        self._stored: list[Blob] = []
        try:
            for file in state.files:
                with told_of(f"file '{file.id}'"):
                    if (data := _content(file)) is not None:
                        self._kept[file.id] = self.store(data)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Give the bytes back, of a state that was not loaded."""
        for blob in self._stored:
            blob.delete()
        self._stored.clear()

    def bytes_of(self, id: str) -> Blob | None:
        """What a file of the state holds; None where its bytes are gone."""
        return self._kept.get(id)

    @cached_property
    def objects(self) -> SeedObjects | None:
        """The objects of the other resources, checked."""
        if not self.state.objects:
            return None
        from mocktune.service.state_kinds import SeedObjects

        return SeedObjects(self.state.objects, self.store)

    @cached_property
    def taken_ids(self) -> frozenset[str]:
        """Ids that nothing else may get."""
        state = self.state
        ids = [file.id for file in state.files] + [job.id for job in state.jobs]
        ids += [each.result_file for each in state.jobs if each.result_file is not None]
        return frozenset(ids) | (self.objects.ids if self.objects else frozenset())

    def store(self, data: bytes) -> Blob:
        """Bytes that, where they are lent, every sandbox reads and none deletes."""
        try:
            blob = stored(self._blobs, data)
        except ApiError as error:  # no room for them
            raise StateError(error.message) from error
        self._stored.append(blob)
        return _KeptBlob(blob) if self._lent else blob


def stored(blobs: Blobs, data: bytes) -> Blob:
    """``data`` as a blob. Raises ``ServiceUnavailableError`` where there is no room."""
    writer = blobs.writer()
    try:
        writer.write(data)
    except BaseException:
        writer.abort()
        raise
    return writer.commit()


class _KeptBlob:
    """A blob that outlives the sandboxes it is lent to."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob

    @property
    def size_bytes(self) -> int:
        return self._blob.size_bytes

    @property
    def sha256(self) -> str:
        return self._blob.sha256

    def open(self) -> BinaryIO:
        return self._blob.open()

    def delete(self) -> None:
        """Nothing: others begin with it too."""


def _content(file: FileState) -> bytes | None:
    if file.content is not None and file.content_base64 is not None:
        raise StateError("give either content or content_base64, not both")
    if file.content_base64 is not None:
        return decoded(file.content_base64, "content_base64")
    if file.content is None:
        return None if file.deleted else b""
    return file.content.encode()


def decoded(text: str, field: str) -> bytes:
    """The bytes ``text`` stands for. Raises ``StateError``."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise StateError(f"{field} is no base64: {error}") from error
