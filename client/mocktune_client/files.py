"""Training files: upload one, and wait until the service has processed it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mocktune_client.errors import FileFailed
from mocktune_client.steps import Steps
from mocktune_client.waiting import Timing, patiently, poll

if TYPE_CHECKING:
    from openai.types import FileObject

ENDED = frozenset({"processed", "error", "deleted"})
UPLOAD_PATIENCE_S = 60.0
"""A lost upload is sent again for so long: a file too many costs nothing, but each try may be a gigabyte."""


def upload(file: Path | str | bytes, timing: Timing, *, filename: str | None, timeout_s: float) -> Steps[FileObject]:
    """The processed file. Raises ``FileFailed``, ``WaitTimeout``; ``OSError`` where it cannot be read."""
    if isinstance(file, bytes):
        return (yield from _send(io.BytesIO(file), filename or "training.jsonl", timing, timeout_s))
    path = Path(file)
    with path.open("rb") as source:
        return (yield from _send(source, filename or path.name, timing, timeout_s))


def _send(source: IO[bytes], name: str, timing: Timing, timeout_s: float) -> Steps[FileObject]:
    # The open file is handed over, not its bytes: it is sent in pieces, and rewound when it is sent again.
    uploaded = yield from patiently(
        lambda client: client.files.create(file=(name, source), purpose="fine-tune"), timing, UPLOAD_PATIENCE_S
    )
    if uploaded.status in ENDED:
        return _usable(uploaded)
    return (yield from wait_for_file(uploaded.id, timing, timeout_s=timeout_s))


def wait_for_file(file_id: str, timing: Timing, *, timeout_s: float) -> Steps[FileObject]:
    """The processed file. Raises ``FileFailed``, ``WaitTimeout``."""
    file = yield from poll(
        lambda client: client.files.retrieve(file_id), ENDED, timing, subject=f"File {file_id}", timeout_s=timeout_s
    )
    return _usable(file)


def _usable(file: FileObject) -> FileObject:
    if file.status != "processed":
        raise FileFailed(file)
    return file
