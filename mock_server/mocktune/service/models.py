"""Models: the base models, and the tuned ones and checkpoints that jobs bring forth."""

from __future__ import annotations

from collections.abc import Iterator

from mocktune.domain.clock import unix_seconds
from mocktune.domain.error_kinds.models import BASE_MODEL_NOT_DELETABLE, MODEL_NOT_FOUND, MODEL_TO_DELETE_NOT_FOUND
from mocktune.domain.models import ALIASES, BASE_MODELS, BaseModel, Method
from mocktune.domain.objects import ModelView
from mocktune.ports import Ledger
from mocktune.service.records import ModelRecord
from mocktune.service.retention import drop_unneeded
from mocktune.service.sandboxes import Visit

OWNER = "mocktune"
"""``owned_by`` of tuned models: the organization's slug (assumed, contract 2.6)."""


class ModelService:
    """Everything under ``/models``."""

    async def list(self, visit: Visit) -> list[ModelView]:
        """Base models and aliases first, then tuned models and checkpoints, oldest first. Not paged."""
        names = dict.fromkeys((*BASE_MODELS, *(each.id for each in _added(visit).oldest_first()), *ALIASES))
        base = [_base_view(visit, name, model) for name in names if (model := base_model(visit, name))]
        tuned = [_tuned_view(visit, each) for each in visit.sandbox.models.oldest_first() if _known(visit, each)]
        return base + tuned

    async def retrieve(self, visit: Visit, name: str) -> ModelView:
        model = base_model(visit, name)
        return _base_view(visit, name, model) if model else _tuned_view(visit, find_tuned(visit, name))

    async def delete(self, visit: Visit, name: str) -> None:
        """Tuned models and checkpoints only, one by one; also those that a state file names without any training."""
        if name.startswith("ft:") and _added(visit).get(name):
            _added(visit).remove(name)
            return
        if base_model(visit, name):
            raise BASE_MODEL_NOT_DELETABLE(model=name)
        record = known_tuned(visit, name)
        if record is None:
            raise MODEL_TO_DELETE_NOT_FOUND(model=name)
        visit.sandbox.models.remove(name)
        record.job.models_left = (record.job.models_left or 1) - 1
        drop_unneeded(record.job.training)


def base_model(visit: Visit, name: str) -> BaseModel | None:
    """The base model a snapshot name or an alias stands for at ``visit.now``; None for any other name, and for a model
    that is shut by now. Those a state file added come before those of the table.
    """
    snapshot = ALIASES.get(name, name)
    added = _added(visit)
    model = added.get(name) or added.get(snapshot) or BASE_MODELS.get(snapshot)
    if model is None or (_mortal(visit) and model.shut_by(visit.now)):
        return None
    return model


def base_models(visit: Visit) -> Iterator[BaseModel]:
    """Every base model there is at ``visit.now``, by its snapshot name."""
    names = dict.fromkeys((*BASE_MODELS, *(each.id for each in _added(visit).oldest_first())))
    return (model for name in names if (model := base_model(visit, name)))


def answering_model(visit: Visit, name: str) -> str:
    """The model a request for an answer means: on Azure a name is that of a deployment."""
    if visit.caller.dialect == "openai":
        return name
    from mocktune.service.deployments import model_behind

    return model_behind(visit, name)


def known_tuned(visit: Visit, name: str) -> ModelRecord | None:
    """A tuned model or checkpoint that is known by ``visit.now`` and not shut; None for any other name."""
    record = visit.sandbox.models.get(name)
    return record if record is not None and _known(visit, record) else None


def find_tuned(visit: Visit, name: str) -> ModelRecord:
    """``known_tuned``, or the 404 that a fresh, a deleted, an unknown [OBS] and a shut (assumed) name share."""
    record = known_tuned(visit, name)
    if record is None:
        raise MODEL_NOT_FOUND(model=name)
    return record


def tunable_model(visit: Visit, name: str, method: Method) -> BaseModel | None:
    """The base model that a job on ``name``, a base model or a tuned one, trains with ``method``.

    None where there is no such model by ``visit.now``, where it cannot be trained so, or no longer.
    """
    parent = known_tuned(visit, name)
    model = parent.job.model if parent else base_model(visit, name)
    if model is None or method not in model.methods or not is_trainable(visit, model):
        return None
    return model


def is_trainable(visit: Visit, model: BaseModel) -> bool:
    """Whether new training on ``model`` begins at ``visit.now``."""
    return not (_mortal(visit) and model.training_over_by(visit.now))


def _added(visit: Visit) -> Ledger[BaseModel]:
    return visit.sandbox.ledger("base_models")


def _mortal(visit: Visit) -> bool:
    """Whether models end at their dates; under the profile ``classic`` all of them live on."""
    return visit.rules.profile == "today"


def _known(visit: Visit, record: ModelRecord) -> bool:
    if _mortal(visit) and record.job.model.tuned_shut_by(visit.now):
        return False
    return record.window.state_at(visit.now) != "absent"


def _base_view(visit: Visit, name: str, model: BaseModel) -> ModelView:
    return ModelView(name, model.created, model.owned_by, model.shutdown_date if _mortal(visit) else None)


def _tuned_view(visit: Visit, record: ModelRecord) -> ModelView:
    model = record.job.model
    ends = (model.tuned_shutdown_date or model.shutdown_date) if _mortal(visit) else None
    return ModelView(record.id, unix_seconds(record.created_at), OWNER, ends)
