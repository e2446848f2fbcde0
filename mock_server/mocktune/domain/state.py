"""A seed state: the objects a sandbox begins with, as a JSON document with ids of the user's own choosing.

``State`` is the document's schema (``state_schema()`` publishes it as JSON Schema): unknown keys are refused, and every
fault is told with its path. Times are Unix seconds with a fraction, of virtual time.

A job may be written down in two ways. By ``status`` (and ``progress``): it is placed so that it has come that far at
the instant the state is loaded. Or by ``created_at``, ``draw_seed``, ``scenario`` and ``signals``, as a saved state
has it: its future is then the one it had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from mocktune.domain.scenario import nearest

STATE_SCHEMA = 1
MAX_STATE_BYTES = 256 * 1024 * 1024

Id = Annotated[str, Meta(min_length=1, max_length=512)]
Seconds = Annotated[float, Meta(ge=0, le=253_402_300_799)]


class StateError(ValueError):
    """A state that cannot be read or loaded; the text names the place and what is wrong there."""


class _Object(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is left out has its default, on the way in and on the way out."""


class FileState(_Object):
    """A file. ``content`` is text, ``content_base64`` any bytes, at most one of them; neither: a file of no bytes.

    ``ready_at`` is when it is processed (default: at once); ``status_details`` makes it end in ``error`` then. A
    ``deleted`` one is in no list, but jobs still read it.
    """

    id: Id
    filename: str = "training.jsonl"
    purpose: str = "fine-tune"
    created_at: Seconds | None = None
    ready_at: Seconds | None = None
    expires_at: Seconds | None = None
    status_details: str | None = None
    deleted: bool = False
    content: str | None = None
    content_base64: str | None = None


class FailureState(_Object):
    """How a job fails: at ``progress`` of a phase, with the code, message and param of its ``error``."""

    phase: Literal["validating_files", "queued", "running"] = "running"
    progress: Annotated[float, Meta(ge=0, le=1)] = 0.5
    code: str = "server_error"
    message: str = "The job failed due to an internal error."
    param: str | None = None


class SignalState(_Object):
    """Something that was done to a job after its creation."""

    at: Seconds
    do: Literal["cancel", "pause", "resume", "delete_file"]
    file: str | None = None


class JobState(_Object):
    """A job. ``method``, ``hyperparameters``, ``integrations`` and ``metadata`` are written as in the API's request.

    ``fine_tuned_model`` and ``result_file`` are the names it brings forth, drawn where not given. ``outlooks`` is
    what a saved job knows of files whose bytes are gone.
    """

    id: Id
    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    method: dict[str, Any] | None = None
    hyperparameters: dict[str, Any] | None = None
    integrations: list[dict[str, Any]] | None = None
    metadata: dict[str, str] | None = None
    status: Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"] | None = None
    progress: Annotated[float, Meta(ge=0, le=1)] = 0.5
    failure: FailureState | None = None
    fine_tuned_model: Id | None = None
    result_file: Id | None = None
    created_at: Seconds | None = None
    draw_seed: int | None = None
    scenario: dict[str, Any] | None = None
    signals: list[SignalState] = field(default_factory=list)
    outlooks: list[dict[str, Any]] = field(default_factory=list)


class ModelState(_Object):
    """A model. With ``base`` and ``trained_on`` (the id of a file of this state) it is a tuned one that answers from
    that file; without ``trained_on`` a base model that is played like ``base``.
    """

    id: Id
    base: str = "gpt-4o-mini-2024-07-18"
    trained_on: str | None = None
    created_at: Seconds | None = None
    owned_by: str = "system"


class State(_Object):
    """The whole document. ``objects`` are those of the other resources, as a saved state writes them, by their kind;
    ``gone`` the ids of what jobs brought forth and somebody deleted.
    """

    schema: Literal[1]
    now: Seconds | None = None
    seed: int | None = None
    organization_id: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    files: list[FileState] = field(default_factory=list)
    jobs: list[JobState] = field(default_factory=list)
    models: list[ModelState] = field(default_factory=list)
    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`(?: - at `\$(?P<path>[^`]*)`)?")
_PARTS: dict[str, type[Struct]] = {"files": FileState, "jobs": JobState, "models": ModelState, "signals": SignalState}


def read_state(document: bytes) -> State:
    """The state a JSON document describes. Raises ``StateError``."""
    if len(document) > MAX_STATE_BYTES:
        raise StateError(f"a state has at most {MAX_STATE_BYTES} bytes, this one has {len(document)}")
    try:
        state = msgspec.json.decode(document, type=State)
    except msgspec.ValidationError as error:
        raise StateError(_worded(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(f"the state is no JSON: {error}") from error
    for kind, ids in (
        ("files", (each.id for each in state.files)),
        ("jobs", (each.id for each in state.jobs)),
        ("models", (each.id for each in state.models)),
    ):
        _check_distinct(kind, ids)
    return state


def write_state(state: State) -> bytes:
    """The document of a state: JSON with two spaces of indentation, defaults left out."""
    return msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n"


def state_schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(State)


def _check_distinct(kind: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise StateError(f"{kind}: the id '{id:.200}' is there twice")
        seen.add(id)


def _worded(fault: str) -> str:
    """msgspec's finding, with the nearest known name for an unknown key."""
    found = _UNKNOWN.match(fault)
    if found is None:
        return f"the state is not as its schema says: {fault}"
    path = found["path"] or ""
    owner = next((part for part in reversed(re.findall(r"\.(\w+)", path)) if part in _PARTS), None)
    struct = _PARTS[owner] if owner else State
    if path.endswith(".failure"):
        struct = FailureState
    return f"unknown key '{found['name']}' at ${path}{nearest(found['name'], struct.__struct_fields__)}"
