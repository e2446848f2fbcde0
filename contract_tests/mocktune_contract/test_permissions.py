"""Checkpoint permissions: sharing a tuned model with other projects, which takes an admin key.

::

    POST   /fine_tuning/checkpoints/ft:…/permissions {"project_ids": [...]}
    GET    /fine_tuning/checkpoints/ft:…/permissions
           {"object": "list", "data": [{"object": "checkpoint.permission", "id": "cp_…", "created_at", "project_id"}],
            "has_more", "first_id", "last_id"}
    DELETE /fine_tuning/checkpoints/ft:…/permissions/cp_…
           {"id": "cp_…", "object": "checkpoint.permission", "deleted": true}

The SDK sends its ordinary ``api_key`` here, so the admin key must be put there (contract 1.3). Shapes: SPEC, SDK.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from openai import AuthenticationError, OpenAI
from openai.resources.fine_tuning.checkpoints import Permissions

from mocktune_contract.lab import Lab, Labs, training_file

pytestmark = [pytest.mark.needs("time", "sandboxes"), pytest.mark.source("SPEC")]

PLAIN = training_file("valid/plain.jsonl")

NO_SCOPE = (
    "You have insufficient permissions for this operation. Missing scopes: api.fine_tuning.checkpoints.{}. Check that "
    "you have the correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if "
    "you're using a restricted API key, that it has the necessary scopes."
)


@dataclass
class Checkpoint:
    """A tuned model, and the key that may share it."""

    lab: Lab
    admin: Lab
    model: str

    @property
    def path(self) -> str:
        return f"/fine_tuning/checkpoints/{self.model}/permissions"

    def share(self, *project_ids: str) -> dict[str, Any]:
        answer = self.admin.http.post(self.path, json={"project_ids": project_ids})
        shared: dict[str, Any] = answer.raise_for_status().json()
        return shared

    def list(self, **query: Any) -> dict[str, Any]:
        listing: dict[str, Any] = self.admin.http.get(self.path, params=query).raise_for_status().json()
        return listing


@pytest.fixture
def checkpoint(lab: Lab, labs: Labs) -> Checkpoint:
    admin = labs(key="sk-admin-" + lab.key.removeprefix("sk-"), base_url=lab.base_url)
    model = lab.finished_job(PLAIN).fine_tuned_model
    assert model is not None
    return Checkpoint(lab, admin, model)


def projects(listing: dict[str, Any]) -> list[str]:
    return [each["project_id"] for each in listing["data"]]


def error(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()["error"]
    assert list(found) == ["message", "type", "param", "code"]
    return found


@pytest.mark.operation("fine_tuning.checkpoints.permissions.create")
@pytest.mark.shape
def test_creating_answers_a_list_of_permissions(checkpoint: Checkpoint) -> None:
    """SPEC: not one object, though one project may have been named."""
    shared = checkpoint.share("proj_a", "proj_b")
    assert list(shared) == ["object", "data", "has_more", "first_id", "last_id"]
    first, second = shared["data"]
    assert list(first) == ["object", "id", "created_at", "project_id"]
    assert (first["object"], first["project_id"]) == ("checkpoint.permission", "proj_a")
    assert first["created_at"] == int(checkpoint.lab.clock.now())
    assert re.fullmatch("cp_[A-Za-z0-9]{24}", first["id"])
    assert (shared["first_id"], shared["last_id"], shared["has_more"]) == (first["id"], second["id"], False)


@pytest.mark.operation("fine_tuning.checkpoints.permissions.create", "fine_tuning.checkpoints.permissions.list")
def test_permissions_are_listed_newest_first_ten_a_page_or_the_other_way_round(checkpoint: Checkpoint) -> None:
    """SPEC: ``order`` is written out here, ascending or descending; ``limit`` is 10 unless given."""
    assert checkpoint.list() == {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    names = [f"proj_{n:02}" for n in range(12)]
    ids = [each["id"] for each in checkpoint.share(*names)["data"]]
    first = checkpoint.list()
    assert projects(first) == names[:1:-1]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[11], ids[2], True)
    assert projects(checkpoint.list(after=ids[2])) == ["proj_01", "proj_00"]
    assert projects(checkpoint.list(order="ascending", limit=2, after=ids[2])) == ["proj_03", "proj_04"]
    assert projects(checkpoint.list(project_id="proj_05")) == ["proj_05"]
    assert projects(checkpoint.list(project_id="proj_no")) == []


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.checkpoints.permissions.create", "fine_tuning.checkpoints.permissions.list")
def test_sharing_twice_changes_nothing(checkpoint: Checkpoint) -> None:
    """Assumed."""
    assert checkpoint.share("proj_a") == checkpoint.share("proj_a", "proj_a")
    assert len(checkpoint.list()["data"]) == 1


@pytest.mark.operation(
    "fine_tuning.checkpoints.permissions.create",
    "fine_tuning.checkpoints.permissions.list",
    "fine_tuning.checkpoints.permissions.delete",
)
def test_a_deleted_permission_is_gone(checkpoint: Checkpoint) -> None:
    id = checkpoint.share("proj_a", "proj_b")["first_id"]
    url = f"{checkpoint.path}/{id}"
    assert list(checkpoint.admin.http.delete(url).json().items()) == [
        ("id", id),
        ("object", "checkpoint.permission"),
        ("deleted", True),
    ]
    assert projects(checkpoint.list()) == ["proj_b"]
    assert error(checkpoint.admin.http.delete(url), 404)["param"] == "permission_id"


@pytest.mark.source("OBS, 3P")
@pytest.mark.operation(
    "fine_tuning.checkpoints.permissions.create",
    "fine_tuning.checkpoints.permissions.list",
    "fine_tuning.checkpoints.permissions.delete",
)
def test_an_ordinary_key_lacks_the_scope(checkpoint: Checkpoint) -> None:
    """OBS for the words, 3P for the status on this route."""
    id, http = checkpoint.share("proj_a")["first_id"], checkpoint.lab.http
    for access, response in (
        ("read", http.get(checkpoint.path)),
        ("write", http.post(checkpoint.path, json={"project_ids": ["proj_b"]})),
        ("write", http.delete(f"{checkpoint.path}/{id}")),
    ):
        assert error(response, 401) == {
            "message": NO_SCOPE.format(access),
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    assert projects(checkpoint.list()) == ["proj_a"]


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.checkpoints.permissions.list")
def test_the_admin_key_works_in_its_own_sandbox_only(checkpoint: Checkpoint, labs: Labs) -> None:
    stranger = labs(key="sk-admin-stranger-" + checkpoint.lab.key, base_url=checkpoint.lab.base_url)
    assert error(stranger.http.get(checkpoint.path), 404)["code"] == "model_not_found"
    assert checkpoint.admin.http.get("/fine_tuning/jobs").json()["data"]


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.checkpoints.permissions.list")
@pytest.mark.parametrize("name", ["ft-AF1WoRqd3aJAHsqc9NY7iL8F", "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd"])
def test_an_unknown_checkpoint_is_a_404(checkpoint: Checkpoint, name: str) -> None:
    found = error(checkpoint.admin.http.get(f"/fine_tuning/checkpoints/{name}/permissions"), 404)
    assert found["message"] == f"The model `{name}` does not exist or you do not have access to it."


@pytest.mark.operation("fine_tuning.checkpoints.permissions.create", "fine_tuning.checkpoints.permissions.list")
def test_every_checkpoint_of_a_job_can_be_shared_by_name_or_id(checkpoint: Checkpoint) -> None:
    (job,) = checkpoint.lab.client().fine_tuning.jobs.list()
    for each in checkpoint.lab.client().fine_tuning.jobs.checkpoints.list(job.id):
        by_id = Checkpoint(checkpoint.lab, checkpoint.admin, each.id)
        shared = by_id.share("proj_" + each.id)
        by_name = Checkpoint(checkpoint.lab, checkpoint.admin, each.fine_tuned_model_checkpoint)
        assert by_name.list() == shared


@pytest.mark.operation("fine_tuning.checkpoints.permissions.create", "fine_tuning.checkpoints.permissions.list")
@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "project_ids", "missing_required_parameter"),
        ({"project_ids": []}, "project_ids", "array_below_min_length"),
        ({"project_ids": "proj_a"}, "project_ids", "invalid_type"),
        ({"project_ids": ["proj_a", 1]}, "project_ids[1]", "invalid_type"),
        ({"project_ids": ["proj_a"], "role": "owner"}, "role", "unknown_parameter"),
    ],
)
def test_other_bodies_are_refused(checkpoint: Checkpoint, body: dict[str, Any], param: str, code: str) -> None:
    found = error(checkpoint.admin.http.post(checkpoint.path, json=body), 400)
    assert (found["param"], found["code"]) == (param, code)
    assert checkpoint.list()["data"] == []


@pytest.mark.operation("fine_tuning.checkpoints.permissions.list")
def test_the_orders_of_other_lists_are_refused(checkpoint: Checkpoint) -> None:
    found = error(checkpoint.admin.http.get(checkpoint.path, params={"order": "asc"}), 400)
    assert found["message"] == "Invalid value: 'asc'. Supported values are: 'ascending' and 'descending'."


@pytest.mark.source("mocktune")
@pytest.mark.operation(
    "fine_tuning.checkpoints.permissions.create",
    "fine_tuning.checkpoints.permissions.list",
    "fine_tuning.checkpoints.permissions.delete",
)
def test_loose_asks_for_no_admin_key_and_no_checkpoint(own_server: Labs) -> None:
    http = own_server(loose=True).http
    path = "/fine_tuning/checkpoints/ft-AF1WoRqd3aJAHsqc9NY7iL8F/permissions"
    (shared,) = http.post(path, json={"project_ids": ["string"]}).raise_for_status().json()["data"]
    query: Any = {"after": "after", "limit": 0, "order": "ascending", "project_id": "string"}
    assert http.get(path, params=query).raise_for_status().json()["data"] == []
    assert http.get(path).json()["data"] == [shared]
    assert http.delete(f"{path}/{shared['id']}").raise_for_status().json()["deleted"] is True


@pytest.mark.source("SDK")
@pytest.mark.operation(
    "fine_tuning.checkpoints.permissions.create",
    "fine_tuning.checkpoints.permissions.list",
    "fine_tuning.checkpoints.permissions.delete",
)
@pytest.mark.shape
def test_every_answer_fits_the_types_of_the_sdk(checkpoint: Checkpoint) -> None:
    with checkpoint.admin.strict_client() as client:
        permissions: Any = client.fine_tuning.checkpoints.permissions
        created = list(permissions.create(checkpoint.model, project_ids=["proj_a", "proj_b", "proj_c"]))
        if hasattr(Permissions, "list"):
            listed = list(permissions.list(checkpoint.model, limit=2))
            assert [each.project_id for each in listed] == ["proj_c", "proj_b", "proj_a"]
        gone = permissions.delete(created[0].id, fine_tuned_model_checkpoint=checkpoint.model)
        assert gone.deleted is True


@pytest.mark.operation("fine_tuning.checkpoints.permissions.create")
def test_the_sdk_raises_authentication_error_for_an_ordinary_key(checkpoint: Checkpoint) -> None:
    client: OpenAI = checkpoint.lab.client()
    with pytest.raises(AuthenticationError, match="Missing scopes"):
        client.fine_tuning.checkpoints.permissions.create(checkpoint.model, project_ids=["proj_a"])
