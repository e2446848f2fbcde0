"""The profile ``today``: models end by the sandbox's own clock, which starts in November 2026; few may train."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from support import NO_WALL, Lab, settings

from mocktune.bootstrap import bootstrap, make_settings
from mocktune.domain.clock import SECOND, WallTime, format_instant, parse_instant
from mocktune.domain.errors import NotFoundError, PermissionDeniedError
from mocktune.domain.models import BASE_MODELS
from mocktune.service.limits import check_organization, model_limits
from mocktune.service.models import base_model, find_tuned, known_tuned, tunable_model
from mocktune.service.sandboxes import ANYONE, Caller, Sandbox, Visit

LIVING = [
    "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18",
]  # fmt: skip


@dataclass
class RuledLab(Lab):
    """A lab whose visits are held to its server's rules, as those of requests are."""

    caller: Caller = ANYONE

    def _at(self, sandbox: Sandbox) -> Visit:
        return Visit(sandbox, sandbox.clock.now(self.wall), self.wall, self.caller, self.services.rules)


@pytest.fixture
def labs() -> Iterator[Callable[..., RuledLab]]:
    """``labs(*changes, **settings)`` opens a lab on a server that plays today, unless ``profile`` says otherwise."""
    opened: list[RuledLab] = []

    def open_lab(*changes: str, profile: str = "today", **others: Any) -> RuledLab:
        opened.append(RuledLab(bootstrap(settings("realistic", *changes, profile=profile, **others))))
        return opened[-1]

    yield open_lab
    for lab in opened:
        lab.close()


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(story())  # type: ignore[arg-type]  # every story is a coroutine


# -- where clocks start ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "profile", "wall", "start"),
    [
        ("frozen", "classic", "2027-05-05", "2026-01-15T00:00:00Z"),
        ("real", "classic", "2024-05-05", "2024-05-05T00:00:00Z"),
        ("frozen", "today", "2027-05-05", "2026-11-22T00:00:00Z"),
        ("real", "today", "2024-05-05", "2026-11-22T00:00:00Z"),
        ("x60", "today", "2027-05-05", "2027-05-05T00:00:00Z"),
    ],
)
def test_where_a_new_clock_starts(clock: str, profile: Any, wall: str, start: str) -> None:
    services = bootstrap(make_settings("realistic", clock=clock, profile=profile))
    sandbox = services.sandboxes.open("sk-a", WallTime(parse_instant(wall)))
    services.close()
    assert format_instant(sandbox.clock.now(WallTime(parse_instant(wall)))) == start


def test_a_scenario_that_names_a_start_wins(labs: Callable[..., RuledLab]) -> None:
    visit = run(labs("clock.start=2026-09-01").visit)
    assert format_instant(visit.now) == "2026-09-01T00:00:00Z"


# -- what the scenario is told -----------------------------------------------------------------------------------------


def test_today_has_caps_and_moderation_unless_a_user_says_otherwise(labs: Callable[..., RuledLab]) -> None:
    limits = labs().services.settings.scenario.limits
    assert (limits.caps, limits.moderation, limits.org, limits.quota_usd) == ("observed", "observed", "active", None)
    assert labs("limits.caps=off").services.settings.scenario.limits.caps == "off"
    assert labs(profile="classic").services.settings.scenario.limits.caps == "off"


# -- base models -------------------------------------------------------------------------------------------------------


def test_only_living_models_are_listed_with_the_day_they_end(labs: Callable[..., RuledLab]) -> None:
    lab = labs()

    async def story() -> None:
        listed = await lab.services.models.list(await lab.visit())
        assert sorted(each.id for each in listed if each.id in BASE_MODELS) == LIVING
        assert {each.id for each in listed} - set(LIVING) == {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"}
        assert {each.shutdown_date for each in listed} == {"2027-01-14"}

    run(story)


def test_classic_lists_every_model_and_no_end(labs: Callable[..., RuledLab]) -> None:
    lab = labs("clock.start=2030-01-01", profile="classic")

    async def story() -> None:
        visit = await lab.visit()
        listed = await lab.services.models.list(visit)
        assert {each.id for each in listed} >= set(BASE_MODELS)
        assert {each.shutdown_date for each in listed} == {None}
        assert tunable_model(visit, "gpt-4o", "supervised") is BASE_MODELS["gpt-4o-2024-08-06"]
        check_organization(visit)

    run(story)


@pytest.mark.parametrize("name", ["gpt-3.5-turbo", "gpt-4-0613", "o4-mini-2025-04-16"])
def test_a_shut_model_is_as_unknown_as_any(labs: Callable[..., RuledLab], name: str) -> None:
    """Assumed: contract 11, doubt 6."""
    lab = labs()

    async def story() -> None:
        visit, models = await lab.visit(), lab.services.models
        assert base_model(visit, name) is None
        with pytest.raises(NotFoundError) as caught:
            await models.retrieve(visit, name)
        assert caught.value.message == f"The model `{name}` does not exist or you do not have access to it."
        assert caught.value.code == "model_not_found"
        with pytest.raises(NotFoundError, match=f"The model '{name}' does not exist"):
            await models.delete(visit, name)

    run(story)


def test_models_end_while_the_clock_goes_on(labs: Callable[..., RuledLab]) -> None:
    lab = labs("clock.start=2027-01-13T23:59:50Z")

    async def story() -> None:
        assert base_model(await lab.visit(), "gpt-4o") is BASE_MODELS["gpt-4o-2024-08-06"]
        await lab.advance(10)
        assert base_model(await lab.visit(), "gpt-4o") is None
        assert await lab.services.models.list(await lab.visit()) == []

    run(story)


def test_a_model_that_a_state_file_added_is_found_first_and_listed(labs: Callable[..., RuledLab]) -> None:
    lab = labs()

    async def story() -> None:
        visit = await lab.visit()
        kept = replace(BASE_MODELS["gpt-4-0613"], shutdown_date=None, tuned_shutdown_date=None, training_end_date=None)
        own = replace(kept, id="my-base", shutdown_date="2030-01-01")
        for model in (kept, own):
            visit.sandbox.ledger("base_models").add(model.id, visit.now, model)
        assert base_model(visit, "gpt-4") is kept
        assert tunable_model(visit, "my-base", "supervised") is own
        listed = {each.id: each.shutdown_date for each in await lab.services.models.list(visit)}
        assert listed.keys() >= {"gpt-4-0613", "gpt-4", "my-base"}
        assert (listed["my-base"], listed["gpt-4"]) == ("2030-01-01", None)
        assert "my-base" in {each.model for each in await model_limits(visit, lab.services.datasets)}

    run(story)


def test_a_tuned_model_without_training_that_a_state_file_added_is_deleted(labs: Callable[..., RuledLab]) -> None:
    lab, name = labs(profile="classic"), "ft:gpt-4o-mini:acemeco:suffix:abc123"

    async def story() -> None:
        visit, models = await lab.visit(), lab.services.models
        played = replace(BASE_MODELS["gpt-4o-mini-2024-07-18"], id=name)
        visit.sandbox.ledger("base_models").add(name, visit.now, played)
        assert (await models.retrieve(visit, name)).id == name
        await models.delete(visit, name)
        with pytest.raises(NotFoundError):
            await models.delete(visit, name)
        with pytest.raises(PermissionDeniedError):
            await models.delete(visit, "gpt-4o-mini")

    run(story)


# -- what can be trained -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method", "at", "tunable"),
    [
        ("gpt-4o-mini", "supervised", "2026-11-22", True),
        ("gpt-4o-mini", "dpo", "2026-11-22", True),
        ("gpt-4o-mini", "reinforcement", "2026-11-22", False),
        ("gpt-4o-mini", "supervised", "2027-01-06T23:59:59Z", True),
        ("gpt-4o-mini", "supervised", "2027-01-07", False),
        ("o4-mini", "reinforcement", "2026-10-22", True),
        ("o4-mini", "supervised", "2026-10-22", False),
        ("o4-mini", "reinforcement", "2026-11-22", False),
        ("babbage-002", "supervised", "2025-01-01", False),
        ("gpt-5", "supervised", "2026-11-22", False),
    ],
)
def test_what_can_be_trained_when(
    labs: Callable[..., RuledLab], name: str, method: Any, at: str, tunable: bool
) -> None:
    visit = run(labs(f"clock.start={at}").visit)
    assert (tunable_model(visit, name, method) is not None) is tunable


def test_the_table_of_limits_has_the_models_that_can_be_trained(labs: Callable[..., RuledLab]) -> None:
    lab = labs()

    async def story() -> None:
        assert [each.model for each in await model_limits(await lab.visit(), lab.services.datasets)] == LIVING

    run(story)


# -- tuned models ------------------------------------------------------------------------------------------------------


def test_a_tuned_model_outlives_its_base_model_and_ends_with_its_family(labs: Callable[..., RuledLab]) -> None:
    lab = labs("clock.start=2026-09-27", "limits.caps=off", known_organizations=frozenset({"org-known"}))
    lab.caller = Caller(organization="org-known")
    turbo = "gpt-3.5-turbo-1106"

    async def story() -> None:
        tuned = (await lab.run_to_end((await lab.create(model=turbo)).id)).fine_tuned_model
        assert tuned is not None
        visit = await lab.visit()
        assert tunable_model(visit, tuned, "supervised") is BASE_MODELS[turbo]
        assert tunable_model(visit, tuned, "dpo") is None
        await lab.advance(86_400)
        visit = await lab.visit()
        assert base_model(visit, turbo) is None
        assert find_tuned(visit, tuned).id == tuned
        assert tunable_model(visit, tuned, "supervised") is None
        assert (await lab.services.models.retrieve(visit, tuned)).shutdown_date == "2026-10-23"
        await lab.services.clocks.advance_to(visit, "2026-10-23")
        visit = await lab.visit()
        assert known_tuned(visit, tuned) is None
        assert tuned not in {each.id for each in await lab.services.models.list(visit)}
        with pytest.raises(NotFoundError, match="does not exist or you do not have access to it"):
            await lab.services.models.retrieve(visit, tuned)
        with pytest.raises(NotFoundError, match=f"The model '{tuned}' does not exist"):
            await lab.services.models.delete(visit, tuned)

    run(story)


def test_a_tuned_model_is_tunable_from_when_it_is_known_until_it_is_deleted(labs: Callable[..., RuledLab]) -> None:
    lab = labs(profile="classic")

    async def story() -> None:
        job = await lab.create()
        timeline = await lab.timeline(job.id)
        name = timeline.fine_tuned_model
        assert timeline.plan.window is not None
        assert timeline.plan.finished_at is not None
        await lab.services.clocks.advance_to(await lab.visit(), timeline.plan.finished_at / SECOND + 1)
        assert tunable_model(await lab.visit(), name, "supervised") is None
        await lab.run_to_end(job.id)
        assert tunable_model(await lab.visit(), name, "supervised") is BASE_MODELS["gpt-4o-mini-2024-07-18"]
        await lab.services.models.delete(await lab.visit(), name)
        assert tunable_model(await lab.visit(), name, "supervised") is None

    run(story)


# -- who may train -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "organization", "at", "trains"),
    [
        ("today", "org-known", "2026-11-22", True),
        ("today", "org-known", "2027-01-06T23:59:59Z", True),
        ("today", "org-known", "2027-01-07", False),
        ("today", "org-other", "2026-11-22", False),
        ("today", "", "2026-11-22", False),
        ("classic", "org-other", "2027-01-07", True),
        ("classic", "", "2026-11-22", True),
    ],
)
def test_who_may_train_when(
    labs: Callable[..., RuledLab], profile: str, organization: str, at: str, trains: bool
) -> None:
    lab = labs(f"clock.start={at}", profile=profile, known_organizations=frozenset({"org-known", "org-2"}))
    lab.caller = Caller(organization=organization)
    visit = run(lab.visit)
    if trains:
        check_organization(visit)
        return
    with pytest.raises(PermissionDeniedError) as caught:
        check_organization(visit)
    assert caught.value.code == "training_not_available"


def test_a_request_is_held_to_the_rules_of_its_server(labs: Callable[..., RuledLab]) -> None:
    services = labs(known_organizations=frozenset({"org-known"}), loose=True).services

    async def story() -> Visit:
        sandbox = services.sandboxes.open("sk-a", NO_WALL)
        return await services.visit(sandbox, Caller(organization="org-known"))

    visit = run(story)
    assert (visit.rules.profile, visit.rules.known_organizations, visit.loose) == ("today", {"org-known"}, True)
