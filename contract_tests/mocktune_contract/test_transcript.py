"""A golden transcript: the whole life of Marv under seed 42, every byte that goes over the wire.

It is taken twice, in process and over TCP, and both must equal the golden of the repository. Left out are ``Date``,
``openai-processing-ms`` and what belongs to one connection. After a change that is meant::

    MOCKTUNE_UPDATE_GOLDENS=1 pytest contract_tests/mocktune_contract/test_transcript.py

writes ``fixtures/transcripts/marv.jsonl`` anew, to be reviewed as a diff: one exchange a line.
"""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mocktune_contract.lab import MODEL, TLS

GOLDEN = Path(__file__).parents[2] / "fixtures" / "transcripts" / "marv.jsonl"
UPDATE = os.environ.get("MOCKTUNE_UPDATE_GOLDENS") == "1"

MASKED = {"date", "openai-processing-ms", "transfer-encoding", "connection"}
"""Of wall time, or of one connection."""

KEY = "sk-transcript"
BOUNDARY = "the-boundary-is-fixed"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.source("mocktune"),
    pytest.mark.needs("settings"),
    pytest.mark.skipif(not GOLDEN.parent.is_dir(), reason="the goldens stand in the repository, not in the package"),
]


@pytest.fixture(autouse=True)
def _only_of_our_own_server(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--target", None) is not None:
        pytest.skip("the golden is of a server with a seed of its own")


class Transcript:
    """Sends requests and writes down, for each, what was asked and what came back."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self.exchanges: list[str] = []

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's JSON, where it is JSON."""
        sent = {"authorization": f"Bearer {KEY}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if body is not None and not isinstance(body, bytes):
            sent["content-type"] = "application/json"
            body = json.dumps(body).encode()
        answer = await self._http.request(method, path, content=body, headers=sent)
        kept = [[name, value] for name, value in answer.headers.multi_items() if name not in MASKED]
        exchange = {
            "request": {"method": method, "path": path, "headers": sent, "body": body and body.decode()},
            "response": {"status": answer.status_code, "headers": kept, "body": answer.content.decode()},
        }
        self.exchanges.append(json.dumps(exchange, ensure_ascii=False))
        return answer.json() if answer.headers["content-type"] == "application/json" else None


def form(data: bytes) -> bytes:
    """An upload built by hand, so that its boundary is the same each time."""
    purpose = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    file = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="marv.jsonl"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return purpose.encode() + file.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


async def life_of_marv(http: httpx2.AsyncClient) -> list[str]:
    """The transcript of a life: errors, waiting, pages, the cold start, answers, and the end."""
    transcript = Transcript(http)
    send = transcript.send
    marv = (files("mocktune") / "data" / "marv.jsonl").read_bytes()

    async def advance(**how: Any) -> None:
        await send("POST", "/_mocktune/clock/advance", how)

    async def chat(model: str, *messages: str, **parameters: Any) -> None:
        said = [{"role": "user", "content": each} for each in messages]
        await send("POST", "/v1/chat/completions", {"model": model, "messages": said, **parameters})

    await send("GET", "/_mocktune/clock")
    await send("GET", "/v1/models", authorization="Bearer sk-invalid-transcript")
    await send("GET", "/v1/nothing")
    await send("PUT", "/v1/files")
    file = await send("POST", "/v1/files", form(marv), content_type=f"multipart/form-data; boundary={BOUNDARY}")
    await send("GET", f"/v1/files/{file['id']}")
    await send("DELETE", f"/v1/files/{file['id']}")
    await send("POST", "/v1/fine_tuning/jobs", {"model": "gpt-5", "training_file": file["id"]})
    request = {
        "model": "gpt-4o-mini",
        "training_file": file["id"],
        "validation_file": file["id"],
        "suffix": "Marv",
        "metadata": {"run": "golden"},
    }
    job = await send("POST", "/v1/fine_tuning/jobs", request)
    at_job = f"/v1/fine_tuning/jobs/{job['id']}"
    await send("GET", f"{at_job}/events")
    await advance(by="30s")
    await send("GET", at_job)
    for status in ("queued", "running"):
        await advance(until={"job": job["id"], "status": status})
        await send("GET", at_job)
    await advance(by="60s")
    events = await send("GET", f"{at_job}/events?limit=3")
    await send("GET", f"{at_job}/events?limit=2&after={events['data'][-1]['id']}")
    await send("GET", f"{at_job}/checkpoints")
    await advance(until={"job": job["id"], "status": "terminal"})
    done = await send("GET", at_job)
    model = done["fine_tuned_model"]
    await send("GET", f"{at_job}/checkpoints")
    await send("GET", f"/v1/files/{done['result_files'][0]}")
    await send("GET", f"/v1/files/{done['result_files'][0]}/content")
    await chat(model, "What's the capital of France?")
    await advance(by="20s")
    await chat(model, "What's the capital of France?")
    await advance(by="90s")
    await send("GET", f"{at_job}/events?limit=5")
    await send("GET", f"/v1/models/{model}")
    await chat(model, "What's the capital of France?")
    await chat(model, "whats the capital of france", stream=True, stream_options={"include_usage": True})
    await chat(model, "Recommend me a novel about the sea.")
    await chat(MODEL, "What's the capital of France?")
    await send("GET", "/v1/fine_tuning/jobs?limit=1&metadata%5Brun%5D=golden")
    again = await send("POST", "/v1/fine_tuning/jobs", {"model": model, "training_file": file["id"], "seed": 7})
    await send("POST", f"/v1/fine_tuning/jobs/{again['id']}/cancel")
    await send("POST", f"/v1/fine_tuning/jobs/{again['id']}/cancel")
    await send("GET", "/v1/files?order=asc")
    await send("DELETE", f"/v1/models/{model}")
    await send("DELETE", f"/v1/files/{file['id']}")
    await send("GET", "/_mocktune/clock")
    return transcript.exchanges


async def in_process() -> list[str]:
    from mocktune.bootstrap import bootstrap
    from mocktune.http.app import create_app

    services = bootstrap(settings())
    try:
        transport = httpx2.ASGITransport(create_app(services))
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as http:
            return await life_of_marv(http)
    finally:
        services.close()


async def over_tcp() -> list[str]:
    from mocktune.server import running_server

    with running_server(settings()) as server:
        async with httpx2.AsyncClient(base_url=server.root, verify=TLS) as http:
            return await life_of_marv(http)


def settings() -> Any:
    from mocktune import make_settings

    return make_settings("realistic", clock="frozen", seed=42)


def golden() -> list[str]:
    return GOLDEN.read_text("utf-8").split("\n")[:-1]


async def test_the_transcript_taken_in_process_is_the_golden_one() -> None:
    taken = await in_process()
    if UPDATE:
        GOLDEN.write_text("\n".join(taken) + "\n", "utf-8")
    assert taken == golden()


async def test_the_transcript_taken_over_tcp_is_the_same_byte_for_byte() -> None:
    """Two fresh servers, one seed."""
    assert await over_tcp() == await in_process()
