"""``/v1/completions``, the legacy route, plain and as server-sent events."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.error_kinds import completions as kinds
from mocktune.http.answers import Stream, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.pieces import EVENT_STREAM, unnamed_events
from mocktune.http.render import completions as render
from mocktune.http.routes.chat import RATE_LIMIT_HEADERS
from mocktune.http.wire import completions as wire
from mocktune.service.completions import DEFAULT_MAX_TOKENS, NO_PROMPT, CompletionRequest, Prompt
from mocktune.service.services import Services


def completions_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/completions", tags=["Completions"])
    settings = services.settings

    @router.post(
        "",
        response_model=wire.Completion,
        openapi_extra=described_by("completions.create", "SPEC", body=wire.CreateCompletionRequest),
    )
    async def create_completion(call: Call) -> Response:
        body = await call.body_as(wire.CreateCompletionRequest)
        request = _request(body, loose=settings.loose)
        view = await services.completions.create(await call.visit(), request)
        if body.stream:
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            chunks = render.chunks(view, settings.wire, with_usage=with_usage)
            answer: Response = Stream(unnamed_events(chunks), list(EVENT_STREAM))
        else:
            answer = json_answer(render.completion(view, settings.wire))
        answer.raw_headers += RATE_LIMIT_HEADERS
        return answer

    return router


def _request(body: wire.CreateCompletionRequest, *, loose: bool) -> CompletionRequest:
    n = max(1, body.n or 1)
    best_of = n if body.best_of is None else body.best_of
    if not loose:
        if best_of < n:
            raise kinds.MORE_THAN_GENERATED(n=n, best_of=best_of)
        if body.stream and best_of > n:
            raise kinds.BEST_OF_STREAMED()
    return CompletionRequest(
        model=body.model,
        prompts=_prompts(body.prompt),
        n=n,
        best_of=max(n, best_of),
        echo=bool(body.echo),
        stop=[body.stop] if isinstance(body.stop, str) else body.stop or (),
        suffix=body.suffix or "",
        max_tokens=DEFAULT_MAX_TOKENS if body.max_tokens is None else max(0, body.max_tokens),
        logprobs=None if body.logprobs is None else max(0, body.logprobs),
        seed=body.seed,
    )


def _prompts(given: str | list[str] | list[int] | list[list[int]] | None) -> Sequence[Prompt]:
    """A list of texts, or of lists of ids, is many prompts; a list of ids is one."""
    if not isinstance(given, list):
        return [given if given is not None else NO_PROMPT]
    prompts: list[Prompt] = [each for each in given if isinstance(each, str | list)]
    return prompts or [[each for each in given if isinstance(each, int)]]
