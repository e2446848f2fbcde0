"""The official SDK with webhooks: the end of a job is told, not asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from openai import OpenAI
from openai.types.fine_tuning import FineTuningJob

from mocktune_contract.good_clients.rules import GaveUp, Outcome, next_poll_s
from mocktune_contract.good_clients.sdk import SdkClient

EVENT_TYPES = [f"fine_tuning.job.{status}" for status in ("succeeded", "failed", "cancelled")]

OVERDUE_S = 8 * 3600.0
"""A letter may be lost. A job that nothing was heard of for so long is asked for after all."""


class Letterbox:
    """A server on this machine that keeps the ids of the jobs it is told the end of.

    What is not signed with ``secret`` is refused, and what came before, by its ``webhook-id``, is thrown away: the
    service repeats a letter whose receipt it did not hear of.
    """

    def __init__(self, unwrap: Callable[..., Any]) -> None:
        self.secret = ""
        self.told: list[str] = []
        self._unwrap = unwrap
        self._seen: set[str] = set()
        letterbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(letterbox.take(body, {name.lower(): value for name, value in self.headers.items()}))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def take(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status to answer a letter with. ``headers`` by their names in lower case."""
        try:
            event = self._unwrap(body, headers, secret=self.secret)
        except ValueError:  # a header is missing, the signature is another's, or too old
            return 400
        if headers["webhook-id"] not in self._seen:
            self._seen.add(headers["webhook-id"])
            # Types that are not known are taken too: they were sent for a reason, but not to us.
            if event.type in EVENT_TYPES:
                self.told.append(event.data.id)
        return 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/fine-tuning"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class WebhookClient(SdkClient):
    """Looks at a job once: when it was told that it ended."""

    def __init__(
        self,
        client: OpenAI,
        letterbox: Letterbox,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, sleep=sleep, now=now)
        self._letterbox = letterbox

    def tune(self, examples: bytes, model: str) -> Outcome:
        try:
            self._register()
        except GaveUp as reason:
            return Outcome("gave_up", str(reason))
        return super().tune(examples, model)

    def _register(self) -> None:
        """Has the service write to the letterbox. The secret is told in this answer only."""
        wanted = {"name": "the end of jobs", "url": self._letterbox.url, "event_types": EVENT_TYPES}
        # ``client.webhooks.create`` in SDKs that have it.
        endpoint: Any = self._patiently(self._client.post, "/webhook_endpoints", cast_to=object, body=wanted)
        self._letterbox.secret = endpoint["signing_secret"]

    def _finished(self, job: FineTuningJob) -> FineTuningJob:
        until = self._now() + OVERDUE_S
        look_s = self._poll_s  # into the letterbox: it asks nobody
        while job.id not in self._letterbox.told and self._now() < until:
            self._sleep(look_s)
            look_s = next_poll_s(look_s)
        return super()._finished(self._job(job.id))
