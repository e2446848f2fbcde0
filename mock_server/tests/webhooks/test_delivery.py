"""One POST over a real socket: what arrives, and what comes of receivers that do not behave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from mocktune.domain.clock import SECOND, WallTime
from mocktune.domain.webhooks import WebhookAnswer, WebhookRequest
from mocktune.webhooks.delivery import MAX_ANSWER_BYTES, HttpWebhookSender
from mocktune.webhooks.signing import sign

pytestmark = pytest.mark.anyio

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Receiver:
    """A server that reads one request a connection and answers it as told."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.requests.append(head + await reader.readexactly(int(length.partition(b":")[2])))
            await self._answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender hung up
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def receiver(answer: Answer) -> AsyncIterator[Receiver]:
    found = Receiver(answer)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def says(raw: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return answer


async def nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def request(url: str) -> WebhookRequest:
    return WebhookRequest("wh_1", url, b'{"a":1}', ("whsec_AAAA", "old"), WallTime(1_750_287_078 * SECOND + 5))


async def sent(answer: Answer, *, scheme: str = "http", timeout_s: float = 5.0) -> WebhookAnswer:
    async with receiver(answer) as found:
        sender = HttpWebhookSender(timeout_s=timeout_s)
        answer = await sender.send(request(f"{scheme}://127.0.0.1:{found.port}/hook"))
        await asyncio.sleep(0)  # the loop's turn in which it closes what the sender gave up
        return answer


async def test_a_signed_post_arrives() -> None:
    async with receiver(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as found:
        answer = await HttpWebhookSender().send(request(f"http://localhost:{found.port}/hook?x=1"))
    assert answer == WebhookAnswer(204)
    (raw,) = found.requests
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert first == "POST /hook?x=1 HTTP/1.1"
    assert body == b'{"a":1}'
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
    signed = sign(("whsec_AAAA", "old"), "wh_1", 1_750_287_078, body)
    assert {name: headers[name] for name in signed} == signed


@pytest.mark.parametrize("status", [200, 299, 400, 410, 500, 503])
async def test_any_status_is_an_answer(status: int) -> None:
    assert await sent(says(b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\nok" % status)) == WebhookAnswer(status)


async def test_a_redirect_is_not_followed() -> None:
    """DOC, guide to webhooks: 3xx are failures."""
    async with receiver(says(b"HTTP/1.1 307 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")) as found:
        answer = await HttpWebhookSender().send(request(f"http://127.0.0.1:{found.port}/hook"))
    assert answer == WebhookAnswer(307)
    assert len(found.requests) == 1


async def test_an_answer_without_end_is_cut_off() -> None:
    written_bytes = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal written_bytes
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            written_bytes += 65536

    assert await sent(endless) == WebhookAnswer(200)
    assert written_bytes < 50 * 1024**2  # what the system's own buffers take
    assert written_bytes > MAX_ANSWER_BYTES


async def test_a_receiver_that_stays_silent_is_given_up() -> None:
    answer = await sent(nothing, timeout_s=0.05)
    assert answer == WebhookAnswer(None, "it did not answer in time (0.05 s at most)")


async def test_a_receiver_that_dribbles_is_given_up_as_a_whole() -> None:
    """Every byte comes in time; the answer does not."""

    async def dribbles(writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"x-filler: %s\r\n" % (b"x" * 1000):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    answer = await sent(dribbles, timeout_s=0.1)
    assert answer == WebhookAnswer(None, "it did not answer in time (0.1 s at most)")


async def test_a_status_counts_even_if_the_body_never_ends() -> None:
    async def stalls(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        await writer.drain()
        await nothing(writer)

    assert await sent(stalls, timeout_s=0.4) == WebhookAnswer(200)


@pytest.mark.parametrize("raw", [b"", b"not HTTP at all\r\n\r\n"])
async def test_what_is_no_answer_is_a_failure(raw: bytes) -> None:
    answer = await sent(says(raw))
    assert answer.status_code is None
    assert answer.failure


async def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    async with receiver(nothing) as found:
        pass
    answer = await HttpWebhookSender().send(request(f"http://127.0.0.1:{found.port}/"))
    assert answer.status_code is None
    assert answer.failure


async def test_https_to_a_receiver_without_tls_is_a_failure() -> None:
    """And leaves no socket open behind it, which would be an error here."""
    answer = await sent(says(b"HTTP/1.1 400 No\r\n\r\n"), scheme="https", timeout_s=0.2)
    assert answer.status_code is None
    assert answer.failure


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://10.0.0.1/",
        "http://127.0.0.1@example.com/",
        "http://0.0.0.0:4141/",
        "http://localhost.example.com/",
    ],
)
async def test_other_machines_are_sent_nothing(url: str) -> None:
    answer = await HttpWebhookSender().send(request(url))
    assert answer.status_code is None
    assert "--allow-webhook-host " in answer.failure


async def test_a_host_that_was_allowed_is_sent_to() -> None:
    """Linux and macOS take 0.0.0.0 for this machine; mocktune does not."""
    async with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as found:
        answer = await HttpWebhookSender(frozenset({"0.0.0.0"})).send(request(f"http://0.0.0.0:{found.port}/"))
    assert answer == WebhookAnswer(200)


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "ftp://127.0.0.1/",
        "nonsense",
        "http://\x00",
        "http://[::1",
        "http://x:y/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1/\ud800",
    ],
)
async def test_what_is_no_url_is_a_failure(url: str) -> None:
    answer = await HttpWebhookSender(frozenset({"*"})).send(request(url))
    assert answer.status_code is None
    assert answer.failure


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert await sent(says(b"HTTP/1.1 200 OK\r\n\r\n")) == WebhookAnswer(200)


# -- safety ------------------------------------------------------------------------------------------------------------


def resolves(monkeypatch: pytest.MonkeyPatch, *addresses: list[str]) -> list[str]:
    """Names resolve to ``addresses``, each time to the next of them. Answers the names that were asked for."""
    asked: list[str] = []

    async def getaddrinfo(self: object, host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in addresses[min(len(asked), len(addresses)) - 1]]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://[fc00::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::]/",
        "http://2130706433.example/",
        "http://localhost@10.0.0.1/",
        "http://10.0.0.1#@localhost/",
        "http://0177.0.0.1/",
        "http://127.1/",
    ],
)
async def test_metadata_services_and_private_hosts_are_sent_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolves(monkeypatch, ["127.0.0.1"])
    answer = await HttpWebhookSender().send(request(url))
    assert answer.status_code is None
    assert asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
async def test_a_foreign_name_is_not_even_resolved(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it resolves to, this machine too: pages of that name could else reach what listens here."""
    asked = resolves(monkeypatch, [address])
    answer = await HttpWebhookSender().send(request("http://rebinding.example/"))
    assert "this machine only" in answer.failure
    assert asked == []


async def test_localhost_that_is_another_machine_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, ["10.0.0.1", "169.254.169.254"])
    answer = await HttpWebhookSender().send(request("http://localhost:1/"))
    assert answer == WebhookAnswer(None, "localhost is 10.0.0.1, 169.254.169.254, which mocktune does not send to")


async def test_only_the_addresses_of_this_machine_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, ["10.0.0.1", "::1", "127.0.0.1"])
    async with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as found:
        answer = await HttpWebhookSender().send(request(f"http://localhost:{found.port}/"))
    assert answer == WebhookAnswer(200)
    assert b"host: localhost:%d\r\n" % found.port in found.requests[0].lower()


async def test_a_name_is_resolved_once_and_that_address_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would resolve to a moment later leads nowhere."""
    asked = resolves(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    async with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as found:
        answer = await HttpWebhookSender(frozenset({"app.example"})).send(request(f"http://app.example:{found.port}/"))
    assert answer == WebhookAnswer(200)
    assert asked.count("app.example") == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200"])
async def test_any_host_does_not_mean_metadata_services(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, [address])
    answer = await HttpWebhookSender(frozenset({"*"})).send(request("http://innocent.example/"))
    assert "which mocktune does not send to" in answer.failure


async def test_a_redirect_to_a_private_host_is_a_failure_and_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolves(monkeypatch, ["127.0.0.1"])
    to_metadata = b"HTTP/1.1 302 X\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
    async with receiver(says(to_metadata)) as found:
        answer = await HttpWebhookSender().send(request(f"http://localhost:{found.port}/"))
    assert answer == WebhookAnswer(302)
    assert len(found.requests) == 1
    assert set(asked) <= {"localhost", "127.0.0.1"}


async def test_headers_without_end_are_a_failure() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-filler: " + b"x" * 8000 + b"\r\n")
            await writer.drain()

    answer = await sent(endless)
    assert answer.status_code is None
    assert answer.failure


@pytest.mark.parametrize("path", ["a\r\nx-evil: 1", "a\nx-evil: 1", "a%0d%0ax-evil: 1", "a x HTTP/1.1\r\nx-evil: 1"])
async def test_a_url_adds_no_header(path: str) -> None:
    async with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as found:
        await HttpWebhookSender().send(request(f"http://127.0.0.1:{found.port}/{path}"))
    for raw in found.requests:
        assert b"\nx-evil" not in raw.lower()


async def test_without_a_signature_the_other_headers_are_there() -> None:
    async with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as found:
        whole = request(f"http://127.0.0.1:{found.port}/")
        await HttpWebhookSender().send(replace(whole, signed=False))
    assert b"webhook-signature" not in found.requests[0].lower()
    assert b"webhook-id: wh_1" in found.requests[0].lower()
