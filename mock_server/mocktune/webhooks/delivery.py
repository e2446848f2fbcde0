"""Webhooks over HTTP: one signed POST, to loopback unless more was allowed, and nothing is followed.

A host's name is resolved once, its addresses are judged, and one of them is connected to: what a name resolves to a
moment later (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import asyncio
import socket
from functools import cache
from typing import TYPE_CHECKING

from mocktune.domain.deliveries import ATTEMPT_TIMEOUT_S
from mocktune.domain.webhooks import WebhookAnswer, WebhookRequest, is_address, may_be_connected_to, may_receive
from mocktune.webhooks.signing import headers_of

if TYPE_CHECKING:
    import ssl

    from httpx2 import URL, AsyncClient, Response

TIMEOUT_S = ATTEMPT_TIMEOUT_S
"""Of one attempt as a whole, in wall time."""

MAX_ANSWER_BYTES = 64 * 1024
"""How much of an answer's body is read before the connection is closed. Nobody looks at it."""

MAX_ADDRESSES = 8
"""Of one host, how many are tried."""


class HttpWebhookSender:
    """Sends webhooks. The host is judged as the HTTP library reads it, so that no spelling of a URL leads elsewhere."""

    def __init__(self, allowed_hosts: frozenset[str] = frozenset(), *, timeout_s: float = TIMEOUT_S) -> None:
        self._allowed_hosts = allowed_hosts
        self._timeout_s = timeout_s

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        import httpx2  # 100 ms that a server without webhooks does not need

        try:
            url = httpx2.URL(request.url)
        except (httpx2.InvalidURL, ValueError) as error:
            return WebhookAnswer(None, f"the URL cannot be read: {error!s:.200}")
        if url.scheme not in ("http", "https") or not url.host or not 0 <= (url.port or 0) < 65536:
            return WebhookAnswer(None, "the URL names no host and port to send to over HTTP")
        if not may_receive(url.host, self._allowed_hosts):
            return WebhookAnswer(
                None,
                "mocktune sends webhooks to this machine only; start it with "
                f"--allow-webhook-host {url.host:.200} to send them there",
            )
        verify = await asyncio.to_thread(_tls) if url.scheme == "https" else False
        # Connecting and the TLS handshake end on their own: one that is cancelled from outside leaves its socket open.
        timeout = httpx2.Timeout(self._timeout_s, connect=0.4 * self._timeout_s)
        sent = _Sent()
        try:
            # trust_env: a proxy of the environment is for other machines, and could not reach this one.
            async with (
                asyncio.timeout(self._timeout_s),
                httpx2.AsyncClient(verify=verify, trust_env=False, timeout=timeout) as client,
            ):
                await self._send_to_one_of(await self._addresses(url), client, url, request, sent)
        except (TimeoutError, httpx2.TimeoutException):
            failure = f"it did not answer in time ({self._timeout_s:g} s at most)"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            failure = str(error)[:200] or type(error).__name__
        else:
            failure = ""
        # A status that arrived counts, whatever became of the body behind it.
        return WebhookAnswer(sent.status_code, "" if sent.status_code is not None else failure)

    async def _addresses(self, url: URL) -> list[str]:
        """Those of the URL's host that may be connected to. Raises ``OSError`` where there is none."""
        addresses = [url.host] if is_address(url.host) else await _resolved(url)
        allowed = [each for each in addresses if may_be_connected_to(each, url.host, self._allowed_hosts)]
        if not allowed:
            raise OSError(f"{url.host:.200} is {', '.join(addresses)[:200]}, which mocktune does not send to")
        return allowed[:MAX_ADDRESSES]

    async def _send_to_one_of(
        self, addresses: list[str], client: AsyncClient, url: URL, request: WebhookRequest, sent: _Sent
    ) -> None:
        """To the first that can be connected to."""
        import httpx2

        for address in addresses:
            try:
                await _send_to(address, client, url, request, sent)
            except httpx2.ConnectError:
                if address == addresses[-1]:
                    raise
            else:
                return


async def _resolved(url: URL) -> list[str]:
    port = url.port or (443 if url.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Sent:
    """The status that was answered; None as long as there is none."""

    status_code: int | None = None


async def _send_to(address: str, client: AsyncClient, url: URL, request: WebhookRequest, sent: _Sent) -> None:
    headers = {**headers_of(request), "host": url.netloc.decode("ascii")}
    # TLS is told the name all the same: the receiver's certificate is for that.
    extensions = {"sni_hostname": url.host} if url.scheme == "https" else {}
    async with client.stream(
        "POST",
        url.copy_with(host=address),
        content=request.body,
        headers=headers,
        extensions=extensions,
        follow_redirects=False,
    ) as response:
        sent.status_code = response.status_code
        await _read_some(response)


async def _read_some(response: Response) -> None:
    size_bytes = 0
    async for piece in response.aiter_raw():
        size_bytes += len(piece)
        if size_bytes >= MAX_ANSWER_BYTES:
            return


@cache
def _tls() -> ssl.SSLContext:
    """Made once, in a thread: it takes 40 ms. Certificates are checked as OpenSSL is told to (``SSL_CERT_FILE``)."""
    import ssl

    return ssl.create_default_context()
