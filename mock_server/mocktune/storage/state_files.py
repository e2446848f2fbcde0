"""State files: read whole, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocktune.domain.state import State


def load_state_file(path: Path) -> State:
    """The state a file holds. Raises ``StateError`` for a file that cannot be read or is no state."""
    from mocktune.domain.state import MAX_STATE_BYTES, StateError, read_state

    try:
        with path.open("rb") as source:
            return read_state(source.read(MAX_STATE_BYTES + 1))
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    except StateError as error:
        raise StateError(f"{path}: {error}") from error


def write_file(path: Path, data: bytes) -> None:
    """Replace the file at ``path``: whoever looks sees the old one or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
