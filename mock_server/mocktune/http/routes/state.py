"""``/_mocktune/state``: the state of a sandbox as a whole, and objects that are put into it ready made."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.clock import ClockError, parse_duration, printable
from mocktune.domain.error_kinds.common import PAYLOAD_TOO_LARGE
from mocktune.domain.error_kinds.states import UNREADABLE_STATE
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.ready_made import Examples, NewFailure, NewFile, NewJob, NewModel
from mocktune.domain.ready_made_rules import refused
from mocktune.domain.state import MAX_STATE_BYTES, State, StateError, read_state
from mocktune.http.answers import Answer, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import files as file_render
from mocktune.http.render import jobs as job_render
from mocktune.http.render import models as model_render
from mocktune.http.render import state as render
from mocktune.http.validation import parse_object
from mocktune.http.wire import state as wire
from mocktune.http.wire.files import OpenAIFile
from mocktune.http.wire.jobs import FineTuningJob
from mocktune.http.wire.models import Model
from mocktune.service.services import Services

_DOCUMENT = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "title": "mocktune state"}}},
    }
}
"""Its schema is that of ``/_mocktune/schemas/state``."""

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%", re.ASCII)


def state_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune/state", tags=["Control plane"])
    states, ready_made = services.states, services.ready_made

    @router.get("", openapi_extra=described_by("mocktune.state.retrieve", "mocktune"))
    async def export_state(call: Call) -> Response:
        """What the sandbox holds, as one document, which a state file is."""
        state = states.export(await call.visit())
        return Answer(await asyncio.to_thread(states.document, state))

    @router.put(
        "",
        response_model=wire.Holding,
        openapi_extra={**described_by("mocktune.state.update", "mocktune"), **_DOCUMENT},
    )
    async def import_state(call: Call) -> Response:
        """Replace what the sandbox holds by a state, all or nothing, and answer what is there now.

        The document is that of a state file (`/_mocktune/schemas/state`), of 256 MiB at most.
        """
        state = await _state(call)
        async with _alone(call):
            return json_answer(render.holding(await states.replace(await call.visit(), state)))

    @router.delete("", response_model=wire.Holding, openapi_extra=described_by("mocktune.state.delete", "mocktune"))
    async def reset_state(call: Call) -> Response:
        """Begin anew, as when the sandbox was opened: with the server's own state, if it has one."""
        async with _alone(call):
            return json_answer(render.holding(await states.reset(await call.visit())))

    @router.post(
        "/files",
        response_model=OpenAIFile,
        openapi_extra=described_by("mocktune.state.files.create", "mocktune", body=wire.NewFile, bodiless=True),
    )
    async def add_file(call: Call) -> Response:
        """A ready-made file, in any status. It is answered as the API shows it."""
        new = _file(call.checked(wire.NewFile, await _object(call)))
        return json_answer(file_render.file(await ready_made.add_file(await call.visit(), new), call.written_as))

    @router.post(
        "/jobs",
        response_model=FineTuningJob,
        openapi_extra=described_by("mocktune.state.jobs.create", "mocktune", body=wire.NewJob, bodiless=True),
    )
    async def add_job(call: Call) -> Response:
        """A ready-made job, at any point of its life, with any failure. It is answered as the API shows it."""
        new = _job(call.checked(wire.NewJob, await _object(call)))
        return json_answer(job_render.job(await ready_made.add_job(await call.visit(), new), call.written_as))

    @router.post(
        "/models",
        response_model=Model,
        openapi_extra=described_by("mocktune.state.models.create", "mocktune", body=wire.NewModel, bodiless=True),
    )
    async def add_model(call: Call) -> Response:
        """A ready-made model, absent, loading or ready, and the job it came of. It is answered as the API shows it."""
        new = _model(call.checked(wire.NewModel, await _object(call)))
        return json_answer(model_render.model(await ready_made.add_model(await call.visit(), new)))

    @router.post(
        "/gallery",
        response_model=wire.Gallery,
        openapi_extra=described_by("mocktune.state.gallery.create", "mocktune", body=wire.NewGallery, bodiless=True),
    )
    async def add_gallery(call: Call) -> Response:
        """One job, file and model in every status, and a job of each failure."""
        call.checked(wire.NewGallery, await _object(call))
        return json_answer(render.gallery(await ready_made.add_gallery(await call.visit()), call.written_as))

    return router


@asynccontextmanager
async def _alone(call: Call) -> AsyncIterator[None]:
    """Nothing else moves the clock meanwhile, or replaces the sandbox: one that did so before was let through first."""
    while True:
        sandbox = call.sandbox
        async with sandbox.clock_lock:
            if sandbox.successor is None:
                yield
                return
        call.sandbox = sandbox.successor


async def _state(call: Call) -> State:
    """The document of the body, which may be larger than that of any other request."""
    pieces, size_bytes = [], call.declared_bytes
    if size_bytes <= MAX_STATE_BYTES:
        size_bytes = 0
        async for piece in call.stream():
            size_bytes += len(piece)
            if size_bytes > MAX_STATE_BYTES:
                break
            pieces.append(piece)
    if size_bytes > MAX_STATE_BYTES:
        raise PAYLOAD_TOO_LARGE(limit=MAX_STATE_BYTES, size=size_bytes)
    try:
        return await asyncio.to_thread(read_state, b"".join(pieces))
    except StateError as error:
        raise UNREADABLE_STATE(problem=error) from error


async def _object(call: Call) -> dict[str, object]:
    """The body's JSON object; of no body an empty one, since everything has a default."""
    return parse_object(await call.limited_body() or b"{}")


# -- what is asked for -------------------------------------------------------------------------------------------------


def _file(body: wire.NewFile) -> NewFile:
    return NewFile(
        status=body.status,
        filename=body.filename,
        purpose=body.purpose,
        status_details=body.status_details,
        examples=_examples(body.examples),
        content=None if body.content is None else body.content.encode("utf-8", "surrogatepass"),
        age=_duration(body.age, "age"),
        processing_for=_duration(body.processing_for, "processing_for"),
    )


def _job(body: wire.NewJob) -> NewJob:
    failure = body.failure
    default = JobStatus.SUCCEEDED if failure is None else JobStatus.FAILED
    return NewJob(
        status=default if body.status is None else JobStatus(body.status),
        progress=_share(body.progress),
        failure=failure if failure is None or isinstance(failure, str) else NewFailure(**failure.model_dump()),
        age=_duration(body.age, "age"),
        model=body.model,
        method=body.method,
        suffix=body.suffix,
        metadata=None if body.metadata is None else tuple(body.metadata.items()),
        n_epochs=body.n_epochs,
        examples=_examples(body.examples),
        training_file=body.training_file,
        validation_file=body.validation_file,
    )


def _model(body: wire.NewModel) -> NewModel:
    trained_on = body.trained_on
    return NewModel(
        state=body.state,
        ready_in=_duration(body.ready_in, "ready_in"),
        trained_on=trained_on if isinstance(trained_on, str) else _examples(trained_on),
        model=body.model,
        suffix=body.suffix,
        age=_duration(body.age, "age"),
    )


def _examples(given: int | list[dict[str, object]] | None) -> Examples | None:
    return tuple(given) if isinstance(given, list) else given


def _duration(text: str | None, param: str) -> int | None:
    try:
        return None if text is None else parse_duration(text)
    except ClockError as error:
        raise refused(param, error) from error


def _share(progress: float | str | None) -> float | None:
    if not isinstance(progress, str):
        return progress
    found = _PERCENT.fullmatch(progress)
    if found is None or float(found[1]) > 100:
        raise refused("progress", f"'{printable(progress)}' is no progress: write 0.4 or \"40%\".")
    return float(found[1]) / 100
