"""Code with the real host written into it reaches the sandbox, and meets there what it would meet anywhere.

Every client is played twice: against the sandbox's own URL, and against the real one under ``intercept``. What comes of
it is the same, faults included; connections to the real service are refused meanwhile, so nothing gets past.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpcore
import httpcore2
import httpx
import httpx2
import openai
import pytest
import respx
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from respx.mocks import Mocker

from mocktune.testing import Sandbox, errors, intercept, sandbox

REAL = "https://api.openai.com/v1"
LIVE_KEY = "sk-live-0123456789abcdef"
KEY = {"authorization": f"Bearer {LIVE_KEY}"}
MODEL = "gpt-4o-mini-2024-07-18"
HELLO: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
MOCKERS = {"httpx": "httpcore", "httpx2": "httpcore2"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with sandbox(env=False, sleeps="real") as opened:
        yield opened


def patched() -> list[Any]:
    """Everything that is replaced meanwhile."""
    kinds = [
        *((library.HTTPTransport, "handle_request") for library in (httpx, httpx2)),
        *((library.AsyncHTTPTransport, "handle_async_request") for library in (httpx, httpx2)),
        *((core.ConnectionPool, "handle_request") for core in (httpcore, httpcore2)),
        *((core.HTTPConnection, "handle_request") for core in (httpcore, httpcore2)),
    ]
    return [vars(kind)[name] for kind, name in kinds] + [
        list(Mocker.registry[each].routers) for each in MOCKERS.values()
    ]


UNPATCHED = patched()


# -- clients -----------------------------------------------------------------------------------------------------------

Send = Callable[..., Any]


@contextmanager
def sync_client(library: Any) -> Iterator[Send]:
    with library.Client(timeout=5, verify=False) as client:
        yield client.request


@contextmanager
def async_client(library: Any) -> Iterator[Send]:
    with asyncio.Runner() as runner:
        client = library.AsyncClient(timeout=5, verify=False)
        yield lambda *given, **named: runner.run(client.request(*given, **named))
        runner.run(client.aclose())


CLIENTS = pytest.mark.parametrize("made", [sync_client, async_client], ids=["sync", "async"])


def outcome(send: Send, *given: Any, **named: Any) -> tuple[Any, ...]:
    """What a request comes to: its answer, or the exception with its words."""
    try:
        answer = send(*given, **named)
    except Exception as error:
        return type(error), str(error)
    return answer.status_code, answer.content


@LIBRARIES
@CLIENTS
def test_a_request_to_the_real_host_is_answered_by_the_sandbox(box: Sandbox, library: Any, made: Any) -> None:
    with made(library) as send, intercept(box) as given:
        assert given is box
        answer = send("GET", f"{REAL}/models/{MODEL}?x=a%2Fb", headers=KEY)
    assert answer.json()["id"] == MODEL
    assert str(answer.url) == f"{REAL}/models/{MODEL}?x=a%2Fb"
    assert answer.request.headers["authorization"] == f"Bearer {LIVE_KEY}"  # the client's own request is left alone
    (seen,) = box.control.get("requests")["data"]
    assert (seen["operation"], seen["path"]) == ("models.retrieve", f"/v1/models/{MODEL}")


def test_the_sdk_lives_a_whole_life_against_the_real_url(box: Sandbox) -> None:
    line = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
    with box.intercept(), OpenAI(base_url=REAL, api_key=LIVE_KEY) as client:
        file = client.files.create(file=("train.jsonl", line * 10), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
        box.clock.advance("1d")
        tuned = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
        assert tuned is not None
        chunks: Any = client.chat.completions.create(**{**HELLO, "model": tuned}, stream=True)
        assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
        with pytest.raises(openai.NotFoundError, match="Could not find fine tune"):
            client.fine_tuning.jobs.retrieve("ftjob-nothere")


def test_the_async_sdk_and_azures_reach_the_sandbox_too(box: Sandbox) -> None:
    resource: Any = {
        "azure_endpoint": "https://acme.openai.azure.com",
        "api_key": LIVE_KEY,
        "api_version": "2024-10-21",
    }

    async def played() -> None:
        async with AsyncOpenAI(base_url=REAL, api_key=LIVE_KEY) as client:
            assert (await client.models.retrieve(MODEL)).id == MODEL
            stream = await client.chat.completions.create(**HELLO, stream=True)
            assert [each async for each in stream]
        async with AsyncAzureOpenAI(**resource) as azure:
            assert (await azure.files.list()).data == []

    with intercept(box):
        asyncio.run(played())
        with AzureOpenAI(**resource) as azure:
            assert azure.files.list().data == []


# -- faults ------------------------------------------------------------------------------------------------------------

FAULTS: list[dict[str, Any]] = [
    {"fault": "CONNECTION_RESET_BY_PEER"},
    {"fault": "CONNECTION_RESET_BY_PEER", "at": "mid_body"},
    {"fault": "EMPTY_RESPONSE"},
    {"fault": "TRUNCATE", "at": "mid_body"},
    {"fault": "MALFORMED_RESPONSE_CHUNK", "at": "mid_body"},
    {"fault": "RANDOM_DATA_THEN_CLOSE"},
    {"fault": "STALL"},
    {"fault": "STALL", "at": "mid_body"},
    {"answer": {"status": 429, "retry_after": "3"}},
    {"answer": {"status": 502, "body": "<html>Bad gateway</html>"}},
    {"answer": {"status": 302, "body": "", "headers": {"location": "https://example.com"}}},
]


@LIBRARIES
@CLIENTS
def test_a_fault_is_what_it_is_without_interception(box: Sandbox, library: Any, made: Any) -> None:
    with made(library) as send:
        for rule in FAULTS:
            timeout_s = 0.1 if rule.get("fault") == "STALL" else 10
            came = []
            for url in (f"{box.base_url}/models", f"{REAL}/models"):
                # What is random is drawn by the request's place among those a rule matched: each way is the first.
                box.control.post("faults", {"id": "played", "operation": "models.list", **rule})
                with intercept(box):
                    came.append(outcome(send, "GET", url, headers=KEY, timeout=timeout_s))
                box.control.delete("faults/played")
            plain, intercepted = came
            assert intercepted == plain, rule
            assert plain[0] != 200, rule


@LIBRARIES
def test_a_sandbox_that_is_gone_refuses_the_connection(library: Any) -> None:
    with intercept(Recorder("http://127.0.0.1:9/s/gone/v1")), pytest.raises(library.ConnectError):
        library.get(f"{REAL}/models", headers=KEY)


# -- what is sent ------------------------------------------------------------------------------------------------------


@dataclass
class Recorder:
    """A server that keeps what it is sent: bodies that come and go in pieces, with a say in when."""

    base_url: str = ""
    api_key: str = "sk-mt-box"
    admin_key: str = "sk-admin-mt-box"
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    first_piece: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            kept.paths.append(self.path)
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            while size := int(self.rfile.readline() or b"0", 16):  # a chunked body
                self.rfile.read(size + 2)
                kept.first_piece.set()
            self.do_GET()

        def do_GET(self) -> None:
            if self.command == "GET":
                kept.paths.append(self.path)
                kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nfirst\r\n")
            self.wfile.flush()
            if self.path.endswith("/slow"):
                kept.go_on.wait(10)
            self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

        def log_message(self, *given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        kept.base_url = f"http://127.0.0.1:{server.server_address[1]}/s/box/v1"
        yield kept
        kept.go_on.set()
        server.shutdown()
        thread.join()


KEYS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"Authorization": f"Bearer {LIVE_KEY}"}, {"authorization": "Bearer sk-mt-box"}),
    ({"authorization": f"bearer {LIVE_KEY}"}, {"authorization": "Bearer sk-mt-box"}),
    ({"authorization": "Basic OnNrLWxpdmU="}, {"authorization": "Bearer sk-mt-box"}),
    ({"authorization": "Bearer sk-admin-live-1"}, {"authorization": "Bearer sk-admin-mt-box"}),
    ({"api-key": LIVE_KEY}, {"api-key": "sk-mt-box"}),
    ({"authorization": "Bearer sk-invalid-1"}, {"authorization": "Bearer sk-invalid-1"}),
    ({"OpenAI-Organization": "org-1", "X-Own": "1"}, {"openai-organization": "org-1", "x-own": "1"}),
]


@LIBRARIES
def test_headers_arrive_but_a_key_stays_in_the_process(recorder: Recorder, library: Any) -> None:
    with library.Client(verify=False) as client, intercept(recorder):
        for sent, arrives in KEYS:
            client.get("https://api.openai.com/v1/files?limit=2", headers=sent)
            headers = recorder.headers[-1]
            assert recorder.paths[-1] == "/s/box/v1/files?limit=2"
            assert headers["host"] == recorder.base_url.split("/")[2]
            assert arrives.items() <= headers.items()
            assert {"authorization", "api-key"} & set(headers) == {"authorization", "api-key"} & set(arrives)
    assert "-live" not in str(recorder.headers)
    assert "OnNrLWxpdmU" not in str(recorder.headers)


@LIBRARIES
@CLIENTS
def test_bodies_come_and_go_in_pieces(recorder: Recorder, library: Any, made: Any) -> None:
    """The second piece of each is sent only after the other side has seen the first."""
    seen: list[bool] = []

    def pieces() -> Iterator[bytes]:
        yield b"one"
        seen.append(recorder.first_piece.wait(10))
        yield b"two"

    async def async_pieces() -> AsyncIterator[bytes]:
        yield b"one"
        seen.append(await asyncio.to_thread(recorder.first_piece.wait, 10))
        yield b"two"

    def sync_play() -> list[bytes]:
        with library.Client(verify=False) as client, client.stream("POST", f"{REAL}/slow", content=pieces()) as answer:
            raw = answer.iter_raw()
            came = [next(raw)]
            recorder.go_on.set()
            return [*came, *raw]

    async def async_play() -> list[bytes]:
        async with (
            library.AsyncClient(verify=False) as client,
            client.stream("POST", f"{REAL}/slow", content=async_pieces()) as answer,
        ):
            came = []
            async for each in answer.aiter_raw():
                came.append(each)
                recorder.go_on.set()
            return came

    with intercept(recorder):
        came = sync_play() if made is sync_client else asyncio.run(async_play())
    assert (came[0], b"".join(came)) == (b"first", b"firstsecond")
    assert seen == [True]


# -- what is left alone ------------------------------------------------------------------------------------------------


@LIBRARIES
@CLIENTS
def test_other_hosts_are_left_alone(box: Sandbox, recorder: Recorder, library: Any, made: Any) -> None:
    elsewhere = recorder.base_url.removesuffix("/s/box/v1")
    with made(library) as send, intercept(box):
        assert send("GET", f"{elsewhere}/hello", headers=KEY).text == "firstsecond"
    assert recorder.headers[0]["authorization"] == f"Bearer {LIVE_KEY}"
    assert recorder.paths == ["/hello"]


@LIBRARIES
def test_hosts_says_which_are_meant(box: Sandbox, library: Any) -> None:
    with intercept(box, hosts=["llm.example"]):
        assert library.get("https://eu.llm.example/v1/models", headers=KEY).status_code == 200
        with pytest.raises(library.ConnectError, match=r"refuses the connection to api\.openai\.com"):
            library.get(f"{REAL}/models", headers=KEY)
    with pytest.raises(TypeError, match="list of names"), intercept(box, hosts="llm.example"):
        pass


@LIBRARIES
@CLIENTS
def test_a_proxy_of_the_environment_is_not_asked(
    box: Sandbox, library: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with made(library) as send, intercept(box):
        for _ in range(2):
            assert send("GET", f"{REAL}/models", headers=KEY).status_code == 200


def test_everything_is_put_back_whatever_happens_and_in_whatever_order(box: Sandbox) -> None:
    def played() -> None:
        with intercept(box), intercept(box):
            assert patched() != UNPATCHED
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        played()
    assert patched() == UNPATCHED
    for first_in, first_out in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        blocks: list[Any] = [intercept(box), respx.mock(assert_all_called=False)]
        order = blocks if first_in == 0 else blocks[::-1]
        for each in order:
            each.__enter__()
        httpx.get(f"{REAL}/models", headers=KEY)
        for each in blocks if first_out == 0 else blocks[::-1]:
            each.__exit__(None, None, None)
        assert patched() == UNPATCHED


def test_bodies_are_read_into_memory_only_while_there_are_mocks(box: Sandbox) -> None:
    with intercept(box), OpenAI(base_url=REAL, api_key=LIVE_KEY) as client:
        for using in MOCKERS.values():
            with respx.mock(using=using):
                client.models.list()
                assert httpx.get(f"{REAL}/models", headers=KEY).status_code == 200
                assert httpx2.get(f"{REAL}/models", headers=KEY).status_code == 200
        httpx.get(f"{REAL}/models", headers=KEY)
        httpx2.get(f"{REAL}/models", headers=KEY)
        assert patched()[4:8] == UNPATCHED[4:8]


# -- beside the mocks of a test ----------------------------------------------------------------------------------------


@LIBRARIES
@CLIENTS
@pytest.mark.parametrize("around", [True, False], ids=["mocks around", "mocks inside"])
def test_mocks_of_the_test_are_asked_first(box: Sandbox, library: Any, made: Any, around: bool) -> None:
    mocks = respx.mock(using=MOCKERS[library.__name__])
    with made(library) as send, ExitStack() as stack:
        for each in (mocks, intercept(box)) if around else (intercept(box), mocks):
            stack.enter_context(each)
        chat = mocks.post(f"{REAL}/chat/completions", json=HELLO).mock(return_value=errors.rate_limit_exceeded())
        passed = mocks.get(f"{REAL}/files").pass_through()
        elsewhere = mocks.get("https://example.com/").respond(418)
        assert send("POST", f"{REAL}/chat/completions", json=HELLO, headers=KEY).status_code == 429
        assert send("POST", f"{REAL}/chat/completions", json={**HELLO, "n": 1}, headers=KEY).status_code == 200
        assert send("GET", f"{REAL}/models/{MODEL}", headers=KEY).json()["id"] == MODEL
        assert send("GET", f"{REAL}/files", headers=KEY).json()["data"] == []
        assert send("GET", "https://example.com/").status_code == 418
        assert (chat.call_count, passed.call_count, elsewhere.call_count) == (1, 1, 1)
        with pytest.raises(AssertionError, match="not mocked"):
            send("GET", "https://example.com/other")


@LIBRARIES
def test_the_innermost_block_that_takes_a_host_has_it(box: Sandbox, recorder: Recorder, library: Any) -> None:
    with intercept(box), intercept(recorder, hosts=["eu.api.openai.com"]):
        assert library.get("https://eu.api.openai.com/v1/x", headers=KEY).text == "firstsecond"
        assert library.get(f"{REAL}/models/{MODEL}", headers=KEY).json()["id"] == MODEL
    with intercept(recorder), intercept(box):
        assert library.get(f"{REAL}/models/{MODEL}", headers=KEY).json()["id"] == MODEL


# -- without a sandbox, without respx ----------------------------------------------------------------------------------


def test_without_a_sandbox_it_is_the_one_of_the_environment_else_one_of_its_own() -> None:
    with sandbox(sleeps="real") as box, intercept() as found:
        assert found.base_url == box.base_url
        assert httpx2.get(f"{REAL}/models/{MODEL}", headers=KEY).status_code == 200
        assert box.control.get("requests")["data"]
    with intercept() as own:
        assert httpx2.get(f"{REAL}/models/{MODEL}", headers=KEY).status_code == 200
        assert own.control.get("requests")["data"]


@pytest.mark.parametrize(("module", "name"), [("respx.mocks", "respx"), ("pytest_httpx2", "pytest-httpx2")])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "mocktune.testing.transport_mockers", raising=False)
    with pytest.raises(RuntimeError, match=rf"needs {name}: pip install 'mocktune\[testing\]'"), intercept():
        pass
