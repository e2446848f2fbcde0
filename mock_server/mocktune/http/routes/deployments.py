"""Deployments of the Azure dialect: ``/openai/deployments`` and the resource manager's paths."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.clock import unix_seconds
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import Json
from mocktune.http.wire import deployments as wire
from mocktune.service.deployments import DeploymentRecord
from mocktune.service.sandboxes import Visit
from mocktune.service.services import Services

_MANAGED = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{account}"
    "/deployments"
)


def deployments_routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["Azure"])
    deployments = services.deployments

    @router.post(
        "/openai/deployments",
        response_model=wire.Deployment,
        status_code=201,
        openapi_extra=described_by("azure.deployments.create", "DOC Azure", body=wire.CreateDeploymentRequest),
    )
    async def create_deployment(call: Call) -> Response:
        body = await call.body_as(wire.CreateDeploymentRequest)
        visit = await call.visit()
        name = body.id or f"deployment-{visit.sandbox.next_ordinal('deployment'):032x}"
        return json_answer(_deployment(visit, deployments.put(visit, name, body.model)), 201)

    @router.get(
        "/openai/deployments",
        response_model=wire.DeploymentList,
        openapi_extra=described_by("azure.deployments.list", "DOC Azure"),
    )
    async def list_deployments(call: Call) -> Response:
        visit = await call.visit()
        data = [_deployment(visit, each) for each in deployments.list(visit)]
        return json_answer({"object": "list", "data": data})

    @router.get(
        "/openai/deployments/{deployment}",
        response_model=wire.Deployment,
        openapi_extra=described_by("azure.deployments.retrieve", "DOC Azure"),
    )
    async def retrieve_deployment(call: Call) -> Response:
        visit = await call.visit()
        return json_answer(_deployment(visit, deployments.retrieve(visit, call.path("deployment"))))

    @router.delete(
        "/openai/deployments/{deployment}",
        status_code=204,
        openapi_extra=described_by("azure.deployments.delete", "DOC Azure"),
    )
    async def delete_deployment(call: Call) -> Response:
        deployments.delete(await call.visit(), call.path("deployment"))
        return Response(status_code=204)

    @router.put(
        _MANAGED + "/{deployment}",
        response_model=wire.ManagedDeployment,
        status_code=201,
        openapi_extra=described_by("azure.management.deployments.create", "DOC Azure", body=wire.PutDeploymentRequest),
    )
    async def put_managed_deployment(call: Call) -> Response:
        body = await call.body_as(wire.PutDeploymentRequest)
        visit = await call.visit()
        record = deployments.put(visit, call.path("deployment"), body.properties.model.name)
        return json_answer(_managed(call, visit, record), 201)

    @router.get(
        _MANAGED,
        response_model=wire.ManagedDeploymentList,
        openapi_extra=described_by("azure.management.deployments.list", "DOC Azure"),
    )
    async def list_managed_deployments(call: Call) -> Response:
        visit = await call.visit()
        return json_answer({"value": [_managed(call, visit, each) for each in deployments.list(visit)]})

    @router.get(
        _MANAGED + "/{deployment}",
        response_model=wire.ManagedDeployment,
        openapi_extra=described_by("azure.management.deployments.retrieve", "DOC Azure"),
    )
    async def retrieve_managed_deployment(call: Call) -> Response:
        visit = await call.visit()
        return json_answer(_managed(call, visit, deployments.retrieve(visit, call.path("deployment"))))

    @router.delete(
        _MANAGED + "/{deployment}",
        status_code=204,
        openapi_extra=described_by("azure.management.deployments.delete", "DOC Azure"),
    )
    async def delete_managed_deployment(call: Call) -> Response:
        deployments.delete(await call.visit(), call.path("deployment"))
        return Response(status_code=204)

    return router


def _deployment(visit: Visit, record: DeploymentRecord) -> Json:
    return {
        "scale_settings": {"scale_type": "standard"},
        "model": record.model,
        "owner": "organization-owner",
        "id": record.id,
        "status": "succeeded" if visit.now >= record.ready_at else "running",
        "created_at": unix_seconds(record.created_at),
        "updated_at": unix_seconds(record.created_at),
        "object": "deployment",
    }


def _managed(call: Call, visit: Visit, record: DeploymentRecord) -> Json:
    account = call.scope["path"].partition("/deployments")[0]
    return {
        "id": f"{account}/deployments/{record.id}",
        "name": record.id,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "sku": {"name": "standard", "capacity": 1},
        "properties": {
            "model": {"format": "OpenAI", "name": record.model, "version": "1"},
            "provisioningState": "Succeeded" if visit.now >= record.ready_at else "Creating",
        },
    }
