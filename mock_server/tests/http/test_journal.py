"""What the front layer writes into a sandbox's journal, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message
from support import Wall, settings

from mocktune.bootstrap import bootstrap
from mocktune.domain.clock import SECOND, WallTime
from mocktune.domain.journal import Entry
from mocktune.http.app import create_app
from mocktune.http.front import KEPT_HEADERS, Front
from mocktune.service.services import Services

KEY = "sk-journal"
HEADERS = [(b"host", b"localhost"), (b"authorization", b"Bearer " + KEY.encode())]


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def services(wall: Wall) -> Iterator[Services]:
    services = bootstrap(settings(), clock=wall)
    yield services
    services.close()


@pytest.fixture
def app(services: Services) -> Front:
    return create_app(services)


@pytest.fixture
def http(app: Front) -> TestClient:
    return TestClient(app, headers={"authorization": f"Bearer {KEY}"}, base_url="http://localhost")


def journal(services: Services, wall: Wall) -> list[Entry]:
    return services.sandboxes.open(KEY, wall.now).journal.entries()


def scope(method: str, path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [*HEADERS, *headers], "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 4711),
        "server": ("localhost", 80),
    }  # fmt: skip


def test_a_request_is_recorded_before_its_answer_is_sent(app: Front, services: Services, wall: Wall) -> None:
    recorded: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        recorded.append(len(journal(services, wall)))

    asyncio.run(app(scope("GET", "/v1/models"), receive, send))
    assert recorded[0] == 1


def test_a_client_that_leaves_in_the_midst_of_its_request_is_remembered(
    app: Front, services: Services, wall: Wall
) -> None:
    pieces: list[Message] = [
        {"type": "http.request", "body": b'{"model": ', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return pieces.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there")

    length = (b"content-length", b"300")
    asyncio.run(app(scope("POST", "/v1/chat/completions", length), receive, send))
    (entry,) = journal(services, wall)
    assert (entry.operation, entry.status, entry.lost, entry.committed) == ("chat.completions.create", 0, True, False)
    assert (entry.request_body, entry.request_bytes) == (b"", 300)
    assert entry.connection == 4711


def test_instants_are_those_of_both_clocks(http: TestClient, services: Services, wall: Wall) -> None:
    http.put("/_mocktune/clock", json={"clock": "x60"}).raise_for_status()
    before = services.sandboxes.open(KEY, wall.now).clock.now(wall.now)
    wall.now = WallTime(wall.now + 2 * SECOND)
    http.get("/v1/models").raise_for_status()
    (entry,) = journal(services, wall)
    assert (entry.wall, entry.at, entry.rate) == (wall.now, before + 120 * SECOND, 60.0)


def test_the_headers_of_an_error_that_say_when_to_come_back_are_remembered(
    http: TestClient, services: Services, wall: Wall
) -> None:
    rule = {
        "operation": "models.list",
        "answer": {"status": 429, "retry_after": "7", "headers": {"retry-after-ms": "6500"}},
    }
    http.post("/_mocktune/faults", json=rule).raise_for_status()
    http.get("/v1/models")
    (entry,) = journal(services, wall)
    assert (entry.retry_after, entry.retry_after_ms) == ("7", "6500")


def test_no_header_that_is_kept_holds_a_credential() -> None:
    assert KEPT_HEADERS.isdisjoint({b"authorization", b"api-key", b"cookie", b"proxy-authorization", b"openai-project"})


def test_requests_of_many_at_once_are_counted_one_by_one(app: Front, services: Services, wall: Wall) -> None:
    """Also where bodies are read late: an entry's ordinal is that of its own ``x-request-id``."""
    ids: dict[int, str] = {}

    async def ask(number: int) -> None:
        pieces = [b"{", b'"a": 1', b"}"]

        async def receive() -> Message:
            await asyncio.sleep(0)
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                ids[number] = dict(message["headers"])[b"x-request-id"].decode()

        json = (b"content-type", b"application/json"), (b"content-length", b"8")
        await app(scope("POST", "/v1/chat/completions", *json), receive, send)

    async def all_at_once() -> None:
        await asyncio.gather(*map(ask, range(20)))

    TestClient(app, headers={"authorization": f"Bearer {KEY}"}, base_url="http://localhost").post(
        "/_mocktune/faults", json={"operation": "*", "probability": 0.5, "answer": {"status": 503}}
    ).raise_for_status()
    asyncio.run(all_at_once())
    entries = journal(services, wall)
    assert sorted(entry.id for entry in entries) == sorted(ids.values())
    ordinals = [entry.ordinal for entry in entries]
    assert ordinals == sorted(set(ordinals))
    assert len({entry.id for entry in entries}) == 20
