"""Sandboxes: everything one API key owns, and how a credential finds its own.

Any key works and names a sandbox; only a keyed hash of it is kept. Several keys share one sandbox by the form
``sk-mt-NAME--WHO``, or by the base URL ``/s/NAME/v1``; the admin key of K is ``sk-admin-`` + K without ``sk-``.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Literal

from mocktune.domain import ids
from mocktune.domain.clock import MAX_VIRTUAL, ClockMode, ClockSegments, VirtualTime, WallTime, printable
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds.common import INVALID_KEY, NO_KEY, TOO_MANY_SANDBOXES
from mocktune.domain.error_kinds.sandboxes import ALREADY_OPEN, INVALID_NAME, NO_ADMIN_TOKEN, WRONG_ADMIN_TOKEN
from mocktune.domain.objects import Dialect
from mocktune.domain.profiles import Profile
from mocktune.domain.scenario import ClockPart, Scenario
from mocktune.ports import Blob, Ledger, Store
from mocktune.service.faults import FaultBook
from mocktune.service.journal import Journal
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.upload_records import UploadRecord

if TYPE_CHECKING:
    from mocktune.service.frozen_reads import FrozenReads
    from mocktune.service.outbox import Outbox
    from mocktune.service.repeated_polls import RepeatedPolls

MAX_KEY_LENGTH = 512
RESERVED_INVALID_PREFIX = "sk-invalid"
_ADMIN_PREFIX = "sk-admin-"
_SHARED_PREFIX = "sk-mt-"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What one sandbox is opened with. None: as every other one of its server."""

    seed: int
    scenario: Scenario | None = None
    clock: ClockMode | None = None
    start: VirtualTime | None = None


@dataclass(slots=True, eq=False)
class Sandbox:
    """Everything one API key owns.

    ``due`` is a heap of what time will bring, by the instant it may: jobs that end, files that expire. ``moved`` tells
    whether the clock was ever advanced; whoever moves it holds ``clock_lock``, and while it is ``advancing`` nobody
    waits for it: a command moves it, or deliveries are performed. ``era`` is the instant before which its clock starts
    only if it is told to; None: anywhere. ``taken_ids`` are those that a seed state chose: none that is drawn may be
    one of them. ``faults`` is None while there is no rule; ``advance_on_poll`` is how far a read moves the clock before
    it is answered, in microseconds, and with ``repeated_polls`` only one that repeats another does so; ``frozen_reads``
    refuses those that wait for a clock nobody moves, None where none are; ``wake`` tells whoever performs deliveries
    that something may be due, and ``outbox`` is None while nobody is sent any. ``scenario_since`` is when the scenario
    was changed; None: it began with it. ``id`` names the sandbox to whoever may not know its key, ``number`` counts
    those of a server, ``beginning`` is what it was opened with, ``successor`` the one that took its place.
    """

    seed: int
    organization_id: str
    clock: ClockSegments
    scenario: Scenario
    files: Ledger[FileRecord]
    jobs: Ledger[JobRecord]
    models: Ledger[ModelRecord]
    store: Store
    era: VirtualTime | None = None
    due: list[tuple[VirtualTime, int, JobRecord | FileRecord | UploadRecord]] = field(default_factory=list)
    moved: bool = False
    scenario_since: VirtualTime | None = None
    loaded: bool = True
    clock_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    advancing: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    taken_ids: frozenset[str] = frozenset()
    requests: int = 0
    last_used: WallTime | None = None
    journal: Journal = field(default_factory=Journal)
    faults: FaultBook | None = None
    advance_on_poll: int | Literal["next"] | None = None
    repeated_polls: RepeatedPolls | None = None
    frozen_reads: FrozenReads | None = None
    wake: Callable[[], None] | None = None
    outbox: Outbox | None = None
    id: str = ""
    number: int = 0
    label: str = ""
    opened_at: WallTime | None = None
    beginning: Beginning | None = None
    successor: Sandbox | None = None
    _others: dict[str, Ledger[Any]] = field(default_factory=dict)

    @property
    def fresh(self) -> bool:
        """Whether nothing ever happened in it: only then may its clock still be set to any instant."""
        return not self.counts and not self.moved and not self.taken_ids

    def ledger(self, kind: str) -> Ledger[Any]:
        """The objects of a kind that most sandboxes never have, made when the first one is."""
        if kind not in self._others:
            self._others[kind] = self.store.ledger()
        return self._others[kind]

    def next_ordinal(self, kind: str) -> int:
        """Ids are counted per kind of object, so that one kind never shifts the ids of another."""
        ordinal = self.counts.get(kind, 0)
        while self.taken_ids and not self.taken_ids.isdisjoint(ids.candidates(kind, self.seed, ordinal)):
            ordinal += 1
        self.counts[kind] = ordinal + 1
        return ordinal

    def empty(self) -> None:
        """Take everything out."""
        self.files, self.jobs, self.models = self.store.ledger(), self.store.ledger(), self.store.ledger()
        self._others.clear()
        self.outbox = None
        self.due.clear()
        self.counts.clear()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: whether its key is an admin key, the organization its header names ("" for none), and the
    dialect it speaks, by its path.
    """

    admin: bool = False
    organization: str = ""
    dialect: Dialect = "openai"


ANYONE = Caller()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server holds requests to: the world it plays, and the organizations that may train in today's."""

    profile: Profile = "classic"
    known_organizations: frozenset[str] = frozenset()
    loose: bool = False


CLASSIC = Rules()


@dataclass(frozen=True, slots=True)
class Visit:
    """One request's view of its sandbox. ``now`` was read once and is passed down; nothing below reads a clock."""

    sandbox: Sandbox
    now: VirtualTime
    wall: WallTime
    caller: Caller = ANYONE
    rules: Rules = CLASSIC

    @property
    def loose(self) -> bool:
        """Whether rules of range, choice and state are switched off; only checks read it."""
        return self.rules.loose


@dataclass(frozen=True, slots=True)
class SandboxDefaults:
    """What a new sandbox starts with. ``with_state``: it begins unloaded, with a seed state to come, and at ``start``,
    the instant that state was saved at; ``one_for_all``: every key names the same one; ``known_only``: keys open none,
    only the control plane does.
    """

    seed: int
    clock: ClockMode
    scenario: Scenario
    max_sandboxes: int = 10_000
    ttl_s: float = 24 * 3600.0
    era: VirtualTime | None = None
    start: VirtualTime | None = None
    with_state: bool = False
    one_for_all: bool = False
    known_only: bool = False
    advance_on_poll: int | Literal["next"] | None = None


log = logging.getLogger("mocktune")


class Sandboxes:
    """Every sandbox of one server, the least recently used first.

    ``on_ignored`` is told the id of a sandbox, and what its client was told, when that client was refused many reads
    because the clock is frozen and goes on all the same; it is called on the server's loop.
    """

    on_ignored: Callable[[str, str], None] | None = None

    def __init__(self, store: Store, defaults: SandboxDefaults, *, secret: bytes) -> None:
        self._store = store
        self.defaults = defaults
        self._secret = secret
        self._by_name: OrderedDict[bytes, Sandbox] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._by_name)

    def open(self, key: str, wall: WallTime, *, shared_name: str | None = None) -> Sandbox:
        """The sandbox ``key`` names, made at its first use.

        Raises ``ServiceUnavailableError`` when there are as many as this server holds, ``AuthenticationError`` for a
        key nobody opened one for where only known keys are let in.
        """
        name = self._name(key, shared_name)
        digest = self._digest(name)
        sandbox = self._by_name.get(digest)
        if sandbox is None:
            if self.defaults.known_only:
                raise INVALID_KEY(key=redacted(key))
            sandbox = self._make(name, digest, wall)
        else:
            self._by_name.move_to_end(digest)
        sandbox.last_used = wall
        return sandbox

    def create(
        self,
        name: str,
        wall: WallTime,
        *,
        label: str = "",
        seed: int | None = None,
        scenario: Scenario | None = None,
        clock: ClockMode | None = None,
        start: VirtualTime | None = None,
    ) -> Sandbox:
        """A sandbox for the keys of ``name`` that differs from others as it is told to.

        Raises ``ConflictError`` where there is one, ``ServiceUnavailableError`` as ``open``.
        """
        name = _SHARED_PREFIX + name
        digest = self._digest(name)
        if digest in self._by_name:
            raise ALREADY_OPEN(name=name.removeprefix(_SHARED_PREFIX))
        own = self._seed_of(name) if seed is None else seed
        sandbox = self._make(name, digest, wall, Beginning(own, scenario, clock, start))
        sandbox.label, sandbox.last_used = label, wall
        return sandbox

    def fresh_name(self) -> str:
        """A name that nobody guesses."""
        return blake2b(b"%d" % self._count, key=self._secret, digest_size=12, person=b"name").hexdigest()

    def all(self) -> list[Sandbox]:
        """Every open one, in the order they were opened. Looking closes none, however long it was not used."""
        return sorted(self._by_name.values(), key=lambda each: each.number)

    def close(self, sandbox: Sandbox) -> None:
        """Forget everything of a sandbox; its key opens another one."""
        for digest, each in self._by_name.items():
            if each is sandbox:
                del self._by_name[digest]
                break
        _forget(sandbox)

    def passing(self, key: str, wall: WallTime, *, shared_name: str | None = None) -> Sandbox:
        """A sandbox for one request alone, like the one ``key`` would name; nobody finds it again."""
        return self._of(Beginning(self._seed_of(self._name(key, shared_name))), wall)

    def only(self) -> Sandbox | None:
        """The sandbox that all keys share, once somebody used it."""
        return next(iter(self._by_name.values()), None)

    def _name(self, key: str, shared_name: str | None) -> str:
        if self.defaults.one_for_all:
            return _SHARED_PREFIX
        return _SHARED_PREFIX + shared_name if shared_name is not None else _sandbox_name(key)

    def _digest(self, name: str) -> bytes:
        # Keyed BLAKE2 is a MAC of its own, and takes a third of the time of an HMAC.
        return blake2b(name.encode("utf-8", "surrogateescape"), key=self._secret, digest_size=32).digest()

    def _make(self, name: str, digest: bytes, wall: WallTime, beginning: Beginning | None = None) -> Sandbox:
        self._close_unused(wall)
        if _looks_live(name):
            log.warning("a key that looks live was sent to mocktune; it is not kept, but any text would do as a key")
        if len(self._by_name) >= self.defaults.max_sandboxes:
            raise TOO_MANY_SANDBOXES(most=self.defaults.max_sandboxes)
        sandbox = self._of(beginning or Beginning(self._seed_of(name)), wall)
        self._count += 1
        sandbox.id, sandbox.number, sandbox.opened_at = f"sandbox_{digest.hex()[:24]}", self._count, wall
        self._by_name[digest] = sandbox
        return sandbox

    def _seed_of(self, name: str) -> int:
        """From the key alone: it must be the same on every server with the same server seed."""
        return derive_seed(self.defaults.seed, "sandbox", name)

    def renewed(self, sandbox: Sandbox, wall: WallTime) -> Sandbox:
        """One as ``sandbox`` was when it was opened, in which nothing happened yet. Nobody finds it before
        ``exchange``."""
        new = self._of(sandbox.beginning or Beginning(sandbox.seed), wall)
        new.id, new.number, new.opened_at = sandbox.id, sandbox.number, sandbox.opened_at
        new.label, new.last_used, new.frozen_reads = sandbox.label, sandbox.last_used, sandbox.frozen_reads
        return new

    def exchange(self, old: Sandbox, new: Sandbox) -> None:
        """Let the key that names ``old`` name ``new`` from now on. What is under way in ``old`` ends there."""
        old.successor = new
        digest = next((digest for digest, each in self._by_name.items() if each is old), None)
        if digest is not None:
            self._by_name[digest] = new
        if new.clock.pace is not None and new.last_used is not None:  # an advance of the old one holds it
            new.clock = new.clock.moved_to(new.clock.last.virtual_0, new.last_used)

    def _of(self, beginning: Beginning, wall: WallTime) -> Sandbox:
        defaults, seed = self.defaults, beginning.seed
        scenario, start, saved_at = beginning.scenario or defaults.scenario, beginning.start, defaults.start
        if start is not None and saved_at is not None:
            saved_at = max(start, saved_at)  # nothing in a state is of the future
        clock = begin_clock(
            beginning.clock or defaults.clock, wall, scenario.clock, defaults.era, start=start, saved_at=saved_at
        )
        return Sandbox(
            seed=seed,
            organization_id=ids.object_id("organization", seed),
            clock=clock,
            scenario=scenario,
            files=self._store.ledger(),
            jobs=self._store.ledger(),
            models=self._store.ledger(),
            store=self._store,
            era=defaults.era,
            loaded=not defaults.with_state,
            faults=FaultBook.of(scenario, seed, clock.started, wall),
            advance_on_poll=defaults.advance_on_poll,
            beginning=beginning,
        )

    def _close_unused(self, wall: WallTime) -> None:
        oldest_allowed = wall - self.defaults.ttl_s * 1_000_000
        while self._by_name:
            digest, sandbox = next(iter(self._by_name.items()))
            if (sandbox.last_used or 0) >= oldest_allowed:
                return
            del self._by_name[digest]
            _forget(sandbox)


def begin_clock(
    mode: ClockMode,
    wall: WallTime,
    part: ClockPart,
    era: VirtualTime | None,
    *,
    start: VirtualTime | None = None,
    saved_at: VirtualTime | None = None,
) -> ClockSegments:
    """A clock that starts at ``start``, else where the scenario says; where neither does, at wall time (frozen:
    2026-01-15), but never before ``era``, in which frozen ones start exactly. The scenario's skew comes on top; of a
    state it is already in the instant it was ``saved_at``.
    """
    if saved_at is not None:
        return ClockSegments.begin(mode, wall, saved_at)
    start = part.start if start is None else start
    if start is None and era is not None:
        start = era if mode.rate == 0 else VirtualTime(max(era, wall))
    clock = ClockSegments.begin(mode, wall, start)
    if not part.ahead:
        return clock
    return ClockSegments.begin(mode, wall, VirtualTime(min(MAX_VIRTUAL, max(0, clock.started + part.ahead))))


def _file_blobs(sandbox: Sandbox) -> list[Blob]:
    """The bytes of a sandbox's files, and those that only jobs still hold."""
    held = {id(file): file for file in sandbox.files.newest_first()}
    for job in sandbox.jobs.newest_first():
        for file in (job.training, job.validation):
            if file is not None:
                held[id(file)] = file
    return [file.blob for file in held.values() if file.blob is not None]


def held_bytes(sandbox: Sandbox) -> int:
    """How much a sandbox keeps on disk, in bytes: its files, and the parts of its uploads."""
    parts = (part.blob for upload in sandbox.ledger("upload").newest_first() for part in upload.parts.values())
    return sum(blob.size_bytes for blob in (*_file_blobs(sandbox), *parts))


def release_blobs(sandbox: Sandbox) -> None:
    """Delete the bytes of a sandbox that is closed, and those of uploads that never became files."""
    for blob in _file_blobs(sandbox):
        blob.delete()
    for upload in sandbox.ledger("upload").newest_first():
        upload.end(upload.ended or "expired")


def _forget(sandbox: Sandbox) -> None:
    """Give back the bytes of a sandbox that is closed, and those that requests on their way still bring."""
    release_blobs(sandbox)
    sandbox.empty()
    sandbox.journal.clear()
    sandbox.faults, sandbox.outbox, sandbox.advance_on_poll = None, None, None
    sandbox.wake = partial(_release_late, sandbox)


def _release_late(sandbox: Sandbox) -> None:
    release_blobs(sandbox)
    sandbox.empty()


def _looks_live(key: str) -> bool:
    """Whether a key has the shape of those the real service gives out."""
    return "T3BlbkFJ" in key or (len(key) > 80 and key.startswith(("sk-proj-", "sk-svcacct-", "sk-admin-")))


def _sandbox_name(key: str) -> str:
    plain = "sk-" + key.removeprefix(_ADMIN_PREFIX) if key.startswith(_ADMIN_PREFIX) else key
    return plain.partition("--")[0] if plain.startswith(_SHARED_PREFIX) else plain


def is_admin(key: str) -> bool:
    """Whether a key is the admin key of a sandbox."""
    return key.startswith(_ADMIN_PREFIX)


def check_key(key: str | None) -> str:
    """The key itself. Raises the real service's two 401 answers for a missing and for a bad one [OBS]."""
    if not key:
        raise NO_KEY()
    if key.startswith(RESERVED_INVALID_PREFIX) or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise INVALID_KEY(key=redacted(key))
    return key


def check_admin_token(key: str | None, token: str) -> None:
    """Raises where ``key`` is not the server's admin ``token``, which is empty where it has none: nobody may then."""
    if not key:
        raise NO_ADMIN_TOKEN()
    if not token or not compare_digest(key.encode("utf-8", "surrogateescape"), token.encode("utf-8")):
        raise WRONG_ADMIN_TOKEN()


def check_name(name: str) -> str:
    """The name of a sandbox that several keys share. Raises ``ParameterError``."""
    if _NAME.fullmatch(name) is None or "--" in name:
        raise INVALID_NAME(name=printable(name))
    return name


def redacted(key: str) -> str:
    """The first five and the last two characters, as the real service shows a bad key [OBS]."""
    shown = "".join(c if c.isprintable() else "?" for c in key[:MAX_KEY_LENGTH])
    return shown[:5] + "***" + shown[-2:] if len(shown) > 8 else "***"
