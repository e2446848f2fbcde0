"""The rules of faults of a sandbox: make, list and delete them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.documents import ScenarioError, overlay
from mocktune.domain.error_kinds.common import BODY_NO_OBJECT, article_of
from mocktune.domain.error_kinds.faults import NO_SUCH_RULE, UNREADABLE_RULE
from mocktune.domain.fault_checks import check_rule, check_rules
from mocktune.domain.faults import FaultRule
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import faults as render
from mocktune.http.validation import parse_json
from mocktune.http.wire import faults as wire
from mocktune.service.faults import KeptRule, ensure_book
from mocktune.service.services import Services


def faults_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune/faults", tags=["Control plane"])

    @router.post(
        "",
        response_model=wire.Fault | wire.FaultList,
        openapi_extra={**described_by("mocktune.faults.create", "mocktune"), "requestBody": wire.FaultRuleBody},
    )
    async def create_faults(call: Call) -> Response:
        """Add a rule of faults, or a list of rules, all or none. A list is answered by `{"faults": […]}`.

        ```json
        {"operation": "files.list", "answer": {"status": 503}, "times": 1}
        ```

        What a rule may say is in `/_mocktune/schemas/fault`, and [told at length](faults.md). The `param` of an error
        is the field, `[1].answer.status` in a list.
        """
        body = parse_json(await call.limited_body())
        rules = _rules(body)
        visit = await call.visit()
        added = ensure_book(call.sandbox).add(rules, now=visit.now, wall=visit.wall)
        return json_answer(render.faults(added) if isinstance(body, list) else render.fault(added[0]))

    @router.get("", response_model=wire.FaultList, openapi_extra=described_by("mocktune.faults.list", "mocktune"))
    async def list_faults(call: Call) -> Response:
        """Every rule of the sandbox in the order they are asked, those of the scenario and of single jobs too."""
        return json_answer(render.faults(_kept(call)))

    @router.get(
        "/{fault_id}", response_model=wire.Fault, openapi_extra=described_by("mocktune.faults.retrieve", "mocktune")
    )
    async def retrieve_fault(call: Call) -> Response:
        """One rule, with its counters."""
        id = call.path("fault_id")
        found = next((each for each in _kept(call) if each.rule.id == id), None)
        if found is None:
            raise NO_SUCH_RULE(id=id)
        return json_answer(render.fault(found))

    @router.delete(
        "/{fault_id}",
        response_model=wire.FaultDeleted,
        openapi_extra=described_by("mocktune.faults.delete", "mocktune"),
    )
    async def delete_fault(call: Call) -> Response:
        """Delete one rule."""
        book, id = call.sandbox.faults, call.path("fault_id")
        if book is None or not book.remove(id):
            raise NO_SUCH_RULE(id=id)
        _close_empty(call)
        return json_answer({"id": id, "deleted": True})

    @router.delete(
        "",
        response_model=wire.FaultsDeleted,
        openapi_extra=described_by("mocktune.faults.delete_all", "mocktune", query=wire.DeleteFaultsQuery),
    )
    async def delete_faults(call: Call) -> Response:
        """Delete the rules that were added, those of jobs too; with `?all=true` those of the scenario as well."""
        query = call.query(wire.DeleteFaultsQuery)
        book = call.sandbox.faults
        deleted = 0 if book is None else book.reset(all=query.all == "true")
        _close_empty(call)
        return json_answer({"deleted": deleted})

    return router


def _kept(call: Call) -> list[KeptRule]:
    return [] if call.sandbox.faults is None else call.sandbox.faults.kept


def _close_empty(call: Call) -> None:
    """Requests pay for no rules where there are none."""
    if not _kept(call):
        call.sandbox.faults = None


def _rules(body: object) -> list[FaultRule]:
    documents = body if isinstance(body, list) else [body]
    for each in documents:
        if not isinstance(each, dict):
            raise BODY_NO_OBJECT(got=article_of(each))
    try:
        if not isinstance(body, list):
            rules = [overlay(FaultRule(), body)]
            check_rule(rules[0])
        else:
            rules = [overlay(FaultRule(), each, f"[{index}]") for index, each in enumerate(body)]
            check_rules(rules)
    except ScenarioError as error:
        raise UNREADABLE_RULE(param=error.key[:200] or None, problem=error) from error
    return rules
