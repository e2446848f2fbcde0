"""State files: read whole, written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocktune.domain.state import State


def load_state_file(path: Path) -> State:
    """The state a file holds. Raises ``StateError`` for a file that cannot be read or is no state."""
    from mocktune.domain.state import MAX_STATE_BYTES, StateError, read_state, told_of

    with told_of(str(path)):
        try:
            with path.open("rb") as source:
                return read_state(source.read(MAX_STATE_BYTES + 1))
        except OSError as error:
            raise StateError(error.strerror or str(error)) from error


def open_state_file(path: Path) -> State:
    """``load_state_file`` of a file that is to be written in the end: one that does not exist is made, with an empty
    state. Raises ``StateError`` also where the folder lets nobody write.
    """
    from mocktune.domain.state import State, StateError, told_of, write_state

    with told_of(str(path)):
        try:
            if not path.exists():
                write_file(path, write_state(State(schema=1)))
            else:
                # What replaces the file is made beside it. Better told now than when everything would be lost.
                tempfile.TemporaryFile(dir=path.resolve().parent).close()
        except OSError as error:
            raise StateError(f"cannot be written: {error.strerror or error}") from error
    return load_state_file(path)


def write_file(path: Path, data: bytes) -> None:
    """Replace the file at ``path``: whoever looks sees the old one or the new one, never half of it."""
    path = path.resolve()  # of a link, what it leads to
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        if path.exists():
            Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class StateFile:
    """Where a server writes its state when it ends; ``fault`` says why it could not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fault: str | None = None

    def __str__(self) -> str:
        return str(self._path)

    def write(self, data: bytes) -> None:
        write_file(self._path, data)
