"""A local server is attacked over real TCP: by pages in a browser, by names, by headers, by size, and by who has no
token. Where webhooks may be sent to is attacked in the tests of webhooks.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from support import dataset

from mocktune import RunningServer, make_settings, running_server
from mocktune.http import bounded_heads

TOKEN = "mt-admin-of-the-tests"
KEY = "sk-safety-0123456789"
BEARER = f"authorization: Bearer {KEY}".encode()
MODEL = "gpt-4o-mini-2024-07-18"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("realistic", clock="frozen", admin_token=TOKEN)) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.root, headers={"authorization": f"Bearer {KEY}"}, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def keyless(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.root) as client:
        yield client


@pytest.fixture
def _soon_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is refused, not in a second, so that these tests do not wait for it."""
    monkeypatch.setattr(bounded_heads, "LINGER_S", 0.05)


def address(server: RunningServer) -> tuple[str, int]:
    host, _, port = server.root.removeprefix("http://").rpartition(":")
    return host, int(port)


def raw(server: RunningServer, *lines: bytes, body: bytes = b"", first: bytes = b"GET /v1/models HTTP/1.1") -> bytes:
    """What the server answers to bytes as they are: ``lines`` are headers."""
    head = b"\r\n".join((first, b"connection: close", *lines)) + b"\r\n\r\n"
    return sent(server, head + body)


def sent(server: RunningServer, data: bytes) -> bytes:
    with socket.create_connection(address(server), timeout=10) as connection:
        try:
            connection.sendall(data)
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        except ConnectionResetError:
            pass
        return b"".join(pieces)


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer[:200]
    return int(found[1])


def assert_refused(answer: bytes, status: int, told: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == status, answer[:400]
    assert told in json.loads(body)["error"]["message"]
    assert b"access-control-allow" not in head


# -- pages in a browser ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"evil.example:4141",  # DNS rebinding: the name leads here, and is not ours
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"localhost.",
        b"localhost@evil.example",
        b"localhost:80@evil.example",
        b"127.0.0.1:4141:80",
        b"127.0.0.1:port",
        b"[::1]evil.example",
        b"[::1",
        b"127.1",
        b"2130706433",
        b"0.0.0.0",
        b"169.254.169.254",
        "localhost\xa0".encode(),
        b"",
    ],
)
@pytest.mark.parametrize("path", [b"/v1/models", b"/_mocktune/clock", b"/_mocktune/health", b"/openapi.json"])
def test_a_host_that_is_not_ours_is_refused_on_every_route(server: RunningServer, host: bytes, path: bytes) -> None:
    answer = raw(server, b"host: " + host, BEARER, first=b"GET " + path + b" HTTP/1.1")
    assert_refused(answer, 403, "does not answer for the host")


def test_two_hosts_and_none_are_refused(server: RunningServer) -> None:
    for hosts in ([b"host: evil.example", b"host: localhost"], [b"host: localhost", b"host: evil.example"], []):
        assert_refused(raw(server, *hosts, BEARER), 403, "does not answer for the host")
    assert_refused(raw(server, BEARER, first=b"GET /v1/models HTTP/1.0"), 403, "does not answer for the host")


@pytest.mark.parametrize("host", [b"127.0.0.1", b"LocalHost:1", b"[::1]:4141", b"127.0.0.1:"])
def test_our_own_names_are_answered(server: RunningServer, host: bytes) -> None:
    assert status_of(raw(server, b"host: " + host, BEARER)) == 200


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"http://evil.example:4141",
        b"http://localhost.evil.example",
        b"http://localhost:80@evil.example",
        b"http://127.0.0.1@evil.example",
        b"http://evil.example#@localhost",
        b"http://evil.example/localhost",
        b"null",
        b"file://",
        b"localhost",
        b"chrome-extension://abcdef",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE", b"OPTIONS"])
def test_a_page_of_another_origin_is_refused_whatever_it_asks(
    server: RunningServer, origin: bytes, method: bytes
) -> None:
    answer = raw(server, b"host: localhost", b"origin: " + origin, BEARER, first=method + b" /v1/files HTTP/1.1")
    assert_refused(answer, 403, "does not answer pages of the origin")


def test_a_foreign_origin_does_not_hide_behind_ours(server: RunningServer) -> None:
    origins = [b"origin: http://localhost", b"origin: https://evil.example"]
    for each in (origins, origins[::-1]):
        assert_refused(raw(server, b"host: localhost", *each, BEARER), 403, "pages of the origin")


def test_pages_are_given_no_leave_to_read_answers_or_send_keys(server: RunningServer) -> None:
    """Not those of this machine either: another program's pages are somebody else's."""
    asked = [b"access-control-request-method: POST", b"access-control-request-headers: authorization"]
    answer = raw(
        server, b"host: localhost", b"origin: http://localhost:3000", *asked, first=b"OPTIONS /v1/files HTTP/1.1"
    )
    assert status_of(answer) == 401
    assert b"access-control-allow" not in answer
    assert b"access-control-allow" not in raw(server, b"host: localhost", b"origin: http://localhost:3000", BEARER)


# -- GET changes nothing -----------------------------------------------------------------------------------------------


def whole_life(http: httpx2.Client) -> dict[str, str]:
    """One of everything in the sandbox, and the ids that paths ask for."""

    def made(path: str, **send: Any) -> Any:
        return http.post(path, **send).raise_for_status().json()

    file = made("/v1/files", files={"file": ("a.jsonl", dataset())}, data={"purpose": "fine-tune"})["id"]
    job = made("/v1/fine_tuning/jobs", json={"model": MODEL, "training_file": file})["id"]
    made("/_mocktune/clock/advance", json={"until": {"job": job, "status": "terminal"}})
    made("/_mocktune/clock/advance", json={"by": "1h"})
    model = http.get(f"/v1/fine_tuning/jobs/{job}").json()["fine_tuned_model"]
    running = made("/v1/fine_tuning/jobs", json={"model": MODEL, "training_file": file})["id"]
    messages = [{"role": "user", "content": "Hi?"}]
    stored = made("/v1/chat/completions", json={"model": model, "messages": messages, "store": True})["id"]
    response = made("/v1/responses", json={"model": model, "input": "Hi?"})["id"]
    hook = {"name": "h", "url": "https://example.com/h", "event_types": ["fine_tuning.job.succeeded"]}
    return {
        "file_id": file,
        "fine_tuning_job_id": running,
        "model": model,
        "completion_id": stored,
        "response_id": response,
        "webhook_endpoint_id": made("/v1/webhook_endpoints", json=hook)["id"],
        "fine_tuned_model_checkpoint": model,
        "code": "MT01",
        "name": "quick",
        "version": "api-version=2024-10-21",
    }


def test_no_get_changes_an_outcome(http: httpx2.Client) -> None:
    """Every GET there is, over a sandbox with one of everything: its state afterwards is the same to the byte."""
    ids = whole_life(http)
    before = http.get("/_mocktune/state").raise_for_status().content
    clock = http.get("/_mocktune/clock").json()
    description = http.get("/openapi.json").json()["paths"]
    paths = [path for path, methods in description.items() if "get" in methods]
    assert len(paths) > 35
    answered = 0
    for path in paths:
        url = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "x"), path)
        query = {"api-version": "2024-10-21"} if path.startswith(("/openai/", "/subscriptions/")) else {}
        answer = http.get(url, params=query, timeout=30)
        assert answer.status_code < 500, (url, answer.text)
        answered += answer.status_code == 200
        assert http.head(url, params=query).status_code in (403, 405), url
    assert answered > 30
    assert http.get("/_mocktune/clock").json() == clock
    assert http.get("/_mocktune/state").content == before


# -- headers -----------------------------------------------------------------------------------------------------------

INJECTED = re.compile(rb"^x-evil", re.IGNORECASE | re.MULTILINE)


def head_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "name",
    [
        b'filename="a%0d%0aX-Evil: 1.jsonl"',
        b'filename="a\rX-Evil: 1.jsonl"',
        b'filename="a\\r\\nX-Evil: 1.jsonl"',
        b"filename*=utf-8''a%0d%0aX-Evil:%201.jsonl",
        'filename="a\u2028\u0085X-Evil: 1.jsonl"'.encode(),
        b'filename="a\\"; x=\\".jsonl"',
    ],
)
def test_a_file_name_adds_no_header_to_its_content(server: RunningServer, http: httpx2.Client, name: bytes) -> None:
    part = b'--b\r\ncontent-disposition: form-data; name="file"; ' + name + b"\r\n\r\n" + dataset() + b"\r\n"
    purpose = b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    form = purpose + part + b"--b--\r\n"
    file = http.post("/v1/files", content=form, headers={"content-type": "multipart/form-data; boundary=b"})
    if file.status_code == 400:
        return  # no name of a file
    path = f"/v1/files/{file.json()['id']}/content"
    answer = raw(server, b"host: localhost", BEARER, first=f"GET {path} HTTP/1.1".encode())
    assert status_of(answer) == 200
    assert not INJECTED.search(head_of(answer))
    assert head_of(answer).lower().count(b"content-disposition") == 1
    disposition = re.search(rb'(?im)^content-disposition: attachment; filename="([^"\r\n]*)"\r?$', head_of(answer))
    assert disposition, head_of(answer)


@pytest.mark.parametrize("field", [b"openai-organization", b"openai-project", b"origin", b"user-agent"])
@pytest.mark.parametrize("value", [b"a\rX-Evil: 1", b"a\nX-Evil: 1", b"a\r\n X-Evil: 1", b"a\x00X-Evil: 1"])
def test_a_header_that_is_echoed_brings_no_other_one(server: RunningServer, field: bytes, value: bytes) -> None:
    answer = raw(server, b"host: localhost", BEARER, field + b": " + value)
    assert not re.search(rb"[\r\n]\s*x-evil", head_of(answer), re.IGNORECASE), answer[:600]


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/models/a%0d%0aX-Evil:%201",
        b"/v1/files/a%0aX-Evil:%201/content",
        b"/s/a%0d%0aX-Evil:%201/v1/models",
        b"/v1/files?after=%0d%0aX-Evil:%201",
        b"/openai/files?api-version=%0d%0aX-Evil:%201",
        b"/_mocktune/scenarios/a%0d%0aX-Evil:%201",
    ],
)
def test_a_path_adds_no_header(server: RunningServer, path: bytes) -> None:
    answer = raw(server, b"host: localhost", BEARER, first=b"GET " + path + b" HTTP/1.1")
    assert status_of(answer) in (200, 400, 404)
    assert not INJECTED.search(head_of(answer))


def test_what_a_job_is_named_and_tagged_with_adds_no_header(server: RunningServer, http: httpx2.Client) -> None:
    evil = "v\r\nX-Evil: 1"
    file = http.post("/v1/files", files={"file": ("a.jsonl", dataset())}, data={"purpose": "fine-tune"}).json()["id"]
    body = {"model": MODEL, "training_file": file, "suffix": "s\r\nX-Evil: 1", "metadata": {evil: evil}}
    job = http.post("/v1/fine_tuning/jobs", json=body).raise_for_status().json()["id"]
    http.post("/_mocktune/clock/advance", json={"until": {"job": job, "status": "terminal"}}).raise_for_status()
    http.post("/_mocktune/clock/advance", json={"by": "1h"}).raise_for_status()
    ended = http.get(f"/v1/fine_tuning/jobs/{job}").json()
    assert ended["metadata"] == {evil: evil}, "it is data, and stays what it is"
    assert re.fullmatch(r"ft:[\w.-]+:mocktune:[a-z0-9-]+:\w+", ended["fine_tuned_model"])
    for path in (f"/v1/fine_tuning/jobs/{job}", f"/v1/models/{ended['fine_tuned_model']}", "/v1/fine_tuning/jobs"):
        answer = raw(server, b"host: localhost", BEARER, first=f"GET {path} HTTP/1.1".encode())
        assert status_of(answer) == 200
        assert not INJECTED.search(head_of(answer))


# -- names -------------------------------------------------------------------------------------------------------------

NAMES = [
    "../../../../tmp/evil.jsonl", "/etc/evil.jsonl", "..\\..\\evil.jsonl", "C:\\evil.jsonl", "%2e%2e%2fevil.jsonl",
    "....//evil.jsonl", "evil\x00.jsonl", "~/evil.jsonl", "CON.jsonl", "-rf.jsonl", ".jsonl", "a" * 5000 + ".jsonl",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_no_path(server: RunningServer, http: httpx2.Client, name: str) -> None:
    """Whatever it is: bytes are kept under generated names in one folder of the server's own."""
    answer = http.post("/v1/files", files={"file": (name, dataset())}, data={"purpose": "fine-tune"})
    assert answer.status_code in (200, 400)
    folder = server.services.blobs._folder  # type: ignore[attr-defined]  # the shipped adapter's
    assert folder is not None
    assert all(re.fullmatch(r"[0-9a-f]{8}", each.name) for each in folder.rglob("*"))
    if answer.status_code == 200:
        content = http.get(f"/v1/files/{answer.json()['id']}/content")
        assert content.content == dataset()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_in_a_state_is_no_path_either(server: RunningServer, keyless: httpx2.Client, name: str) -> None:
    headers = {"authorization": "Bearer sk-traversal"}
    state = {"schema": 1, "files": [{"id": "file-1", "filename": name, "content": "{}\n"}]}
    answer = keyless.put("/_mocktune/state", json=state, headers=headers)
    assert answer.status_code in (200, 400)
    folder = server.services.blobs._folder  # type: ignore[attr-defined]  # the shipped adapter's
    assert folder is None or all(re.fullmatch(r"[0-9a-f]{8}", each.name) for each in folder.rglob("*"))


@pytest.mark.parametrize(
    "name",
    [
        b"..",
        b".",
        b"%2e%2e",
        b"..%2f..",
        b"a%00b",
        b"a%0ab",
        b"a--b",
        b"%ff",
        b"a b",
        b"a" * 65,
        b"-a",
        b"~",
        b"a;b",
    ],
)
def test_a_sandbox_is_named_by_plain_characters_alone(server: RunningServer, name: bytes) -> None:
    before = len(server.services.sandboxes)
    for path in (b"/v1/models", b"/_mocktune/clock"):
        answer = raw(server, b"host: localhost", BEARER, first=b"GET /s/" + name + path + b" HTTP/1.1")
        assert status_of(answer) in (400, 404), answer[:300]
    assert len(server.services.sandboxes) == before


@pytest.mark.parametrize(
    "path",
    [
        "/_mocktune/scenarios/..%2f..%2f..%2fetc%2fpasswd",
        "/_mocktune/scenarios/%2fetc%2fpasswd",
        "/_mocktune/schemas/..%2f..%2fpyproject",
        "/v1/files/..%2f..%2f..%2fetc%2fpasswd/content",
        "/v1/models/..%2f..%2fetc",
        "/../../etc/passwd",
        "/v1/../_mocktune/sandboxes",
    ],
)
def test_a_path_leads_to_no_file(server: RunningServer, path: str) -> None:
    answer = raw(server, b"host: localhost", BEARER, first=f"GET {path} HTTP/1.1".encode())
    assert status_of(answer) == 404
    assert b"root:" not in answer


# -- size --------------------------------------------------------------------------------------------------------------


def assert_too_large(answer: bytes) -> None:
    assert_refused(answer, 431, "may have 131072 bytes")


@pytest.mark.usefixtures("_soon_closed")
def test_a_request_line_without_an_end_is_refused(server: RunningServer) -> None:
    assert_too_large(sent(server, b"GET /" + b"a" * 2_000_000))


@pytest.mark.usefixtures("_soon_closed")
def test_a_header_without_an_end_is_refused(server: RunningServer) -> None:
    assert_too_large(sent(server, b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 2_000_000))


@pytest.mark.usefixtures("_soon_closed")
def test_headers_without_an_end_are_refused(server: RunningServer) -> None:
    headers = b"".join(b"x-%d: y\r\n" % number for number in range(200_000))
    assert_too_large(sent(server, b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n" + headers))


def test_a_flood_of_headers_is_cut_off(server: RunningServer) -> None:
    """A client that does not stop when it is told so is not listened to for ever."""
    flood = b"GET /v1/models HTTP/1.1\r\nx: " + b"a" * (20 * bounded_heads.MAX_DISCARDED_BYTES)
    with socket.create_connection(address(server), timeout=10) as connection, pytest.raises(OSError):
        connection.sendall(flood)  # reset, or a broken pipe


def test_slow_heads_within_the_bound_and_requests_on_one_connection_are_answered(server: RunningServer) -> None:
    request = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n" + BEARER + b"\r\nx: " + b"a" * 60_000 + b"\r\n\r\n"
    with socket.create_connection(address(server), timeout=10) as connection:
        for _ in range(20):
            for start in range(0, len(request), 7_000):
                connection.sendall(request[start : start + 7_000])
            answer = connection.recv(65536)
            assert status_of(answer) == 200
            length = int(re.search(rb"content-length: (\d+)", answer)[1])  # type: ignore[index]  # it has one
            while len(answer.partition(b"\r\n\r\n")[2]) < length:
                answer += connection.recv(65536)


def test_a_long_url_is_answered_with_little_of_it(http: httpx2.Client) -> None:
    answer = http.get("/v1/" + "a" * 60_000)
    assert answer.status_code == 404
    assert len(answer.content) < 1000
    assert http.get("/v1/files?after=" + "a" * 50_000).status_code == 400


@pytest.mark.parametrize("length", [513, 5_000, 60_000])
def test_a_long_key_is_refused_and_not_shown(server: RunningServer, length: int) -> None:
    for header in (b"authorization: Bearer ", b"api-key: "):
        answer = raw(server, b"host: localhost", header + b"k" * length)
        assert_refused(answer, 401, "Incorrect API key provided: kkkkk***kk.")
        assert b"k" * 20 not in answer


def test_many_query_fields_are_bounded(http: httpx2.Client) -> None:
    many = "&".join(f"metadata[{n}]=v" for n in range(1_500))
    assert http.get(f"/v1/fine_tuning/jobs?{many}").status_code == 400
    for path in ("/v1/files", "/v1/models", "/_mocktune/clock"):
        assert http.get(f"{path}?{many}").status_code in (200, 400)


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, DEEP, b'{"clock": ' + b"9" * 100_000 + b"}", b'{"a":"' + b"x" * 900_000]
)
def test_json_that_is_deep_long_or_cut_short_is_a_400_everywhere(server: RunningServer, body: bytes) -> None:
    with httpx2.Client(base_url=server.root, timeout=30) as client:
        description = client.get("/openapi.json").json()["paths"]
        paths = [(method, path) for path, methods in description.items() for method in methods if method != "get"]
        assert len(paths) > 40
        for method, path in paths:
            url = re.sub(r"\{\w+\}", "x", path)
            query = {"api-version": "2024-10-21"} if path.startswith(("/openai/", "/subscriptions/")) else {}
            key = TOKEN if "/sandboxes" in path else KEY
            answer = client.request(
                method, url, params=query, content=body,
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            )  # fmt: skip
            assert answer.status_code < 500, (method, url, answer.text[:300])
            assert len(answer.content) < 20_000, (method, url)


def test_a_body_beyond_the_bound_is_a_413(
    server: RunningServer, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mocktune.http.call.MAX_JSON_BYTES", 100_000)
    for path in ("/_mocktune/clock/advance", "/v1/fine_tuning/jobs", "/v1/chat/completions"):
        assert http.post(path, content=b" " * 100_001).status_code == 413
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (200_000, b" " * 200_000)
    answer = raw(
        server, b"host: localhost", BEARER, b"transfer-encoding: chunked", body=chunked,
        first=b"POST /v1/fine_tuning/jobs HTTP/1.1",
    )  # fmt: skip
    assert status_of(answer) == 413


def test_forms_with_too_much_in_them_are_refused_and_leave_nothing(server: RunningServer, http: httpx2.Client) -> None:
    used = server.services.blobs.used_bytes  # type: ignore[attr-defined]  # the shipped adapter tells
    file = {"file": ("a.jsonl", dataset())}
    long_header = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="' + b"a" * 20_000 + b'"\r\n\r\n{}\r\n--b--\r\n'
    )
    form = {"content-type": "multipart/form-data; boundary=b"}
    answers = [
        http.post("/v1/files", files=file, data={"purpose": "x" * 70_000}),
        http.post("/v1/files", files=file, data={f"field{n}": "v" for n in range(40)}),
        http.post("/v1/files", content=long_header, headers=form),
        http.post("/v1/files", content=b"--b\r\n" * 10_000, headers=form),
        http.post(
            "/v1/files", content=dataset(), headers={"content-type": "multipart/form-data; boundary=" + "b" * 300}
        ),
    ]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert server.services.blobs.used_bytes == used  # type: ignore[attr-defined]  # as above


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_calls_about_the_whole_server_need_its_token(keyless: httpx2.Client, method: str) -> None:
    url = "/_mocktune/sandboxes" + ("/sandbox_1" if method == "DELETE" else "")
    for headers in ({}, {"authorization": "Bearer"}, {"authorization": f"Token {TOKEN}"}):
        assert keyless.request(method, url, headers=headers).status_code == 401
    for credential in (KEY, TOKEN + "x", TOKEN.upper(), TOKEN[:-1], "sk-admin-safety-0123456789", "*", "\u00e9"):
        bearer = {b"authorization": b"Bearer " + credential.encode("latin-1")}
        answer = keyless.request(method, url, headers=bearer)
        assert answer.status_code == 403
        assert credential not in answer.text
        assert TOKEN not in answer.text
    query = keyless.request(method, f"{url}?admin_token={TOKEN}", headers={"authorization": f"Bearer {KEY}"})
    assert query.status_code == 403


def test_one_key_does_nothing_to_the_sandbox_of_another(server: RunningServer, http: httpx2.Client) -> None:
    own = http.get("/_mocktune/sandboxes/current").json()["id"]
    for method, path in (("DELETE", f"/_mocktune/sandboxes/{own}"), ("PATCH", f"/_mocktune/sandboxes/{own}")):
        assert httpx2.request(method, server.root + path, headers={"authorization": "Bearer sk-eve"}).status_code == 403
    assert http.get("/_mocktune/sandboxes/current").json()["id"] == own


def test_a_server_that_others_can_reach_does_not_start_without_a_token_of_its_own() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        ended = subprocess.run(
            [sys.executable, "-m", "mocktune", "serve", "--host", host, "--port", "0"],
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 2, ended.stderr
        assert "--admin-token" in ended.stderr
        assert ended.stdout == ""


# -- keys --------------------------------------------------------------------------------------------------------------

SECRET = "sk-proj-T3BlbkFJ-9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a"


def test_a_key_is_in_no_log_no_journal_and_no_answer(
    server: RunningServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that looks live, on requests that succeed, are refused, and break the server."""

    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    caplog.set_level(logging.DEBUG)
    answers = []
    for headers in (
        {"authorization": f"Bearer {SECRET}"},
        {"api-key": SECRET},
        {"authorization": f"Bearer sk-invalid-{SECRET}"},
        {"authorization": f"Basic {SECRET}"},
    ):
        with httpx2.Client(base_url=server.root, headers=headers) as client:
            answers += [
                client.get("/v1/models"),
                client.get("/v1/nothing"),
                client.get("/_mocktune/clock"),
                client.get("/_mocktune/requests"),
                client.get("/_mocktune/sandboxes"),
                client.post("/v1/fine_tuning/jobs", json={"model": 3}),
                client.post("/v1/chat/completions", content=b"{"),
                client.get("/v1/models", headers={"host": "evil.example"}),
                client.put("/v1/models"),
            ]
            with monkeypatch.context() as patching:
                patching.setattr(type(server.services.models), "list", broken)
                answers.append(client.get("/v1/models"))
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 404, 405, 500}
    sandbox = server.services.sandboxes.open(SECRET, server.services.clock.wall())
    kept = repr([[getattr(entry, name) for name in entry.__slots__] for entry in sandbox.journal.entries()])
    assert len(sandbox.journal.entries()) > 10
    for text in (caplog.text, kept, *(answer.text + repr(answer.headers) for answer in answers)):
        assert SECRET[10:40] not in text
    assert "a bug" in caplog.text, "what went wrong is told"


def test_a_key_is_kept_nowhere_in_the_server(server: RunningServer) -> None:
    key = "sk-kept-nowhere-0123456789abcdef"
    httpx2.get(f"{server.base_url}/models", headers={"authorization": f"Bearer {key}"})
    names = server.services.sandboxes._by_name
    assert not any(key.encode() in name for name in names)
    sandbox = server.services.sandboxes.open(key, server.services.clock.wall())
    assert key not in repr(sandbox)
