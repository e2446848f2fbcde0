"""Webhooks over HTTP: one signed POST, to loopback unless more was allowed, and nothing is followed."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from mocktune.domain.clock import SECOND
from mocktune.domain.webhooks import WebhookAnswer, WebhookRequest, may_receive
from mocktune.webhooks.signing import sign

if TYPE_CHECKING:
    import ssl

    from httpx2 import Response

TIMEOUT_S = 5.0
"""Of one attempt as a whole, in wall time. The guide says "a few seconds"; the number is assumed."""

MAX_ANSWER_BYTES = 64 * 1024
"""How much of an answer's body is read before the connection is closed. Nobody looks at it."""

USER_AGENT = "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
"""DOC, guide to webhooks: the example request."""


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
        headers = {
            "user-agent": USER_AGENT,
            "content-type": "application/json",
            **sign(request.secrets, request.id, request.sent_at // SECOND, request.body),
        }
        # Connecting and the TLS handshake end on their own: one that is cancelled from outside leaves its socket open.
        timeout = httpx2.Timeout(self._timeout_s, connect=0.4 * self._timeout_s)
        status_code: int | None = None
        try:
            # trust_env: a proxy of the environment is for other machines, and could not reach this one.
            async with (
                asyncio.timeout(self._timeout_s),
                httpx2.AsyncClient(verify=verify, trust_env=False, timeout=timeout) as client,
                client.stream("POST", url, content=request.body, headers=headers, follow_redirects=False) as response,
            ):
                status_code = response.status_code
                await _read_some(response)
        except (TimeoutError, httpx2.TimeoutException):
            failure = f"it did not answer in time ({self._timeout_s:g} s at most)"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            failure = str(error)[:200] or type(error).__name__
        else:
            failure = ""
        # A status that arrived counts, whatever became of the body behind it.
        return WebhookAnswer(status_code, "" if status_code is not None else failure)


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
