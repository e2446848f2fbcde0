"""A seed state: the objects a sandbox begins with, as a JSON document with ids of the user's own choosing.

``State`` is the document's schema (``state_schema()`` publishes it as JSON Schema; the docstrings here are its
descriptions): unknown keys are refused, and every fault is told with its path. Instants are of virtual time.

A job may be written down in two ways. By ``status`` (and ``progress``): it is placed so that it has come that far at
the instant the state is loaded. Or by ``created_at``, ``draw_seed``, ``scenario`` and ``signals``, as a saved state
has it: its future is then the one it had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from inspect import cleandoc
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from mocktune.domain.clock import MAX_VIRTUAL, SECOND, VirtualTime, printable
from mocktune.domain.documents import nearest

MAX_STATE_BYTES = 256 * 1024 * 1024

Id = Annotated[str, Meta(min_length=1, max_length=512)]
Text = Annotated[str, Meta(max_length=1024 * 1024)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]

Instant = (
    Annotated[float, Meta(ge=0, le=MAX_VIRTUAL // SECOND, description="Seconds since the Unix epoch, with a fraction.")]
    | Annotated[datetime, Meta(tz=True, description="2026-01-15T09:30:00Z")]
)
"""How people write an instant."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class StateError(ValueError):
    """A state that cannot be read or loaded; the text, of one line, names the place and what is wrong there."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.encode("utf-8", "replace").decode().split())[:2000])


@contextmanager
def told_of(what: str) -> Iterator[None]:
    """Faults that come up inside are told as those of ``what``."""
    try:
        yield
    except StateError as error:
        raise StateError(f"{what}: {error}") from error


def instant_of(written: float | datetime) -> VirtualTime:
    """A written instant as virtual time. Raises ``StateError`` for a date beyond the reach of any clock."""
    if isinstance(written, datetime):
        instant = (written - _EPOCH) // _MICROSECOND
        if not 0 <= instant <= MAX_VIRTUAL:
            raise StateError(f"{written.isoformat()} is no instant: those from 1970 to 2999 are")
        return VirtualTime(instant)
    # Whole seconds apart: what is left is exact, and so are the microseconds of any instant before 2106.
    seconds = int(written)
    return VirtualTime(seconds * SECOND + round((written - seconds) * SECOND))


def written_instant(instant: int) -> float | datetime:
    """An instant as ``instant_of`` reads it back, exactly: in seconds, or where they are not exact as a date."""
    instant = min(max(instant, 0), MAX_VIRTUAL)
    seconds = instant / SECOND
    return seconds if instant_of(seconds) == instant else _EPOCH + instant * _MICROSECOND


class _Object(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is left out has its default, on the way in and on the way out."""


class FileState(_Object):
    """A file. `content` is text, `content_base64` any bytes, at most one of them; neither: a file of no bytes.

    `ready_at` is when it is processed (default: at once); `status_details` makes it end in `error` then. Without
    `created_at` it is there for a week, and long enough for the jobs that name it. A `deleted` one is in no list, but
    jobs still read it, and their models answer from it; without content its bytes are gone.
    """

    id: Id
    filename: Text = "training.jsonl"
    purpose: Text = "fine-tune"
    created_at: Instant | None = None
    ready_at: Instant | None = None
    expires_at: Instant | None = None
    status_details: str | None = None
    deleted: bool = False
    content: str | None = None
    content_base64: str | None = None


class FailureState(_Object):
    """How a job fails: at `progress` of a phase, with the code, message and param of its `error`."""

    phase: Literal["validating_files", "queued", "running", "final_validation", "safety"] = "running"
    progress: Share = 0.5
    code: Text = "server_error"
    message: Text = "The job failed due to an internal error."
    param: Text | None = None


class SignalState(_Object):
    """Something that was done to a job after its creation. `file` is the one that was deleted."""

    at: Instant
    do: Literal["cancel", "pause", "resume", "delete_file"]
    file: str | None = None


class QuotaState(_Object):
    """What the organization had left when the job was created, where the scenario limits it."""

    organization_id: str
    remaining_usd: float


class JobState(_Object):
    """A job. `method`, `hyperparameters`, `integrations` and `metadata` are written as in the API's request.

    `status` and `progress` (0 to 1 of that phase; of the training, where it was paused or cancelled) say how far the
    job has come by now; `failure` how it fails, or will. `fine_tuned_model` and `result_file` are the names it brings
    forth, drawn where not given. `scenario` says what of the server's is different for this job.

    A saved job has `created_at`, `draw_seed` and `signals` instead of `status`; `outlooks` and `graded` are what it
    knows of files whose bytes are gone.
    """

    id: Id
    model: Id
    training_file: Id
    validation_file: Id | None = None
    suffix: Text | None = None
    seed: int | None = None
    method: dict[str, Any] | None = None
    hyperparameters: dict[str, Any] | None = None
    integrations: list[dict[str, Any]] | None = None
    metadata: dict[str, str] | None = None
    status: Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"] | None = None
    progress: Share = 0.5
    failure: FailureState | None = None
    fine_tuned_model: Id | None = None
    result_file: Id | None = None
    dialect: Literal["openai", "azure"] = "openai"
    created_at: Instant | None = None
    draw_seed: Count | None = None
    scenario: dict[str, Any] | None = None
    quota: QuotaState | None = None
    signals: list[SignalState] = field(default_factory=list)
    outlooks: list[dict[str, Any]] = field(default_factory=list)
    graded: dict[str, Any] | None = None


class ModelState(_Object):
    """A model. With `trained_on` (the id of a file of this state) it is a tuned one of `base` that answers from that
    file; without it a base model that is played like `base`.
    """

    id: Id
    base: str = "gpt-4o-mini-2024-07-18"
    trained_on: Id | None = None
    created_at: Instant | None = None
    owned_by: Text = "system"


class State(_Object):
    """The objects a sandbox begins with.

    `now` is where its clock starts, `seed` what its ids and numbers are drawn from (default: the server's seed and the
    key). `objects` are those of the other resources, as a saved state writes them, by their kind; `gone` the ids of
    what jobs brought forth and somebody deleted; `counts` how many ids of each kind were drawn. Editors may name this
    schema as `$schema`.
    """

    schema: Literal[1]
    json_schema: str | None = field(default=None, name="$schema")
    now: Instant | None = None
    seed: Count | None = None
    organization_id: Id | None = None
    counts: dict[str, Count] = field(default_factory=dict)
    gone: list[Id] = field(default_factory=list)
    files: list[FileState] = field(default_factory=list)
    jobs: list[JobState] = field(default_factory=list)
    models: list[ModelState] = field(default_factory=list)
    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`(?: - at `\$(?P<path>[^`]*)`)?")


def read_state(document: bytes) -> State:
    """The state a JSON document describes. Raises ``StateError``."""
    if len(document) > MAX_STATE_BYTES:
        raise StateError(f"a state has at most {MAX_STATE_BYTES} bytes, this one has more")
    try:
        state = msgspec.json.decode(document, type=State)
    except msgspec.ValidationError as error:
        raise StateError(_worded(str(error))) from error
    except RecursionError:
        raise StateError("the state is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"the state is no JSON: {error}") from error
    for kind, ids in (
        ("files", (each.id for each in state.files)),
        ("jobs", (each.id for each in state.jobs)),
        ("models", (each.id for each in state.models)),
    ):
        _check_distinct(kind, ids)
    return state


def write_state(state: State) -> bytes:
    """The document of a state: JSON with two spaces of indentation, defaults left out. Raises ``StateError`` for one
    that ``read_state`` would refuse for its size.
    """
    document = msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n"
    if len(document) > MAX_STATE_BYTES:
        raise StateError(f"a state has at most {MAX_STATE_BYTES} bytes, this one would have {len(document)}")
    return document


def state_schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    schema = msgspec.json.schema(State)
    definitions = schema.pop("$defs")
    for each in definitions.values():
        if "description" in each:
            each["description"] = cleandoc(each["description"])
    root = definitions.pop("State")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": "mocktune state",
        "$defs": definitions,
    }


def _check_distinct(kind: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise StateError(f"{kind}: the id '{printable(id)}' is there twice")
        seen.add(id)


def _worded(fault: str) -> str:
    """msgspec's finding, with the nearest known name for an unknown key."""
    found = _UNKNOWN.match(fault)
    if found is None:
        return fault
    path = found["path"] or ""
    struct: type[Struct] = State
    for part in re.findall(r"\.([$\w]+)", path):
        struct = _structs(struct).get(part, struct)
    known = [each.encode_name for each in msgspec.structs.fields(struct)]
    return f"unknown key '{printable(found['name'])}' at ${path}{nearest(found['name'], known)}"


@cache
def _structs(struct: type[Struct]) -> dict[str, type[Struct]]:
    """The fields of a struct that hold structs."""
    found = {}
    for name, hint in get_type_hints(struct).items():
        for kind in (*get_args(hint), hint):
            if isinstance(kind, type) and issubclass(kind, Struct):
                found[name] = kind
    return found
