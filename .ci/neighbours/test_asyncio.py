"""pytest-asyncio in strict mode: asyncio.sleep is skipped in the test's loop, real timeouts stay real."""

import asyncio
import time

import pytest
import pytest_asyncio
import train


@pytest.mark.asyncio
async def test_a_job_lives(mocktune):
    job = await train.main_async()
    assert job.status == "succeeded"
    assert mocktune.clock.elapsed > "1m"
    mocktune.verdict.assert_clean()


@pytest.mark.asyncio
async def test_jobs_side_by_side(mocktune):
    jobs = await asyncio.gather(*(train.main_async() for _ in range(3)))
    assert {job.status for job in jobs} == {"succeeded"}


@pytest_asyncio.fixture
async def finished(mocktune):
    return await train.main_async()


@pytest.mark.asyncio
async def test_a_fixture_that_trains(finished):
    assert finished.status == "succeeded"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def loop_of_the_module():
    return asyncio.get_running_loop()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_loop_of_the_module(loop_of_the_module, mocktune):
    assert asyncio.get_running_loop() is loop_of_the_module
    assert (await train.main_async()).status == "succeeded"


@pytest.mark.asyncio(loop_scope="module")
async def test_that_loop_sleeps_for_real_without_the_fixture(loop_of_the_module):
    began = time.monotonic()
    await asyncio.sleep(0.05)
    assert time.monotonic() - began > 0.04


def test_a_loop_of_its_own(mocktune):
    assert asyncio.run(train.main_async()).status == "succeeded"
