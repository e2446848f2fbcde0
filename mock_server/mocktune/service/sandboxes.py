"""Sandboxes: everything one API key owns, and how a credential finds its own.

Any key works and names a sandbox; only a keyed hash of it is kept. Several keys share one sandbox by the form
``sk-mt-NAME--WHO``, or by the base URL ``/s/NAME/v1``; the admin key of K is ``sk-admin-`` + K without ``sk-``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from mocktune.domain import ids
from mocktune.domain.clock import ClockMode, ClockSegments, VirtualTime, WallTime
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds.common import INVALID_KEY, NO_KEY, TOO_MANY_SANDBOXES
from mocktune.domain.objects import Dialect
from mocktune.domain.profiles import Profile
from mocktune.domain.scenario import Scenario
from mocktune.ports import Ledger, Store
from mocktune.service.faults import FaultBook
from mocktune.service.journal import Journal
from mocktune.service.records import FileRecord, JobRecord, ModelRecord

MAX_KEY_LENGTH = 512
RESERVED_INVALID_PREFIX = "sk-invalid"
_ADMIN_PREFIX = "sk-admin-"
_SHARED_PREFIX = "sk-mt-"


@dataclass(slots=True, eq=False)
class Sandbox:
    """Everything one API key owns.

    ``due`` is a heap of what time will bring, by the instant it may: jobs that end, files that expire. ``moved`` tells
    whether the clock was ever advanced; commands that change it take ``clock_lock``, one after the other. ``era`` is
    the instant before which its clock starts only if it is told to; None: anywhere. ``taken_ids`` are those that a seed
    state chose: none that is drawn may be one of them. ``faults`` is None while there is no rule; ``advance_on_poll``
    is how far a read moves the clock before it is answered, in microseconds; ``wake`` tells whoever performs
    deliveries that something may be due.
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
    due: list[tuple[VirtualTime, int, JobRecord | FileRecord]] = field(default_factory=list)
    moved: bool = False
    loaded: bool = True
    clock_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    counts: dict[str, int] = field(default_factory=dict)
    taken_ids: frozenset[str] = frozenset()
    requests: int = 0
    last_used: WallTime | None = None
    journal: Journal = field(default_factory=Journal)
    faults: FaultBook | None = None
    advance_on_poll: int | Literal["next"] | None = None
    wake: Callable[[], None] | None = None
    label: str = ""
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
    the instant that state was saved at; ``one_for_all``: every key names the same one.
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


log = logging.getLogger("mocktune")


class Sandboxes:
    """Every sandbox of one server, the least recently used first."""

    def __init__(self, store: Store, defaults: SandboxDefaults, *, secret: bytes) -> None:
        self._store = store
        self.defaults = defaults
        self._secret = secret
        self._by_name: OrderedDict[bytes, Sandbox] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_name)

    def open(self, key: str, wall: WallTime, *, shared_name: str | None = None) -> Sandbox:
        """The sandbox ``key`` names, made at its first use.

        Raises ``ServiceUnavailableError`` when there are as many as this server holds.
        """
        name = self._name(key, shared_name)
        # Keyed BLAKE2 is a MAC of its own, and takes a third of the time of an HMAC.
        digest = blake2b(name.encode("utf-8", "surrogateescape"), key=self._secret, digest_size=32).digest()
        sandbox = self._by_name.get(digest)
        if sandbox is None:
            sandbox = self._make(name, digest, wall)
        else:
            self._by_name.move_to_end(digest)
        sandbox.last_used = wall
        return sandbox

    def passing(self, key: str, wall: WallTime, *, shared_name: str | None = None) -> Sandbox:
        """A sandbox for one request alone, like the one ``key`` would name; nobody finds it again."""
        return self._new(self._name(key, shared_name), wall)

    def only(self) -> Sandbox | None:
        """The sandbox that all keys share, once somebody used it."""
        return next(iter(self._by_name.values()), None)

    def _name(self, key: str, shared_name: str | None) -> str:
        if self.defaults.one_for_all:
            return _SHARED_PREFIX
        return _SHARED_PREFIX + shared_name if shared_name is not None else _sandbox_name(key)

    def _make(self, name: str, digest: bytes, wall: WallTime) -> Sandbox:
        self._close_unused(wall)
        if _looks_live(name):
            log.warning("a key that looks live was sent to mocktune; it is not kept, but any text would do as a key")
        defaults = self.defaults
        if len(self._by_name) >= defaults.max_sandboxes:
            raise TOO_MANY_SANDBOXES(most=defaults.max_sandboxes)
        sandbox = self._new(name, wall)
        self._by_name[digest] = sandbox
        return sandbox

    def _new(self, name: str, wall: WallTime) -> Sandbox:
        defaults = self.defaults
        # From the key alone: the seed must be the same on every server with the same server seed.
        seed = derive_seed(defaults.seed, "sandbox", name)
        return Sandbox(
            seed=seed,
            organization_id=ids.object_id("organization", seed),
            clock=begin_clock(defaults.clock, wall, defaults.start or defaults.scenario.clock.start, defaults.era),
            scenario=defaults.scenario,
            files=self._store.ledger(),
            jobs=self._store.ledger(),
            models=self._store.ledger(),
            store=self._store,
            era=defaults.era,
            loaded=not defaults.with_state,
            faults=FaultBook.of(defaults.scenario, seed),
        )

    def _close_unused(self, wall: WallTime) -> None:
        oldest_allowed = wall - self.defaults.ttl_s * 1_000_000
        while self._by_name:
            digest, sandbox = next(iter(self._by_name.items()))
            if (sandbox.last_used or 0) >= oldest_allowed:
                return
            del self._by_name[digest]
            release_blobs(sandbox)


def begin_clock(mode: ClockMode, wall: WallTime, start: VirtualTime | None, era: VirtualTime | None) -> ClockSegments:
    """A clock that starts at ``start``; where that is None, at wall time (frozen: 2026-01-15), but never before
    ``era``, in which frozen ones start exactly.
    """
    if start is None and era is not None:
        start = era if mode.rate == 0 else VirtualTime(max(era, wall))
    return ClockSegments.begin(mode, wall, start)


def release_blobs(sandbox: Sandbox) -> None:
    """Delete the bytes of a sandbox that is closed, those that only jobs still hold too, and those of uploads that
    never became files."""
    held = {id(file): file for file in sandbox.files.newest_first()}
    for job in sandbox.jobs.newest_first():
        for file in (job.training, job.validation):
            if file is not None:
                held[id(file)] = file
    for file in held.values():
        if file.blob is not None:
            file.blob.delete()
    for upload in sandbox.ledger("upload").newest_first():
        upload.end(upload.ended or "expired")


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


def redacted(key: str) -> str:
    """The first five and the last two characters, as the real service shows a bad key [OBS]."""
    shown = "".join(c if c.isprintable() else "?" for c in key[:MAX_KEY_LENGTH])
    return shown[:5] + "***" + shown[-2:] if len(shown) > 8 else "***"
