"""What a connection suffers, seen from the other end of a real one: every byte, and how it ends.

Clients here are plain sockets; what the usual ones make of each fault is in docs/reference/faults.md.
"""

from __future__ import annotations

import asyncio
import gc
import json
import select
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import pytest
from support import form, settings

from mocktune import RunningServer, running_server

SECONDS = 20.0
"""After which a test has hung."""

HI = {"model": "gpt-4o-mini-2024-07-18", "messages": [{"role": "user", "content": "Tell me a long story, please."}]}


@dataclass(frozen=True)
class Heard:
    """What came, and what came after it."""

    data: bytes
    end: Literal["closed", "reset", "open"]

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


class Client:
    """One API key on one server, through plain sockets; ``http`` is for what is to go well."""

    def __init__(self, server: RunningServer, key: str) -> None:
        self.host, port = server.root.removeprefix("http://").split(":")
        self.address = (self.host, int(port))
        self.key = key
        self.server = server
        self.http = httpx2.Client(base_url=server.root, headers={"authorization": f"Bearer {key}"}, timeout=SECONDS)

    def inject(self, **rule: Any) -> None:
        self.http.post("/_mocktune/faults", json=rule).raise_for_status()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=SECONDS)

    def request(
        self, method: str, path: str, body: bytes = b"", type: str = "application/json", **headers: str
    ) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.host}", f"authorization: Bearer {self.key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body:
            lines += [f"content-length: {len(body)}", f"content-type: {type}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def ask(self, method: str, path: str, body: Any = None, *, wait_s: float = SECONDS) -> Heard:
        """Everything that comes until the connection ends, or for ``wait_s``."""
        with self.connect() as connection:
            connection.sendall(self.request(method, path, b"" if body is None else json.dumps(body).encode()))
            return listen(connection, wait_s)

    def upload(self, data: bytes = b'{"a": 1}\n') -> httpx2.Response:
        return self.http.post("/v1/files", files={"file": ("a.jsonl", data)}, data={"purpose": "fine-tune"})

    def journal(self) -> Any:
        """The last request."""
        sandbox = self.server.services.sandboxes.open(self.key, self.server.services.clock.wall())
        return sandbox.journal.entries()[-1]


def listen(connection: socket.socket, wait_s: float = SECONDS) -> Heard:
    data = b""
    while True:
        if not select.select([connection], [], [], wait_s)[0]:
            return Heard(data, "open")
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return Heard(data, "reset")
        if not piece:
            return Heard(data, "closed")
        data += piece


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(settings("quick")) as server:
        yield server


@pytest.fixture
def client(server: RunningServer, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = Client(server, f"sk-{request.node.name}"[:200])
    yield client
    client.http.close()


ENDS = [("before_handler", False), ("after_commit", True)]


# -- nothing of an answer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "committed"), ENDS)
@pytest.mark.parametrize(("fault", "end"), [("CONNECTION_RESET_BY_PEER", "reset"), ("EMPTY_RESPONSE", "closed")])
def test_a_connection_ends_without_a_byte(client: Client, fault: str, end: str, at: str, committed: bool) -> None:
    client.inject(operation="models.list", fault=fault, at=at)
    assert client.ask("GET", "/v1/models") == Heard(b"", end)  # type: ignore[arg-type]
    entry = client.journal()
    assert (entry.status, entry.lost, entry.committed) == (0, True, committed)
    assert [(each.rule_id, each.fired) for each in entry.faults] == [("fault-1", True)]


@pytest.mark.parametrize(("at", "committed"), ENDS)
def test_random_data_are_no_http_and_the_same_for_equal_seeds(client: Client, at: str, committed: bool) -> None:
    client.inject(id=f"noise {at}".replace(" ", "-"), fault="RANDOM_DATA_THEN_CLOSE", at=at)
    first, second = client.ask("GET", "/v1/models"), client.ask("GET", "/v1/models")
    assert first.end == second.end == "closed"
    assert len(first.data) == len(second.data) > 256
    assert not first.data.startswith(b"HTTP/")
    assert first.data != second.data  # drawn anew for every match
    with running_server(settings("quick")) as other:
        again = Client(other, client.key)
        again.inject(id=f"noise {at}".replace(" ", "-"), fault="RANDOM_DATA_THEN_CLOSE", at=at)
        assert again.ask("GET", "/v1/models") == first
        again.http.close()


def test_what_a_lost_answer_told_of_is_there(client: Client) -> None:
    client.inject(operation="files.create", at="after_commit", fault="CONNECTION_RESET_BY_PEER", times=1)
    with pytest.raises(httpx2.NetworkError):
        client.upload()
    assert [each["filename"] for each in client.http.get("/v1/files").json()["data"]] == ["a.jsonl"]


def test_what_a_fault_came_before_did_not_happen(client: Client) -> None:
    client.inject(operation="files.create", fault="CONNECTION_RESET_BY_PEER", times=1)
    with pytest.raises(httpx2.NetworkError):
        client.upload()
    assert client.http.get("/v1/files").json()["data"] == []


# -- half of an answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["after_commit", "mid_body"])
def test_a_truncated_answer_promises_more_than_comes(client: Client, at: str) -> None:
    whole = client.http.get("/v1/models").content
    client.inject(operation="models.list", fault="TRUNCATE", at=at)
    heard = client.ask("GET", "/v1/models")
    assert heard.end == "closed"
    assert f"content-length: {len(whole)}".encode() in heard.head
    assert heard.body == whole[: len(whole) // 2]
    entry = client.journal()
    assert (entry.status, entry.lost, entry.committed, entry.response_body) == (200, True, True, heard.body)


def test_a_truncated_answer_before_the_handler_is_a_stand_in(client: Client) -> None:
    client.inject(operation="files.delete", fault="TRUNCATE")
    heard = client.ask("DELETE", "/v1/files/file-none")
    assert heard.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: %d\r\n" % (2 * len(heard.body)) in heard.head
    assert heard.end == "closed"
    assert client.journal().committed is False


@pytest.mark.parametrize("at", ["before_handler", "after_commit", "mid_body"])
def test_a_malformed_chunk_follows_a_good_head(client: Client, at: str) -> None:
    whole = client.http.get("/v1/models").content
    client.inject(operation="models.list", fault="MALFORMED_RESPONSE_CHUNK", at=at)
    heard = client.ask("GET", "/v1/models")
    assert heard.end == "closed"
    assert heard.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"transfer-encoding: chunked" in heard.head
    assert b"content-length" not in heard.head
    body = heard.body
    if at == "mid_body":
        half = len(whole) // 2
        assert body.startswith(b"%x\r\n" % half + whole[:half] + b"\r\n")
        body = body.removeprefix(b"%x\r\n" % half + whole[:half] + b"\r\n")
    with pytest.raises(ValueError):
        int(body.partition(b"\r\n")[0].partition(b";")[0], 16)


def test_a_connection_is_reset_after_half_of_a_body(client: Client) -> None:
    whole = client.http.get("/v1/models").content
    client.inject(operation="models.list", fault="CONNECTION_RESET_BY_PEER", at="mid_body")
    heard = client.ask("GET", "/v1/models")
    assert heard.end == "reset"
    assert heard.body == whole[: len(whole) // 2]


def test_an_answer_without_a_body_breaks_in_its_head(client: Client) -> None:
    url = "/openai/deployments/one?api-version=1"
    client.http.post("/openai/deployments?api-version=1", json={"id": "one", "model": HI["model"]}).raise_for_status()
    client.inject(operation="azure.deployments.delete", fault="TRUNCATE", at="mid_body")
    heard = client.ask("DELETE", url)
    assert heard.end == "closed"
    assert heard.data.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"\r\n\r\n" not in heard.data


def test_half_of_a_file_arrives_without_the_file_in_memory(client: Client) -> None:
    data = b'{"prompt": "x", "completion": "y"}\n' * 300_000  # 10 MB
    file = client.upload(data).json()["id"]
    client.http.post("/_mocktune/clock/advance", json={"by": "1m"})
    client.inject(operation="files.content", fault="TRUNCATE", at="mid_body")
    heard = client.ask("GET", f"/v1/files/{file}/content")
    assert heard.body == data[: len(data) // 2]
    assert client.journal().response_body == b""


# -- streams -----------------------------------------------------------------------------------------------------------


def stream_of(client: Client) -> list[bytes]:
    return client.http.post("/v1/chat/completions", json={**HI, "stream": True}).content.split(b"\n\n")


@pytest.mark.parametrize(
    ("fault", "end"), [("TRUNCATE", "closed"), ("CONNECTION_RESET_BY_PEER", "reset"), ("STALL", "closed")]
)
def test_a_stream_breaks_between_two_events(client: Client, fault: str, end: str) -> None:
    events = stream_of(client)
    more = {"delay": "10ms"} if fault == "STALL" else {}
    client.inject(operation="chat.completions.create", body={"stream": True}, at="mid_body", fault=fault, **more)
    heard = client.ask("POST", "/v1/chat/completions", {**HI, "stream": True})
    assert heard.end == end
    came = unchunked(heard.body)
    assert came.endswith(b"\n\n")
    shown = came.removesuffix(b"\n\n").split(b"\n\n")
    assert len(events) - 1 > len(shown) == (len(events) - 1) // 2 > 1  # the last split is empty
    assert json.loads(shown[-1].removeprefix(b"data: "))["object"] == "chat.completion.chunk"
    assert b"[DONE]" not in came
    assert client.journal().lost is True


def test_a_malformed_chunk_in_a_stream_follows_whole_events(client: Client) -> None:
    client.inject(operation="chat.completions.create", at="mid_body", fault="MALFORMED_RESPONSE_CHUNK")
    heard = client.ask("POST", "/v1/chat/completions", {**HI, "stream": True})
    assert heard.end == "closed"
    assert unchunked(heard.body).endswith(b"\n\n")


def unchunked(body: bytes) -> bytes:
    """The chunks that are whole, joined; none of them is the last."""
    joined = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return joined  # what follows is no chunk
        assert length > 0
        joined, body = joined + body[:length], body[length + 2 :]
    return joined


# -- silence -----------------------------------------------------------------------------------------------------------


def test_a_stalled_answer_never_comes_and_its_connection_stays_open_until_the_delay_is_over(client: Client) -> None:
    client.inject(operation="models.list", fault="STALL", delay="300ms")
    assert client.ask("GET", "/v1/models", wait_s=0.1) == Heard(b"", "open")
    begun = time.monotonic()
    assert client.ask("GET", "/v1/models") == Heard(b"", "closed")
    assert time.monotonic() - begun > 0.28


def test_a_body_stalls_after_its_first_half(client: Client) -> None:
    whole = client.http.get("/v1/models").content
    client.inject(operation="models.list", fault="STALL", at="mid_body")
    heard = client.ask("GET", "/v1/models", wait_s=0.1)
    assert heard.end == "open"
    assert heard.body == whole[: len(whole) // 2]


@pytest.mark.parametrize(
    "rule", [{"fault": "STALL"}, {"delay": "10m"}, {"delay": "10m", "at": "after_commit"},
             {"delay": "10m", "dribble": True, "at": "mid_body"}]
)  # fmt: skip
def test_waiting_ends_when_the_client_leaves(client: Client, rule: dict[str, Any]) -> None:
    """Nothing of its request is left over in the server."""
    client.inject(operation="models.list", **rule)
    before = requests_in_work()
    with client.connect() as connection:
        connection.sendall(client.request("GET", "/v1/models"))
        wait_until(lambda: requests_in_work() > before)
    wait_until(lambda: requests_in_work() <= before)
    assert client.http.get("/v1/files").status_code == 200


def requests_in_work() -> int:
    """The tasks in which uvicorn runs the application, in whatever thread."""
    tasks = (each for each in gc.get_objects() if type(each) is asyncio.Task)
    return sum(not each.done() and "run_asgi" in repr(each.get_coro()) for each in tasks)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_server_that_stops_waits_for_nobody() -> None:
    with running_server(settings("quick")) as server:
        client = Client(server, "sk-stopping")
        client.inject(operation="models.list", fault="STALL")
        connection = client.connect()
        connection.sendall(client.request("GET", "/v1/models"))
        assert listen(connection, 0.1).end == "open"
        begun = time.monotonic()
    assert time.monotonic() - begun < 3
    connection.close()
    client.http.close()


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_frozen_clock_does_not_change_how_long_an_answer_is_held_back(client: Client) -> None:
    client.inject(operation="models.list", delay="200ms")
    before = client.http.get("/_mocktune/clock").json()["now"]
    begun = time.monotonic()
    assert client.http.get("/v1/models").status_code == 200
    assert time.monotonic() - begun > 0.19
    assert client.http.get("/_mocktune/clock").json()["now"] == before


def test_a_body_dribbles_in_pieces_over_its_time_and_is_whole(client: Client) -> None:
    whole = client.http.get("/v1/models").content
    client.inject(operation="models.list", at="mid_body", delay="200ms", dribble=True)
    with client.connect() as connection:
        connection.sendall(client.request("GET", "/v1/models", connection="close"))
        arrivals, data = [], b""
        while piece := connection.recv(65536):
            arrivals.append(time.monotonic())
            data += piece
    assert Heard(data, "closed").body == whole
    assert len(arrivals) >= 10
    assert arrivals[-1] - arrivals[0] > 0.19


def test_a_stream_dribbles_by_events(client: Client) -> None:
    events = stream_of(client)
    client.inject(operation="chat.completions.create", at="mid_body", delay="100ms", dribble=True)
    begun = time.monotonic()
    assert stream_of(client) != []
    assert time.monotonic() - begun > 0.09
    assert len(stream_of(client)) == len(events)


# -- uploads -----------------------------------------------------------------------------------------------------------

UPLOAD_BYTES = 100 * 1024 * 1024


def upload(client: Client, size_bytes: int = UPLOAD_BYTES) -> tuple[int, Heard]:
    """The bytes that could be sent of an upload, and what came."""
    whole = form(b"", filename="big.jsonl")
    piece = b"x" * 1024 * 1024
    head = client.request(
        "POST", "/v1/files", content_length=str(size_bytes + len(whole)), content_type="multipart/form-data; boundary=x"
    )
    sent = 0
    with client.connect() as connection:
        try:
            connection.sendall(head + whole)
            while sent < size_bytes:
                connection.sendall(piece)
                sent += len(piece)
        except (ConnectionResetError, BrokenPipeError):
            return sent, Heard(b"", "reset")
        return sent, listen(connection)


def test_an_upload_that_a_fault_answers_is_read_to_its_end_and_not_into_memory(client: Client) -> None:
    """A client that is still sending would see a reset, and no status."""
    client.inject(operation="files.create", answer={"status": 503})
    tracemalloc.start()
    try:
        sent, heard = upload(client)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent == UPLOAD_BYTES
    assert heard.head.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in heard.head
    assert heard.end == "closed"
    assert peak_bytes < 16 * 1024 * 1024
    assert client.journal().request_body == b""


def test_an_upload_to_a_connection_that_closes_is_read_so_that_the_close_is_no_reset(client: Client) -> None:
    client.inject(operation="files.create", fault="EMPTY_RESPONSE")
    assert upload(client, 8 * 1024 * 1024) == (8 * 1024 * 1024, Heard(b"", "closed"))


def test_a_reset_comes_in_the_midst_of_an_upload(client: Client) -> None:
    client.inject(operation="files.create", fault="CONNECTION_RESET_BY_PEER")
    sent, heard = upload(client)
    assert sent < UPLOAD_BYTES
    assert heard == Heard(b"", "reset")


def test_a_rule_about_a_field_does_not_read_an_upload(client: Client) -> None:
    """It has no JSON body, so it is no match."""
    client.inject(operation="files.create", body={"purpose": "fine-tune"}, answer={"status": 418})
    assert client.upload().status_code == 200


# -- afterwards --------------------------------------------------------------------------------------------------------


def test_other_connections_do_not_notice(client: Client) -> None:
    with client.connect() as quiet:
        quiet.sendall(client.request("GET", "/v1/files"))
        quiet.recv(65536)
        client.inject(operation="models.list", fault="CONNECTION_RESET_BY_PEER")
        assert client.ask("GET", "/v1/models").end == "reset"
        quiet.sendall(client.request("GET", "/v1/files"))
        assert quiet.recv(65536).startswith(b"HTTP/1.1 200")


def test_requests_that_were_sent_ahead_end_with_the_connection(client: Client) -> None:
    client.inject(operation="models.list", fault="EMPTY_RESPONSE")
    with client.connect() as connection:
        connection.sendall(client.request("GET", "/v1/models") + client.request("GET", "/v1/files"))
        assert listen(connection).data == b""
    assert client.http.get("/v1/files").status_code == 200
