"""How a command's own sleeps are skipped: preloaded hooks for Python and Node, and a ``sleep`` for shell scripts."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from mocktune.rehearsal import shell_sleep
from mocktune.testing.environment import Access
from mocktune.testing.sleeps import preload


@contextmanager
def shell_sleeps() -> Iterator[str]:
    """A folder with a ``sleep`` that moves the clock of the sandbox whose environment it finds; empty where the system
    has none to stand in for.
    """
    real = shutil.which("sleep") if os.name == "posix" else None
    if real is None:
        yield ""
        return
    with TemporaryDirectory(prefix="mocktune-sleep-") as folder:
        wrapper = Path(folder, "sleep")
        words = [sys.executable, "-I", "-S", shell_sleep.__file__, real]
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', "utf-8")
        wrapper.chmod(0o755)
        yield folder


def sleepless(access: Access, inherited: Mapping[str, str], folder: str) -> dict[str, str]:
    """What to add to a command's environment so that its sleeps move the sandbox's clock."""
    added = preload(access.root, access.api_key, inherited)
    if folder:
        at = urlsplit(access.root)
        added["PATH"] = folder + os.pathsep + inherited.get("PATH", os.defpath)
        added[shell_sleep.VARIABLE] = f"{at.hostname} {at.port} /s/{access.name} {access.api_key}"
    return added
