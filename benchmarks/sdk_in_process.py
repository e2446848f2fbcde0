"""The official SDK against mocktune, over the SDK against a canned transport that answers recorded bytes at once.

Goal 6: one ``retrieve`` in process. And a whole life under a frozen clock: create a job, advance and poll until it has
succeeded, every page of its events, its checkpoints, the tuned model and a chat; uploading is excluded. It may cost 1.6
times the same calls against the canned transport in process, and 4 times over loopback. *New data* means that the
server has to check and learn the training file within the measured time, *known data* that an earlier job had it too.
The first file of a process also loads the vocabulary of the token counter, half a second; an unmeasured life does that.

In process the asynchronous client is used (``ASGITransport`` is asynchronous) and CPU time is compared, which is all
the time there is; over loopback the synchronous one, and wall time.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

import httpx2
from _lib import MOCKTUNE, Row, Server, alternate, arguments, print_table, ratio_row
from openai import AsyncOpenAI, OpenAI

from mocktune.bootstrap import bootstrap, make_settings
from mocktune.http.app import create_app

Life = Generator[Any, Any, str]

MARV = (files("mocktune") / "data" / "marv.jsonl").read_bytes()
_numbers = itertools.count()


def new_data() -> bytes:
    """Marv with one more example, so that no server has seen these bytes."""
    last = MARV.rstrip(b"\n").rpartition(b"\n")[2]
    return MARV + last.replace(b'"user", "content": "', b'"user", "content": "(%d) ' % next(_numbers), 1) + b"\n"


def life(client: Any, control: Any, file_id: str) -> Life:
    """Every call of a job's life after the upload, for both kinds of client: what is yielded is a call's result."""
    jobs = client.fine_tuning.jobs
    job = yield jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file_id, suffix="benchmark")
    while job.status != "succeeded":
        yield control.post("/_mocktune/clock/advance", json={"by": "60s"})
        job = yield jobs.retrieve(job.id)
        page = yield jobs.list_events(job.id)
    count = len(page.data)
    while page.has_next_page():
        page = yield page.get_next_page()
        count += len(page.data)
    assert count > 100, count
    checkpoints = yield jobs.checkpoints.list(job.id)
    assert len(checkpoints.data) == 3
    yield control.post("/_mocktune/clock/advance", json={"by": "5m"})
    yield client.models.retrieve(job.fine_tuned_model)
    question = [
        {"role": "system", "content": "Marv is a factual chatbot that is also sarcastic."},
        {"role": "user", "content": "What's the capital of France?"},
    ]
    chat = yield client.chat.completions.create(model=job.fine_tuned_model, messages=question)
    answer: str = chat.choices[0].message.content
    assert "Paris" in answer
    return answer


async def live_async(steps: Life) -> None:
    try:
        step = next(steps)
        while True:
            step = steps.send(await step)
    except StopIteration:
        return


def live(steps: Life) -> None:
    try:
        step = next(steps)
        while True:
            step = steps.send(step)
    except StopIteration:
        return


# -- the canned transport ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request and its answer."""

    method: str
    path: bytes
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Recorder(httpx2.AsyncBaseTransport):
    """Passes requests on and keeps what was answered."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self.recorded: list[Recorded] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        self.recorded.append(
            Recorded(request.method, request.url.raw_path, response.status_code, response.headers.raw, body)
        )
        return httpx2.Response(response.status_code, headers=response.headers.raw, content=body)


class Canned(httpx2.AsyncBaseTransport, httpx2.BaseTransport):
    """Answers what was recorded, in that order, again and again; refuses other calls than those recorded."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        self._answers = itertools.cycle(recorded)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = next(self._answers)
        assert (request.method, request.url.raw_path) == (answer.method, answer.path)
        return httpx2.Response(answer.status, headers=answer.headers, content=answer.body)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.handle_request(request)


# -- clients -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """Clients of a sandbox of their own, whose training file is there and processed."""

    client: Any
    control: Any
    file_id: str

    def steps(self) -> Life:
        return life(self.client, self.control, self.file_id)


def async_clients(transport: httpx2.AsyncBaseTransport, key: str) -> tuple[AsyncOpenAI, httpx2.AsyncClient]:
    http = httpx2.AsyncClient(transport=transport)
    client = AsyncOpenAI(base_url="http://127.0.0.1/v1", api_key=key, http_client=http, max_retries=0)
    headers = {"authorization": f"Bearer {key}"}
    return client, httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


async def prepared_async(transport: httpx2.AsyncBaseTransport, content: bytes) -> Prepared:
    client, control = async_clients(transport, f"sk-life-{next(_numbers)}")
    file = await client.files.create(file=("marv.jsonl", content), purpose="fine-tune")
    await control.post("/_mocktune/clock/advance", json={"by": "60s"})
    return Prepared(client, control, file.id)


def sync_clients(transport: httpx2.BaseTransport | None, root: str, key: str) -> tuple[OpenAI, httpx2.Client]:
    http = httpx2.Client(transport=transport)
    client = OpenAI(base_url=f"{root}/v1", api_key=key, http_client=http, max_retries=0)
    return client, httpx2.Client(transport=transport, base_url=root, headers={"authorization": f"Bearer {key}"})


def prepared_sync(root: str, content: bytes) -> Prepared:
    client, control = sync_clients(None, root, f"sk-life-{next(_numbers)}")
    file = client.files.create(file=("marv.jsonl", content), purpose="fine-tune")
    control.post("/_mocktune/clock/advance", json={"by": "60s"})
    client.models.list()  # the connection is open before time is taken
    return Prepared(client, control, file.id)


# -- measurements --------------------------------------------------------------------------------------------------


def main() -> None:
    given = arguments(__doc__)
    lives, calls = (1, 20) if given.quick else (5, 300)
    with asyncio.Runner() as runner:
        rows, recorded = in_process(runner.run, given.pairs, lives, calls)
    print_table(rows + over_loopback(recorded, given.pairs, lives), peer="canned transport")


def in_process(
    run: Callable[[Coroutine[Any, Any, Any]], Any], pairs: int, lives: int, calls: int
) -> tuple[list[Row], list[Recorded]]:
    services = bootstrap(make_settings("realistic", clock="frozen", seed=42))
    app = create_app(services)
    transport = httpx2.ASGITransport(app=app)

    async def record() -> tuple[str, list[Recorded]]:
        recorder = Recorder(transport)
        prepared = await prepared_async(recorder, MARV)
        recorder.recorded.clear()
        await live_async(prepared.steps())
        return prepared.client.api_key, recorder.recorded

    key, recorded = run(record())
    client = async_clients(transport, key)[0]
    retrieve = [each for each in recorded if each.method == "GET" and b"/jobs/" in each.path and b"?" not in each.path]
    retrieve = [each for each in retrieve if not each.path.endswith((b"events", b"checkpoints"))][-1:]
    job_id = retrieve[0].path.rpartition(b"/")[2].decode()
    canned_client = async_clients(Canned(retrieve), "sk-canned")[0]

    async def retrieves(client: AsyncOpenAI) -> float:
        began = time.process_time()
        for _ in range(calls):
            await client.fine_tuning.jobs.retrieve(job_id)
        return (time.process_time() - began) / calls * 1e6

    run(retrieves(client))
    run(retrieves(canned_client))
    measured = alternate(lambda: run(retrieves(client)), lambda: run(retrieves(canned_client)), pairs)
    rows = [ratio_row("6  retrieve, in process", measured, "us", ("<=", 1.35))]

    async def timed(ready: list[Prepared]) -> float:
        began = time.process_time()
        for each in ready:
            await live_async(each.steps())
        return (time.process_time() - began) / lives * 1e3

    def lived(content: Callable[[], bytes]) -> float:
        taken: float = run(timed([run(prepared_async(transport, content())) for _ in range(lives)]))
        return taken

    def replayed() -> float:
        canned = Canned(recorded)
        taken: float = run(timed([Prepared(*async_clients(canned, "sk-canned"), "file-canned") for _ in range(lives)]))
        return taken

    for name, content in (("new data", new_data), ("known data", lambda: MARV)):
        measured = alternate(partial(lived, content), replayed, pairs)
        question = f"   a whole life of {len(recorded)} calls, in process, {name}"
        rows.append(ratio_row(question, measured, "ms", ("<=", 1.6)))
    services.close()
    return rows, recorded


def over_loopback(recorded: list[Recorded], pairs: int, lives: int) -> list[Row]:
    rows = []
    with Server(*MOCKTUNE) as server:
        root = f"http://{server.host}:{server.port}"

        def timed(ready: list[Prepared]) -> float:
            began = time.perf_counter()
            for each in ready:
                live(each.steps())
            return (time.perf_counter() - began) / lives * 1e3

        def lived(content: Callable[[], bytes]) -> float:
            ready = [prepared_sync(root, content()) for _ in range(lives)]
            taken = timed(ready)
            for each in ready:
                each.client.close()
                each.control.close()
            return taken

        def replayed() -> float:
            canned = Canned(recorded)
            return timed([Prepared(*sync_clients(canned, root, "sk-canned"), "file-canned") for _ in range(lives)])

        lived(lambda: MARV)
        for name, content in (("new data", new_data), ("known data", lambda: MARV)):
            measured = alternate(partial(lived, content), replayed, pairs)
            rows.append(ratio_row(f"   the same over loopback, {name}", measured, "ms", ("<=", 4)))
    return rows


if __name__ == "__main__":
    main()
