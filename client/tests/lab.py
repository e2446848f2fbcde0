"""A sandbox with a frozen clock, a tuner whose sleeps move that clock, and a wire between them that a test can break.

``lab.breaks("POST /fine_tuning/jobs", lose_answer, times=1)`` puts a function between service and client: it gets the
service's answer and returns what the client sees, or raises what the client meets. With ``reaches_service=False`` the
service never hears of the request and the function gets None.
"""

from __future__ import annotations

import importlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from mocktune import RunningServer, make_settings, running_server
from mocktune_client import AsyncTuner, Tuner

# A transport must be of the library the SDK speaks: httpx2 since version 3, httpx before.
sdk_http = importlib.import_module("httpx2" if int(openai.__version__.partition(".")[0]) >= 3 else "httpx")


MARV = (files("mocktune") / "data" / "marv.jsonl").read_bytes()
"""Forty examples."""
MODEL = "gpt-4o-mini"
ONE_EPOCH: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}}

Breaking = Callable[[Any], sdk_http.Response]

_keys = (f"sk-client-{number}" for number in itertools.count())


def fixtures(*changes: str) -> tuple[Any, Any]:
    """The fixtures of a module: its server, with ``changes`` to the realistic scenario, and a lab for each test."""

    @pytest.fixture(scope="module")
    def server() -> Iterator[RunningServer]:
        with serving(*changes) as server:
            yield server

    @pytest.fixture
    def lab(server: RunningServer) -> Iterator[Lab]:
        lab = Lab(server)
        yield lab
        lab.close()

    return server, lab


@contextmanager
def serving(*changes: str) -> Iterator[RunningServer]:
    with running_server(make_settings("realistic", changes=changes, clock="frozen", seed=42)) as server:
        yield server


@dataclass
class Break:
    operation: re.Pattern[str]
    function: Breaking
    times: float
    reaches_service: bool


@dataclass
class Lab:
    """``sent`` lists the tuner's requests as ``METHOD /path``, ``slept`` its sleeps in seconds, ``now`` their sum."""

    server: RunningServer
    key: str = field(default_factory=lambda: next(_keys))
    now: float = 0.0
    sent: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    broken: list[Break] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control = sdk_http.Client(
            base_url=self.server.root, headers={"authorization": f"Bearer {self.key}"}, verify=False
        )
        self.http = sdk_http.Client(transport=BreakableTransport(self))
        self.client = OpenAI(base_url=self.server.base_url, api_key=self.key, http_client=self.http)
        self.unbroken = OpenAI(base_url=self.server.base_url, api_key=self.key, http_client=self.control, max_retries=0)

    def close(self) -> None:
        self.control.close()
        self.http.close()

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds
        self.advance(by=f"{seconds:.6f}s")

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def advance(self, **how: Any) -> None:
        self.control.post("/_mocktune/clock/advance", json=how).raise_for_status()

    def tuner(self, **options: Any) -> Tuner:
        return Tuner(self.client, sleep=self.sleep, now=lambda: self.now, **options)

    @property
    def async_client(self) -> AsyncOpenAI:
        http = sdk_http.AsyncClient(transport=AsyncBreakableTransport(self))
        return AsyncOpenAI(base_url=self.server.base_url, api_key=self.key, http_client=http)

    def async_tuner(self, client: AsyncOpenAI, **options: Any) -> AsyncTuner:
        return AsyncTuner(client, sleep=self.sleep_async, now=lambda: self.now, **options)

    def upload(self, content: bytes = MARV) -> str:
        return self.unbroken.files.create(file=("marv.jsonl", content), purpose="fine-tune").id

    def job(self, content: bytes = MARV, *, until: str | None = None) -> str:
        """The id of a new job of one epoch, moved on to a status."""
        file = self.upload(content)
        job = self.unbroken.fine_tuning.jobs.create(model=MODEL, training_file=file, method=ONE_EPOCH)
        if until:
            self.advance(until={"job": job.id, "status": until})
        return job.id

    def breaks(
        self, operation: str, function: Breaking, *, times: float = float("inf"), reaches_service: bool = True
    ) -> None:
        self.broken.append(Break(re.compile(operation), function, times, reaches_service))

    def count(self, operation: str) -> int:
        return sum(bool(re.fullmatch(operation, each)) for each in self.sent)

    def heard(self, request: sdk_http.Request) -> Break | None:
        """Logs the request; the first break for it that is not used up."""
        operation = f"{request.method} {request.url.path.removeprefix('/v1')}"
        self.sent.append(operation)
        for each in self.broken:
            if each.times > 0 and each.operation.fullmatch(operation):
                each.times -= 1
                return each
        return None


class BreakableTransport(sdk_http.HTTPTransport):
    def __init__(self, lab: Lab) -> None:
        super().__init__(verify=False)  # nothing is encrypted, and reading certificates takes a while
        self._lab = lab

    def handle_request(self, request: sdk_http.Request) -> sdk_http.Response:
        found = self._lab.heard(request)
        if found is None:
            return super().handle_request(request)
        if not found.reaches_service:
            return found.function(None)
        response = super().handle_request(request)
        response.read()
        response.request = request
        return found.function(response)


class AsyncBreakableTransport(sdk_http.AsyncHTTPTransport):
    def __init__(self, lab: Lab) -> None:
        super().__init__(verify=False)  # nothing is encrypted, and reading certificates takes a while
        self._lab = lab

    async def handle_async_request(self, request: sdk_http.Request) -> sdk_http.Response:
        found = self._lab.heard(request)
        if found is None:
            return await super().handle_async_request(request)
        if not found.reaches_service:
            return found.function(None)
        response = await super().handle_async_request(request)
        await response.aread()
        response.request = request
        return found.function(response)


# -- breaks ------------------------------------------------------------------------------------------------------------


def lose_answer(_: Any) -> sdk_http.Response:
    raise sdk_http.ReadTimeout("no answer")


class Killed(BaseException):
    """The process ends here: nothing that handles errors hears of it."""


def die(_: Any) -> sdk_http.Response:
    raise Killed


def cut_connection(_: Any) -> sdk_http.Response:
    raise sdk_http.ConnectError("refused")


def answer(status: int, body: Any = None, **headers: str) -> Breaking:
    """Another answer instead; ``retry_after="5"`` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: sdk_http.Response(status, json=body, headers=named)


def refuse(status: int, code: str | None, message: str = "No.", **headers: str) -> Breaking:
    error = {"message": message, "type": code or "server_error", "param": None, "code": code}
    return answer(status, {"error": error}, **headers)


def html(status: int) -> Breaking:
    return lambda _: sdk_http.Response(status, html="<html>Bad gateway</html>")


def change(edit: Callable[[Any], None]) -> Breaking:
    """The service's JSON, edited in place."""

    def changed(response: sdk_http.Response) -> sdk_http.Response:
        body = json.loads(response.content)
        edit(body)
        return sdk_http.Response(response.status_code, json=body)

    return changed
