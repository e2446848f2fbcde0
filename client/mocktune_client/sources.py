"""What is to be uploaded, and what it is known by: its bytes, wherever its name comes from."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from mocktune_client.errors import FileChanged

DEFAULT_PART_BYTES = 32 * 1024 * 1024
"""Files larger than a part go in parts of this size. A part may have 64 MB at most [SPEC]; each is held in memory."""

_FILE_ID = re.compile(r"file-[A-Za-z0-9_-]+")
MAX_STEM = 100


@dataclass(frozen=True, slots=True)
class Source:
    """One content: ``name`` is what it is stored as; ``parts`` are the sha256 of its parts of ``part_bytes``, none for
    what fits into one. ``content`` is what is in memory, None for a file of several parts; ``label`` is for people.
    """

    label: str
    name: str
    sha256: str
    md5: str
    size_bytes: int
    part_bytes: int
    parts: tuple[str, ...]
    content: bytes | None = field(repr=False)
    path: Path | None

    @property
    def ending(self) -> str:
        """What the stored name of every file of this content ends with, whatever it was called."""
        return f"-{self.sha256[:12]}.jsonl"

    def open(self) -> BinaryIO:
        """The whole, from its beginning."""
        if self.content is not None:
            return io.BytesIO(self.content)
        assert self.path is not None
        return self.path.open("rb")

    def part(self, index: int) -> bytes:
        """Raises ``FileChanged`` where the file is not what it was."""
        start = index * self.part_bytes
        if self.content is not None:
            return self.content[start : start + self.part_bytes]
        assert self.path is not None
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(self.part_bytes)
        if hashlib.sha256(data).hexdigest() != self.parts[index]:
            raise FileChanged(str(self.path))
        return data


def file_id_of(file: Path | str | bytes) -> str | None:
    """The id that ``file`` is, if it is one and no file of that name is here."""
    if isinstance(file, str) and _FILE_ID.fullmatch(file) and not Path(file).exists():
        return file
    return None


def read_source(file: Path | str | bytes, *, stem: str, part_bytes: int = DEFAULT_PART_BYTES) -> Source:
    """Reads the whole once, part by part; ``stem`` names what is given as bytes. Raises ``OSError``."""
    if isinstance(file, bytes):
        return _read(io.BytesIO(file), file, None, stem, part_bytes)
    path = Path(file)
    with path.open("rb") as opened:
        return _read(opened, None, path, path.stem, part_bytes)


def _read(opened: BinaryIO, content: bytes | None, path: Path | None, stem: str, part_bytes: int) -> Source:
    whole, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts: list[str] = []
    size_bytes, first = 0, b""
    while data := opened.read(part_bytes):
        whole.update(data)
        md5.update(data)
        parts.append(hashlib.sha256(data).hexdigest())
        size_bytes += len(data)
        if len(parts) == 1:
            first = data
        elif len(parts) == 2:
            first = b""
            if path is not None and not path.is_file():
                raise OSError(f"{path} is larger than {part_bytes} bytes and can be read only once. Save it to a file.")
    in_one = len(parts) < 2
    stem = re.sub(r"[^\w.-]+", "_", stem)[:MAX_STEM] or "file"
    return Source(
        label=path.name if path else stem,
        name=f"{stem}-{whole.hexdigest()[:12]}.jsonl",
        sha256=whole.hexdigest(),
        md5=md5.hexdigest(),
        size_bytes=size_bytes,
        part_bytes=part_bytes,
        parts=() if in_one else tuple(parts),
        content=first if content is None and in_one else content,
        path=path,
    )
