"""Answers with faults: what the rules of a sandbox do to the answer of a request.

A request comes to three points: before its handler, after the handler if that refused nothing, and in the middle of the
answer's body, whatever the answer is. At each the rules of that point are asked in their order, and the first that
fires is carried out; one that only holds the answer back lets the request go on to the next point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from mocktune.domain import errors
from mocktune.domain.clock import SECOND, VirtualTime, WallTime
from mocktune.domain.errors import ApiError
from mocktune.domain.fault_answers import words_of
from mocktune.domain.fault_checks import BODILESS
from mocktune.domain.faults import FaultAnswer, FaultPoint, FaultSubject, Firing
from mocktune.http.answers import Answer
from mocktune.http.call import Call
from mocktune.http.dispatch import Endpoint
from mocktune.http.errors import STATUS
from mocktune.http.socket_faults import BrokenAnswer, DribblingAnswer
from mocktune.http.stalling import hold_back
from mocktune.http.validation import parse_json
from mocktune.service.faults import KeptRule, first_firing

RULE_HEADER = "x-mocktune-fault"
"""Of an injected answer: the id of its rule."""

_AFTER_HANDLER: tuple[FaultPoint, ...] = ("after_commit", "mid_body")

ErrorAnswer = Callable[[ApiError], Response]


async def answer_with_faults(endpoint: Endpoint, call: Call, error_answer: ErrorAnswer) -> Response:
    """The answer of ``endpoint``, or what a rule of faults makes of it."""
    book = call.sandbox.faults
    assert book is not None  # asked for where there is one
    rules = book.about(call.operation, call.path_params.get("fine_tuning_job_id"))
    if not rules:
        response = await endpoint(call)
        call.committed = True
        return response
    asked = await _Asked.of(call, rules)
    return await _answer_past_rules(endpoint, asked, error_answer)


async def _answer_past_rules(endpoint: Endpoint, asked: _Asked, error_answer: ErrorAnswer) -> Response:
    call = asked.call
    injected = await _carried_out(asked.at("before_handler"), call, None, error_answer)
    if injected is not None:
        return injected
    try:
        response = await endpoint(call)
    except ApiError as error:
        injected = await _carried_out(asked.at("mid_body"), call, error_answer(error), error_answer)
        if injected is None:
            raise
        return injected
    call.committed = True
    if call.sandbox.wake is not None:
        call.sandbox.wake()  # what follows from it does not wait for the answer to be sent
    for point in _AFTER_HANDLER:
        injected = await _carried_out(asked.at(point), call, response, error_answer)
        if injected is not None:
            return injected
    return response


async def _carried_out(
    firing: Firing | None, call: Call, response: Response | None, error_answer: ErrorAnswer
) -> Response | None:
    """What is sent instead of ``response``; None where no rule fired, or did no more than to hold it back.

    Raises ``ClientDisconnect`` when the client leaves meanwhile.
    """
    if firing is None:
        return None
    rule = firing.rule
    if firing.delay is not None and rule.fault != "STALL" and not rule.dribble:
        await hold_back(call.scope, firing.delay / SECOND)
    if rule.fault is not None:
        call.lost = True
        return BrokenAnswer(firing, response)
    if rule.answer is not None:
        response = _injected(rule.answer, rule.id, call, error_answer)
    if rule.dribble:
        assert response is not None  # rules are checked: it dribbles after the handler, or has an answer
        assert firing.delay is not None
        return DribblingAnswer(response, firing.delay)
    return response if rule.answer is not None else None


class _Asked:
    """The rules of one request, and what they said so far."""

    def __init__(self, call: Call, rules: list[KeptRule], subject: FaultSubject, now: VirtualTime, wall: WallTime):
        self.call = call
        self._rules = rules
        self._subject = subject
        self._now, self._wall = now, wall

    @classmethod
    async def of(cls, call: Call, rules: list[KeptRule]) -> _Asked:
        """Reads of the request what ``rules`` ask for, and a JSON body in any case, for the journal: a request that was
        lost is to be found by what it said. An upload is not read.
        """
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.scope["headers"]}
        raw = await call.limited_body() if _is_json(call) else b""
        body = _parsed(raw) if any(each.rule.body for each in rules) else None
        status = await _job_status(call) if any(each.rule.job_status for each in rules) else None
        job_id = call.path_params.get("fine_tuning_job_id")
        wall = call.services.clock.wall()
        subject = FaultSubject(call.operation, headers, body, status, job_id=job_id)
        return cls(call, rules, subject, call.sandbox.clock.now(wall), wall)

    def at(self, point: FaultPoint) -> Firing | None:
        """The first rule of ``point`` that fires. Nothing is awaited between its match and its counters."""
        rules = [each for each in self._rules if each.rule.at == point]
        firing, decisions = first_firing(rules, self._subject, self._now, self._wall)
        self.call.decisions += decisions
        return firing


def _is_json(call: Call) -> bool:
    return call.headers.get("content-type", "").lower().startswith("application/json")


def _parsed(body: bytes) -> object:
    """None for what is no JSON: its route will say so."""
    try:
        return parse_json(body)
    except errors.InvalidRequestError:
        return None


async def _job_status(call: Call) -> str | None:
    """The status of the job that the path names, if there is one."""
    job_id = call.path_params.get("fine_tuning_job_id")
    if job_id is None or call.sandbox.jobs.get(job_id) is None:
        return None
    return str((await call.services.jobs.retrieve(await call.visit(), job_id)).status)


def _injected(answer: FaultAnswer, rule_id: str, call: Call, error_answer: ErrorAnswer) -> Response:
    """The answer a rule gives, by the door that errors take unless it has a body of its own."""
    if answer.body is None:
        words = words_of(answer)
        error = error_class(answer.status)(words.message, code=words.code, param=answer.param, type=words.type)
        if call.caller.dialect == "azure" and error.code is None:
            error.code = str(answer.status)
        response = error_answer(error)
        response.status_code = answer.status
    else:
        response = Answer(answer.body.encode(), answer.status, _content_type(answer.body).encode())
        if answer.status in BODILESS:
            response.raw_headers.clear()
    if answer.content_type is not None:
        response.headers["content-type"] = answer.content_type
    if answer.retry_after is not None:
        response.headers["retry-after"] = answer.retry_after
    for name, value in answer.headers.items():
        response.headers[name] = str(value).lower() if isinstance(value, bool) else str(value)
    response.headers[RULE_HEADER] = rule_id
    return response


def _content_type(body: str) -> str:
    beginning = body.lstrip()[:1]
    if beginning in ("{", "["):
        return "application/json"
    return "text/html; charset=utf-8" if beginning == "<" else "text/plain; charset=utf-8"


def error_class(status: int) -> type[ApiError]:
    """A class of this status, for what its answers carry beside their body; else one of its hundred."""
    exact: Any = next((cls for cls, each in STATUS.items() if each == status), None)
    return exact or (errors.InternalServerError if status >= 500 else errors.InvalidRequestError)
