"""Deployments of the Azure dialect: on Azure a model answers under the name of a deployment, never under its own.

Contract 5.5. A deployment can be made of any model that is known at the time, and answers once the model is ready.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.error_kinds.deployments import (
    DEPLOYMENT_NOT_FOUND,
    INVALID_DEPLOYMENT_NAME,
    NO_SUCH_DEPLOYMENT,
    TOO_MANY_DEPLOYMENTS,
    UNKNOWN_MODEL,
)
from mocktune.domain.errors import NotFoundError
from mocktune.service.models import base_model, find_tuned
from mocktune.service.sandboxes import Visit

MAX_DEPLOYMENTS = 100
MAX_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """A deployment: its name, and the model behind it. ``ready_at`` is when the model answers."""

    id: str
    model: str
    created_at: VirtualTime
    ready_at: VirtualTime


class DeploymentService:
    """Create, list, retrieve and delete deployments."""

    def put(self, visit: Visit, name: str, model: str) -> DeploymentRecord:
        """Create a deployment, or replace the one of that name. Raises for a model that is not known by now."""
        if not 0 < len(name) <= MAX_NAME_LENGTH or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in name):
            raise INVALID_DEPLOYMENT_NAME(name=name)
        ready_at = visit.now
        if base_model(visit, model) is None:
            try:
                ready_at = VirtualTime(max(visit.now, find_tuned(visit, model).window.ready_at))
            except NotFoundError:
                raise UNKNOWN_MODEL(model=model) from None
        ledger = visit.sandbox.ledger("deployments")
        if ledger.get(name) is not None:
            ledger.remove(name)
        elif len(ledger) >= MAX_DEPLOYMENTS:
            raise TOO_MANY_DEPLOYMENTS(most=MAX_DEPLOYMENTS)
        record = DeploymentRecord(name, model, visit.now, ready_at)
        ledger.add(name, visit.now, record)
        return record

    def list(self, visit: Visit) -> list[DeploymentRecord]:
        return list(visit.sandbox.ledger("deployments").oldest_first())

    def retrieve(self, visit: Visit, name: str) -> DeploymentRecord:
        record: DeploymentRecord | None = visit.sandbox.ledger("deployments").get(name)
        if record is None:
            raise NO_SUCH_DEPLOYMENT(name=name)
        return record

    def delete(self, visit: Visit, name: str) -> None:
        self.retrieve(visit, name)
        visit.sandbox.ledger("deployments").remove(name)


def model_behind(visit: Visit, name: str) -> str:
    """The model that answers as ``name``. Raises ``DeploymentNotFound`` for a name without one, or not yet."""
    record: DeploymentRecord | None = visit.sandbox.ledger("deployments").get(name)
    if record is None or visit.now < record.ready_at:
        raise DEPLOYMENT_NOT_FOUND()
    return record.model
