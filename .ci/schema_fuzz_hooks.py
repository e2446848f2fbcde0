"""What Schemathesis has to know of a server it fuzzes: whose sandbox a request is for, and which objects there are.

Loaded by ``schema_fuzz.py`` through ``SCHEMATHESIS_HOOKS``. Every operation has a sandbox of its own with one object of
each kind in it, so that no operation takes away what another is to find. One that changes what it found gets it back
before its next request. Three of four valid requests are pointed at those objects and made to fit what no schema says;
the others keep what was generated. What is meant to be invalid stays as it is.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.parameters import ParameterLocation

ROOT = os.environ["MOCKTUNE_FUZZ_ROOT"]
ADMIN_TOKEN = os.environ["MOCKTUNE_FUZZ_ADMIN_TOKEN"]
MODEL = "gpt-4o-mini-2024-07-18"
OPERATION = "x-mocktune-operation"
SERVER_WIDE = ("mocktune.sandboxes.create", "mocktune.sandboxes.list", "mocktune.sandboxes.delete")
LASTING = ("retrieve", "list", "list_events", "content", "capabilities", "version", "health", "check")
"""Ends of the names of operations that leave everything as it was."""


_keys: dict[str, str] = {}


def key_of(operation: str) -> str:
    """The key to the operation's sandbox, which is opened first: the server answers known keys only."""
    if operation in SERVER_WIDE:
        return ADMIN_TOKEN
    if operation not in _keys:
        opened = ask("POST", "/_mocktune/sandboxes", {"name": operation, "clock": "frozen"}, key=ADMIN_TOKEN)
        _keys[operation] = opened["api_key"]
    key = _keys[operation]
    return f"sk-admin-{key.removeprefix('sk-')}" if ".permissions." in operation else key


def ask(method: str, path: str, body: Any = None, *, key: str, type: str = "application/json") -> Any:
    """One request of ours, answered by its JSON, or by its headers where it has none."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": type}
    request = urllib.request.Request(ROOT + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def receiver() -> str:
    """The URL of a receiver of webhooks in this process."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/hook"


# -- what every sandbox holds ------------------------------------------------------------------------------------------


class World:
    """The objects of a sandbox, made once and copied into every other."""

    def __init__(self) -> None:
        key = key_of("world.permissions.of-all")

        def made(path: str, **body: Any) -> Any:
            return ask("POST", path, body, key=key)

        def job(status: str) -> Any:
            return made("/_mocktune/state/jobs", status=status, examples=10, n_epochs=1)

        self.job = {status: job(status)["id"] for status in ("running", "paused", "succeeded")}
        finished = ask("GET", f"/v1/fine_tuning/jobs/{self.job['succeeded']}", key=key)
        tuned = finished["fine_tuned_model"]
        chat = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "store": True}
        upload = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 2, "mime_type": "text/jsonl"}
        hook = {"name": "hook", "url": receiver(), "event_types": ["fine_tuning.job.succeeded"]}
        permissions = f"/v1/fine_tuning/checkpoints/{tuned}/permissions"
        made("/openai/deployments?api-version=1", model=MODEL, id="mine")
        self.objects = {
            "file_id": finished["training_file"],
            "training_file": made("/_mocktune/state/files", examples=10)["id"],
            "fine_tuning_job_id": self.job["succeeded"],
            "model": tuned,
            "fine_tuned_model_checkpoint": tuned,
            "completion_id": made("/v1/chat/completions", **chat)["id"],
            "response_id": made("/v1/responses", model=MODEL, input="Hi")["id"],
            "upload_id": made("/v1/uploads", **upload)["id"],
            "webhook_endpoint_id": made("/v1/webhook_endpoints", **hook)["id"],
            "permission_id": made(permissions, project_ids=["proj_a"])["data"][0]["id"],
            "deployment": "mine",
            "fault_id": "mine",
        }
        self._document = json.dumps(ask("GET", "/_mocktune/state", key=key)).encode()

    def copy_to(self, key: str) -> None:
        """The sandbox of ``key`` holds this world from now on, a rule of faults, and a request in its journal."""
        ask("PUT", "/_mocktune/state", self._document, key=key)
        ask("DELETE", "/_mocktune/faults?all=true", key=key)
        rule = {"id": "mine", "operation": "files.list", "skip_first": 1_000_000, "answer": {"status": 503}}
        ask("POST", "/_mocktune/faults", rule, key=key)
        ask("GET", "/v1/models", key=key)


class Sandboxes:
    """One for each operation, with what it may be pointed at, by what paths and bodies call it."""

    def __init__(self) -> None:
        self._world = World()
        self._objects: dict[str, dict[str, str]] = {}

    def objects(self, operation: str) -> dict[str, str]:
        """What the operation's sandbox holds by now."""
        if operation in SERVER_WIDE:
            return self._closable() if operation == "mocktune.sandboxes.delete" else {}
        if operation == "mocktune.sandboxes.current.delete":
            _keys.pop(operation, None)
            return {}
        if operation not in self._objects or not operation.endswith(LASTING):
            self._world.copy_to(key_of(operation))
            self._objects[operation] = self._world.objects | self._own(operation)
        return self._objects[operation]

    def _closable(self) -> dict[str, str]:
        return {"id": ask("POST", "/_mocktune/sandboxes", {}, key=ADMIN_TOKEN)["id"]}

    def _own(self, operation: str) -> dict[str, str]:
        """What this operation finds otherwise than all others."""
        key = key_of(operation)
        match operation.rpartition(".")[::2]:
            case "fine_tuning.jobs", "cancel" | "pause":
                return {"fine_tuning_job_id": self._world.job["running"]}
            case "fine_tuning.jobs", "resume":
                return {"fine_tuning_job_id": self._world.job["paused"]}
            case "files", "delete":
                return {"file_id": self._world.objects["training_file"]}
            case "mocktune.scenarios", "retrieve":
                return {"name": "quick"}
            case "mocktune.schemas", "retrieve":
                return {"name": "scenario"}
            case "mocktune.requests", "retrieve":
                return {"request_id": ask("GET", "/_mocktune/requests?limit=1", key=key)["data"][0]["id"]}
            case "mocktune.webhooks.deliveries", _:
                event = {"type": "fine_tuning.job.succeeded", "job": self._world.job["succeeded"]}
                return {"delivery_id": ask("POST", "/_mocktune/events/trigger", event, key=key)["deliveries"][0]["id"]}
            case "mocktune.webhooks.listeners", "next" | "result" | "delete":
                return {"listener_id": ask("POST", "/_mocktune/webhooks/listeners", {}, key=key)["id"]}
        return {}


_sandboxes: list[Sandboxes] = []


def sandboxes() -> Sandboxes:
    if not _sandboxes:
        _sandboxes.append(Sandboxes())
    return _sandboxes[0]


# -- hooks -------------------------------------------------------------------------------------------------------------


@schemathesis.auth(refresh_interval=None)
class Keys:
    """The key of the operation's own sandbox."""

    def get(self, case: Case, context: Any) -> str:
        return key_of(case.operation.definition.raw[OPERATION])

    def set(self, case: Case, data: str, context: Any) -> None:
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    operation = case.operation.definition.raw[OPERATION]
    objects = sandboxes().objects(operation)
    fits = next(_turns) % 4 > 0
    # Schemathesis knows ids from other answers: it is not to close another operation's sandbox.
    closes = operation == "mocktune.sandboxes.delete"
    if closes or (fits and not _is_negative(case, ParameterLocation.PATH)):
        for name in case.path_parameters or {}:
            if name in objects:
                case.path_parameters[name] = objects[name]
    if operation.startswith("azure.") and not _is_negative(case, ParameterLocation.QUERY):
        case.query = {**(case.query or {}), "api-version": "1"}
    if isinstance(case.body, dict):
        wait_briefly(operation, case.body)
        if fits and not _is_negative(case, ParameterLocation.BODY):
            FITTED.get(operation, lambda body, objects: None)(case.body, objects)


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Any) -> None:
    operation = case.operation.definition.raw[OPERATION]
    if operation == "mocktune.sandboxes.current.delete" and response.status_code == 200:
        _keys.pop(operation, None)


_turns = itertools.count()
MAX_WAIT_S = 0.05


def wait_briefly(operation: str, body: dict[str, Any]) -> None:
    waits = body.get("timeout_s", 10)
    if operation.endswith(("wait_for_count", ".next")) and type(waits) in (int, float) and 0 <= waits <= 60:
        body["timeout_s"] = MAX_WAIT_S


def _is_negative(case: Case, where: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(where)


# -- what no schema says -----------------------------------------------------------------------------------------------

Body = dict[str, Any]
_CHECK = {"type": "string_check", "name": "same", "input": "a", "reference": "a", "operation": "eq"}


def _job(body: Body, objects: dict[str, str]) -> None:
    body |= {"model": MODEL, "training_file": objects["training_file"]}
    if body.get("validation_file") is not None:
        body["validation_file"] = objects["training_file"]
    method = body.get("method") or {}
    if method.get("type") == "reinforcement" and isinstance(method.get("reinforcement"), dict):
        method["reinforcement"] |= {"grader": _CHECK, "response_format": None}
        body["model"] = "o4-mini-2025-04-16"


def _chat(body: Body, objects: dict[str, str]) -> None:
    body["model"] = MODEL
    body["messages"] = [{"role": "user", "content": "Hi"}, *(each for each in body["messages"] if _is_said(each))]


def _is_said(message: Body) -> bool:
    return message["role"] in ("system", "user") and isinstance(message.get("content"), str)


def _scenario(body: Body, objects: dict[str, str]) -> None:
    if isinstance(body.get("document"), dict):
        body["document"].pop("extends", None)
        for name in ("name", "set"):
            body.pop(name, None)


def _deployment(body: Body, objects: dict[str, str]) -> None:
    body["properties"]["model"]["name"] = MODEL


def _grader(body: Body, objects: dict[str, str]) -> None:
    body["grader"] = _CHECK


def _of(model: str) -> Callable[[Body, dict[str, str]], None]:
    return lambda body, objects: body.update(model=model)


FITTED: dict[str, Callable[[Body, dict[str, str]], None]] = {
    "azure.deployments.create": _of(MODEL),
    "azure.management.deployments.create": _deployment,
    "chat.completions.create": _chat,
    "completions.create": _of("davinci-002"),
    "fine_tuning.alpha.graders.run": _grader,
    "fine_tuning.alpha.graders.validate": _grader,
    "fine_tuning.jobs.create": _job,
    "mocktune.scenario.update": _scenario,
    "responses.create": _of(MODEL),
    "responses.input_tokens.count": _of(MODEL),
}
"""By operation: what makes a body that fits its schema one that means something."""
