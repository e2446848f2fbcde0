"""Files that are there only when they are whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BUFFER_BYTES = 1 << 20


@contextmanager
def replacing(path: Path | str) -> Iterator[BinaryIO]:
    """A file to be written that takes the place of ``path`` at the end of the block, or is gone if the block raises.

    It lies in the same folder, so that it takes the place in one step. Raises ``OSError``.
    """
    path = Path(path)
    number, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    try:
        with open(number, "wb", buffering=BUFFER_BYTES) as file:
            yield file
        os.chmod(name, _mode(path))
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _mode(path: Path) -> int:
    """That of the file that is replaced, else what a new file gets here."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
