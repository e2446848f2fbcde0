"""The journal: what was begun, noted before it is done, so that a process that was killed is gone on with.

A folder holds one small JSON file for each file that was uploaded and each request for a job, named by hashes. Notes
are written whole or not at all. They make a rerun quicker and surer; what they say is always looked up at the service,
so that a lost or broken note costs a look and never a second job.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mocktune_client.errors import RequestInUse
from mocktune_client.progress import Waiting
from mocktune_client.steps import Emit, Sleep, Steps, here
from mocktune_client.waiting import Retrying, Timing

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

N = TypeVar("N", "FileNotes", "RequestNotes")

MAX_ENTRIES = 2_000
"""Notes kept; the ones untouched for longest are dropped."""
MAX_ENTRY_BYTES = 4 * 1024 * 1024
"""Ten thousand parts of an upload fit into a tenth of it."""


@dataclass(slots=True)
class FileNotes:
    """Of one content. ``unanswered`` uploads were sent whose answer nobody read; ``mine`` are files whose answer was
    read. ``upload_id`` is an upload in parts of ``part_bytes`` that was begun, ``parts`` its part ids by index.
    """

    unanswered: int = 0
    mine: list[str] = field(default_factory=list)
    upload_id: str | None = None
    part_bytes: int = 0
    parts: dict[int, str] = field(default_factory=dict)

    def begin_upload(self, upload_id: str | None, part_bytes: int = 0) -> None:
        self.upload_id, self.part_bytes, self.parts = upload_id, part_bytes, {}


@dataclass(slots=True)
class RequestNotes:
    """Of one request for a job. ``sent_at`` (seconds of Unix time): a create was sent and its answer not read; then
    ``files`` are the ids it named and ``before`` the jobs like it that there were. ``nonce`` tells jobs of the same
    request apart that were made on purpose.
    """

    nonce: str | None = None
    sent_at: float | None = None
    files: tuple[str, str | None] | None = None
    before: list[str] = field(default_factory=list)
    job_id: str | None = None

    def age_s(self) -> float:
        """Seconds since the create was sent; a clock that was set back makes it 0."""
        return max(0.0, time.time() - self.sent_at) if self.sent_at is not None else 0.0


class Journal:
    """Notes in ``folder``, which is made when it is needed; without one, in memory, for as long as this object lives.

    Methods raise ``OSError`` where the folder cannot be used.
    """

    def __init__(self, folder: Path | str | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._memory: dict[str, bytes] = {}
        self._held: set[str] = set()

    @property
    def folder(self) -> Path | None:
        return self._folder

    def load(self, name: str, kind: type[N]) -> N:
        """The notes of ``name``, empty where there are none or where they cannot be read as such."""
        import msgspec

        if self._folder is None:
            data = self._memory.get(name)
        else:
            try:
                with (self._folder / f"{name}.json").open("rb") as file:
                    data = file.read(MAX_ENTRY_BYTES)
            except FileNotFoundError:
                data = None
        try:
            return msgspec.json.decode(data, type=kind) if data else kind()
        except msgspec.DecodeError:  # from another version, or cut by a full disk: what it said is looked up instead
            return kind()

    def save(self, name: str, notes: FileNotes | RequestNotes) -> None:
        import msgspec

        data = msgspec.json.encode(notes)
        if self._folder is None:
            self._memory.pop(name, None)
            self._memory[name] = data
            while len(self._memory) > MAX_ENTRIES:
                del self._memory[next(iter(self._memory))]
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{name}.json"
        if not path.exists():
            self._make_room()
        _write_whole(path, data)

    def forget(self, name: str) -> None:
        self._memory.pop(name, None)
        if self._folder is not None:
            (self._folder / f"{name}.json").unlink(missing_ok=True)

    def try_lock(self, name: str) -> Callable[[], None] | None:
        """What releases the lock, or None while another process or tuner holds it. A process that ends lets go."""
        if self._folder is None:
            if name in self._held:
                return None
            self._held.add(name)
            return lambda: self._held.discard(name)
        import filelock

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind, _, rest = name.partition("-")
        # Lock files are never removed, since that would split those who wait; so there is a limited number of them.
        # Two requests that share one wait for each other now and then.
        slot = hashlib.sha256(rest.encode()).hexdigest()[:3]
        # Taken in one thread, given back in another: the asynchronous driver does file work in threads.
        lock = filelock.FileLock(self._folder / f"{kind}-{slot}.lock", thread_local=False)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return None
        return lock.release

    def _make_room(self) -> None:
        assert self._folder is not None
        ages: list[tuple[float, Path]] = []
        for path in self._folder.glob("*.json"):
            with suppress(OSError):  # another process may have dropped it
                ages.append((path.stat().st_mtime, path))
        for _, path in sorted(ages)[: max(0, len(ages) - MAX_ENTRIES + 1)]:
            path.unlink(missing_ok=True)
        for path in self._folder.glob(".writing-*"):  # left by a process that was killed while it wrote
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - 3600:
                    path.unlink()


def locked(journal: Journal, name: str, subject: str, timing: Timing) -> Steps[Callable[[], None]]:
    """What releases the lock ``name``, once it is held. Raises ``RequestInUse`` after the timing's patience."""
    retrying = Retrying(timing, timing.patience_s)
    while True:
        release = yield from here(lambda: journal.try_lock(name))
        if release is not None:
            return release
        busy = RequestInUse(subject)
        delay_s = retrying.next_delay_s()
        if delay_s is None:
            raise busy
        yield Emit(Waiting(subject, busy, delay_s))
        yield Sleep(delay_s)


def scope_of(client: OpenAI | AsyncOpenAI) -> str:
    """Whose notes they are: a hash of the server, the organization, the project and the key that a client uses.

    Nothing of the key can be read from it.
    """
    facts = (str(client.base_url), client.organization, client.project, client.api_key)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _write_whole(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
