"""Checkpoint permissions without HTTP: who may, for which checkpoint, and how many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support import Lab

from mocktune.domain.errors import AuthenticationError, InvalidRequestError, NotFoundError, ParameterError
from mocktune.service.permissions import MAX_PERMISSIONS, PermissionService, permissions
from mocktune.service.sandboxes import Caller, Visit

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab.open()
    yield lab
    lab.close()


@pytest.fixture
async def models(lab: Lab) -> list[str]:
    """The checkpoints of a job and, last, its model."""
    job = await lab.create()
    await lab.run_to_end(job.id)
    return [model.id for model in (await lab.visit()).sandbox.models.oldest_first()]


async def admin(lab: Lab) -> Visit:
    return replace(await lab.visit(), caller=Caller(admin=True))


async def projects(visit: Visit, checkpoint: str, order: str = "asc", **query: object) -> list[str]:
    wanted: dict[str, object] = {"project_id": None, "after": None, "limit": 100, "order": order, **query}
    page = await PermissionService().list(visit, checkpoint, **wanted)  # type: ignore[arg-type]
    return [each.project_id for each in page.items]


async def test_only_an_admin_key_may_list_create_and_delete(lab: Lab, models: list[str]) -> None:
    plain, service = await lab.visit(), PermissionService()
    with pytest.raises(AuthenticationError, match=r"Missing scopes: api\.fine_tuning\.checkpoints\.write\."):
        await service.create(plain, models[-1], ["proj_a"])
    with pytest.raises(AuthenticationError, match=r"Missing scopes: api\.fine_tuning\.checkpoints\.read\."):
        await projects(plain, models[-1])
    with pytest.raises(AuthenticationError, match=r"Missing scopes: api\.fine_tuning\.checkpoints\.write\."):
        await service.delete(plain, models[-1], "cp_x")


async def test_a_checkpoint_is_found_by_its_name_and_by_its_id(lab: Lab, models: list[str]) -> None:
    visit = await admin(lab)
    (job,) = visit.sandbox.jobs.newest_first()
    page = await lab.services.jobs.checkpoints(visit, job.id, after=None, limit=10)
    service = PermissionService()
    for checkpoint in page.items:
        await service.create(visit, checkpoint.id, [checkpoint.id])
        assert await projects(visit, checkpoint.model) == [checkpoint.id]
    assert len(page.items) == len(models) == 3


@pytest.mark.parametrize("checkpoint", ["ft-AF1WoRqd3aJAHsqc9NY7iL8F", "ftckpt_x", "gpt-4o-mini-2024-07-18"])
async def test_other_checkpoints_are_unknown(lab: Lab, models: list[str], checkpoint: str) -> None:
    visit, service = await admin(lab), PermissionService()
    with pytest.raises(NotFoundError) as refused:
        await service.create(visit, checkpoint, ["proj_a"])
    assert refused.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        await projects(visit, checkpoint)
    with pytest.raises(NotFoundError):
        await service.delete(visit, checkpoint, "cp_x")


async def test_a_project_has_one_permission_however_often_it_is_given(lab: Lab, models: list[str]) -> None:
    visit, service = await admin(lab), PermissionService()
    first = await service.create(visit, models[-1], ["proj_a", "proj_b", "proj_a"])
    again = await service.create(visit, models[-1], ["proj_c", "proj_a"])
    assert [each.project_id for each in first.items] == ["proj_a", "proj_b"]
    assert [each.project_id for each in again.items] == ["proj_c", "proj_a"]
    assert again.items[1] is first.items[0]
    assert await projects(visit, models[-1]) == ["proj_a", "proj_b", "proj_c"]


async def test_checkpoints_do_not_share_permissions(lab: Lab, models: list[str]) -> None:
    visit, service = await admin(lab), PermissionService()
    (one,) = (await service.create(visit, models[0], ["proj_a"])).items
    (other,) = (await service.create(visit, models[1], ["proj_a"])).items
    assert one.id != other.id
    with pytest.raises(NotFoundError):
        await service.delete(visit, models[0], other.id)
    with pytest.raises(ParameterError):
        await projects(visit, models[0], after=other.id)
    await service.delete(visit, models[0], one.id)
    assert await projects(visit, models[0]) == []
    assert await projects(visit, models[1]) == ["proj_a"]


async def test_a_checkpoint_takes_so_many_permissions_and_no_more(lab: Lab, models: list[str]) -> None:
    visit, service = await admin(lab), PermissionService()
    await service.create(visit, models[-1], [f"proj_{n}" for n in range(MAX_PERMISSIONS)])
    await service.create(visit, models[-1], ["proj_0"])
    with pytest.raises(InvalidRequestError, match="can be shared with 100 projects"):
        await service.create(visit, models[-1], ["proj_0", "proj_new"])
    assert len(permissions(visit.sandbox)) == MAX_PERMISSIONS
