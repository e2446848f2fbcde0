"""What a scenario says becomes of jobs, models and files, seen at the service's door."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import NO_WALL, Lab, dataset

from mocktune.domain.clock import FROZEN_START, SECOND
from mocktune.domain.documents import Duration
from mocktune.domain.errors import (
    ApiError,
    ModelLoadingError,
    NotFoundError,
    ParameterError,
    ServiceUnavailableError,
)
from mocktune.domain.scenario import Scenario, read_scenario
from mocktune.domain.state import read_state, write_state
from mocktune.http.render.files import file as file_json
from mocktune.http.render.jobs import checkpoint as checkpoint_json
from mocktune.http.render.jobs import event as event_json
from mocktune.http.render.jobs import job as job_json
from mocktune.service.chat_objects import ChatRequest
from mocktune.service.files import Upload
from mocktune.service.state_saving import save_state
from mocktune.storage.scenario_files import packaged_scenario


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(story())  # type: ignore[arg-type]  # every story is a coroutine


def opened(document: dict[str, Any], *, seed: int = 42) -> Lab:
    """A lab whose sandbox plays ``realistic`` with what the document changes."""
    lab = Lab.open(seed=seed)
    use(lab, document)
    return lab


def use(lab: Lab, document: dict[str, Any]) -> None:
    sandbox = lab.services.sandboxes.open(lab.key, lab.wall)
    sandbox.scenario = read_scenario("own", document, packaged_scenario("realistic"))


async def ask(lab: Lab, model: str) -> Any:
    messages = [{"role": "user", "content": "What is 3 plus 3?"}]
    return await lab.services.chat.complete(await lab.visit(), ChatRequest(model, messages, of_chat_route=True))


async def finished(lab: Lab) -> Any:
    """A job at the instant it ended."""
    job = await lab.create()
    at = (await lab.timeline(job.id)).ends_at
    assert at is not None
    await lab.services.clocks.advance_to(await lab.visit(), at / SECOND)
    return await lab.job(job.id)


async def files(lab: Lab) -> list[str]:
    visit = await lab.visit()
    page = await lab.services.files.list(visit, purpose=None, after=None, limit=100, order="asc")
    return [each.id for each in page.items]


# -- result files ------------------------------------------------------------------------------------------------------


def test_a_late_result_is_named_and_listed_when_its_time_has_come() -> None:
    lab = opened({"result": {"delay": "90s"}})

    async def story() -> None:
        job = await finished(lab)
        assert (job.status, job.result_files) == ("succeeded", ())
        assert len(await files(lab)) == 1
        await lab.advance(89.9)
        assert (await lab.job(job.id)).result_files == ()
        assert len(await files(lab)) == 1
        await lab.advance(0.1)
        (id,) = (await lab.job(job.id)).result_files
        assert (await files(lab))[-1] == id
        view = await lab.services.files.retrieve(await lab.visit(), id)
        assert view.created_at == (await lab.timeline(job.id)).result_at
        await lab.services.files.delete(await lab.visit(), id)
        await lab.advance(10**6)
        assert id not in await files(lab)

    run(story)
    lab.close()


def test_what_comes_late_is_something_to_advance_to() -> None:
    lab = opened({"result": {"delay": "90s"}, "events": {"after_terminal": "1h"}, "model": {"gone_at": "2h"}})

    async def story() -> None:
        job = await finished(lab)
        timeline, seen_ = await lab.timeline(job.id), []
        for _ in range(8):
            moved = await lab.services.clocks.advance_to_next(await lab.visit())
            seen_.append(moved.now)
            if moved.now == timeline.landmarks()[-1]:
                break
        window = timeline.window
        assert window is not None
        assert {timeline.result_at, timeline.last_listed_at, window.gone_at} <= set(seen_)

    run(story)
    lab.close()


@pytest.mark.parametrize("missing", ["empty", "dangling"])
def test_a_missing_result_never_comes(missing: str) -> None:
    lab = opened({"result": {"missing": missing}})

    async def story() -> None:
        job = await finished(lab)
        await lab.advance(10**6)
        named = (await lab.job(job.id)).result_files
        assert len(named) == (missing == "dangling")
        assert len(await files(lab)) == 1
        for id in named:
            for door in (lab.services.files.retrieve, lab.services.files.content):
                with pytest.raises(NotFoundError):
                    await door(await lab.visit(), id)
        # The models come all the same.
        assert len(list((await lab.visit()).sandbox.models.oldest_first())) == 3

    run(story)
    lab.close()


def test_a_result_with_losses_that_are_no_numbers_can_be_read() -> None:
    lab = opened({"metrics": {"shape": "nan"}})

    async def story() -> None:
        job = await finished(lab)
        content = await lab.services.files.content(await lab.visit(), job.result_files[0])
        rows = base64.b64decode(b"".join(content.pieces)).decode().splitlines()
        assert len(rows) == 97
        assert rows[-1] == "96,nan,0.0,,"

    run(story)
    lab.close()


# -- models ------------------------------------------------------------------------------------------------------------


def test_an_idle_model_is_unloaded_and_loads_again_when_it_is_asked() -> None:
    lab = opened({"model": {"absent_for": "0s", "loading_for": "60s", "idle_for": "10m"}})

    async def story() -> None:
        name = (await finished(lab)).fine_tuned_model
        await lab.advance(60)
        assert (await ask(lab, name)).model == name
        await lab.advance(600)
        assert (await ask(lab, name)).model == name  # ten minutes are not longer than ten minutes
        await lab.advance(601)
        assert (await lab.services.models.retrieve(await lab.visit(), name)).id == name
        with pytest.raises(ModelLoadingError) as caught:
            await ask(lab, name)
        assert caught.value.retry_after_s == 60
        await lab.advance(59)
        with pytest.raises(ModelLoadingError) as caught:
            await ask(lab, name)
        assert caught.value.retry_after_s == 1
        await lab.advance(1)
        assert (await ask(lab, name)).model == name

    run(story)
    lab.close()


def test_looking_at_a_model_keeps_it_in_memory_no_longer() -> None:
    """Only requests for answers are use."""
    lab = opened({"model": {"absent_for": "0s", "loading_for": "60s", "idle_for": "10m"}})

    async def story() -> None:
        name = (await finished(lab)).fine_tuned_model
        await lab.advance(60)
        for _ in range(11):
            await lab.advance(60)
            await lab.services.models.retrieve(await lab.visit(), name)
            await lab.services.models.list(await lab.visit())
        with pytest.raises(ModelLoadingError):
            await ask(lab, name)

    run(story)
    lab.close()


def test_a_checkpoint_is_in_memory_on_its_own() -> None:
    lab = opened({"model": {"absent_for": "0s", "loading_for": "60s", "idle_for": "10m"}})

    async def story() -> None:
        job = await finished(lab)
        page = await lab.services.jobs.checkpoints(await lab.visit(), job.id, after=None, limit=3)
        await lab.advance(60)
        for _ in range(3):
            await lab.advance(400)
            await ask(lab, page.items[0].model)
        with pytest.raises(ModelLoadingError):
            await ask(lab, page.items[1].model)

    run(story)
    lab.close()


def test_a_model_that_goes_is_unknown_again_for_good() -> None:
    lab = opened({"model": {"absent_for": "1m", "loading_for": "1m", "gone_at": "58m"}})

    async def story() -> None:
        job = await finished(lab)
        name = job.fine_tuned_model
        await lab.advance(3599)
        assert (await ask(lab, name)).model == name
        await lab.advance(1)
        for door in (ask(lab, name), lab.services.models.retrieve(await lab.visit(), name)):
            with pytest.raises(NotFoundError):
                await door
        assert name not in [each.id for each in await lab.services.models.list(await lab.visit())]
        with pytest.raises(ApiError, match="not available for fine-tuning"):
            await lab.create(job.request.training_file, model=name)
        assert (await lab.job(job.id)).fine_tuned_model == name

    run(story)
    lab.close()


def test_a_model_that_stalls_holds_its_answer_back_for_a_bounded_time() -> None:
    lab = opened({"model": {"absent_for": "0s", "loading_for": "60s", "loading_as": "stall", "stall_for": "5s"}})

    async def story() -> None:
        name = (await finished(lab)).fine_tuned_model
        with pytest.raises(ServiceUnavailableError) as caught:
            await ask(lab, name)
        assert caught.value.stall_s == 5
        await lab.advance(60)
        assert (await ask(lab, name)).model == name

    run(story)
    lab.close()


# -- how a job is written ----------------------------------------------------------------------------------------------


def test_an_unknown_status_is_written_for_a_while_and_changes_nothing() -> None:
    lab = opened({"job": {"wire": {"status": "preparing", "instead_of": "queued", "shown_for": "2s"}}})

    async def story() -> None:
        file = await lab.upload()
        await lab.advance(2)
        job = await lab.create(file.id)
        seen = []
        for _ in range(52):
            view = await lab.job(job.id)
            seen.append((view.status, job_json(view, "observed")["status"], job_json(view, "sdk")["status"]))
            await lab.advance(1)
        assert list(dict.fromkeys(seen)) == [
            ("validating_files", "validating_files", "validating_files"),
            ("queued", "preparing", "queued"),
            ("queued", "queued", "queued"),
            ("running", "running", "running"),
        ]
        assert seen.count(("queued", "preparing", "queued")) == 2

    run(story)
    lab.close()


@pytest.mark.parametrize(
    ("no_error", "written"),
    [("empty", {"error": {}}), ("none", {"error": None}), ("absent", {}),
     ("nulls", {"error": {"code": None, "message": None, "param": None}})],
)  # fmt: skip
def test_a_job_that_did_not_fail_writes_its_error_as_the_scenario_wants(no_error: str, written: dict[str, Any]) -> None:
    lab = opened({"job": {"wire": {"no_error": no_error, "initial_status": "queued"}}})

    async def story() -> None:
        created = await lab.create()
        assert job_json(created, "observed")["status"] == "queued"
        for view in (created, await lab.job(created.id)):
            document = job_json(view, "observed")
            assert {key: value for key, value in document.items() if key == "error"} == written
            assert job_json(view, "sdk")["error"] is None
        assert (await lab.job(created.id)).status == "validating_files"

    run(story)
    lab.close()


def test_a_failed_job_writes_its_error_whatever_the_scenario_says_of_others() -> None:
    lab = opened({"job": {"outcome": "failed", "wire": {"no_error": "absent"}}})

    async def story() -> None:
        assert job_json(await finished(lab), "observed")["error"]["code"] == "server_error"

    run(story)
    lab.close()


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_running_job_says_when_it_expects_to_be_over_and_knows_of_no_failure(outcome: str) -> None:
    lab = opened({"job": {"estimated_finish": True, "outcome": outcome}})

    async def story() -> None:
        job = await lab.create()
        assert (await lab.job(job.id)).estimated_finish is None
        plan = (await lab.timeline(job.id)).plan
        await lab.advance(60)
        assert (await lab.job(job.id)).estimated_finish == plan.expected_finish == FROZEN_START + 291 * SECOND
        await lab.services.jobs.pause(await lab.visit(), job.id)
        assert (await lab.job(job.id)).estimated_finish is None
        await lab.advance(100)
        await lab.services.jobs.resume(await lab.visit(), job.id)
        await lab.advance(10)
        assert (await lab.job(job.id)).estimated_finish == FROZEN_START + (291 + 104) * SECOND
        await lab.advance(10**4)
        assert (await lab.job(job.id)).estimated_finish is None

    run(story)
    lab.close()


# -- signals -----------------------------------------------------------------------------------------------------------


def test_a_training_file_that_is_deleted_from_outside_leaves_the_list_and_fails_the_job() -> None:
    lab = opened({"signals": [{"at": "20s", "do": "delete_file"}]})

    async def story() -> None:
        file = await lab.upload()
        job = await lab.create(file.id)
        await lab.advance(19.9)
        assert await files(lab) == [file.id]
        await lab.advance(0.1)
        assert await files(lab) == []
        await lab.advance(100)
        error = (await lab.job(job.id)).error
        assert error is not None
        assert "was deleted before it was validated" in error.message

    run(story)
    lab.close()


def test_a_file_is_not_deleted_before_it_is_processed() -> None:
    lab = opened({"files": {"processing": "1m"}, "signals": [{"at": "20s", "do": "delete_file"}]})

    async def story() -> None:
        file = await lab.upload()
        await lab.create(file.id)
        await lab.advance(59)
        assert await files(lab) == [file.id]
        await lab.advance(1)
        assert await files(lab) == []

    run(story)
    lab.close()


def test_two_jobs_of_one_instant_may_lose_the_same_file() -> None:
    lab = opened({"signals": [{"at": "20s", "do": "delete_file"}, {"at": "20s", "do": "delete_file"}]})

    async def story() -> None:
        file = await lab.upload()
        jobs = [await lab.create(file.id) for _ in range(3)]
        await lab.advance(100)
        assert {(await lab.job(job.id)).status for job in jobs} == {"failed"}

    run(story)
    lab.close()


def test_a_file_may_expire_at_the_instant_it_is_deleted() -> None:
    lab = opened({"signals": [{"at": "1h", "do": "delete_file"}]})

    async def story() -> None:
        upload = Upload("a.jsonl", "fine-tune", lab.blob(dataset()), dataset(), expires_after_s=3600)
        file = await lab.services.files.create(await lab.visit(), upload)
        job = await lab.create(file.id)
        await lab.advance(3600)
        assert len(await files(lab)) == 1  # the result alone
        assert (await lab.job(job.id)).status == "succeeded"

    run(story)
    lab.close()


def test_an_earlier_end_that_a_request_brings_about_brings_the_objects_earlier() -> None:
    """The scenario's pause finds the job queued after a resume, and its resume much later finds nothing to do."""
    lab = opened({"signals": [{"at": "2m", "do": "pause"}, {"at": "1h", "do": "resume"}]})

    async def story() -> None:
        job = await lab.create()
        await lab.advance(110)
        assert (await lab.timeline(job.id)).succeeds_at == FROZEN_START + (291 + 3480 + 4) * SECOND
        await lab.services.jobs.pause(await lab.visit(), job.id)
        await lab.advance(8)
        await lab.services.jobs.resume(await lab.visit(), job.id)
        await lab.advance(200)
        done = await lab.job(job.id)
        assert done.status == "succeeded"
        assert list(done.result_files) == (await files(lab))[-1:]
        await lab.advance(10**4)
        assert len(await files(lab)) == 2
        assert len(list((await lab.visit()).sandbox.models.oldest_first())) == 3

    run(story)
    lab.close()


# -- for one job alone -------------------------------------------------------------------------------------------------


def test_metadata_names_a_scenario_for_one_job_alone() -> None:
    lab = Lab.open()

    async def story() -> None:
        file = await lab.upload()
        own = await lab.create(file.id, metadata=(("run", "7"), ("mocktune_scenario", "cancelled-outside")))
        other = await lab.create(file.id, metadata=(("run", "8"),))
        assert own.request.metadata == (("run", "7"), ("mocktune_scenario", "cancelled-outside"))
        await lab.advance(10**4)
        assert (await lab.job(own.id)).status == "cancelled"
        assert (await lab.job(other.id)).status == "succeeded"

    run(story)
    lab.close()


def test_an_in_band_scenario_leaves_files_limits_and_clock_to_the_sandbox() -> None:
    lab = opened({"limits": {"quota_usd": 500}, "files": {"processing": "9s"}})

    async def story() -> None:
        job = await lab.create(metadata=(("mocktune_scenario", "quick"),))
        record = (await lab.visit()).sandbox.jobs.get(job.id)
        assert record is not None
        quick = packaged_scenario("quick")
        assert record.scenario.name == "quick"
        assert (record.scenario.job, record.scenario.model) == (quick.job, quick.model)
        assert record.scenario.limits.quota_usd == 500
        assert record.scenario.files.processing == Duration(9 * SECOND)
        assert record.quota is not None

    run(story)
    lab.close()


def test_the_rules_of_an_in_band_scenario_are_about_that_job_alone() -> None:
    lab = Lab.open()

    async def story() -> None:
        file = await lab.upload()
        await lab.create(file.id)
        sandbox = (await lab.visit()).sandbox
        assert sandbox.faults is None
        job = await lab.create(file.id, metadata=(("mocktune_scenario", "flaky-5xx"),))
        assert sandbox.faults is not None
        kept = sandbox.faults.kept
        await lab.create(file.id)
        assert sandbox.faults.kept == kept
        assert len(kept) == len(packaged_scenario("flaky-5xx").faults) > 0
        assert {each.job_id for each in kept} == {job.id}
        assert sandbox.faults.about("fine_tuning.jobs.retrieve", "ftjob-other") == []

    run(story)
    lab.close()


def test_the_sandboxs_own_rules_are_not_made_again_for_each_job() -> None:
    lab = Lab.open("flaky-5xx")

    async def story() -> None:
        await lab.create()
        faults = (await lab.visit()).sandbox.faults
        assert faults is not None
        assert len(faults.kept) == len(packaged_scenario("flaky-5xx").faults)

    run(story)
    lab.close()


def test_an_unknown_scenario_is_refused_and_leaves_nothing_behind() -> None:
    lab = Lab.open()

    async def story() -> None:
        file = await lab.upload()
        with pytest.raises(ParameterError, match="did you mean 'model-gone'") as caught:
            await lab.create(file.id, metadata=(("mocktune_scenario", "modl-gone"),))
        assert caught.value.param == "metadata.mocktune_scenario"
        sandbox = (await lab.visit()).sandbox
        assert len(sandbox.jobs) == 0
        assert sandbox.counts == {"file": 1}

    run(story)
    lab.close()


def test_in_band_scenarios_can_be_switched_off() -> None:
    lab = Lab.open(inband=False)

    async def story() -> None:
        job = await lab.create(metadata=(("mocktune_scenario", "no such"),))
        assert (await lab.job(job.id)).status == "validating_files"

    run(story)
    lab.close()


# -- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skew", "seconds"), [("7m", 420), ("-90s", -90)])
def test_a_skewed_clock_is_off_from_the_start(skew: str, seconds: int) -> None:
    lab = Lab.open("realistic", f"clock.skew={skew}")

    async def story() -> None:
        assert (await lab.create()).created_at == FROZEN_START + seconds * SECOND

    run(story)
    lab.close()
    moving = Lab.open("realistic", f"clock.skew={skew}", clock="real")
    visit = asyncio.run(moving.visit())
    assert visit.now == NO_WALL + seconds * SECOND
    moving.close()


def test_a_skew_comes_on_top_of_a_start_and_stops_at_the_epoch() -> None:
    for start, skew, expected in ((1_800_000_000, "7m", 1_800_000_420), (10, "-90s", 0)):
        lab = Lab.open("realistic", f"clock.start={start}", f"clock.skew={skew}")
        assert asyncio.run(lab.visit()).now == expected * SECOND
        lab.close()


# -- laws --------------------------------------------------------------------------------------------------------------

EVENTFUL: tuple[dict[str, Any], ...] = (
    {"signals": [{"at": "40%", "do": "pause"}, {"at": "40%+2m", "do": "resume"}], "result": {"delay": "30s"}},
    {"signals": [{"at": "100s", "do": "cancel"}], "events": {"after_terminal": "20s"}},
    {"events": {"safety": True, "after_terminal": "10s", "extra": [{"at": "30%"}, {"at": "70s"}]},
     "job": {"estimated_finish": True}, "metrics": {"shape": "nan"}},
    {"model": {"gone_at": "40s", "absent_for": "3s", "loading_for": "9s"}, "metrics": {"shape": "diverge"},
     "job": {"wire": {"status": "odd", "shown_for": "70s"}}},
    {"signals": [{"at": "20s", "do": "delete_file"}], "result": {"missing": "dangling"}},
    {"job": {"outcome": "failed", "failure": {"phase": "safety"}}, "events": {"safety": True}},
)  # fmt: skip


async def seen(lab: Lab, id: str) -> str:
    """Everything a client may look at, as JSON."""
    visit, services = await lab.visit(), lab.services
    events = await services.jobs.events(visit, id, after=None, limit=1000)
    checkpoints = await services.jobs.checkpoints(visit, id, after=None, limit=10)
    listed = await services.files.list(visit, purpose=None, after=None, limit=100, order="asc")
    return json.dumps(
        [
            job_json(await services.jobs.retrieve(visit, id), "observed"),
            [event_json(each) for each in events.items],
            [checkpoint_json(each) for each in checkpoints.items],
            [file_json(each, "observed") for each in listed.items],
            [each.id for each in await services.models.list(visit)],
        ],
        allow_nan=False,
    )


@given(
    document=st.sampled_from(EVENTFUL),
    first=st.integers(0, 500),
    second=st.integers(0, 500),
    looks=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_two_advances_are_one_however_often_one_looks(
    document: dict[str, Any], first: int, second: int, looks: bool
) -> None:
    async def story(*advances: int) -> str:
        lab = opened(document)
        try:
            job = await lab.create()
            for seconds in advances:
                if looks and len(advances) > 1:
                    await seen(lab, job.id)
                await lab.advance(seconds)
            return await seen(lab, job.id)
        finally:
            lab.close()

    assert asyncio.run(story(first, second)) == asyncio.run(story(first + second))


@pytest.mark.parametrize("document", EVENTFUL, ids=lambda document: "+".join(document))
@pytest.mark.parametrize("seconds", [10, 60, 150, 200, 300, 325, 900])
def test_what_is_saved_goes_on_as_it_would_have(document: dict[str, Any], seconds: int) -> None:
    lab = opened(document)

    async def story() -> None:
        job = await lab.create()
        await lab.advance(seconds)
        visit = await lab.visit()
        state = read_state(write_state(save_state(visit)))
        other = Lab.open(state=state, seed=99)
        try:
            await other.services.load(other.services.sandboxes.open(other.key, other.wall))
            for later in (0, 15, 50, 200, 10**4):
                await lab.advance(later)
                await other.advance(later)
                assert await seen(other, job.id) == await seen(lab, job.id)
        finally:
            other.close()

    run(story)
    lab.close()


def test_each_job_keeps_the_scenario_it_was_created_under() -> None:
    lab = opened({"signals": [{"at": "40%", "do": "cancel"}]})

    async def story() -> None:
        file = await lab.upload()
        before = await lab.create(file.id)
        use(lab, {"metrics": {"shape": "nan"}, "events": {"safety": True}})
        after = await lab.create(file.id)
        await lab.advance(10**4)
        assert [(await lab.job(job.id)).status for job in (before, after)] == ["cancelled", "succeeded"]

    run(story)
    lab.close()


def test_parts_that_are_not_used_cost_a_plan_nothing() -> None:
    """What a scenario does not ask for is not there: not even an empty table of extra events."""
    assert Scenario().signals == ()
    lab = Lab.open()

    async def story() -> None:
        timeline = await lab.timeline((await finished(lab)).id)
        assert timeline._extra_places == ()
        assert timeline.effective is timeline.signals
        assert (await lab.visit()).sandbox.ledger("model_use").get(timeline.fine_tuned_model) is None

    run(story)
    lab.close()


def test_an_event_of_any_type_is_written_within_the_sdk_types_when_asked_to() -> None:
    lab = opened({"events": {"extra": [{"type": "capacity_notice", "message": "moved", "data": {"n": 1}, "at": "0s"}]}})

    async def story() -> None:
        job = await lab.create()
        page = await lab.services.jobs.events(await lab.visit(), job.id, after=None, limit=1)
        (event,) = page.items
        assert event_json(event, "observed")["type"] == "capacity_notice"
        assert event_json(event, "sdk")["type"] == "message"
        assert event_json(event)["data"] == {"n": 1}

    run(story)
    lab.close()
