"""Jobs at the service's door: what create refuses, what reading never changes, what files and jobs owe each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Lab, dataset

from mocktune.domain.clock import SECOND, ClockMode
from mocktune.domain.errors import ConflictError, InvalidRequestError, NotFoundError, ParameterError
from mocktune.http.render.files import file as file_json
from mocktune.http.render.jobs import checkpoint as checkpoint_json
from mocktune.http.render.jobs import event as event_json
from mocktune.http.render.jobs import job as job_json
from mocktune.http.render.models import model as model_json
from mocktune.service.clocks import ClockChange
from mocktune.service.files import Upload


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab.open()
    yield lab
    lab.close()


def run(story: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    return asyncio.run(story(*args))  # type: ignore[arg-type]  # every story is a coroutine


def test_create_answers_without_waiting_for_the_file(lab: Lab) -> None:
    async def story() -> None:
        file = await lab.upload()
        assert file.status == "uploaded"
        job = await lab.create(file.id)
        assert (job.status, job.hyperparameters) == ("validating_files", None)

    run(story)


@pytest.mark.parametrize(
    ("request_", "message", "code", "param"),
    [
        (
            {"model": "gpt-5"},
            "Model gpt-5 is not available for fine-tuning or does not exist.",
            "model_not_available",
            "model",
        ),
        ({"model": "o4-mini-2025-04-16"}, "Model o4-mini-2025-04-16 is not available", "model_not_available", "model"),
        ({"model": "ft:gpt-4o:x::abc"}, "is not available", "model_not_available", "model"),
        ({"validation_file": "file-none"}, "invalid validation_file: file-none", None, "validation_file"),
    ],
)
def test_create_refuses_what_it_can_know(
    lab: Lab, request_: dict[str, str], message: str, code: str | None, param: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(lambda: lab.create(**request_))
    assert message in caught.value.message
    assert (caught.value.code, caught.value.param) == (code, param)


def test_an_unknown_training_file_is_refused_at_create(lab: Lab) -> None:
    with pytest.raises(ParameterError, match="invalid training_file: file-none"):
        run(lambda: lab.create("file-none"))


def test_a_file_deleted_before_validation_fails_the_job(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        await lab.advance(3)
        await lab.services.files.delete(await lab.visit(), job.request.training_file)
        ended = await lab.run_to_end(job.id)
        assert ended.status == "failed"
        assert ended.error is not None
        assert "was deleted" in ended.error.message

    run(story)


def test_a_file_deleted_after_validation_still_teaches_the_model(lab: Lab) -> None:
    async def story() -> str | None:
        job = await lab.create()
        await lab.advance(100)
        await lab.services.files.delete(await lab.visit(), job.request.training_file)
        ended = await lab.run_to_end(job.id)
        assert ended.status == "succeeded"
        from mocktune.service.chat import ChatRequest

        request = ChatRequest(str(ended.fine_tuned_model), [{"role": "user", "content": "What is 3 plus 3?"}])
        return (await lab.services.chat.complete(await lab.visit(), request)).choices[0].content

    assert run(story) == "It is 6, of course."


def test_a_file_in_processing_is_not_deleted(lab: Lab) -> None:
    async def story() -> None:
        file = await lab.upload()
        with pytest.raises(ConflictError, match="still processing"):
            await lab.services.files.delete(await lab.visit(), file.id)
        await lab.advance(2)
        await lab.services.files.delete(await lab.visit(), file.id)
        with pytest.raises(NotFoundError, match="No such File object"):
            await lab.services.files.retrieve(await lab.visit(), file.id)

    run(story)


def test_bytes_of_a_file_that_no_job_names_go_with_it(lab: Lab) -> None:
    async def story() -> None:
        file = await lab.upload()
        await lab.advance(2)
        await lab.services.files.delete(await lab.visit(), file.id)
        assert lab.services.blobs.used_bytes == 0  # type: ignore[attr-defined]  # the shipped adapter tells

    run(story)


def test_cancelling_a_finished_job_is_refused(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        await lab.run_to_end(job.id)
        with pytest.raises(InvalidRequestError, match=f"Job has already completed: {job.id}"):
            await lab.services.jobs.cancel(await lab.visit(), job.id)

    run(story)


def test_a_cancelled_job_brings_forth_no_model_and_no_result(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        await lab.advance(120)
        cancelled = await lab.services.jobs.cancel(await lab.visit(), job.id)
        assert cancelled.status == "cancelled"
        await lab.advance(10_000)
        visit = await lab.visit()
        assert len(visit.sandbox.models) == 0
        assert len(visit.sandbox.files) == 1
        assert (await lab.job(job.id)).finished_at == cancelled.finished_at

    run(story)


def test_a_tuned_model_and_its_checkpoint_can_be_tuned_again(lab: Lab) -> None:
    async def story() -> None:
        first = await lab.run_to_end((await lab.create()).id)
        checkpoint = (await lab.services.jobs.checkpoints(await lab.visit(), first.id, after=None, limit=10)).items[-1]
        assert "ckpt-step" in checkpoint.model
        for parent in (str(first.fine_tuned_model), checkpoint.model):
            again = await lab.create(model=parent, suffix="again")
            assert again.model == parent
            ended = await lab.run_to_end(again.id)
            assert str(ended.fine_tuned_model).startswith("ft:gpt-4o-mini-2024-07-18:mocktune:again:")

    run(story)


def test_a_deleted_model_cannot_be_tuned_again(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.run_to_end((await lab.create()).id)
        await lab.services.models.delete(await lab.visit(), str(job.fine_tuned_model))
        with pytest.raises(InvalidRequestError, match="is not available"):
            await lab.create(model=str(job.fine_tuned_model))
        assert (await lab.job(job.id)).fine_tuned_model == job.fine_tuned_model

    run(story)


def test_metadata_selects_jobs(lab: Lab) -> None:
    async def story() -> None:
        file = (await lab.upload()).id
        plain = await lab.create(file)
        tagged = await lab.create(file, metadata=(("run", "1"), ("env", "")))
        for metadata, expected in (
            ({}, [tagged, plain]), (None, [plain]), ({"run": "1"}, [tagged]), ({"env": ""}, [tagged]), ({"x": "2"}, [])
        ):  # fmt: skip
            page = await lab.services.jobs.list(await lab.visit(), after=None, limit=20, metadata=metadata)
            assert [job.id for job in page.items] == [job.id for job in expected]

    run(story)


def test_a_finished_job_is_seen_in_the_files_and_models_in_order_of_time(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        timeline = await lab.timeline(job.id)
        await lab.advance(10_000)
        late = await lab.upload(name="late.jsonl")
        page = await lab.services.files.list(await lab.visit(), purpose=None, after=None, limit=10, order="desc")
        assert page.items[0].id == late.id
        assert [file.purpose for file in page.items] == ["fine-tune", "fine-tune-results", "fine-tune"]
        assert page.items[1].created_at == timeline.plan.finished_at
        assert page.items[1].filename == "step_metrics.csv"

    run(story)


# -- reading never changes an outcome ------------------------------------------------------------------------------

reads = st.lists(
    st.tuples(
        st.sampled_from(["job", "jobs", "events", "checkpoints", "files", "models", "chat"]), st.integers(0, 400)
    ),
    max_size=12,
)


async def _outcome(reads: list[tuple[str, int]], cancel_at: int | None) -> bytes:
    """Two jobs' whole lives on a frozen clock, with reads at chosen seconds in between; the end state as bytes."""
    lab = Lab.open()
    try:
        file = await lab.upload()
        first = await lab.create(file.id, suffix="one")
        second = await lab.create(file.id, validation_file=file.id)
        steps: list[tuple[int, str]] = sorted((second_, what) for what, second_ in reads)
        if cancel_at is not None:
            steps = sorted([*steps, (cancel_at, "cancel")])
        passed = 0
        for at, what in steps:
            await lab.advance(at - passed)
            passed = at
            await _read(lab, what, first.id, second.id)
        await lab.advance(2000 - passed)
        return await _everything(lab, first.id, second.id)
    finally:
        lab.close()


async def _read(lab: Lab, what: str, first: str, second: str) -> None:
    services, visit = lab.services, await lab.visit()
    match what:
        case "job":
            await services.jobs.retrieve(visit, first)
        case "jobs":
            await services.jobs.list(visit, after=None, limit=1, metadata={})
        case "events":
            await services.jobs.events(visit, second, after=None, limit=5)
        case "checkpoints":
            await services.jobs.checkpoints(visit, first, after=None, limit=5)
        case "files":
            await services.files.list(visit, purpose=None, after=None, limit=5, order="asc")
        case "models":
            await services.models.list(visit)
        case "chat":
            from mocktune.service.chat import ChatRequest

            await services.chat.complete(visit, ChatRequest("gpt-4o-mini", [{"role": "user", "content": "Hi"}]))
        case "cancel":
            await services.jobs.cancel(visit, second)


async def _everything(lab: Lab, *jobs: str) -> bytes:
    services, visit = lab.services, await lab.visit()
    state: list[object] = []
    for id in jobs:
        state.append(job_json(await services.jobs.retrieve(visit, id), "observed"))
        page = await services.jobs.events(visit, id, after=None, limit=1000)
        state.append([event_json(each) for each in page.items])
        checkpoints = await services.jobs.checkpoints(visit, id, after=None, limit=10)
        state.append([checkpoint_json(each) for each in checkpoints.items])
    files = await services.files.list(visit, purpose=None, after=None, limit=100, order="desc")
    state += [file_json(each, "observed") for each in files.items]
    state += [model_json(each) for each in await services.models.list(visit)]
    return msgspec.json.encode(state)


@given(reads, st.one_of(st.none(), st.integers(0, 200)))
@settings(max_examples=40, deadline=None)
def test_number_and_timing_of_reads_never_change_an_outcome(
    reads: list[tuple[str, int]], cancel_at: int | None
) -> None:
    assert asyncio.run(_outcome(reads, cancel_at)) == asyncio.run(_outcome([], cancel_at))


@given(st.integers(1, 30), st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_any_page_size_enumerates_each_event_once(size: int, seconds: int) -> None:
    async def story() -> None:
        lab = Lab.open()
        job = await lab.create()
        await lab.advance(seconds)
        visit = await lab.visit()
        whole = (await lab.services.jobs.events(visit, job.id, after=None, limit=1000)).items
        paged: list[str] = []
        more = True
        while more:
            page = await lab.services.jobs.events(visit, job.id, after=paged[-1] if paged else None, limit=size)
            paged += [event.id for event in page.items]
            more = page.has_more
        assert paged == [event.id for event in whole]
        assert len(set(paged)) == len(paged)
        lab.close()

    asyncio.run(story())


def test_two_reads_at_one_now_agree(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        await lab.advance(170)
        assert await _everything(lab, job.id) == await _everything(lab, job.id)

    run(story)


def test_equal_seeds_give_equal_lives_and_other_seeds_others() -> None:
    async def life(seed: int) -> bytes:
        lab = Lab.open(seed=seed)
        try:
            job = await lab.create()
            await lab.run_to_end(job.id)
            return await _everything(lab, job.id)
        finally:
            lab.close()

    assert asyncio.run(life(1)) == asyncio.run(life(1)) != asyncio.run(life(2))


def test_a_job_wants_ten_examples(lab: Lab) -> None:
    async def story() -> None:
        file = await lab.upload(dataset(9))
        ended = await lab.run_to_end((await lab.create(file.id)).id)
        assert ended.error is not None
        assert ended.error.code == "invalid_n_examples"

    run(story)


def test_advance_until_a_status_that_never_comes_stops_at_the_end(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create((await lab.upload(dataset(9))).id)
        result = await lab.services.clocks.advance_until(await lab.visit(), job.id, "succeeded")
        assert not result.reached
        assert (await lab.job(job.id)).status == "failed"

    run(story)


def test_next_goes_from_landmark_to_landmark_and_says_when_nothing_is_due(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        timeline = await lab.timeline(job.id)
        advance = lab.services.clocks.advance_to_next
        seen = [(await advance(await lab.visit())).now for _ in timeline.landmarks()]
        assert seen == timeline.landmarks()
        with pytest.raises(ConflictError, match="Nothing is due"):
            await lab.services.clocks.advance_to_next(await lab.visit())

    run(story)


def test_an_advance_lists_the_transitions_on_its_way(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        result = await lab.services.clocks.advance_by(await lab.visit(), 3600 * SECOND)
        assert [(each.kind, each.status) for each in result.fired] == [
            ("file", "processed"),
            ("job", "queued"),
            ("job", "running"),
            ("job", "succeeded"),
            ("model", "loading"),
            ("model", "ready"),
        ]
        assert {each.job_id for each in result.fired[1:]} == {job.id}

    run(story)


# -- bytes are given back when nobody may read them -----------------------------------------------------------------


def used(lab: Lab) -> int:
    return int(lab.services.blobs.used_bytes)  # type: ignore[attr-defined]  # the shipped adapter tells


def test_bytes_of_a_deleted_file_go_when_its_jobs_have_failed_or_were_cancelled(lab: Lab) -> None:
    async def story() -> None:
        for data, cancel in ((dataset(9), False), (dataset(), True)):
            file = await lab.upload(data)
            job = await lab.create(file.id)
            await lab.advance(100)
            await lab.services.files.delete(await lab.visit(), file.id)
            if cancel:
                assert used(lab) > 0  # it is still training
                await lab.services.jobs.cancel(await lab.visit(), job.id)
            assert used(lab) == 0
            await lab.advance(5000)

    run(story)


def test_bytes_of_a_deleted_file_stay_until_its_last_model_is_deleted(lab: Lab) -> None:
    async def story() -> None:
        file = await lab.upload()
        job = await lab.run_to_end((await lab.create(file.id)).id)
        await lab.services.files.delete(await lab.visit(), file.id)
        checkpoints = await lab.services.jobs.checkpoints(await lab.visit(), job.id, after=None, limit=10)
        assert len(checkpoints.items) == 3
        for checkpoint in checkpoints.items:
            assert used(lab) > 0
            await lab.services.models.delete(await lab.visit(), checkpoint.model)
        assert used(lab) == 0

    run(story)


def test_bytes_of_an_expired_file_go_and_a_job_that_still_needed_it_fails(lab: Lab) -> None:
    async def story() -> None:
        upload = Upload("a.jsonl", "fine-tune", lab.blob(dataset()), dataset(), expires_after_s=3600)
        file = await lab.services.files.create(await lab.visit(), upload)
        await lab.advance(3590)
        job = await lab.create(file.id)
        await lab.advance(100)
        ended = await lab.job(job.id)
        assert ended.status == "failed"
        assert ended.error is not None
        assert "was deleted" in ended.error.message
        assert used(lab) == 0
        page = await lab.services.files.list(await lab.visit(), purpose=None, after=None, limit=10, order="asc")
        assert page.items == []

    run(story)


def test_next_stops_at_the_expiry_of_a_file(lab: Lab) -> None:
    async def story() -> None:
        upload = Upload("a.jsonl", "fine-tune", lab.blob(dataset()), dataset(), expires_after_s=3600)
        await lab.services.files.create(await lab.visit(), upload)
        advance = lab.services.clocks.advance_to_next
        elapsed = [(await advance(await lab.visit())).elapsed // SECOND for _ in range(2)]
        assert elapsed == [2, 3600]

    run(story)


def test_an_advance_of_an_unused_sandbox_is_not_undone_by_a_change_of_pace(lab: Lab) -> None:
    async def story() -> None:
        await lab.advance(30 * 86_400)
        view = lab.services.clocks.change(await lab.visit(), ClockChange(ClockMode.parse("x60")))
        assert view.elapsed == 30 * 86_400 * SECOND

    run(story)
