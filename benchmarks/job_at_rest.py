"""Memory of a finished job: everything that stays after it was created, driven to its end and retrieved.

Goal: less than 4 KiB a job, with its result file, its model and its two checkpoints. ``tracemalloc`` counts what Python
allocated; the jobs come in through the application, so that the texts of their requests count too. What the journal
remembers of those requests is emptied first: it is bounded, whatever the number of jobs.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from _asgi import call
from _data import examples
from _lib import KEY, MULTIPART, Row, arguments, multipart, print_table

from mocktune.bootstrap import bootstrap, make_settings
from mocktune.http.app import create_app


async def measure(jobs: int) -> tuple[float, float, list[tuple[float, str]]]:
    """KiB a job after it was retrieved, KiB a job right after its creation, and the largest places that keep them."""
    services = bootstrap(make_settings("realistic", clock="frozen", seed=42))
    app = create_app(services)
    head, tail = multipart("examples.jsonl")
    file = await call(app, "POST", "/v1/files", head + examples(40) + tail, MULTIPART)

    async def create(count: int) -> list[str]:
        ids = []
        for number in range(count):
            asked = {
                "model": "gpt-4o-mini-2024-07-18",
                "training_file": file["id"],
                "suffix": f"job-{number}",
                "metadata": {"run": str(number)},
            }
            ids.append((await call(app, "POST", "/v1/fine_tuning/jobs", asked))["id"])
        return ids

    async def finish(ids: list[str]) -> None:
        await call(app, "POST", "/_mocktune/clock/advance", {"by": "24h"})
        for id in ids:
            assert (await call(app, "GET", f"/v1/fine_tuning/jobs/{id}"))["status"] == "succeeded"

    def now_bytes() -> int:
        services.sandboxes.open(KEY, services.clock.wall()).journal.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    await finish(await create(20))
    tracemalloc.start(1)
    before = now_bytes()
    ids = await create(jobs)
    created = now_bytes() - sum(map(len, ids))
    await finish(ids)
    del ids
    finished = now_bytes()
    places = [
        (each.size / jobs, str(each.traceback).rpartition("mock_server/")[2])
        for each in tracemalloc.take_snapshot().statistics("lineno")[:12]
    ]
    tracemalloc.stop()
    services.close()
    return (finished - before) / jobs / 1024, (created - before) / jobs / 1024, places


def main() -> None:
    given = arguments(__doc__, jobs=(int, 2000, "how many jobs"))
    jobs = 200 if given.quick else given.jobs
    at_rest, waiting, places = asyncio.run(measure(jobs))
    print_table(
        [
            Row(f"   a finished job, of {jobs:,}", f"{at_rest:.2f} KiB", "", [at_rest], ("<=", 4), " KiB"),
            Row("   the same before anybody asked for it", f"{waiting:.2f} KiB", "", [waiting], None, " KiB"),
        ],
        peer="",
    )
    print("\nbytes a job, by the line that keeps them:")
    for size, place in places:
        print(f"{size:8.0f}  {place}")


if __name__ == "__main__":
    main()
