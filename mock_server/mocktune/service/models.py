"""Models: the base models, and the tuned ones and checkpoints that jobs bring forth."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.errors import NotFoundError, PermissionDeniedError
from mocktune.domain.models import ALIASES, BASE_MODELS, BaseModel, resolve_base_model
from mocktune.domain.objects import ModelView
from mocktune.service.records import ModelRecord
from mocktune.service.retention import drop_unneeded
from mocktune.service.sandboxes import Visit

OWNER = "mocktune"
"""``owned_by`` of tuned models: the organization's slug (assumed, contract 2.6)."""


class ModelService:
    """Everything under ``/models``."""

    async def list(self, visit: Visit) -> list[ModelView]:
        """Base models and aliases first, then tuned models and checkpoints, oldest first. Not paged."""
        base = [_base_view(name, model) for name in (*BASE_MODELS, *ALIASES) if (model := resolve_base_model(name))]
        tuned = [_tuned_view(each) for each in visit.sandbox.models.oldest_first() if _known(visit, each)]
        return base + tuned

    async def retrieve(self, visit: Visit, name: str) -> ModelView:
        model = resolve_base_model(name)
        return _base_view(name, model) if model else _tuned_view(find_tuned(visit, name))

    async def delete(self, visit: Visit, name: str) -> None:
        """Tuned models and checkpoints only, one by one."""
        if resolve_base_model(name):  # assumed, contract 8
            raise PermissionDeniedError(f"You do not have permission to delete the model '{name}'.")
        record = visit.sandbox.models.get(name)
        if record is None or not _known(visit, record):  # OBS RUBY: this route words it differently
            raise NotFoundError(f"The model '{name:.200}' does not exist", code="model_not_found", param="model")
        visit.sandbox.models.remove(name)
        record.job.models_left = (record.job.models_left or 1) - 1
        drop_unneeded(record.job.training)


def base_model(visit: Visit, name: str) -> BaseModel | None:
    """The base model a name stands for at ``visit.now``; None for any other name."""
    return resolve_base_model(name)


def find_tuned(visit: Visit, name: str) -> ModelRecord:
    """A tuned model that is known by ``now``. Raises the 404 a fresh, a deleted and an unknown name share [OBS]."""
    record = visit.sandbox.models.get(name)
    if record is None or not _known(visit, record):
        raise NotFoundError(
            f"The model `{name:.200}` does not exist or you do not have access to it.", code="model_not_found"
        )
    return record


def _known(visit: Visit, record: ModelRecord) -> bool:
    return record.window.state_at(visit.now) != "absent"


def _base_view(name: str, model: BaseModel) -> ModelView:
    # The profile "classic" keeps every model alive, so no shutdown date is shown.
    return ModelView(name, model.created, model.owned_by, None)


def _tuned_view(record: ModelRecord) -> ModelView:
    return ModelView(record.id, unix_seconds(record.created_at), OWNER, None)
