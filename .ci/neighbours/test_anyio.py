"""anyio's own plugin, on asyncio: anyio.sleep and move_on_after."""

import anyio
import pytest
import train


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_a_job_lives(mocktune):
    job = await train.main_async(sleep=anyio.sleep)
    assert job.status == "succeeded"
    assert mocktune.clock.elapsed > "1m"


@pytest.fixture
async def finished(mocktune):
    return await train.main_async(sleep=anyio.sleep)


@pytest.mark.anyio
async def test_a_fixture_that_trains(finished):
    assert finished.status == "succeeded"


@pytest.mark.anyio
async def test_a_task_group(mocktune):
    ended = []

    async def one():
        ended.append((await train.main_async(sleep=anyio.sleep)).status)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert ended == ["succeeded"] * 3
