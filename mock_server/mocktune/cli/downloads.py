"""Files of the service, written to this machine: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mocktune.cli.exits import fail
from mocktune_client.writing import replacing


def may_write(path: Path, *, force: bool) -> None:
    """Ends the command where ``path`` cannot be written, or exists and nobody said that it may go."""
    if path.is_dir():
        fail(f"{path} is a folder: name the file")
    if not path.absolute().parent.is_dir():
        fail(f"there is no folder {path.absolute().parent}")
    if path.exists() and not force:
        fail(f"{path} exists: say --force to overwrite it, or name another")


def written(path: Path, pieces: Iterable[bytes]) -> int:
    """Write ``path`` whole or not at all; its size in bytes."""
    with replacing(path) as file:
        return sum(map(file.write, pieces))


def local_name(name: object, otherwise: str) -> str:
    """The last part of a service's file name, as a name that every system can store and none reads as a path."""
    last = str(name or "").replace("\\", "/").rpartition("/")[2]
    kept = "".join(each if each.isprintable() and each not in '<>:"|?*' else "_" for each in last)[:200].strip(" .")
    return kept or otherwise
