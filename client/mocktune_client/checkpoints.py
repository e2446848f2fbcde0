"""Checkpoints: models of earlier steps, which a job lists when it has succeeded.

Their names carry an id of their own, and the last one is the model itself [OBS PINOLO]: names are read from the list,
never put together.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any

from mocktune_client.listing import whole_list
from mocktune_client.steps import Steps
from mocktune_client.waiting import Timing, patiently

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.pagination import SyncCursorPage
    from openai.types.fine_tuning.checkpoints import PermissionCreateResponse
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

PER_PAGE = 100
_LOSSES = ("full_valid_loss", "valid_loss")
"""That of the whole validation file says more than that of one batch."""


def list_checkpoints(job_id: str, timing: Timing) -> Steps[tuple[FineTuningJobCheckpoint, ...]]:
    """All of a job's checkpoints by step; none before it has succeeded."""

    def ask_for_page(client: OpenAI, cursor: dict[str, Any]) -> SyncCursorPage[FineTuningJobCheckpoint]:
        return client.fine_tuning.jobs.checkpoints.list(job_id, **cursor)

    found = yield from whole_list(ask_for_page, timing, limit=PER_PAGE)
    return tuple(sorted(found, key=lambda each: each.step_number))


def best_checkpoint(checkpoints: Iterable[FineTuningJobCheckpoint]) -> FineTuningJobCheckpoint | None:
    """The one with the lowest validation loss, the later of equal ones; None where no validation loss is known.

    A model that overfits has a better one among its checkpoints than in its end.
    """
    best, lowest = None, float("inf")
    for each in sorted(checkpoints, key=lambda each: each.step_number):
        loss = _validation_loss(each)
        if loss is not None and loss <= lowest:
            best, lowest = each, loss
    return best


def _validation_loss(checkpoint: FineTuningJobCheckpoint) -> float | None:
    numbers = (getattr(checkpoint.metrics, name, None) for name in _LOSSES)
    return next((float(each) for each in numbers if isinstance(each, int | float) and isfinite(each)), None)


def share(
    checkpoint: str, project_ids: Iterable[str], admin_key: str, timing: Timing
) -> Steps[tuple[PermissionCreateResponse, ...]]:
    """Lets other projects of the organization use a checkpoint, named by its model's name.

    The SDK sends the ordinary key here, which the service refuses: it wants an admin key [EXP, contract 1.3].
    """
    projects = list(project_ids)

    def ask_for_it(client: OpenAI) -> Any:
        with_admin_key = client.with_options(api_key=admin_key)
        return with_admin_key.fine_tuning.checkpoints.permissions.create(checkpoint, project_ids=projects)

    page = yield from patiently(ask_for_it, timing)
    return tuple(page.data)
