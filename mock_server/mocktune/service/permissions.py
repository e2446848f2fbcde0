"""Checkpoint permissions: which other projects of the organization may use a tuned model.

They are kept and listed; a sandbox has no projects, so nobody may do more or less for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mocktune.domain import ids
from mocktune.domain.clock import VirtualTime
from mocktune.domain.error_kinds.permissions import (
    MISSING_SCOPE,
    NO_SUCH_CHECKPOINT,
    NO_SUCH_PERMISSION,
    TOO_MANY_PERMISSIONS,
)
from mocktune.ports import Ledger
from mocktune.service.paging import Page, take, unknown_cursor, walk
from mocktune.service.records import ModelRecord
from mocktune.service.sandboxes import Sandbox, Visit

MAX_PERMISSIONS = 100
"""Of one checkpoint (assumed: the real number is not known)."""


@dataclass(frozen=True, slots=True)
class Permission:
    """``project_id`` may use ``checkpoint``, the full name of a tuned model or of one of its checkpoints."""

    id: str
    checkpoint: str
    project_id: str
    created_at: VirtualTime


def permissions(sandbox: Sandbox) -> Ledger[Permission]:
    """A sandbox's permissions, those of all checkpoints."""
    return sandbox.ledger("permission")


class PermissionService:
    """Everything under ``/fine_tuning/checkpoints/{checkpoint}/permissions``.

    Every method raises ``AuthenticationError`` for a key that is no admin key (contract 1.3) and ``NotFoundError`` for
    a checkpoint nobody knows; ``--loose`` lets both pass.
    """

    async def create(self, visit: Visit, checkpoint: str, project_ids: Sequence[str]) -> Page[Permission]:
        """The permissions of ``project_ids``, in their order. A project that has one already keeps it (assumed).

        Raises ``InvalidRequestError`` past ``MAX_PERMISSIONS``.
        """
        name = _admitted(visit, checkpoint, "write")
        of_project = {each.project_id: each for each in _of_checkpoint(visit, name)}
        wanted = list(dict.fromkeys(project_ids))
        if len(of_project.keys() | set(wanted)) > MAX_PERMISSIONS:
            raise TOO_MANY_PERMISSIONS(most=MAX_PERMISSIONS)
        for project_id in wanted:
            if project_id not in of_project:
                of_project[project_id] = _grant(visit, name, project_id)
        return Page([of_project[project_id] for project_id in wanted], has_more=False)

    async def list(
        self,
        visit: Visit,
        checkpoint: str,
        *,
        project_id: str | None,
        after: str | None,
        limit: int,
        order: Literal["asc", "desc"],
    ) -> Page[Permission]:
        name = _admitted(visit, checkpoint, "read")
        found = _of_checkpoint(visit, name, after, order)
        return take((each for each in found if project_id in (None, each.project_id)), limit)

    async def delete(self, visit: Visit, checkpoint: str, id: str) -> None:
        name = _admitted(visit, checkpoint, "write")
        permission = permissions(visit.sandbox).get(id)
        if permission is None or (permission.checkpoint != name and not visit.loose):
            raise NO_SUCH_PERMISSION(id=id)
        permissions(visit.sandbox).remove(id)


def _admitted(visit: Visit, checkpoint: str, access: Literal["read", "write"]) -> str:
    """The checkpoint's full name, for a caller who may manage it."""
    if not visit.caller.admin and not visit.loose:
        raise MISSING_SCOPE(access=access)
    record = _checkpoint(visit, checkpoint)
    if record is None and not visit.loose:
        raise NO_SUCH_CHECKPOINT(id=checkpoint)
    return checkpoint if record is None else record.id


def _checkpoint(visit: Visit, named: str) -> ModelRecord | None:
    """By its full name, or by its id (``ftckpt_…``; that the route takes it is assumed, the SDK says "the ID").

    As soon as the job has succeeded: a model that is not yet served is there to be shared (assumed).
    """
    models = visit.sandbox.models
    if (record := models.get(named)) is not None or not named.startswith("ftckpt_"):
        return record
    return next((each for each in models.newest_first() if _checkpoint_id(each) == named), None)


def _checkpoint_id(model: ModelRecord) -> str:
    return ids.object_id("checkpoint", model.job.seed, model.step)


def _of_checkpoint(
    visit: Visit, name: str, after: str | None = None, order: Literal["asc", "desc"] = "asc"
) -> Iterator[Permission]:
    every = permissions(visit.sandbox)
    cursor = None if after is None else every.get(after)
    if cursor is not None and cursor.checkpoint != name and not visit.loose:
        raise unknown_cursor(cursor.id)  # one of another checkpoint's list
    return (each for each in walk(visit, every, after, order) if each.checkpoint == name)


def _grant(visit: Visit, checkpoint: str, project_id: str) -> Permission:
    sandbox = visit.sandbox
    id = ids.object_id("permission", sandbox.seed, sandbox.next_ordinal("permission"))
    permission = Permission(id, checkpoint, project_id, visit.now)
    permissions(sandbox).add(id, visit.now, permission)
    return permission
