"""Requests that overlap: ``now`` is read when a request has arrived, clock commands follow one another, and what one
request deletes another may still be reading."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from support import BOUNDARY, Wall, dataset, form, settings

from mocktune.bootstrap import bootstrap
from mocktune.domain.clock import WallTime
from mocktune.http.app import create_app
from mocktune.http.front import Front
from mocktune.service.services import Services


@pytest.fixture
def services() -> Iterator[Services]:
    services = bootstrap(settings("realistic"), clock=Wall())
    yield services
    services.close()


async def call(
    app: Front, method: str, path: str, body: Any = b"", *, arrives: asyncio.Event | None = None, key: str = "sk-race"
) -> tuple[int, Any]:
    """One request through ASGI; its body is held back until ``arrives`` is set."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = b"multipart/form-data; boundary=" + BOUNDARY if body.startswith(b"--") else b"application/json"
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer " + key.encode()), (b"content-type", kind)]
    headers.append((b"content-length", b"%d" % len(body)))
    status, answer = 0, b""

    async def receive() -> dict[str, Any]:
        if arrives is not None:
            await arrives.wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, answer
        status = message.get("status", status)
        answer += message.get("body", b"")

    await app({"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}, receive, send)
    return status, answer if path.endswith("/content") else json.loads(answer)


async def upload(app: Front, data: bytes | None = None, key: str = "sk-race") -> str:
    _, file = await call(app, "POST", "/v1/files", form(dataset() if data is None else data), key=key)
    return str(file["id"])


def test_of_commands_to_one_clock_that_overlap_one_is_obeyed(services: Services) -> None:
    """And the others say so; nothing of them is done."""

    async def story() -> None:
        app = create_app(services)
        file = await upload(app, dataset(20_000))
        await call(app, "POST", "/v1/fine_tuning/jobs", {"model": "gpt-4o-mini", "training_file": file})
        commands = [("POST", "/_mocktune/clock/advance", {"by": "1s"})] * 3
        commands.append(("PUT", "/_mocktune/clock", {"clock": "x60"}))
        answers = await asyncio.gather(*(call(app, *command) for command in commands))
        assert [status for status, _ in answers] == [200, 409, 409, 409]
        assert {answer["error"]["code"] for _, answer in answers[1:]} == {"clock_busy"}
        _, clock = await call(app, "GET", "/_mocktune/clock")
        assert (clock["clock"], clock["elapsed"]) == ("frozen", 1)
        status, again = await call(app, "POST", "/_mocktune/clock/advance", {"by": "1s"})
        assert (status, again["elapsed"]) == (200, 2)

    asyncio.run(story())


def test_other_requests_are_answered_while_the_clock_is_being_advanced(services: Services) -> None:
    async def story() -> None:
        app = create_app(services)
        file = await upload(app, dataset(20_000))
        _, job = await call(app, "POST", "/v1/fine_tuning/jobs", {"model": "gpt-4o-mini", "training_file": file})
        advancing = asyncio.ensure_future(call(app, "POST", "/_mocktune/clock/advance", {"by": "1h"}))
        await asyncio.sleep(0)
        status, clock = await call(app, "GET", "/_mocktune/clock")
        assert (status, clock["elapsed"], advancing.done()) == (200, 0, False)
        assert (await call(app, "GET", "/v1/models"))[0] == 200
        await advancing
        assert (await call(app, "GET", f"/v1/fine_tuning/jobs/{job['id']}"))[1]["status"] == "succeeded"

    asyncio.run(story())


def test_an_advance_whose_body_comes_late_counts_from_its_arrival(services: Services) -> None:
    async def story() -> None:
        app, arrives = create_app(services), asyncio.Event()
        late = asyncio.ensure_future(call(app, "POST", "/_mocktune/clock/advance", {"by": "1h"}, arrives=arrives))
        await asyncio.sleep(0)
        await call(app, "POST", "/_mocktune/clock/advance", {"by": "2h"})
        arrives.set()
        status, answer = await late
        assert (status, answer["elapsed"]) == (200, 3 * 3600)

    asyncio.run(story())


def test_what_arrives_late_is_created_when_it_has_arrived(services: Services) -> None:
    async def story() -> None:
        app, arrives = create_app(services), asyncio.Event()
        file = await upload(app)
        asked = {"model": "gpt-4o-mini", "training_file": file}
        late_job = asyncio.ensure_future(call(app, "POST", "/v1/fine_tuning/jobs", asked, arrives=arrives))
        late_file = asyncio.ensure_future(call(app, "POST", "/v1/files", form(dataset()), arrives=arrives))
        await asyncio.sleep(0)
        await call(app, "POST", "/_mocktune/clock/advance", {"by": "10h"})
        arrives.set()
        (_, job), (_, second) = await late_job, await late_file
        _, now = await call(app, "GET", "/_mocktune/clock")
        assert job["created_at"] == second["created_at"] == now["now"]
        assert second["status"] == "uploaded"

    asyncio.run(story())


def test_freezing_a_running_clock_never_takes_back_what_was_shown() -> None:
    wall = Wall()
    services = bootstrap(settings("realistic", clock="real"), clock=wall)

    async def story() -> None:
        app, arrives = create_app(services), asyncio.Event()
        await upload(app)
        late = asyncio.ensure_future(call(app, "PUT", "/_mocktune/clock", {"clock": "frozen"}, arrives=arrives))
        await asyncio.sleep(0)
        wall.now = WallTime(wall.now + 1_500_000)
        _, shown = await call(app, "GET", "/_mocktune/clock")
        arrives.set()
        _, frozen = await late
        assert frozen["now"] >= shown["now"]

    asyncio.run(story())
    services.close()


def test_a_delete_during_a_read_breaks_neither_request_nor_another_sandbox(services: Services) -> None:
    async def story() -> None:
        app, content = create_app(services), dataset(20_000)
        ids = {key: await upload(app, content, key) for key in ("sk-a", "sk-b")}
        for key in ids:
            await call(app, "POST", "/_mocktune/clock/advance", {"by": "2s"}, key=key)
        reads = [asyncio.ensure_future(call(app, "GET", f"/v1/files/{id}", key=key)) for key, id in ids.items()]
        await asyncio.sleep(0)
        status, _ = await call(app, "DELETE", f"/v1/files/{ids['sk-a']}", key="sk-a")
        assert status == 200
        for status, file in await asyncio.gather(*reads):
            assert (status, file["status"]) == (200, "processed")

    asyncio.run(story())


def test_content_is_whole_though_the_file_is_deleted_while_it_is_sent(services: Services) -> None:
    async def story() -> None:
        app, content = create_app(services), dataset(20_000)
        id = await upload(app, content)
        await call(app, "POST", "/_mocktune/clock/advance", {"by": "2s"})
        sending = asyncio.ensure_future(call(app, "GET", f"/v1/files/{id}/content"))
        await asyncio.sleep(0)
        await call(app, "DELETE", f"/v1/files/{id}")
        status, body = await sending
        assert (status, body) == (200, content)

    asyncio.run(story())


def test_content_comes_whole_when_the_request_has_a_body_nobody_reads(services: Services) -> None:
    async def story() -> None:
        app, content = create_app(services), b"\n".join(dataset().splitlines())
        id = await upload(app, content)
        status, body = await call(app, "GET", f"/v1/files/{id}/content", b" {}")
        assert (status, body) == (200, content)

    asyncio.run(story())
