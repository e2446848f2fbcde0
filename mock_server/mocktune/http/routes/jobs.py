"""``/v1/fine_tuning/jobs``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.error_kinds.jobs import METADATA_BOTH_WAYS, MISSING_GRADER, TOO_MANY_QUERY_FIELDS
from mocktune.domain.hyperparameters import Requested
from mocktune.domain.objects import JobRequest, JobView, WandbIntegration
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import cursor_page
from mocktune.http.render import jobs as render
from mocktune.http.render import page as page_json
from mocktune.http.validation import parse_object
from mocktune.http.wire import jobs as wire
from mocktune.http.wire.base import CursorList, List
from mocktune.service.jobs import MetadataFilter
from mocktune.service.limits import check_organization
from mocktune.service.sandboxes import Visit
from mocktune.service.services import Services

MAX_QUERY_FIELDS = 1000

_METADATA_PARAMETER = {
    "name": "metadata",
    "in": "query",
    "required": False,
    "style": "deepObject",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
}


def job_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/fine_tuning/jobs", tags=["Fine-tuning"])
    jobs = services.jobs

    async def answer_of(act: Callable[[Visit, str], Awaitable[JobView]], call: Call) -> Response:
        """What becomes of the job that the path names."""
        view = await act(await call.visit(), call.path("fine_tuning_job_id"))
        return json_answer(render.job(view, call.written_as))

    @router.post(
        "",
        response_model=wire.FineTuningJob,
        openapi_extra=described_by(
            "fine_tuning.jobs.create", "RUBY, PINOLO, CN1229", body=wire.CreateFineTuningJobRequest
        ),
    )
    async def create_fine_tuning_job(call: Call) -> Response:
        body = await call.limited_body()
        visit = await call.visit()
        check_organization(visit)  # before the body is looked at (contract 5.4)
        request = _job_request(call.checked(wire.CreateFineTuningJobRequest, parse_object(body)), visit)
        status = 201 if request.dialect == "azure" else 200
        return json_answer(render.job(await jobs.create(visit, request), call.written_as), status)

    @router.get(
        "",
        response_model=List[wire.FineTuningJob],
        openapi_extra=described_by(
            "fine_tuning.jobs.list", "RUBY, SDK", query=wire.ListFineTuningJobsQuery, parameters=[_METADATA_PARAMETER]
        ),
    )
    async def list_fine_tuning_jobs(call: Call) -> Response:
        query = call.query(wire.ListFineTuningJobsQuery)
        metadata = _metadata_filter(call.scope["query_string"].decode("latin-1"))
        page = await jobs.list(await call.visit(), after=query.after, limit=query.limit, metadata=metadata)
        return json_answer(page_json(page, lambda view: render.job(view, call.written_as)))

    @router.get(
        "/{fine_tuning_job_id}",
        response_model=wire.FineTuningJob,
        openapi_extra=described_by("fine_tuning.jobs.retrieve", "RUBY, PINOLO"),
    )
    async def retrieve_fine_tuning_job(call: Call) -> Response:
        return await answer_of(jobs.retrieve, call)

    @router.post(
        "/{fine_tuning_job_id}/cancel",
        response_model=wire.FineTuningJob,
        openapi_extra=described_by("fine_tuning.jobs.cancel", "RUBY"),
    )
    async def cancel_fine_tuning_job(call: Call) -> Response:
        return await answer_of(jobs.cancel, call)

    @router.post(
        "/{fine_tuning_job_id}/pause",
        response_model=wire.FineTuningJob,
        openapi_extra=described_by("fine_tuning.jobs.pause", "SPEC, RFTDOC"),
    )
    async def pause_fine_tuning_job(call: Call) -> Response:
        return await answer_of(jobs.pause, call)

    @router.post(
        "/{fine_tuning_job_id}/resume",
        response_model=wire.FineTuningJob,
        openapi_extra=described_by("fine_tuning.jobs.resume", "SPEC, RFTDOC"),
    )
    async def resume_fine_tuning_job(call: Call) -> Response:
        return await answer_of(jobs.resume, call)

    @router.get(
        "/{fine_tuning_job_id}/events",
        response_model=List[wire.FineTuningJobEvent],
        openapi_extra=described_by("fine_tuning.jobs.list_events", "PINOLO, NERBOOK", query=wire.ListEventsQuery),
    )
    async def list_fine_tuning_events(call: Call) -> Response:
        query = call.query(wire.ListEventsQuery)
        id = call.path("fine_tuning_job_id")
        page = await jobs.events(await call.visit(), id, after=query.after, limit=query.limit)
        return json_answer(page_json(page, lambda view: render.event(view, call.written_as)))

    @router.get(
        "/{fine_tuning_job_id}/checkpoints",
        response_model=CursorList[wire.FineTuningJobCheckpoint],
        openapi_extra=described_by(
            "fine_tuning.jobs.checkpoints.list", "PINOLO, SFTDOC", query=wire.ListCheckpointsQuery
        ),
    )
    async def list_fine_tuning_job_checkpoints(call: Call) -> Response:
        query = call.query(wire.ListCheckpointsQuery)
        id = call.path("fine_tuning_job_id")
        page = await jobs.checkpoints(await call.visit(), id, after=query.after, limit=query.limit)
        return json_answer(cursor_page(page, render.checkpoint))

    return router


def _job_request(body: wire.CreateFineTuningJobRequest, visit: Visit) -> JobRequest:
    method = body.method or wire.Method(type="supervised")
    reinforcement = method.reinforcement if method.type == "reinforcement" else None
    if method.type == "reinforcement" and reinforcement is None:
        raise MISSING_GRADER()
    return JobRequest(
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file,
        suffix=body.suffix,
        seed=body.seed,
        method=method.type,
        hyperparameters=_requested(method, body.hyperparameters),
        integrations=tuple(
            WandbIntegration(each.wandb.project, each.wandb.name, each.wandb.entity, tuple(each.wandb.tags or ()))
            for each in body.integrations or ()
        ),
        metadata=None if body.metadata is None else tuple(body.metadata.items()),
        grader=_grader(reinforcement.grader, loose=visit.loose) if reinforcement else None,
        response_format=reinforcement.response_format if reinforcement else None,
        dialect=visit.caller.dialect,
    )


def _requested(method: wire.Method, top_level: wire.Hyperparameters | None) -> Requested:
    """``method`` wins over the deprecated top-level ``hyperparameters``, which are of the supervised method alone."""
    chosen: wire.SupervisedMethod | wire.DpoMethod | wire.ReinforcementMethod | None = getattr(method, method.type)
    asked = chosen.hyperparameters if chosen else None
    if asked is None and method.type == "supervised":
        asked = top_level
    return (
        Requested() if asked is None else Requested(**{name: getattr(asked, name) for name in asked.model_fields_set})
    )


def _grader(raw: dict[str, Any], *, loose: bool) -> dict[str, Any]:
    """The grader as the job shows it. Imported here: most jobs have none."""
    from mocktune.domain.graders import grader_json, parse_grader

    return grader_json(parse_grader(raw, param="method.reinforcement.grader", loose=loose))


def _metadata_filter(query: str) -> MetadataFilter:
    """``metadata[k]=v`` pairs, ``metadata=null`` for jobs without metadata, never both [SDK job_list_params]."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise TOO_MANY_QUERY_FIELDS(most=MAX_QUERY_FIELDS) from error
    wanted = {key[len("metadata[") : -1]: value for key, value in pairs if key.startswith("metadata[")}
    literal = [value for key, value in pairs if key == "metadata"]
    if literal and (wanted or literal != ["null"]):
        raise METADATA_BOTH_WAYS()
    return None if literal else wanted
