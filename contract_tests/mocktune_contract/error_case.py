"""What a row of the error tables is made of, and the stage with the objects that rows name.

``<name>`` in a request stands for an object. Those of ``LOADING`` are in a sandbox whose job has just succeeded, those
of ``SETTLED`` in one where a model has been ready for long; ``<key>`` and ``<admin>`` are the keys of the sandbox,
``<root>`` is the server's URL. A case that prepares its own objects names them as it likes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mocktune_contract.lab import MODEL, Lab, Labs, training_file
from mocktune_contract.operations import operation_of

PLAIN = training_file("valid/plain.jsonl")
LEGACY_FILE = training_file("valid/prompt_completion.jsonl")
LEGACY = "davinci-002"
HELLO = [{"role": "user", "content": "Hello"}]

JOBS, FILES, CHAT = "POST /fine_tuning/jobs", "POST /files", "POST /chat/completions"
COMPLETIONS, RESPONSES, COUNT = "POST /completions", "POST /responses", "POST /responses/input_tokens"

LOADING = ("job", "model", "legacy_model", "processing")
SETTLED = (
    "file", "tuned", "upload", "part", "text_upload", "text_part", "completed", "endpoint", "response", "stored",
)  # fmt: skip
NOT_JSONL_BYTES = b"no jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    """A request and the error it is answered with.

    ``kind`` is the class in mocktune's error tree, ``send`` what ``httpx2`` is to send, ``message`` the exact text or a
    pattern of all of it, ``headers`` those the answer must have, ``server`` the settings of a server of its own.
    ``prepare`` makes objects in the case's own sandbox and names them. ``azure``: the answer is in Azure's envelope.
    """

    claim: str
    kind: str
    request: str
    status: int
    message: str | re.Pattern[str]
    source: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    send: dict[str, Any] = field(default_factory=dict)
    key: str | None = "<key>"
    headers: dict[str, str] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Lab], dict[str, str]] | None = None
    azure: bool = False

    @property
    def names(self) -> set[str]:
        """The objects the request names."""
        return set(re.findall("<([a-z_]+)>", f"{self.request} {self.send} {self.key}"))

    @property
    def operation(self) -> str | None:
        """The operation that is asked for; None on the control plane and for unknown URLs."""
        method, path = self.request.split(" ", 1)
        path = path.partition("?")[0]
        return operation_of(method, path.removeprefix("<root>") if path.startswith("<root>") else f"/v1{path}")

    @property
    def staged(self) -> bool:
        """Whether it takes objects, and so a clock that can be moved."""
        return self.prepare is not None or not self.names.isdisjoint((*LOADING, *SETTLED))


class Stage:
    """The objects of the cases, made once a server."""

    def __init__(self, labs: Labs) -> None:
        self._labs = labs
        self._made: dict[tuple[str, str], dict[str, str]] = {}

    def objects(self, case: Case, lab: Lab) -> dict[str, str]:
        """The object behind every name of ``case``; ``lab`` is the sandbox of a case without a stage."""
        if case.prepare is not None:
            return {**_of_sandbox(lab), **case.prepare(lab)}
        for name, objects, make in (("loading", LOADING, _loading), ("settled", SETTLED, _settled)):
            if not case.names.isdisjoint(objects):
                if (lab.base_url, name) not in self._made:
                    on = self._labs(f"stage of the errors: {name}", base_url=lab.base_url)
                    self._made[lab.base_url, name] = {**_of_sandbox(on), **make(on)}
                return self._made[lab.base_url, name]
        return _of_sandbox(lab)


def _of_sandbox(lab: Lab) -> dict[str, str]:
    return {"key": lab.key, "admin": "sk-admin-" + lab.key.removeprefix("sk-"), "root": lab.root}


def _loading(lab: Lab) -> dict[str, str]:
    """A chat job and a legacy one that succeeded 60 s ago, so that their models load for 50 s more, and a file that is
    processing (the clock stands still)."""
    files = [lab.upload(PLAIN).id, lab.upload(LEGACY_FILE).id]
    lab.clock.advance(by="60s")
    jobs = [lab.create_job(file, model=model).id for file, model in zip(files, (MODEL, LEGACY), strict=True)]
    for job in jobs:
        lab.clock.until(job, "succeeded")
    lab.clock.advance(by="60s")
    models = [lab.raw_job(job)["fine_tuned_model"] for job in jobs]
    return {"job": jobs[0], "model": models[0], "legacy_model": models[1], "processing": lab.upload(PLAIN).id}


def _settled(lab: Lab) -> dict[str, str]:
    def post(path: str, **send: Any) -> str:
        made: str = lab.http.post(path, **send).raise_for_status().json()["id"]
        return made

    def begun(filename: str) -> tuple[str, str]:
        body = {"filename": filename, "purpose": "fine-tune", "bytes": len(NOT_JSONL_BYTES), "mime_type": "text/jsonl"}
        upload = post("/uploads", json=body)
        return upload, post(f"/uploads/{upload}/parts", files={"data": ("upload", NOT_JSONL_BYTES)})

    tuned = lab.tuned_model(PLAIN)
    ended, _ = begun("a.jsonl")
    post(f"/uploads/{ended}/cancel")
    upload, part = begun("a.jsonl")
    text_upload, text_part = begun("a.txt")
    hook = {"name": "hook", "url": "https://example.com/hook", "event_types": ["fine_tuning.job.succeeded"]}
    return {
        "file": lab.upload_ready(PLAIN).id,
        "tuned": tuned,
        "upload": upload,
        "part": part,
        "text_upload": text_upload,
        "text_part": text_part,
        "completed": ended,
        "endpoint": post("/webhook_endpoints", json=hook),
        "response": post("/responses", json={"model": MODEL, "input": "Hello"}),
        "stored": post("/chat/completions", json={"model": MODEL, "messages": HELLO, "store": True}),
    }


def filled(value: Any, objects: dict[str, str]) -> Any:
    """``value`` with objects in the place of their names."""
    if isinstance(value, dict):
        return {filled(key, objects): filled(each, objects) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, objects) for each in value]
    if isinstance(value, str):
        for name, object_id in objects.items():
            value = value.replace(f"<{name}>", object_id)
    return value


def answer_of(case: Case, lab: Lab, objects: dict[str, str]) -> Any:
    """What the server answers to the case's request."""
    method, path = filled(case.request, objects).split(" ", 1)
    send = filled(case.send, objects)
    if case.key is not None:
        bearer = {"authorization": f"Bearer {filled(case.key, objects)}"}
        send = {**send, "headers": {**bearer, **send.get("headers", {})}}
    return lab.keyless.request(method, path, **send)


def assert_answered(case: Case, answer: Any, objects: dict[str, str], *, exact: bool = True) -> None:
    """That ``answer`` is the case's error in an envelope of its dialect; ``exact``: to the byte, and with its id."""
    read = answer.json()
    assert isinstance(read, dict), f"the error is {read!r}"
    assert isinstance(read.get("error"), dict), f"the error is in no envelope: {answer.text[:200]}"
    message = read["error"]["message"]
    if isinstance(case.message, str):
        assert message == filled(case.message, objects), message
    else:
        assert case.message.fullmatch(message), message
    expected = {"message": message, "type": case.type, "param": case.param, "code": case.code}
    if case.azure:
        expected = {"code": case.code, "message": message}
    assert answer.status_code == case.status, answer.status_code
    assert answer.json() == {"error": expected}, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    if exact:
        assert answer.text == json.dumps({"error": expected}, indent=2, ensure_ascii=False) + "\n"
        assert re.fullmatch("req_[0-9a-f]{32}", answer.headers["x-request-id"])
    assert {name: answer.headers.get(name) for name in case.headers} == case.headers, answer.headers


# -- requests that would be good, but for what is given; a value of ``...`` takes a field out --------------------------


def body_of(whole: dict[str, Any]) -> dict[str, Any]:
    return {"json": {name: value for name, value in whole.items() if value is not ...}}


def create(**body: Any) -> dict[str, Any]:
    """The create of a job."""
    return body_of({"model": MODEL, "training_file": "file-none", **body})


def chat(**body: Any) -> dict[str, Any]:
    return body_of({"model": MODEL, "messages": HELLO, **body})


def complete(**body: Any) -> dict[str, Any]:
    return body_of({"model": LEGACY, "prompt": "Hello", **body})


def respond(**body: Any) -> dict[str, Any]:
    return body_of({"model": MODEL, "input": "Hello", **body})


def upload(data: bytes, filename: str = "training.jsonl", **fields: str) -> dict[str, Any]:
    return {"files": {"file": (filename, data)}, "data": {"purpose": "fine-tune", **fields}}


def invalid(
    claim: str, request: str, send: dict[str, Any], code: str | None, param: str | None, message: str | re.Pattern[str],
    source: str = "REC 5.3", **more: Any,
) -> Case:  # fmt: skip
    """One wrong parameter: 400."""
    return Case(claim, "ParameterError", request, 400, message, source, code=code, param=param, send=send, **more)
