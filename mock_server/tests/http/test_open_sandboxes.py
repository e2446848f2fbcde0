"""The sandboxes of a server on its control plane: who may see, open, label and close them, and what bounds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asking import Answer, App
from support import NO_WALL, chat_line, dataset

from mocktune.domain.clock import SECOND, WallTime
from mocktune.domain.journal import Entry

TOKEN = "mt-admin-0123456789abcdef"
SANDBOXES = "/_mocktune/sandboxes"
CURRENT = f"{SANDBOXES}/current"

Open = Callable[..., App]


@pytest.fixture
def start() -> Iterator[Open]:
    apps: list[App] = []

    def start(**others: Any) -> App:
        apps.append(App(others={"admin_token": TOKEN, **others}))
        return apps[-1]

    yield start
    for app in apps:
        app.close()


@pytest.fixture
def app(start: Open) -> App:
    return start()


def as_admin(app: App, method: str, path: str = "", body: Any = None) -> Answer:
    return app.ask(method, SANDBOXES + path, body, key=TOKEN)


def listed(app: App) -> list[Any]:
    found: list[Any] = as_admin(app, "GET", "?limit=100")["data"]
    return found


def used_bytes(app: App) -> int:
    return int(app.services.blobs.used_bytes)  # type: ignore[attr-defined]  # the shipped adapter tells


# -- open --------------------------------------------------------------------------------------------------------------


def test_a_sandbox_is_opened_with_what_it_is_to_begin_with(app: App) -> None:
    new = as_admin(
        app, "POST", "",
        {
            "name": "ci", "label": "Nightly", "seed": 7, "scenario": "quick", "set": {"model.absent_for": "9s"},
            "clock": "frozen", "start": "2026-03-01T00:00:00Z", "advance_on_poll": "next",
        },
    )  # fmt: skip
    assert new.status == 200
    assert (new["label"], new["seed"], new["scenario"], new["clock"]) == ("Nightly", 7, "quick", "frozen")
    assert (new["api_key"], new["base_url"]) == ("sk-mt-ci", "http://localhost/v1")
    assert new["shared_base_url"] == "http://localhost/s/ci/v1"
    for key, path in (("sk-mt-ci", ""), ("sk-mt-ci--ann", ""), ("sk-any", "/s/ci")):
        clock = app.get(f"{path}/_mocktune/clock", key=key)
        assert (clock["now"], clock["advance_on_poll"]) == (1772323200, "next")
        assert app.get(path + CURRENT, key=key)["id"] == new["id"]
    scenario = app.get("/_mocktune/scenario", key="sk-mt-ci").json()
    assert scenario["name"] == "quick"


def test_without_a_name_a_key_is_made_up_that_nobody_guesses(app: App) -> None:
    keys = {as_admin(app, "POST", "", {})["api_key"] for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) >= 30 for key in keys)
    assert len(listed(app)) == 3


def test_the_seed_follows_from_the_name_unless_it_is_given(start: Open) -> None:
    seeds = [as_admin(start(), "POST", "", {"name": name})["seed"] for name in ("ci", "ci", "dev")]
    assert seeds[0] == seeds[1] != seeds[2]
    app = start()
    assert app.get(CURRENT, key="sk-mt-ci")["seed"] == seeds[0], "as the same key would get without being opened"


def test_a_reset_begins_a_sandbox_again_as_it_was_opened(app: App) -> None:
    as_admin(app, "POST", "", {"name": "ci", "seed": 7, "scenario": "quick", "start": 1772323200})
    app.upload(dataset(), key="sk-mt-ci")
    app.post("/_mocktune/clock/advance", {"by": "1h"}, key="sk-mt-ci")
    assert app.delete("/_mocktune/state", key="sk-mt-ci").status == 200
    own = app.get(CURRENT, key="sk-mt-ci")
    assert (own["seed"], own["scenario"], own["now"], own["label"]) == (7, "quick", 1772323200, "ci")
    assert own["objects"]["files"] == 0
    assert [each["id"] for each in listed(app)] == [own["id"]]


@pytest.mark.parametrize("scenario", ["/etc/passwd", "../quick", "quick.toml", "./x.toml"])
def test_a_scenario_over_the_network_is_never_a_path(app: App, scenario: str) -> None:
    refused = as_admin(app, "POST", "", {"scenario": scenario})
    assert refused.status == 400
    assert "unknown scenario" in refused["error"]["message"]
    assert listed(app) == []


# -- list --------------------------------------------------------------------------------------------------------------


def test_the_list_tells_what_is_in_each_and_never_a_key(app: App) -> None:
    secrets = ["sk-very-secret-one", "sk-mt-team--ann", "sk-admin-of-mine"]
    for key in secrets:
        app.upload(dataset(), key=key)
    app.post("/_mocktune/clock/advance", {"by": "1h"}, key=secrets[0])
    app.wall.now = WallTime(NO_WALL + 90 * SECOND)
    app.get("/v1/models", key=secrets[0])
    answer = as_admin(app, "GET")
    first, second, third = answer["data"]
    assert first["objects"] == {"files": 1, "jobs": 0, "models": 0}
    assert first["size_bytes"] == len(dataset())
    assert first["now"] - second["now"] == 3600
    assert (first["requests"], second["requests"]) == (3, 1)
    assert (first["last_used"], second["last_used"]) == (NO_WALL / SECOND + 90, NO_WALL / SECOND)
    assert first["opened_at"] == third["opened_at"] == NO_WALL / SECOND
    for part in ("very-secret", "team", "mine"):
        assert part not in answer.body.decode()


def test_the_list_is_paged_in_the_order_of_opening_however_they_are_used(app: App) -> None:
    for number in range(5):
        app.get("/v1/models", key=f"sk-{number}")
    whole = [each["id"] for each in listed(app)]
    app.get("/v1/models", key="sk-0")
    seen: list[str] = []
    after = ""
    while True:
        page = as_admin(app, "GET", f"?limit=2{after}")
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert seen == whole
    assert len(set(whole)) == 5


def test_looking_at_sandboxes_opens_none(app: App) -> None:
    assert listed(app) == []
    assert as_admin(app, "DELETE", "/sandbox_none").status == 404
    assert len(app.services.sandboxes) == 0


# -- close -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
def test_closing_forgets_everything_and_gives_the_bytes_back(app: App, own: bool) -> None:
    file = app.upload(dataset(), key="sk-a")["id"]
    upload = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 20, "mime_type": "text/jsonl"}
    app.post("/v1/uploads", upload, key="sk-a")
    app.upload(dataset(), key="sk-b")
    id = app.get(CURRENT, key="sk-a")["id"]
    closed = app.delete(CURRENT, key="sk-a") if own else as_admin(app, "DELETE", f"/{id}")
    assert closed.json() == {"id": id, "object": "sandbox", "deleted": True}
    assert used_bytes(app) == len(dataset())
    assert [each["id"] for each in listed(app)] != []
    assert id not in [each["id"] for each in listed(app)]
    assert app.get(f"/v1/files/{file}", key="sk-a").status == 404, "the key opens another one"
    assert len(app.get("/v1/files", key="sk-b")["data"]) == 1


def test_what_is_under_way_while_its_sandbox_is_closed_leaves_no_bytes(app: App) -> None:
    """A request that was let in before brings a file into what nobody finds any more."""

    async def story() -> None:
        sandbox = app.services.sandboxes.open("sk-a", app.wall.now)
        app.services.sandboxes.close(sandbox)
        visit = await app.services.visit(sandbox)
        from mocktune.service.files import Upload

        writer = app.services.blobs.writer()
        writer.write(dataset())
        await app.services.files.create(visit, Upload("a.jsonl", "fine-tune", writer.commit(), dataset()))
        assert used_bytes(app) > 0
        assert sandbox.wake is not None
        sandbox.wake()  # as the front layer does after every answer
        assert used_bytes(app) == 0

    app.run(story())


def test_a_clock_that_is_advanced_while_its_sandbox_is_closed_breaks_nothing(app: App) -> None:
    file = app.upload(dataset(20_000))["id"]
    app.post("/v1/fine_tuning/jobs", {"model": "gpt-4o-mini-2024-07-18", "training_file": file})

    async def story() -> list[int]:
        advance = app.send("POST", "/_mocktune/clock/advance", {"by": "1h"})
        answers = await asyncio.gather(advance, app.send("DELETE", CURRENT))
        return [each.status for each in answers]

    assert app.run(story())[1] == 200
    assert used_bytes(app) == 0


# -- the token ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/sandbox_1", "/currently", "/current%2f", "/a/b"])
@pytest.mark.parametrize("key", ["sk-any", TOKEN[:-1], TOKEN + "0", "sk-admin-any", TOKEN.upper()])
def test_no_key_is_the_admin_token(app: App, path: str, key: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert app.ask(method, SANDBOXES + path, key=key).status == 403
        assert app.ask(method, "/s/ci" + SANDBOXES + path, key=key).status == 403
    assert len(app.services.sandboxes) == 0


def test_a_server_without_a_token_lets_nobody_see_them(start: Open) -> None:
    app = start(admin_token="")
    for key in ("sk-any", "mt-admin-"):
        assert app.ask("GET", SANDBOXES, key=key).status == 403
    assert app.ask("GET", SANDBOXES, authorization="Bearer ").status == 401
    assert app.ask("GET", SANDBOXES, authorization="").status == 401


def test_the_admin_token_is_a_key_like_any_other_for_the_rest(app: App) -> None:
    """It opens a sandbox of its own, and no one else's."""
    app.upload(dataset(), key="sk-a")
    assert app.get("/v1/files", key=TOKEN)["data"] == []


# -- labels ------------------------------------------------------------------------------------------------------------


def test_whoever_uses_a_sandbox_labels_it(app: App) -> None:
    assert app.ask("PATCH", CURRENT, {"label": "Zoë’s laptop"}, key="sk-a")["label"] == "Zoë’s laptop"
    assert [each["label"] for each in listed(app)] == ["Zoë’s laptop"]
    for label in ("\x1b[2J", "a\nb", "x" * 101, "‮"):
        assert app.ask("PATCH", CURRENT, {"label": label}, key="sk-a").status == 400
    assert app.get(CURRENT, key="sk-a")["label"] == "Zoë’s laptop"


# -- known keys only ---------------------------------------------------------------------------------------------------


def test_only_keys_of_opened_sandboxes_are_let_in(start: Open) -> None:
    app = start(known_keys_only=True)
    for key in ("sk-a", "sk-mt-ci", "sk-mt-ci--ann", "sk-admin-a"):
        refused = app.get("/v1/models", key=key)
        assert (refused.status, refused["error"]["code"]) == (401, "invalid_api_key")
        assert key not in refused.body.decode()
        assert app.get("/_mocktune/clock", key=key).status == 401
    assert app.get("/s/ci/v1/models").status == 401
    assert len(app.services.sandboxes) == 0
    opened = as_admin(app, "POST", "", {"name": "ci"})
    for key in (opened["api_key"], "sk-mt-ci--ann", "sk-admin-mt-ci"):
        assert app.get("/v1/models", key=key).status == 200
    assert app.get("/s/ci/v1/models").status == 200
    assert app.get("/v1/models", key="sk-mt-dev").status == 401
    assert app.get("/_mocktune/health", key="sk-a").status == 200
    as_admin(app, "DELETE", f"/{opened['id']}")
    assert app.get("/v1/models", key=opened["api_key"]).status == 401


# -- caps --------------------------------------------------------------------------------------------------------------


def test_past_the_cap_of_sandboxes_everything_is_a_503_and_nobody_is_evicted(start: Open) -> None:
    app = start(max_sandboxes=2)
    file = app.upload(dataset(), key="sk-0")["id"]
    app.get("/v1/models", key="sk-1")
    for ask in (lambda: app.get("/v1/models", key="sk-2"), lambda: as_admin(app, "POST", "", {"name": "ci"})):
        refused = ask()
        assert refused.status == 503
        assert "--max-sandboxes" in refused["error"]["message"]
    assert app.get(f"/v1/files/{file}", key="sk-0").status == 200
    assert len(listed(app)) == 2
    app.delete(CURRENT, key="sk-1")
    assert app.get("/v1/models", key="sk-2").status == 200, "there is room again"


def test_unused_sandboxes_are_closed_after_their_time_and_used_ones_never(start: Open) -> None:
    app = start(sandbox_ttl_s=60.0)
    kept = app.upload(dataset(), key="sk-kept")["id"]
    app.upload(dataset(), key="sk-left")
    for _ in range(3):
        app.wall.now = WallTime(app.wall.now + 50 * SECOND)
        assert app.get(f"/v1/files/{kept}", key="sk-kept").status == 200
    assert len(listed(app)) == 2, "looking closes none"
    app.get("/v1/models", key="sk-new")
    assert [each["objects"]["files"] for each in listed(app)] == [1, 0]
    assert used_bytes(app) == len(dataset())
    app.wall.now = WallTime(app.wall.now + 61 * SECOND)
    app.get("/v1/models", key="sk-newer")
    assert len(listed(app)) == 1
    assert used_bytes(app) == 0


def test_past_the_cap_of_bytes_uploads_are_a_503_and_nothing_is_lost(start: Open) -> None:
    data = (chat_line() + "\n").encode()
    app = start(max_disk_bytes=2 * len(data))
    files = [app.upload(data, key=f"sk-{number}")["id"] for number in range(2)]
    refused = app.upload(data, key="sk-2")
    assert refused.status == 503
    assert refused["error"]["type"] == "server_error"
    upload = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": len(data), "mime_type": "text/jsonl"}
    app.key = "sk-2"
    id = app.post("/v1/uploads", upload)["id"]
    assert app.add_part(id, data).status == 503
    for number, file in enumerate(files):
        assert app.get(f"/v1/files/{file}/content", key=f"sk-{number}").body == data
    assert used_bytes(app) == 2 * len(data)
    app.delete(CURRENT, key="sk-0")
    assert app.upload(data, key="sk-2").status == 200, "there is room again"


def test_the_journal_of_a_closed_sandbox_is_gone(app: App) -> None:
    app.get("/v1/models", key="sk-a")
    sandbox = app.services.sandboxes.open("sk-a", app.wall.now)
    entries: list[Entry] = sandbox.journal.entries()
    assert len(entries) == 1
    app.delete(CURRENT, key="sk-a")
    assert sandbox.journal.entries() == []
