"""From a file of examples to a model that answers, with both kinds of clients."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mocktune_client
from mocktune.server import RunningServer
from mocktune_client import JobFailed, ModelNotReady, TuningError, WaitTimeout

from .lab import MARV, MODEL, ONE_EPOCH, Lab, fixtures

server, lab = fixtures("job.step=500ms")


def test_a_whole_life_synchronously(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "marv.jsonl"
    path.write_bytes(MARV)
    tuner = lab.tuner()

    file = tuner.upload(path)
    assert (file.status, file.filename, file.bytes) == ("processed", "marv.jsonl", len(MARV))
    job = tuner.create(
        model=MODEL, training_file=file.id, validation_file=file.id, suffix="marv", seed=7, method=ONE_EPOCH
    )
    messages = [event.message for event in tuner.follow(job.id)]
    assert messages[0] == f"Created fine-tuning job: {job.id}"
    assert messages[-1] == "The job has successfully completed"
    job = tuner.wait(job.id)
    assert (job.status, job.seed) == ("succeeded", 7)
    assert job.fine_tuned_model
    tuner.wait_for_model(job.fine_tuned_model)
    lab.unbroken.chat.completions.create(model=job.fine_tuned_model, messages=[{"role": "user", "content": "Hi"}])
    assert [row.step for row in tuner.results(job).rows] == list(range(1, 41))


def test_a_whole_life_asynchronously(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "marv.jsonl"
    path.write_bytes(MARV)

    async def life() -> None:
        async with lab.async_client as client:
            tuner = lab.async_tuner(client)
            file = await tuner.upload(str(path))
            assert (await tuner.wait_for_file(file.id)).status == "processed"
            job = await tuner.create(model=MODEL, training_file=file.id, method=ONE_EPOCH)
            messages = [event.message async for event in tuner.follow(job.id)]
            assert messages[0] == f"Created fine-tuning job: {job.id}"
            assert messages[-1] == "The job has successfully completed"
            job = await tuner.wait(job.id)
            assert job.fine_tuned_model
            await tuner.wait_for_model(job.fine_tuned_model)
            lab.unbroken.chat.completions.create(
                model=job.fine_tuned_model, messages=[{"role": "user", "content": "Hi"}]
            )
            assert len((await tuner.results(job)).rows) == 40

    asyncio.run(life())


def test_both_kinds_of_clients_cause_the_same_requests(server: RunningServer) -> None:
    """One text of each operation serves both: what they send, in which order, cannot differ."""
    kinds = []
    for run in (_follow_and_wait, lambda lab, job: asyncio.run(_follow_and_wait_async(lab, job))):
        with closing(Lab(server)) as lab:
            job = lab.job(until="queued")
            run(lab, job)
            # Jitter may cost one poll more or less: the kinds of requests are compared, not their number.
            kinds.append({each.replace(job, "ID") for each in lab.sent})
    assert kinds[0] == kinds[1]


def _follow_and_wait(lab: Lab, job: str) -> None:
    tuner = lab.tuner(poll_s=20)
    for _ in tuner.follow(job):
        pass
    tuner.wait(job)


async def _follow_and_wait_async(lab: Lab, job: str) -> None:
    async with lab.async_client as client:
        tuner = lab.async_tuner(client, poll_s=20)
        async for _ in tuner.follow(job):
            pass
        await tuner.wait(job)


def test_the_exports_are_the_documented_ones() -> None:
    assert mocktune_client.__all__ == sorted(mocktune_client.__all__)
    public = {name for name, value in vars(mocktune_client).items() if isinstance(value, type)}
    assert public == set(mocktune_client.__all__)
    errors = {each for each in vars(mocktune_client).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert all(issubclass(error, TuningError) for error in errors)


def test_importing_the_package_imports_neither_the_sdk_nor_the_service() -> None:
    code = (
        "import sys, mocktune_client; print([m for m in ('openai', 'httpx2', 'mocktune.service') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_can_be_pickled(lab: Lab) -> None:
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job())
    for error in (JobFailed(job), WaitTimeout("Job x", "paused", 3.0), ModelNotReady("m", 1.0, ValueError("no"))):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
