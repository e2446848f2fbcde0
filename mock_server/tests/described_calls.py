"""Every operation called once, or in several ways, and what was sent and answered: the examples of the description.

The public API is called through the SDK (``whole_surface``), the rest by hand. What the description shows of it is in
``mocktune/data/openapi_examples.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2
from error_play import ADMIN_TOKEN
from openai import OpenAI
from python_multipart.multipart import parse_options_header

import mocktune
from mocktune.http.description.examples import FILE, recorded
from mocktune_contract.lab import MODEL, Lab
from mocktune_contract.receiver import Receiver
from mocktune_contract.whole_surface import whole_surface

Json = dict[str, Any]
EXAMPLES = Path(mocktune.__file__).parent / "data" / FILE


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer; bodies are JSON where that is what they are, else text; of a form its fields."""

    method: str
    path: str
    query: Mapping[str, Any]
    request: Any
    status: int
    media_type: str
    body: Any
    url: str

    @classmethod
    def read(cls, answer: httpx2.Response, root: str) -> Exchange:
        asked = answer.request
        parts = urlsplit(str(asked.url).removeprefix(root))
        answer.read()
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        return cls(
            asked.method,
            unquote(parts.path),
            {name: int(value) if value.isdecimal() else value for name, value in parse_qsl(parts.query)},
            _body(asked.read(), asked.headers.get("content-type", "")),
            answer.status_code,
            media_type,
            _body(answer.content, media_type),
            str(asked.url),
        )


def _body(data: bytes, content_type: str) -> Any:
    kind, options = parse_options_header(content_type)
    if not data:
        return None
    if kind == b"application/json":
        return json.loads(data)
    if kind == b"multipart/form-data":
        parts = data.split(b"--" + options[b"boundary"])[1:-1]
        named = (re.search(rb'name="([^"]*)".*?\r\n\r\n(.*)\r\n$', part, re.DOTALL) for part in parts)
        return {found[1].decode(): found[2].decode() for found in named if found}
    return data.decode()


def exchanges(lab: Lab, receiver: Receiver) -> list[Exchange]:
    """Every call, in the order they were made in."""
    heard: list[Exchange] = []
    listening = {"response": [lambda answer: heard.append(Exchange.read(answer, lab.root))]}
    with httpx2.Client(event_hooks=listening, timeout=30) as http:
        client = OpenAI(base_url=lab.base_url, api_key=lab.key, max_retries=0, http_client=http)  # type: ignore[arg-type]
        for _, call in whole_surface(lab, client, receiver):
            call()

        def ask(method: str, path: str, body: Json | None = None, *, key: str = lab.key) -> Any:
            more = {} if body is None else {"json": body}
            answer = http.request(method, lab.root + path, headers={"authorization": f"Bearer {key}"}, **more)
            assert answer.is_success, (path, answer.text)
            return answer.json() if answer.content else None

        for part in (sandboxes, clock, scenarios, faults, webhooks, state, azure, about, journal):
            part(ask, receiver)
    return heard


def sandboxes(ask: Any, receiver: Receiver) -> None:
    body = {"name": "pip", "label": "the tests of pip", "scenario": "realistic", "seed": 7, "clock": "frozen"}
    opened = ask("POST", "/_mocktune/sandboxes", body, key=ADMIN_TOKEN)
    ask("GET", "/_mocktune/sandboxes?limit=20", key=ADMIN_TOKEN)
    ask("DELETE", f"/_mocktune/sandboxes/{opened['id']}", key=ADMIN_TOKEN)
    for method, body in (("GET", None), ("PATCH", {"label": "a label"}), ("DELETE", None)):
        ask(method, "/_mocktune/sandboxes/current", body, key="sk-current")


def clock(ask: Any, receiver: Receiver) -> None:
    ask("GET", "/_mocktune/clock")
    ask("PUT", "/_mocktune/clock", {"clock": "frozen", "advance_on_poll": None})
    file = ask("POST", "/_mocktune/state/files", {"examples": 12})["id"]
    job = ask("POST", "/v1/fine_tuning/jobs", {"model": MODEL, "training_file": file})["id"]
    ask("POST", "/_mocktune/clock/advance", {"until": {"job": job, "status": "queued"}, "max_virtual": "2h"})
    ask("GET", "/v1/fine_tuning/model_limits")


def scenarios(ask: Any, receiver: Receiver) -> None:
    ask("PUT", "/_mocktune/scenario", {"name": "realistic", "set": {"model.absent_for": "20s"}})
    ask("GET", "/_mocktune/scenario")
    ask("GET", "/_mocktune/scenarios")
    ask("GET", "/_mocktune/scenarios/cold-model-404")
    ask("POST", "/_mocktune/scenarios/check", {"document": {"schema": 1, "job": {"step": "2s"}}})


def faults(ask: Any, receiver: Receiver) -> None:
    rule = {"id": "busy", "operation": "files.list", "answer": {"status": 503}, "times": 1}
    ask("POST", "/_mocktune/faults", rule)
    for method, path in (("GET", ""), ("GET", "/busy"), ("DELETE", "/busy"), ("DELETE", "?all=false")):
        ask(method, f"/_mocktune/faults{path}")


def webhooks(ask: Any, receiver: Receiver) -> None:
    hooks, key = "/_mocktune/webhooks", "sk-hooks"

    def of(method: str, path: str, body: Json | None = None) -> Any:
        return ask(method, path, body, key=key)

    endpoint = of("POST", f"{hooks}/endpoints", {"url": receiver.url, "event_types": ["fine_tuning.job.succeeded"]})
    of("GET", f"{hooks}/endpoints")
    job = of("POST", "/_mocktune/state/jobs", {"status": "succeeded"})["id"]
    event = {"type": "fine_tuning.job.succeeded", "job": job, "signature": "good"}
    sent = of("POST", "/_mocktune/events/trigger", event)["deliveries"][0]["id"]
    of("GET", f"{hooks}/deliveries?limit=1&order=desc")
    of("GET", f"{hooks}/deliveries/{sent}")
    of("POST", f"{hooks}/deliveries/{sent}/resend")
    of("POST", f"{hooks}/deliveries/wait-for-count", {"job": job, "count": 1, "timeout_s": 5})
    of("DELETE", f"{hooks}/endpoints/{endpoint['id']}")
    listener = of("POST", f"{hooks}/listeners", {"event_types": ["fine_tuning.job.succeeded"]})["id"]
    of("POST", f"{hooks}/listeners/{listener}/next", {"timeout_s": 0})
    of("POST", f"{hooks}/listeners/{listener}/result", {"id": "msg_1", "status_code": 200})
    of("DELETE", f"{hooks}/listeners/{listener}")


def state(ask: Any, receiver: Receiver) -> None:
    key = "sk-state"
    for path, body in (
        ("files", {"status": "processed", "examples": 10}),
        ("jobs", {"status": "running", "progress": "40%", "examples": 10, "n_epochs": 1}),
        ("models", {"state": "loading", "ready_in": "90s", "trained_on": 10}),
    ):
        ask("POST", f"/_mocktune/state/{path}", body, key=key)
    document = ask("GET", "/_mocktune/state", key=key)
    ask("PUT", "/_mocktune/state", document, key=key)
    ask("DELETE", "/_mocktune/state", key=key)
    ask("POST", "/_mocktune/state/gallery", {}, key=key)


def azure(ask: Any, receiver: Receiver) -> None:
    planes = (
        ("/openai/deployments", "POST", "", {"model": MODEL, "id": "mine"}),
        (
            "/subscriptions/own/resourceGroups/group/providers/Microsoft.CognitiveServices/accounts/account/deployments",
            "PUT", "/mine", {"properties": {"model": {"format": "OpenAI", "name": MODEL, "version": "1"}}},
        ),
    )  # fmt: skip
    for path, method, name, body in planes:
        ask(method, f"{path}{name}?api-version=2024-10-21", body)
        for method, name in (("GET", ""), ("GET", "/mine"), ("DELETE", "/mine")):
            ask(method, f"{path}{name}?api-version=2024-10-21")


def about(ask: Any, receiver: Receiver) -> None:
    for name in ("health", "version", "capabilities", "schemas", "schemas/clock.update.request"):
        ask("GET", f"/_mocktune/{name}")
    ask("GET", "/_mocktune/verdict?allow=MT03")
    ask("GET", "/_mocktune/timeline")


def journal(ask: Any, receiver: Receiver) -> None:
    requests, key = "/_mocktune/requests", "sk-journal"

    def of(method: str, path: str, body: Json | None = None) -> Any:
        return ask(method, path, body, key=key)

    of("GET", "/v1/files")
    first = of("GET", f"{requests}?operation=files.*&limit=1")["data"][0]["id"]
    of("GET", f"{requests}/{first}")
    of("POST", f"{requests}/find", {"operation": "files.list", "status": "2xx"})
    of("POST", f"{requests}/count", {"operation": "files.list"})
    of("POST", f"{requests}/verify", {"operation": "files.list", "at_least": 1})
    of("POST", f"{requests}/wait-for-count", {"operation": "files.list", "count": 1, "timeout_s": 5})
    of("DELETE", requests)


def write_examples(**parts: Json) -> None:
    """Replace these parts of the recorded examples."""
    read = json.loads(EXAMPLES.read_text("utf-8")) if EXAMPLES.is_file() else {"calls": {}, "errors": {}}
    EXAMPLES.write_text(json.dumps(read | parts, indent=1, ensure_ascii=False) + "\n", "utf-8")
    recorded.cache_clear()
