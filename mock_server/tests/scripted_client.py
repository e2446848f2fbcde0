"""A client that goes through a job's life by a script, and writes down what it asked and what came back.

It plays on a frozen clock that it moves from landmark to landmark, and tries again what can be tried again. Asked in
process or over TCP, what it writes is the same; only what a connection suffers has another name in every client, so
that is told as the rule that fired::

    0:00:47  GET /v1/fine_tuning/jobs/ftjob-…
             200 {"status": "queued"}                     what changed since the answer to the same request
    0:05:51  POST /v1/chat/completions {"model": "ft:…"}
             429 {"error": {…}}  retry-after: 90
    0:00:02  POST /v1/fine_tuning/jobs {…}
             !! CONNECTION_RESET_BY_PEER
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import httpx2
from support import BOUNDARY, form

from mocktune.clock import SystemClock
from mocktune.domain.clock import SECOND
from mocktune.domain.documents import Duration
from mocktune.domain.scenario import Scenario

KEY = "sk-scripted"
MODEL = "gpt-4o-mini-2024-07-18"
QUESTION = [{"role": "user", "content": "What's the capital of France?"}]
VALIDATION_EXAMPLES = 8

MOST_POLLS = 60
MOST_TRIES = 8
MOST_CHATS = 16
SHOWN_EVENTS = 4
SHOWN_ROWS = 2

SHOWN_HEADERS = ("retry-after", "retry-after-ms", "content-type", "content-disposition")
JSON_TYPE = "application/json"
A_WHILE_S = 30.0
"""A ``Date`` further away than that is no wall time."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client got of an answer. ``broken``: the connection broke; ``status`` is 0 where nothing came at all."""

    status: int
    headers: dict[str, str]
    body: bytes
    broken: bool = False

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def ok(self) -> bool:
        return self.status == 200 and not self.broken


Ask = Callable[[str, str, dict[str, str], bytes], Awaitable[Heard]]


def in_process(app: Any) -> Ask:
    """Calls an ASGI application; what was sent before it raised is kept, as a socket would."""

    async def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Heard:
        url, messages, sent = urlsplit(path), [], []
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": url.path, "raw_path": url.path.encode(), "query_string": url.query.encode(), "root_path": "",
            "headers": [(b"host", b"testserver"), *((k.encode(), v.encode()) for k, v in headers.items())],
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "extensions": {},
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            if sent:
                return {"type": "http.disconnect"}
            sent.append(True)
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        broken = False
        try:
            await app(scope, receive, send)
        except (ConnectionError, TimeoutError):
            broken = True
        if not messages:
            return Heard(0, {}, b"", broken)
        start, *parts = messages
        got = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Heard(start["status"], got, b"".join(part.get("body", b"") for part in parts), broken)

    return ask


def over_tcp(http: httpx2.AsyncClient) -> Ask:
    async def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Heard:
        status, got, data = 0, {}, b""
        try:
            async with http.stream(method, path, headers=headers, content=body) as answer:
                status, got = answer.status_code, dict(answer.headers)
                async for piece in answer.aiter_raw():
                    data += piece
        except httpx2.TransportError:
            return Heard(status, got, data, broken=True)
        return Heard(status, got, data)

    return ask


@dataclass
class Exchange:
    """A request and the lines of its answer, which the same request got again ``until`` another moment."""

    at: str
    request: str
    answer: list[str]
    until: str = ""

    def __str__(self) -> str:
        again = f", until {self.until}" if self.until else ""
        return "\n         ".join([f"{self.at}  {self.request}", *self.answer]) + again


@dataclass
class Client:
    """Asks, and writes it down: ``exchanges`` for people, ``heard`` with the second it was asked at for programs."""

    ask: Ask
    heard: list[tuple[str, float, Heard]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    _seen: dict[str, Any] = field(default_factory=dict)
    _elapsed_s: float = 0.0
    _fired: dict[str, int] = field(default_factory=dict)

    async def send(self, method: str, path: str, body: Any = None, *, told: str = "") -> Heard:
        headers, data = {"authorization": f"Bearer {KEY}"}, b""
        if isinstance(body, bytes):
            headers["content-type"], data = f"multipart/form-data; boundary={BOUNDARY.decode()}", body
        elif body is not None:
            headers["content-type"], data = JSON_TYPE, json.dumps(body).encode()
            told = json.dumps(body, ensure_ascii=False)
        if data:
            headers["content-length"] = str(len(data))
        heard = await self.ask(method, path, headers, data)
        self.heard.append((f"{method} {path}", self._elapsed_s, heard))
        told_now = Exchange(_clock(self._elapsed_s), f"{method} {path} {told}".rstrip(), self._answer(path, heard))
        if heard.broken:
            told_now.answer.append(f"!! {await self._suffered()}")
        last = self.exchanges[-1] if self.exchanges else None
        if last and (last.request, last.answer) == (told_now.request, told_now.answer):
            last.until = told_now.at
        else:
            self.exchanges.append(told_now)
        return heard

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """The control plane, of which nothing is written down; None where it refuses."""
        headers = {"authorization": f"Bearer {KEY}", "content-type": JSON_TYPE}
        heard = await self.ask(
            method, f"/_mocktune/{path}", headers, b"" if body is None else json.dumps(body).encode()
        )
        return heard.json if heard.ok else None

    async def advance(self, **how: Any) -> bool:
        """Whether there was anything to advance to."""
        moved = await self.control("POST", "clock/advance", how)
        if moved is not None:
            self._elapsed_s = moved["elapsed"]
        return moved is not None

    async def until_answered(self, method: str, path: str, body: Any = None, *, told: str = "") -> Heard:
        """As ``send``, once more after what passes: a broken connection, a 5xx, and a 429 that says when."""
        for _ in range(MOST_TRIES):
            heard = await self.send(method, path, body, told=told)
            passes = heard.broken or heard.status >= 500 or (heard.status == 429 and "retry-after" in heard.headers)
            if not passes:
                break
            await self.advance(by=f"{heard.headers.get('retry-after', '5')}s")
        return heard

    async def _suffered(self) -> str:
        """The fault of the rule that fired since this was last asked."""
        faults = (await self.control("GET", "faults") or {"faults": []})["faults"]
        kinds = [each["fault"] for each in faults if each["fired"] > self._fired.get(each["id"], 0) and each["fault"]]
        self._fired = {each["id"]: each["fired"] for each in faults}
        return ", ".join(kinds) or "the connection broke"

    def _answer(self, path: str, heard: Heard) -> list[str]:
        if heard.status == 0:
            return []
        shown = {name: heard.headers[name] for name in SHOWN_HEADERS if name in heard.headers}
        if shown.get("content-type") == JSON_TYPE:
            del shown["content-type"]
        if abs(ahead_s := _ahead_s(heard.headers.get("date", ""))) > A_WHILE_S:
            shown["date"] = f"{round(ahead_s / 60):+}m"
        headers = "".join(f"  {name}: {value}" for name, value in shown.items())
        first, *rest = self._body(path, heard)
        return [f"{heard.status} {first}{headers}".rstrip(), *(f"    {line}" for line in rest)]

    def _body(self, path: str, heard: Heard) -> list[str]:
        value = heard.json
        if heard.broken or value is None:
            return [f"<{len(heard.body)} bytes{' of ' if heard.broken else ''}"
                    f"{heard.headers.get('content-length', 'no declared length') if heard.broken else ''}>",
                    *_shortened(heard.body)]  # fmt: skip
        if isinstance(value, dict) and isinstance(value.get("data"), list) and "/events" in path:
            kept = {name: each for name, each in value.items() if name != "data"}
            return [json.dumps(kept), *(json.dumps(each, ensure_ascii=False) for each in value["data"])]
        id = value.get("id") if heard.ok and isinstance(value, dict) else None
        if id in self._seen:
            before, self._seen[id] = self._seen[id], value
            value = {name: each for name, each in value.items() if name not in before or before[name] != each}
            return [json.dumps(value, ensure_ascii=False) if value else "as before"]
        if id is not None:
            self._seen[id] = value
        elif heard.ok and isinstance(value, dict):  # a list shows objects too
            self._seen |= {each["id"]: each for each in value.get("data", ()) if "id" in each}
        return [json.dumps(value, ensure_ascii=False)]


def _ahead_s(date: str) -> float:
    """How far a ``Date`` is ahead of the wall; there is none in process."""
    return parsedate_to_datetime(date).timestamp() - SystemClock().wall() / SECOND if date else 0.0


def _shortened(body: bytes) -> list[str]:
    """The beginning of what is no JSON: rows of a result file, as they are or out of base64; lines of anything else."""
    text = body.decode("utf-8", "replace")
    decoded = _from_base64(body)
    lines = [f"{text[:40]}…", "in base64:", *decoded.splitlines()] if decoded else text.splitlines()
    lines = [line for line in lines if line]
    most = SHOWN_ROWS + (2 if decoded else 0)
    if len(lines) > most + 2:
        lines[most:-1] = [f"… {len(lines) - most - 1} more lines"]
    return [_cut(line) for line in lines]


def _from_base64(body: bytes) -> str:
    try:
        return base64.b64decode(body[: len(body) // 4 * 4], validate=True).decode()
    except ValueError:
        return ""


def _cut(line: str) -> str:
    return line if len(line) <= 200 else line[:200] + "…"


def _clock(elapsed_s: float) -> str:
    minutes, seconds = divmod(int(elapsed_s), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def impatient(scenario: Scenario) -> Scenario:
    """The same without waits of wall time: a millisecond each."""
    at_once = Duration(SECOND // 1000)
    rules = tuple(each if each.delay is None else replace(each, delay=at_once) for each in scenario.faults)
    return replace(scenario, faults=rules, model=replace(scenario.model, stall_for=at_once))


# -- the script --------------------------------------------------------------------------------------------------------


async def live(client: Client) -> None:
    """Upload, create, poll, read everything there is, use the model until it answers, and once more after an hour."""
    lines = (files("mocktune") / "data" / "marv.jsonl").read_bytes().splitlines(keepends=True)
    ids = []
    for data in (lines[:-VALIDATION_EXAMPLES], lines[-VALIDATION_EXAMPLES:]):
        uploaded = await client.until_answered("POST", "/v1/files", form(b"".join(data)), told=f"<{len(data)} lines>")
        ids.append(uploaded.json["id"])
    job = await _created(client, {"model": MODEL, "training_file": ids[0], "validation_file": ids[1]})
    if job is None:
        return
    at_job = f"/v1/fine_tuning/jobs/{job}"
    done = await _polled(client, at_job)
    for path in (f"/v1/files/{ids[0]}", f"{at_job}/events?limit={SHOWN_EVENTS}"):
        await client.until_answered("GET", path)
    if done.get("status") != "succeeded":
        return
    await client.until_answered("GET", f"{at_job}/checkpoints")
    await _use(client, {"model": done["fine_tuned_model"], "messages": QUESTION})
    done = (await client.until_answered("GET", at_job)).json
    for file in done["result_files"]:
        await client.until_answered("GET", f"/v1/files/{file}/content")
    await client.advance(by="1h")
    for stream in (False, True):
        chat = {"model": done["fine_tuned_model"], "messages": QUESTION, "stream": stream}
        await client.until_answered("POST", "/v1/chat/completions", chat)
    await client.until_answered("GET", f"{at_job}/events?limit={SHOWN_EVENTS}")


async def _created(client: Client, request: dict[str, Any]) -> str | None:
    """The job's id: of one that is there already, where the answer to its create was lost. None where it is refused."""
    for _ in range(MOST_TRIES):
        heard = await client.send("POST", "/v1/fine_tuning/jobs", request)
        if heard.broken:
            listed = await client.send("GET", "/v1/fine_tuning/jobs?limit=1")
            if listed.ok and listed.json["data"]:
                return str(listed.json["data"][0]["id"])
        elif heard.status < 429:
            return str(heard.json["id"]) if heard.ok else None
        elif heard.json and heard.json["error"]["code"] in ("insufficient_quota", "daily_rate_limit_exceeded"):
            return None
        await client.advance(by=f"{heard.headers.get('retry-after', '600')}s")
    return None


async def _polled(client: Client, at_job: str) -> Any:
    """The job at its end."""
    job: dict[str, Any] = {}
    for _ in range(MOST_POLLS):
        heard = await client.send("GET", at_job)
        if heard.ok:
            job = heard.json
            if job["status"] in ("succeeded", "failed", "cancelled"):
                break
        if "retry-after" in heard.headers:
            await client.advance(by=f"{heard.headers['retry-after']}s")
        elif not await client.advance(next=True):
            break
    return job


async def _use(client: Client, chat: dict[str, Any]) -> None:
    """Ask the model until it answers: a 404 may be one that is not known yet."""
    for _ in range(MOST_CHATS):
        heard = await client.send("POST", "/v1/chat/completions", chat)
        if heard.ok:
            return
        await client.advance(by=f"{heard.headers.get('retry-after', '30')}s")


@asynccontextmanager
async def asking(settings: Any, *, tcp: bool = False) -> AsyncIterator[Client]:
    """A client of a new server that plays ``settings``."""
    if tcp:
        from mocktune.server import running_server
        from mocktune_contract.lab import TLS

        with running_server(settings) as server:
            async with httpx2.AsyncClient(base_url=server.root, verify=TLS, timeout=30.0) as http:
                yield Client(over_tcp(http))
        return
    from mocktune.bootstrap import bootstrap
    from mocktune.http.app import create_app

    services = bootstrap(settings)
    try:
        yield Client(in_process(create_app(services)))
    finally:
        services.close()
