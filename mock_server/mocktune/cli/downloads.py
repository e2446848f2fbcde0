"""Files of the service, written to this machine: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mocktune.cli.exits import fail


def may_write(path: Path, *, force: bool) -> None:
    """Ends the command where ``path`` cannot be written, or exists and nobody said that it may go."""
    if path.is_dir():
        fail(f"{path} is a folder: name the file")
    if not path.absolute().parent.is_dir():
        fail(f"there is no folder {path.absolute().parent}")
    if path.exists() and not force:
        fail(f"{path} exists: say --force to overwrite it, or name another")


def written(path: Path, pieces: Iterable[bytes]) -> int:
    """Write ``path`` beside its place first, so that what breaks off leaves nothing half; its size in bytes."""
    handle, beside = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.", suffix=".part")
    size_bytes = 0
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                size_bytes += file.write(piece)
        Path(beside).chmod(0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    return size_bytes


def local_name(name: object, otherwise: str) -> str:
    """The last part of a service's file name, as a name that every system can store and none reads as a path."""
    last = str(name or "").replace("\\", "/").rpartition("/")[2]
    kept = "".join(each if each.isprintable() and each not in '<>:"|?*' else "_" for each in last)[:200].strip(" .")
    return kept or otherwise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
