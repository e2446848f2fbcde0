"""What a contract test works with: one API key on one server, through the SDK, raw HTTP and the clock."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from functools import cached_property
from importlib.resources import files
from typing import Any

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from mocktune_contract.in_process import InProcessServer
from mocktune_contract.recording import ASYNC_HOOKS, HOOKS
from mocktune_contract.sdk_types import hold_to_sdk_types

MODEL = "gpt-4o-mini-2024-07-18"
TRAINING_FILES = files("mocktune_contract") / "data" / "training_files"

TLS = ssl.create_default_context()
"""Made once: it is what takes long in making a client."""


REQUEST_TIMEOUT_S = 60.0

_clients: dict[str, OpenAI] = {}
_in_process: dict[str, InProcessServer] = {}
"""Servers without a socket, by root."""


def _transport(root: str, *, asynchronous: bool = False) -> dict[str, Any]:
    """How a client gets to the server at ``root``, as an argument for it."""
    server = _in_process.get(root.partition("/s/")[0])
    if server is None:
        return {"verify": TLS}
    return {"transport": server.async_transport() if asynchronous else server.sync_transport()}


def serve_in_process(server: InProcessServer) -> None:
    """From now on clients reach ``server`` at its ``root``."""
    _in_process[server.root] = server


def shared_client(base_url: str, timeout_s: float = REQUEST_TIMEOUT_S) -> OpenAI:
    """One SDK client a server, whose copies share its connections: making one from nothing takes 40 ms."""
    if base_url not in _clients:
        http = DefaultHttpxClient(event_hooks=HOOKS, **_transport(base_url.removesuffix("/v1")))
        _clients[base_url] = OpenAI(
            base_url=base_url, api_key="unused", max_retries=0, http_client=http, timeout=timeout_s
        )
    return _clients[base_url]


def close_shared_clients() -> None:
    while _clients:
        _clients.popitem()[1].close()
    _in_process.clear()


def training_file(name: str) -> bytes:
    """A packaged training file by its path below ``data/training_files``, such as ``valid/plain.jsonl``."""
    return TRAINING_FILES.joinpath(name).read_bytes()


def chat_file(*pairs: tuple[str, str]) -> bytes:
    """A training file of one question and one answer a line."""
    examples = (
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in pairs
    )
    return b"".join(json.dumps(example, ensure_ascii=False).encode() + b"\n" for example in examples)


class Clock:
    """A sandbox's clock, driven through the control plane."""

    def __init__(self, http: httpx2.Client, root: str) -> None:
        self._http = http
        self._url = f"{root}/_mocktune/clock"

    def freeze(self) -> None:
        self._http.put(self._url, json={"clock": "frozen"}).raise_for_status()

    def now(self) -> float:
        """Seconds since the Unix epoch, in the sandbox's own time."""
        answer = self._http.get(self._url).raise_for_status()
        return float(answer.json()["now"])

    def advance(self, by: str | None = None, **how: Any) -> dict[str, Any]:
        """``by`` a duration such as ``"90s"``, or one of ``to``, ``until`` and ``next``."""
        wanted = {"by": by} if by is not None else how
        result: dict[str, Any] = self._http.post(f"{self._url}/advance", json=wanted).raise_for_status().json()
        return result

    def until(self, job_id: str, status: str) -> None:
        """To the instant the job enters ``status``; ``terminal`` stands for any end."""
        result = self.advance(until={"job": job_id, "status": status})
        assert result["reached"], f"{job_id} never becomes {status}"


class Lab:
    """One API key on one server.

    ``root`` is the base URL without ``/v1``; ``http`` sends the key, ``keyless`` none. ``strict``: every answer is held
    to the SDK's types, whoever asked for it. ``timeout_s`` bounds each request. ``exact``: answers are also held to the
    recorded layout of their bytes, which no client depends on.
    """

    def __init__(
        self, base_url: str, key: str, *, strict: bool = False, timeout_s: float = REQUEST_TIMEOUT_S, exact: bool = True
    ) -> None:
        self.strict = strict
        self.timeout_s = timeout_s
        self.exact = exact
        self.base_url = base_url.rstrip("/")
        self.root = self.base_url.removesuffix("/v1")
        self.key = key
        self._opened: list[httpx2.Client] = []

    def close(self) -> None:
        for client in self._opened:
            client.close()

    @cached_property
    def http(self) -> httpx2.Client:
        return self._usual(headers={"authorization": f"Bearer {self.key}"})

    @cached_property
    def keyless(self) -> httpx2.Client:
        return self._usual()

    def _usual(self, **settings: Any) -> httpx2.Client:
        return self.open(strict=self.strict, base_url=self.base_url, **settings)

    @property
    def clock(self) -> Clock:
        return Clock(self.http, self.root)

    def sdk_http(self) -> Any:
        """The HTTP client for an SDK client of the test's own making, such as ``AzureOpenAI``, which closes it."""
        return DefaultHttpxClient(event_hooks=HOOKS, **_transport(self.root))

    def async_sdk_http(self) -> Any:
        return DefaultAsyncHttpxClient(event_hooks=ASYNC_HOOKS, **_transport(self.root, asynchronous=True))

    def open(self, *, strict: bool = False, **settings: Any) -> httpx2.Client:
        """A client for raw HTTP of the test's own making; closed with the lab."""
        checks = [hold_to_sdk_types] if strict else []
        hooks = {"request": HOOKS["request"], "response": [*checks, *HOOKS["response"]]}
        client = httpx2.Client(event_hooks=hooks, timeout=self.timeout_s, **_transport(self.root), **settings)
        self._opened.append(client)
        return client

    def client(self) -> OpenAI:
        """The official SDK, which is not to retry on its own."""
        checked = {"_strict_response_validation": self.strict}
        return shared_client(self.base_url, self.timeout_s).copy(api_key=self.key, _extra_kwargs=checked)

    def strict_client(self) -> OpenAI:
        """The SDK with every answer validated against its types; to be closed by who asked for it."""
        return OpenAI(**self._settings(strict=True), http_client=self.sdk_http())

    def async_client(self) -> AsyncOpenAI:
        """The asynchronous SDK; to be closed by who asked for it."""
        return AsyncOpenAI(**self._settings(strict=self.strict), http_client=self.async_sdk_http())

    def _settings(self, *, strict: bool) -> dict[str, Any]:
        return {
            "base_url": self.base_url, "api_key": self.key, "max_retries": 0, "timeout": self.timeout_s,
            "_strict_response_validation": strict,
        }  # fmt: skip

    def upload(self, data: bytes, filename: str = "training.jsonl", *, purpose: Any = "fine-tune") -> FileObject:
        return self.client().files.create(file=(filename, data), purpose=purpose)

    def upload_ready(self, data: bytes, filename: str = "training.jsonl") -> FileObject:
        """A file that is processed when this returns."""
        file = self.upload(data, filename)
        self.clock.advance(by="1m")
        return file

    def create_job(self, training_file_id: str, *, model: str = MODEL, **parameters: Any) -> FineTuningJob:
        return self.client().fine_tuning.jobs.create(model=model, training_file=training_file_id, **parameters)

    def finished_job(self, data: bytes, *, status: str = "succeeded", **parameters: Any) -> FineTuningJob:
        """A job over ``data`` at the very instant it ended in ``status``."""
        job = self.create_job(self.upload_ready(data).id, **parameters)
        self.clock.until(job.id, "terminal")
        job = self.job(job.id)
        assert job.status == status, job.error
        return job

    def tuned_model(self, data: bytes, **parameters: Any) -> str:
        """The name of a model that was tuned on ``data`` and answers."""
        job = self.finished_job(data, **parameters)
        self.clock.advance(by="10m")
        assert job.fine_tuned_model is not None
        return job.fine_tuned_model

    def job(self, job_id: str) -> FineTuningJob:
        return self.client().fine_tuning.jobs.retrieve(job_id)

    def raw_job(self, job_id: str) -> dict[str, Any]:
        """The job as it is written on the wire."""
        job: dict[str, Any] = self.http.get(f"/fine_tuning/jobs/{job_id}").raise_for_status().json()
        return job

    def raw_events(self, job_id: str) -> list[dict[str, Any]]:
        """Every event of the job as written on the wire, oldest first."""
        page = self.http.get(f"/fine_tuning/jobs/{job_id}/events", params={"limit": 1000}).raise_for_status().json()
        assert page["has_more"] is False
        events: list[dict[str, Any]] = page["data"][::-1]
        return events

    def events(self, job_id: str) -> list[FineTuningJobEvent]:
        """Every event of the job, oldest first, across pages."""
        return list(self.client().fine_tuning.jobs.list_events(job_id, limit=100))[::-1]

    def ask(self, model: str, *messages: str | dict[str, Any], **parameters: Any) -> Any:
        """A chat completion; texts are messages of the user."""
        said: Any = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages]
        return self.client().chat.completions.create(model=model, messages=said, **parameters)

    def says(self, model: str, *messages: str | dict[str, Any]) -> str:
        """What the model answers."""
        content = self.ask(model, *messages).choices[0].message.content
        assert isinstance(content, str)
        return content


Labs = Callable[..., Lab]
"""``labs(name)`` opens a lab with a key of its own; ``own_server(**settings)`` one on a server with other settings."""
