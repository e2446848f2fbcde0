"""A whole server without a socket: requests go straight into the ASGI application, one after the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from support import BOUNDARY, Wall, form, settings

from mocktune.bootstrap import bootstrap
from mocktune.domain.state import State, read_state
from mocktune.http.app import create_app

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def __getitem__(self, key: str) -> Any:
        return self.json()[key]


@dataclass
class App:
    """A server of its own: ``others`` are settings. ``ask`` sends a request and answers what came back; ``came`` holds
    the messages of the last one, also where it broke.
    """

    state: State | None = None
    scenario: str = "realistic"
    changes: tuple[str, ...] = ()
    others: dict[str, Any] = field(default_factory=dict)
    key: str = "sk-admin-app"
    wall: Wall = field(default_factory=Wall)
    came: list[Any] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        chosen = settings(self.scenario, *self.changes, state=self.state, **self.others)
        self.services = bootstrap(chosen, clock=self.wall)
        self._runner = asyncio.Runner()
        self.app = create_app(self.services)

    def close(self) -> None:
        self._runner.close()
        self.services.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        return self.run(self.send(method, path, body, key=key, **headers))

    def get(self, path: str, *, key: str | None = None) -> Answer:
        return self.ask("GET", path, key=key)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        return self.ask("POST", path, body, key=key)

    def delete(self, path: str, *, key: str | None = None) -> Answer:
        return self.ask("DELETE", path, key=key)

    def upload(
        self, data: bytes, *, purpose: str = "fine-tune", name: str = "a.jsonl", key: str | None = None
    ) -> Answer:
        type = b"multipart/form-data; boundary=" + BOUNDARY
        return self.ask(
            "POST", "/v1/files", form(data, purpose=purpose, filename=name), key=key, content_type=type.decode()
        )

    def add_part(self, upload: str, data: bytes) -> Answer:
        type = b"multipart/form-data; boundary=" + BOUNDARY
        body = form(data, purpose=None).replace(b'name="file"', b'name="data"')
        return self.ask("POST", f"/v1/uploads/{upload}/parts", body, content_type=type.decode())

    def advance(self, by: str) -> None:
        answer = self.post("/_mocktune/clock/advance", {"by": by})
        assert answer.status == 200, answer.body

    async def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        path, _, query = path.partition("?")
        sent = {"host": "localhost", "authorization": f"Bearer {key or self.key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent |= {"content-length": str(len(body)), "content-type": sent.get("content-type", "application/json")}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        }
        came = self.came = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: Any) -> None:
            came.append(message)

        await self.app(scope, receive, send)
        begun, pieces = came[0], came[1:]
        return Answer(
            begun["status"],
            {name.decode(): value.decode("latin-1") for name, value in begun["headers"]},
            b"".join(piece.get("body", b"") for piece in pieces),
        )


def state(**parts: Any) -> State:
    """A state as somebody writes it."""
    return read_state(json.dumps({"schema": 1, **parts}).encode())
