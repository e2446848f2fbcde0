"""Models of the Azure dialect's deployments, as its REST references have them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from mocktune.http.wire.base import Response


class _Open(BaseModel):
    """Azure's bodies carry much that matters to nobody here."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)


class CreateDeploymentRequest(_Open):
    """``POST /openai/deployments``."""

    model: str
    id: str | None = None


class DeployedModel(_Open):
    name: str
    format: str | None = None
    version: str | None = None


class DeploymentProperties(_Open):
    model: DeployedModel


class PutDeploymentRequest(_Open):
    """``PUT …/deployments/{name}`` of the resource manager."""

    properties: DeploymentProperties
    sku: dict[str, Any] | None = None


class ScaleSettings(Response):
    scale_type: str


class Deployment(Response):
    id: str
    object: str
    model: str
    status: str
    owner: str
    created_at: int
    updated_at: int
    scale_settings: ScaleSettings


class DeploymentList(Response):
    object: str
    data: list[Deployment]


class ManagedDeployment(Response):
    id: str
    name: str
    type: str
    sku: dict[str, Any]
    properties: dict[str, Any]


class ManagedDeploymentList(Response):
    value: list[ManagedDeployment]
