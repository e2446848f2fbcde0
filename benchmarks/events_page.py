"""A page of 20 events of a job of 1,000,000 steps, against the same page of a job of 300 steps.

Goal 10, over HTTP and where the route calls the service. Pages: the first, one in the middle and the last but one.
CPU time of the server per request is compared, the steadiest figure there is. Both jobs stand on the same server; the
long one has 20,000 examples and 50 epochs, the short one 100 examples and 3.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

from _data import examples
from _lib import (
    KEY,
    MOCKTUNE,
    SERVER_SEED,
    LoadGenerator,
    Row,
    Server,
    alternate,
    arguments,
    get_request,
    print_table,
    ratio_row,
)

from mocktune.bootstrap import bootstrap, make_settings
from mocktune.domain.draws import derive_seed
from mocktune.domain.hyperparameters import Requested
from mocktune.domain.ids import event_id
from mocktune.domain.objects import JobRequest
from mocktune.service.files import Upload
from mocktune.service.sandboxes import Visit

STEPS_OF = {"long": (20_000, 50), "short": (100, 3)}


def cursors(ordinal: int, steps: int) -> dict[str, str | None]:
    """``after`` of the first page, of one in the middle of the training and of one near its beginning."""
    job_seed = derive_seed(derive_seed(SERVER_SEED, "sandbox", KEY), "job", ordinal, -1)
    return {"first": None, "middle": event_id(job_seed, steps // 2), "last": event_id(job_seed, 30)}


def request(job: str, cursor: str | None) -> bytes:
    after = f"&after={cursor}" if cursor else ""
    return get_request(f"/v1/fine_tuning/jobs/{job}/events?limit=20{after}")


def over_http(shapes: dict[str, tuple[int, int]], pairs: int, seconds: float) -> list[Row]:
    rows = []
    with Server(*MOCKTUNE) as server, LoadGenerator() as load:
        jobs, after = {}, {}
        for ordinal, (name, (count, epochs)) in enumerate(shapes.items()):
            hyperparameters = {"n_epochs": epochs, "batch_size": 1}
            jobs[name] = server.finished_job(examples(count), hyperparameters=hyperparameters)
            after[name] = cursors(ordinal, count * epochs)
        for page in ("first", "middle", "last"):
            requests = {name: request(jobs[name], after[name][page]) for name in shapes}
            for each in requests.values():
                load.run(server, [each], connections=4, seconds=seconds / 2)
            measure = partial(load.run, server, connections=4, seconds=seconds)
            measured = alternate(partial(measure, [requests["long"]]), partial(measure, [requests["short"]]), pairs)
            cpu = [(a.cpu_us, b.cpu_us) for a, b in measured]
            rows.append(ratio_row(f"10 {page} page over HTTP, CPU", cpu, "us", ("<=", 1.2)))
            wall = [(1e6 / a.requests_per_s, 1e6 / b.requests_per_s) for a, b in measured]
            rows.append(ratio_row("   the same, wall time", wall, "us"))
    return rows


async def at_service_level(shapes: dict[str, tuple[int, int]], pairs: int, calls: int) -> list[Row]:
    services = bootstrap(make_settings("realistic", clock="frozen", seed=SERVER_SEED))

    sandbox = services.sandboxes.open(KEY, services.clock.wall())

    async def visit() -> Visit:
        return await services.visit(sandbox)

    jobs, after = {}, {}
    for ordinal, (name, (count, epochs)) in enumerate(shapes.items()):
        content, writer = examples(count), services.blobs.writer()
        writer.write(content)
        file = await services.files.create(await visit(), Upload("a.jsonl", "fine-tune", writer.commit(), content))
        asked = JobRequest("gpt-4o-mini-2024-07-18", file.id, hyperparameters=Requested(epochs, 1))
        jobs[name] = (await services.jobs.create(await visit(), asked)).id
        after[name] = cursors(ordinal, count * epochs)
    for id in jobs.values():
        await services.clocks.advance_until(await visit(), id, "terminal")
    await services.clocks.advance_by(await visit(), 3600 * 1_000_000)
    now = await visit()

    def timed(job: str, cursor: str | None) -> float:
        """Microseconds of one page."""

        async def many() -> float:
            began = time.process_time()
            for _ in range(calls):
                page = await services.jobs.events(now, job, after=cursor, limit=20)
            assert len(page.items) == 20
            return (time.process_time() - began) / calls * 1e6

        coroutine = many()
        try:
            coroutine.send(None)  # nothing in it waits
        except StopIteration as done:
            value: float = done.value
            return value
        raise AssertionError("the service waited")

    rows = []
    for page in ("first", "middle", "last"):
        ours, peer = (partial(timed, jobs[name], after[name][page]) for name in ("long", "short"))
        measured = alternate(ours, peer, pairs)
        rows.append(ratio_row(f"10 {page} page, service level", measured, "us", ("<=", 1.2)))
    services.close()
    return rows


def main() -> None:
    given = arguments(__doc__)
    shapes = {"long": (1000, 50), "short": (100, 3)} if given.quick else STEPS_OF
    rows = over_http(shapes, given.pairs, 0.3 if given.quick else 1.5)
    rows += asyncio.run(at_service_level(shapes, given.pairs, 50 if given.quick else 500))
    steps = shapes["long"][0] * shapes["long"][1]
    print(f"mocktune: a job of {steps:,} steps")
    print_table(rows, peer="300 steps")


if __name__ == "__main__":
    main()
