"""``--stateless``: every request is answered from a fresh copy of the state, and nothing of it is left afterwards."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, App, state
from support import BOUNDARY, dataset, form

from mocktune.storage.blobs import DiskBlobs

MODEL = "gpt-4o-mini-2024-07-18"
TUNED = "ft:gpt-4o-mini-2024-07-18:me::chosen"
STATE: dict[str, Any] = {
    "files": [{"id": "file-a", "content": dataset().decode()}],
    "jobs": [
        {"id": "ftjob-run", "model": MODEL, "training_file": "file-a", "status": "running"},
        {
            "id": "ftjob-done", "model": MODEL, "training_file": "file-a", "status": "succeeded",
            "fine_tuned_model": TUNED,
        },
    ],
    "objects": {
        "upload": [
            {
                "id": "upload_1",
                "created_at": 1768435200,
                "request": {
                    "filename": "f.jsonl", "purpose": "fine-tune", "size_bytes": len(dataset()), "mime_type": "text/x",
                },
                "parts": [
                    {"id": "part_1", "created_at": 1768435200, "content_base64": base64.b64encode(dataset()).decode()}
                ],
            }
        ],
        "webhook_endpoint": [
            {
                "endpoint": {
                    "id": "whe_1", "created_at": 1768435200, "updated_at": 1768435200, "name": "n",
                    "url": "http://127.0.0.1:9/", "event_types": ["fine_tuning.job.succeeded"],
                    "secret": "whsec_c2VjcmV0",
                }
            }
        ],
    },
}  # fmt: skip


@pytest.fixture
def app() -> Iterator[App]:
    app = App(state=state(**STATE), others={"stateless": True})
    yield app
    app.close()


@pytest.fixture
def bare() -> Iterator[App]:
    """Without any state."""
    app = App(others={"stateless": True})
    yield app
    app.close()


def kept(app: App) -> tuple[list[int], int]:
    """The sizes of the files on disk, and the bytes that are accounted for."""
    blobs = app.services.blobs
    assert isinstance(blobs, DiskBlobs)
    folder: Path | None = blobs._folder
    return sorted(each.stat().st_size for each in folder.iterdir()) if folder else [], blobs.used_bytes


def test_what_a_request_does_is_seen_by_that_request_alone(app: App) -> None:
    assert app.post("/v1/fine_tuning/jobs/ftjob-run/cancel")["status"] == "cancelled"
    assert app.get("/v1/fine_tuning/jobs/ftjob-run")["status"] == "running"
    assert app.delete(f"/v1/models/{TUNED}").status == 200
    assert app.get(f"/v1/models/{TUNED}").status == 200
    assert app.delete("/v1/files/file-a").status == 200
    assert app.get("/v1/files/file-a/content").body == dataset()
    created = app.post("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": "file-a"})
    assert created.status == 200
    assert app.get(f"/v1/fine_tuning/jobs/{created['id']}").status == 404
    assert len(app.get("/v1/fine_tuning/jobs")["data"]) == 2
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "store": True}
    assert app.post("/v1/chat/completions", asked).status == 200
    assert app.get("/v1/chat/completions")["data"] == []
    app.advance("1h")
    assert app.get("/_mocktune/clock")["now"] == 1768435200


def test_equal_requests_of_one_key_are_answered_alike(app: App) -> None:
    asked = {"model": MODEL, "training_file": "file-a"}
    first, second = app.post("/v1/fine_tuning/jobs", asked), app.post("/v1/fine_tuning/jobs", asked)
    assert first.body == second.body
    assert app.post("/v1/fine_tuning/jobs", asked, key="sk-other").body != first.body


def test_requests_have_ids_of_their_own(app: App) -> None:
    ids = [app.get("/v1/models").headers["x-request-id"] for _ in range(5)]
    assert len(set(ids)) == 5
    assert all(id.startswith("req_") and len(id) == 36 for id in ids)


def test_requests_at_one_time_do_not_meet(app: App) -> None:
    async def each(n: int) -> Answer:
        path, body = [
            ("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": "file-a"}),
            ("/v1/fine_tuning/jobs/ftjob-run/cancel", None),
            ("/v1/fine_tuning/jobs/ftjob-run/pause", None),
            ("/v1/webhook_endpoints/whe_1", {"name": f"n{n}"}),
        ][n % 4]
        return await app.send("POST", path, body)

    async def all_of_them() -> list[Answer]:
        return await asyncio.gather(*(each(n) for n in range(40)))

    answers = app.run(all_of_them())
    assert {answer.status for answer in answers} == {200}
    assert len({answer["id"] for answer in answers[::4]}) == 1
    assert {answer["status"] for answer in answers[1::4]} == {"cancelled"}
    assert {answer["status"] for answer in answers[2::4]} == {"paused"}
    assert [answer["name"] for answer in answers[3::4]] == [f"n{n}" for n in range(3, 40, 4)]


def test_uploads_leave_nothing_on_disk(app: App) -> None:
    app.get("/v1/models")
    before = kept(app)
    size = len(dataset())
    assert before == ([size, size], 2 * size)  # what the state has: a file and a part
    file = app.upload(dataset(11))
    assert (file.status, file["bytes"]) == (200, len(dataset(11)))
    assert app.get(f"/v1/files/{file['id']}").status == 404
    assert app.upload(b"no json", name="a.jsonl").status == 400
    request = {"filename": "u", "purpose": "user_data", "bytes": 5, "mime_type": "text/plain"}
    assert app.post("/v1/uploads", request).status == 200
    assert app.add_part("upload_1", b"more").status == 200
    completed = app.post("/v1/uploads/upload_1/complete", {"part_ids": ["part_1"]})
    assert completed["file"]["bytes"] == size
    assert app.post("/v1/uploads/upload_1/cancel").status == 200
    assert app.delete("/v1/files/file-a").status == 200
    assert kept(app) == before


def test_an_upload_that_breaks_off_leaves_nothing_either(app: App) -> None:
    app.get("/v1/models")
    before = kept(app)
    body = form(dataset())
    headers = [
        (b"host", b"localhost"),
        (b"authorization", b"Bearer sk-x"),
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"multipart/form-data; boundary=" + BOUNDARY),
    ]
    scope = {"type": "http", "method": "POST", "path": "/v1/files", "query_string": b"", "headers": headers}
    messages = [{"type": "http.request", "body": body[:200], "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        pass

    app.run(app.app(scope, receive, send))
    assert messages == []
    assert kept(app) == before


def test_a_client_that_does_not_take_its_answer_leaves_nothing(app: App) -> None:
    app.get("/v1/models")
    before = kept(app)
    body = form(dataset())
    headers = [
        (b"host", b"localhost"),
        (b"authorization", b"Bearer sk-x"),
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"multipart/form-data; boundary=" + BOUNDARY),
    ]
    scope = {"type": "http", "method": "POST", "path": "/v1/files", "query_string": b"", "headers": headers}

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        app.run(app.app(scope, receive, send))
    assert kept(app) == before


def test_answers_in_pieces_are_whole(app: App) -> None:
    assert app.get("/v1/files/file-a/content").body == dataset()
    result = app.get("/v1/fine_tuning/jobs/ftjob-done")["result_files"][0]
    assert len(app.get(f"/v1/files/{result}/content").body) > 100
    asked = {"model": TUNED, "messages": [{"role": "user", "content": "What is 4 plus 4?"}], "stream": True}
    streamed = app.post("/v1/chat/completions", asked).body
    assert streamed.endswith(b"data: [DONE]\n\n")
    pieces = [json.loads(line[6:]) for line in streamed.split(b"\n\n") if line.startswith(b"data: {")]
    said = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces if piece["choices"])
    assert said == "It is 8, of course."


def test_nothing_is_sent() -> None:
    """The receiver of the state's endpoint listens, and nobody comes."""
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(0)
        parts = json.loads(json.dumps(STATE))
        parts["objects"]["webhook_endpoint"][0]["endpoint"]["url"] = f"http://127.0.0.1:{receiver.getsockname()[1]}/"
        app = App(state=state(**parts), others={"stateless": True})
        try:
            tested = app.post("/v1/webhook_endpoints/whe_1/test", {"event_type": "fine_tuning.job.succeeded"})
            assert tested.status == 200
            with pytest.raises(BlockingIOError):
                receiver.accept()
        finally:
            app.close()


def test_it_needs_no_state(bare: App) -> None:
    assert bare.get("/v1/files")["data"] == []
    file = bare.upload(dataset())
    assert file.status == 200
    assert bare.get(f"/v1/files/{file['id']}").status == 404
    assert kept(bare) == ([], 0)


def test_no_sandbox_is_kept(app: App) -> None:
    for n in range(20):
        app.get("/v1/models", key=f"sk-{n}")
    assert len(app.services.sandboxes) == 0
    assert app.services.sandboxes.only() is None


def test_memory_does_not_grow(app: App) -> None:
    def ask(times: int) -> None:
        for n in range(times):
            app.get(("/v1/models", "/v1/fine_tuning/jobs", "/v1/files")[n % 3], key=f"sk-{n}")
            if n % 10 == 0:
                app.upload(dataset(12))
                app.post("/v1/fine_tuning/jobs/ftjob-run/cancel")

    ask(100)
    gc.collect()
    tracemalloc.start()
    try:
        ask(50)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        ask(200)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 100 * 200, f"{grown} bytes"  # of 200 requests, each of which makes a sandbox of 100 kB
