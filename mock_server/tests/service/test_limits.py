"""Caps, quota and standing of an organization, asked of the jobs a sandbox has at ``now``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from support import Lab, dataset

from mocktune.domain.errors import ApiError, InvalidRequestError, PermissionDeniedError, RateLimitError
from mocktune.domain.models import BASE_MODELS, Prices
from mocktune.domain.objects import JobRequest
from mocktune.service import limits

BIG, MINI = "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"
RATE_LIMITED = "This fine-tune request has been rate-limited. Your organization has reached the maximum of "


@pytest.fixture
def labs() -> Iterator[Callable[..., Lab]]:
    """``labs(*changes)`` opens a lab whose scenario is ``realistic`` with these changes."""
    opened: list[Lab] = []

    def open_lab(*changes: str) -> Lab:
        opened.append(Lab.open("realistic", *changes))
        return opened[-1]

    yield open_lab
    for lab in opened:
        lab.close()


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(story())  # type: ignore[arg-type]  # every story is a coroutine


async def check(lab: Lab, model: str = BIG) -> None:
    await limits.check_create(await lab.visit(), BASE_MODELS[model], lab.services.datasets)


async def refused(lab: Lab, model: str = BIG) -> RateLimitError:
    with pytest.raises(RateLimitError) as caught:
        await check(lab, model)
    return caught.value


# -- caps --------------------------------------------------------------------------------------------------------------


def test_a_fourth_job_on_gpt_4o_is_refused_while_three_are_not_over(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def story() -> None:
        file = (await lab.upload()).id
        for _ in range(2):
            await lab.create(file, model=BIG)
        await lab.advance(60)
        await check(lab)
        await lab.create(file, model=BIG)
        error = await refused(lab)
        assert error.message == (RATE_LIMITED + f"3 active requests (2 running, 1 pending) for the model '{BIG}'.")
        assert (error.type, error.code, error.param) == ("invalid_request_error", "rate_limit_exceeded", None)
        assert error.retry_after_s is None
        await check(lab, MINI)

    run(story)


def test_a_job_that_is_over_or_cancelled_makes_room(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def story() -> None:
        file = (await lab.upload()).id
        jobs = [await lab.create(file, model=BIG) for _ in range(3)]
        await refused(lab)
        await lab.services.jobs.cancel(await lab.visit(), jobs[0].id)
        await check(lab)
        await lab.create(file, model=BIG)
        await refused(lab)
        await lab.run_to_end(jobs[1].id)
        await check(lab)

    run(story)


def test_the_ninth_job_of_a_day_is_refused_and_cancelled_ones_count(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def story() -> None:
        file = (await lab.upload()).id
        await lab.advance(23 * 3600)
        for _ in range(8):
            await check(lab)
            job = await lab.create(file, model=BIG)
            await lab.services.jobs.cancel(await lab.visit(), job.id)
        error = await refused(lab)
        assert error.message == RATE_LIMITED + f"8 fine-tuning requests per day for the model '{BIG}'."
        assert (error.type, error.code) == ("invalid_request_error", "daily_rate_limit_exceeded")
        await lab.advance(3599)
        await refused(lab)
        await lab.advance(1)
        await check(lab)

    run(story)


def test_a_tuned_model_that_is_tuned_again_counts_for_its_base_model(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def story() -> None:
        file = (await lab.upload()).id
        tuned = (await lab.run_to_end((await lab.create(file, model=BIG)).id)).fine_tuned_model
        for _ in range(3):
            await lab.create(file, model=tuned)
        assert "(0 running, 3 pending)" in (await refused(lab)).message

    run(story)


def test_a_job_that_failed_unseen_makes_room(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def story() -> None:
        file = (await lab.upload(dataset(5))).id  # too few examples
        for _ in range(3):
            await lab.create(file, model=BIG)
        await lab.advance(50)
        # The clock's advance planned them all; a clock that ran by itself would not have.
        for job in (await lab.visit()).sandbox.jobs.newest_first():
            job.timeline = None
        await check(lab)

    run(story)


def test_a_file_that_is_deleted_while_a_create_waits_is_unknown(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def story() -> None:
        file, other = (await lab.upload()).id, (await lab.upload(dataset(400))).id
        await lab.advance(3)
        await lab.create(other, model="gpt-3.5-turbo-0125")  # whose file is read when the next job is created
        created, _ = await asyncio.gather(
            lab.create(file), lab.services.files.delete(await lab.visit(), file), return_exceptions=True
        )
        assert isinstance(created, InvalidRequestError)
        assert created.message == f"invalid training_file: {file}"

    run(story)


def test_without_caps_any_number_of_jobs_is_taken(labs: Callable[..., Lab]) -> None:
    lab = labs()

    async def story() -> None:
        file = (await lab.upload()).id
        for _ in range(9):
            await lab.create(file, model=BIG)
        await check(lab)
        timelines = [job.timeline for job in (await lab.visit()).sandbox.jobs.newest_first()]
        assert timelines == [None] * 9  # and nothing was read to find out

    run(story)


def test_of_two_creates_at_once_only_one_gets_the_last_place(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.caps=observed")

    async def create(file: str) -> bool:
        visit, datasets = await lab.visit(), lab.services.datasets
        await limits.plan_jobs(visit, datasets)
        try:
            await limits.check_create(visit, BASE_MODELS[BIG], datasets)
            await lab.services.jobs.create(visit, JobRequest(model=BIG, training_file=file))
        except RateLimitError:
            return False
        return True

    async def story() -> None:
        for n in range(2):  # files of their own, none of them read yet
            await lab.create((await lab.upload(dataset(12 + n))).id, model=BIG)
        file = (await lab.upload(dataset(40))).id
        assert sorted(await asyncio.gather(create(file), create(file), create(file))) == [False, False, True]

    run(story)


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_counts_what_the_sandbox_has_whether_caps_are_on_or_off(labs: Callable[..., Lab]) -> None:
    lab = labs()

    async def rows() -> dict[str, tuple[int, int, int, int]]:
        found = await limits.model_limits(await lab.visit(), lab.services.datasets)
        return {
            each.model: (
                each.counts.active, each.limits.max_pending_jobs, each.counts.today, each.limits.max_jobs_per_day
            )
            for each in found
        }  # fmt: skip

    async def story() -> None:
        assert list(await rows()) == sorted(BASE_MODELS)
        assert set((await rows()).values()) >= {(0, 3, 0, 8), (0, 2, 0, 4), (0, 3, 0, 12)}
        file = (await lab.upload()).id
        jobs = [await lab.create(file, model=MINI) for _ in range(7)]
        assert (await rows())[MINI] == (7, 5, 7, 24)
        await lab.services.jobs.cancel(await lab.visit(), jobs[0].id)
        assert (await rows())[MINI] == (6, 5, 7, 24)
        await lab.advance(24 * 3600)
        assert (await rows())[MINI] == (0, 5, 0, 24)

    run(story)


# -- quota -------------------------------------------------------------------------------------------------------------


def test_what_succeeded_is_spent_and_an_empty_quota_refuses(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.quota_usd=0.01")

    async def story() -> None:
        datasets = lab.services.datasets
        job = await lab.create(model=MINI)
        assert await limits.remaining_usd(await lab.visit(), datasets) == 0.01  # running jobs are not billed yet
        job = await lab.run_to_end(job.id)
        assert job.trained_tokens
        cost = job.trained_tokens * 3.0 / 1_000_000
        assert 0 < cost < 0.01
        left = await limits.remaining_usd(await lab.visit(), datasets)
        assert left == pytest.approx(0.01 - cost)
        await check(lab)
        sandbox = (await lab.visit()).sandbox
        sandbox.scenario = replace(sandbox.scenario, limits=replace(sandbox.scenario.limits, quota_usd=cost))
        error = await refused(lab)
        assert (error.type, error.code) == ("insufficient_quota", "insufficient_quota")
        assert error.message.startswith("You exceeded your current quota, please check your plan and billing details.")

    run(story)


def test_without_a_quota_nothing_is_counted(labs: Callable[..., Lab]) -> None:
    lab = labs()

    async def story() -> None:
        assert await limits.remaining_usd(await lab.visit(), lab.services.datasets) is None

    run(story)


def test_a_cancelled_job_is_billed_for_the_tokens_it_trained(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.quota_usd=1")

    async def spent(pause_s: float) -> float:
        job = await lab.create(model=MINI)
        before = await limits.remaining_usd(await lab.visit(), lab.services.datasets)
        training = (await lab.timeline(job.id)).plan.training
        assert training is not None
        visit = await lab.visit()
        await lab.advance((training.starts + training.lasts // 2 - visit.now) / 1_000_000)
        if pause_s:
            await lab.services.jobs.pause(await lab.visit(), job.id)
            await lab.advance(pause_s)
        await lab.services.jobs.cancel(await lab.visit(), job.id)
        after = await limits.remaining_usd(await lab.visit(), lab.services.datasets)
        assert before is not None
        assert after is not None
        whole = (await lab.timeline(job.id)).plan.trained_tokens * 3.0 / 1_000_000
        return (before - after) / whole

    async def story() -> None:
        assert await spent(0) == pytest.approx(0.5, abs=0.02)
        assert await spent(3600) == pytest.approx(0.5, abs=0.02)  # a pause costs nothing

    run(story)


def test_a_job_cancelled_before_its_training_and_a_failed_one_cost_nothing(labs: Callable[..., Lab]) -> None:
    lab = labs("limits.quota_usd=1", "job.outcome=failed")

    async def story() -> None:
        await lab.services.jobs.cancel(await lab.visit(), (await lab.create()).id)
        failed = await lab.run_to_end((await lab.create()).id)
        assert failed.status == "failed"
        assert await limits.remaining_usd(await lab.visit(), lab.services.datasets) == 1

    run(story)


@pytest.mark.parametrize(("cancelled", "part"), [(False, 1.0), (True, 0.25)])
def test_time_billed_training_costs_its_hours(labs: Callable[..., Lab], cancelled: bool, part: float) -> None:
    """RFTDOC: 100 dollars an hour of training, cancelled jobs up to then."""
    lab = labs("limits.quota_usd=1000", "job.training=2h")

    async def story() -> None:
        job = await lab.create()
        record = (await lab.visit()).sandbox.jobs.get(job.id)
        assert record is not None
        record.model = replace(record.model, prices=Prices(None, 4.0, 1.0, 16.0, training_hour=100.0))
        training = (await lab.timeline(job.id)).plan.training
        assert training is not None
        if cancelled:
            await lab.advance((training.starts + training.lasts * part - (await lab.visit()).now) / 1_000_000)
            await lab.services.jobs.cancel(await lab.visit(), job.id)
        else:
            await lab.run_to_end(job.id)
        left = await limits.remaining_usd(await lab.visit(), lab.services.datasets)
        assert left == pytest.approx(1000 - 200 * part)

    run(story)


# -- standing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("org", "code", "begins"),
    [
        ("wound_down", "training_not_available", "OpenAI is winding down the fine-tuning platform and your"),
        ("free", None, "Fine-tuning jobs cannot be created on an Explore plan."),
    ],
)
def test_an_organization_that_may_not_train_is_told_why(
    labs: Callable[..., Lab], org: str, code: str | None, begins: str
) -> None:
    lab = labs(f"limits.org={org}")
    with pytest.raises(PermissionDeniedError) as caught:
        limits.check_organization(run(lab.visit))
    assert caught.value.message.startswith(begins)
    assert (caught.value.type, caught.value.code) == ("invalid_request_error", code)


def test_an_active_organization_trains(labs: Callable[..., Lab]) -> None:
    limits.check_organization(run(labs().visit))


@pytest.mark.parametrize(
    ("org", "purpose", "allowed"),
    [("free", "fine-tune", False), ("free", "fine-tune-results", True), ("active", "fine-tune", True)],
)
def test_free_accounts_do_not_get_their_training_files_back(
    labs: Callable[..., Lab], org: str, purpose: str, allowed: bool
) -> None:
    visit = run(labs(f"limits.org={org}").visit)
    told: ApiError | None = None
    try:
        limits.check_download(visit, purpose)
    except InvalidRequestError as error:
        told = error
    assert (told is None) is allowed
