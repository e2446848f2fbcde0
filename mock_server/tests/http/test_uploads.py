"""Uploads that go wrong: clear errors, the server alive, nothing half-visible, nothing left behind."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from support import BOUNDARY, dataset, form, settings

from mocktune.server import RunningServer, running_server

LIMIT = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(settings("quick", max_file_bytes=LIMIT)) as server:
        yield server


@pytest.fixture
def http(server: RunningServer, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    headers = {"authorization": f"Bearer sk-{request.node.name.encode().hex()[:100]}"}
    with httpx2.Client(base_url=server.root, headers=headers, timeout=30) as client:
        yield client


def post(http: httpx2.Client, body: bytes) -> httpx2.Response:
    kind = "multipart/form-data; boundary=" + BOUNDARY.decode()
    return http.post("/v1/files", content=body, headers={"content-type": kind})


def error_of(response: httpx2.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def files(http: httpx2.Client) -> list[dict[str, Any]]:
    return list(http.get("/v1/files").json()["data"])


def settled(http: httpx2.Client, id: str) -> dict[str, Any]:
    http.post("/_mocktune/clock/advance", json={"by": "1s"})
    return dict(http.get(f"/v1/files/{id}").json())


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b'{"p": "x"\n', '{"p'),
        (b"[1, 2]\n", "[1,"),
        (b"[\n  {}\n]\n", "["),
        (b"plain text\n", "pla"),
        (b'\xef\xbb\xbf{"messages": []}\n', "\ufeff{" + '"'),
        (b"\n", ""),
        (b"\x00\x00\x00\x00", "\x00\x00\x00"),
        (b'{"a": "\xff\xfe"}\n', '{"a'),
        (b'{"a":' * 5000 + b"\n", '{"a'),
    ],
)  # fmt: skip
def test_a_first_line_that_is_no_json_object_is_refused_at_upload(http: httpx2.Client, data: bytes, hint: str) -> None:
    response = post(http, form(data))
    assert response.status_code == 400
    expected = (
        "Expected file to have JSONL format, where every line is a valid JSON dictionary. Line 1 is not a dictionary "
        f'(HINT: line starts with: "{hint}...").'
    )
    assert error_of(response) == {"message": expected, "type": "invalid_request_error", "param": None, "code": None}
    assert files(http) == []


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (form(dataset(), filename="a.json"), 400, "Invalid file format for Fine-Tuning API. Must be .jsonl"),
        (form(dataset(), filename=""), 400, "Invalid file format for Fine-Tuning API. Must be .jsonl"),
        (form(b""), 400, "File is empty."),
        (form(dataset(), purpose="finetune"), 400,
         "'finetune' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'"),
        (form(dataset(), purpose=None), 400, "Missing required parameter: 'purpose'."),
        (form(dataset())[:-20], 400, "The multipart body ended before its closing boundary."),
        (b"--" + BOUNDARY + b"--\r\n", 400, "Missing required parameter: 'file'."),
        (b"garbage", 400, "The multipart body could not be parsed"),
        (form(b"x" * (LIMIT + 1)), 413, f"Maximum content size limit ({LIMIT}) exceeded ({LIMIT + 1} bytes read)"),
    ],
)  # fmt: skip
def test_a_bad_form_is_answered_clearly_and_leaves_nothing(
    server: RunningServer, http: httpx2.Client, body: bytes, status: int, message: str
) -> None:
    used = server.services.blobs.used_bytes  # type: ignore[attr-defined]  # the shipped adapter tells
    response = post(http, body)
    assert (response.status_code, error_of(response)["message"][: len(message)]) == (status, message)
    assert files(http) == []
    assert server.services.blobs.used_bytes == used  # type: ignore[attr-defined]


def test_a_body_that_is_no_form_is_refused(http: httpx2.Client) -> None:
    response = http.post("/v1/files", json={"purpose": "fine-tune"})
    assert response.status_code == 400
    assert "multipart/form-data" in error_of(response)["message"]


def test_a_file_of_exactly_the_limit_is_taken(http: httpx2.Client) -> None:
    line = json.dumps({"messages": "x"}).encode()
    data = line + b" " * (LIMIT - len(line))
    assert post(http, form(data)).json()["bytes"] == LIMIT


def test_a_declared_length_over_the_limit_is_a_413_before_the_body_is_sent(server: RunningServer) -> None:
    answer = _talk(server, b"Content-Length: 3000000000\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_keyless_upload_is_a_401_before_its_body_is_sent(server: RunningServer) -> None:
    answer = _talk(server, b"Content-Length: 500000000\r\n", b"", key=None)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"You didn't provide an API key" in answer


def test_a_client_that_waits_for_100_continue_is_answered_instead(server: RunningServer) -> None:
    answer = _talk(server, b"Content-Length: 500000000\r\nExpect: 100-continue\r\n", b"", key=None)
    assert answer.startswith(b"HTTP/1.1 401 ")


def _talk(server: RunningServer, extra: bytes, body: bytes, *, key: str | None = "sk-talk") -> bytes:
    """Send a request's head and what there is of a body, and read until the whole envelope is there."""
    with socket.create_connection(("127.0.0.1", int(server.root.rpartition(":")[2])), timeout=20) as connection:
        connection.sendall(_head(extra, key) + body)
        answer = b""
        while b'"code"' not in answer:
            piece = connection.recv(65536)
            assert piece, answer
            answer += piece
        return answer


def _head(extra: bytes, key: str | None) -> bytes:
    authorization = b"" if key is None else b"Authorization: Bearer " + key.encode() + b"\r\n"
    kind = b"Content-Type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
    return b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\n" + authorization + kind + extra + b"\r\n"


def test_a_client_killed_in_mid_upload_leaves_nothing(server: RunningServer, http: httpx2.Client) -> None:
    used = server.services.blobs.used_bytes  # type: ignore[attr-defined]
    body = form(dataset(5000))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", int(server.root.rpartition(":")[2])), timeout=20) as connection:
            connection.sendall(_head(b"Content-Length: %d\r\n" % len(body), "sk-killed") + body[: len(body) // 2])
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, zero seconds: close with a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    http.headers["authorization"] = "Bearer sk-killed"
    assert files(http) == []
    _until(lambda: server.services.blobs.used_bytes == used)  # type: ignore[attr-defined]


def _until(true: Callable[[], bool]) -> None:
    """Look again until it is so: the server learns of a reset when its loop gets to it."""
    pause = threading.Event()
    for _ in range(4000):
        if true():
            return
        pause.wait(0.005)
    raise AssertionError("it never came true")


@pytest.mark.parametrize(
    ("line", "details"),
    [
        (b'{"messages": [}', "Invalid file format. Example 3 cannot be parsed. Error: line contains invalid json: "),
        (b'{"a": "\xff"}', "Invalid file format. Example 3 cannot be parsed. "),
        (b'{"a": "\x00"}', "Invalid file format. Example 3 cannot be parsed. "),
        (b"[" * 50_000, "Invalid file format. Example 3 cannot be parsed. "),
        (b"7", "Invalid file format. Example 3 cannot be parsed. "),
    ],
)  # fmt: skip
def test_a_later_bad_line_turns_the_file_into_an_error(http: httpx2.Client, line: bytes, details: str) -> None:
    lines = dataset(12).splitlines()
    lines[2] = line
    uploaded = post(http, form(b"\n".join(lines))).json()
    assert uploaded["status"] == "uploaded"
    file = settled(http, uploaded["id"])
    assert file["status"] == "error"
    assert file["status_details"].startswith(details)


def test_two_hundred_uploads_at_once_are_all_taken(server: RunningServer, http: httpx2.Client) -> None:
    data = dataset(1000)

    everywhere = httpx2.Limits(max_connections=200)
    with (
        httpx2.Client(base_url=server.root, headers=http.headers, limits=everywhere, timeout=60) as client,
        ThreadPoolExecutor(200) as pool,
    ):
        answers = list(pool.map(lambda _: post(client, form(data)).status_code, range(200)))
    assert answers == [200] * 200
    listed = files(http)
    assert len({file["id"] for file in listed}) == 200
    assert {file["bytes"] for file in listed} == {len(data)}


def test_a_file_name_is_metadata_and_never_a_path(http: httpx2.Client) -> None:
    name = "../../etc/passwd\u202e.jsonl"
    uploaded = post(http, form(dataset(), filename=name)).json()
    assert uploaded["filename"] == name
    disposition = http.get(f"/v1/files/{uploaded['id']}/content").headers["content-disposition"]
    assert disposition == 'attachment; filename="../../etc/passwd_.jsonl"'


def test_the_content_comes_back_as_it_was_sent(http: httpx2.Client) -> None:
    data = dataset(3000)
    uploaded = post(http, form(data)).json()
    response = http.get(f"/v1/files/{uploaded['id']}/content")
    assert response.content == data
    assert response.headers["content-type"] == "application/octet-stream"


def test_a_file_with_an_expiry_is_gone_when_it_comes(http: httpx2.Client) -> None:
    answer = http.post(
        "/v1/files",
        files={"file": ("a.jsonl", dataset())},
        data={"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"},
    ).json()
    assert answer["expires_at"] == answer["created_at"] + 3600
    http.post("/_mocktune/clock/advance", json={"by": "3599s"})
    assert http.get(f"/v1/files/{answer['id']}").status_code == 200
    http.post("/_mocktune/clock/advance", json={"by": "1s"})
    assert http.get(f"/v1/files/{answer['id']}").status_code == 404
    assert files(http) == []


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({"expires_after[seconds]": "3600"}, "expires_after.anchor"),
        ({"expires_after[anchor]": "now", "expires_after[seconds]": "3600"}, "expires_after.anchor"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "10"}, "expires_after.seconds"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"}, "expires_after.seconds"),
    ],
)
def test_a_bad_expiry_is_refused(http: httpx2.Client, data: dict[str, str], param: str) -> None:
    response = http.post("/v1/files", files={"file": ("a.jsonl", dataset())}, data={"purpose": "fine-tune", **data})
    assert response.status_code == 400
    assert error_of(response)["param"] == param
    assert files(http) == []
