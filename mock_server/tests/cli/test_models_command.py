"""``mocktune models`` against a running server."""

from __future__ import annotations

import re

from client_commands import MODEL, Desk, fixtures

from mocktune.domain.clock import SECOND, VirtualTime, format_instant

server, desk = fixtures()


def test_models_are_listed_newest_first_with_their_end_and_the_tuned_ones_apart(desk: Desk) -> None:
    assert desk("models", "list", "--tuned").lines == ["no tuned models"]
    name = desk.model()
    head, first, *_ = desk("models", "list").lines
    assert re.split("  +", head) == ["model", "ends", "created", "owner"]
    created = format_instant(VirtualTime(desk.client.models.retrieve(name).created * SECOND))
    assert re.split("  +", first) == [name, "2027-01-14", created, "mocktune"]
    assert [each["id"] for each in desk("models", "list", "--tuned", "--json").objects] == [name]


def test_a_model_shows_its_end_its_prices_and_the_job_that_made_it(desk: Desk) -> None:
    name = desk.model()
    lines = dict(re.split("  +", line, maxsplit=1) for line in desk("models", "show", name).lines)  # type: ignore[misc]
    job = desk.client.fine_tuning.jobs.list().data[0].id
    assert lines["made by"] == f"{job}  succeeded"
    assert (lines["base model"], lines["ends"]) == (MODEL, "2027-01-14")
    assert "input $0.3, output $1.2" in lines["prices"]
    base = dict(re.split("  +", line, maxsplit=1) for line in desk("models", "show", "gpt-4o-mini").lines)  # type: ignore[misc]
    assert base["tuned by"] == "supervised, dpo"
    assert "made by" not in base
    assert desk("models", "show", name, "--json").objects[0]["id"] == name


def test_a_tuned_model_is_deleted_for_good_and_a_base_model_is_not(desk: Desk) -> None:
    name = desk.model()
    before = desk.asked()
    assert desk("models", "delete", name, "--dry-run", "--json").objects == [
        {"event": "step", "does": "delete", "id": name}
    ]
    assert desk.asked() == before
    assert desk("models", "delete", name, "--json").objects == [{"event": "deleted", "id": name}]
    assert name not in [each.id for each in desk.client.models.list().data]
    refused = desk("models", "delete", MODEL)
    assert refused.exit_code == 1
    assert "HTTP 40" in refused.stderr
    assert MODEL in [each.id for each in desk.client.models.list().data]
    assert desk("models", "show", name).exit_code == 1
