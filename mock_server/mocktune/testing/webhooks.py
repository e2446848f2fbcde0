"""A sandbox's webhooks in a test: who receives them, sending one, and waiting for those that come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from mocktune.testing.control import ControlPlane
from mocktune.testing.environment import Access
from mocktune.testing.receivers import AppLoop, AppReceiver, Interface, interface_of

Signature = Literal["good", "forged", "stale", "missing", "rotated"]

DEFAULT_PATH = "/webhook"

MAX_TIMES = 100

_LOOK_AGAIN_S = 0.25
"""How long the server is asked to wait for something new: an attempt at an old delivery is none."""

_MAX_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Received:
    """One request that was made to a receiver.

    ``status`` is what it answered, None with ``failure`` where it did not. ``payload`` is the parsed ``body``. ``job``
    is the job it is about. ``attempt`` counts from 1 the requests with this event; ``at`` is virtual time.
    """

    type: str
    status: int | None
    failure: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    payload: dict[str, Any] = field(repr=False)
    job: str | None
    signature: Signature
    attempt: int
    at: datetime

    @property
    def webhook_id(self) -> str:
        """The same for every request with the same event: how a receiver tells duplicates."""
        return self.headers["webhook-id"]

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    def __str__(self) -> str:
        what = f"{self.at:%Y-%m-%d %H:%M:%S}Z  {self.type}  {self.payload.get('data', {}).get('id', '')}"
        more = "" if self.signature == "good" else f"  {self.signature}"
        more += "" if self.attempt == 1 else f"  attempt {self.attempt}"
        return f"{what}{more}  {self.failure if self.status is None else self.status}"


class WebhooksNotReceived(AssertionError):
    """Fewer webhooks came than were waited for."""


class Webhooks:
    """The webhooks of the sandbox that ``access`` leads into."""

    def __init__(self, control: ControlPlane, access: Access) -> None:
        self.secret = access.webhook_secret
        self._control = control
        self._loop = AppLoop()
        self._receivers: list[AppReceiver] = []
        self._raised = 0

    def deliver_to(self, app_or_url: Any, path: str | None = None, *, interface: Interface | None = None) -> None:
        """Send this sandbox's webhooks to an application, or to a URL. May be called for several.

        An ASGI or WSGI application (FastAPI, Starlette, Flask, Django, any callable of that form) is called in this
        process, at ``path``, ``/webhook`` unless given, as ``http://testserver``. No lifespan events are sent. It runs
        in threads of its own, an ASGI application on a loop of its own: what belongs to the loop of the test cannot
        be awaited in it. Which of the two it is is seen by what it takes; ``interface`` says it.

        A URL is sent to by the server, over loopback. Signed is with ``secret``, which is ``OPENAI_WEBHOOK_SECRET``.
        """
        if path is not None and not path.startswith("/"):
            raise ValueError(f"path={path!r:.200}: a path begins with /")
        if isinstance(app_or_url, str):
            self._deliver_to_url(app_or_url, path)
            return
        if not callable(app_or_url):
            raise TypeError(f"{app_or_url!r:.200} is neither an application nor a URL")
        if interface not in (None, *get_args(Interface)):
            raise ValueError(f"interface={interface!r:.80}: expected 'asgi' or 'wsgi'")
        self._receivers.append(
            AppReceiver(
                self._control,
                app_or_url,
                path or DEFAULT_PATH,
                secret=self.secret,
                interface=interface or interface_of(app_or_url),
                loop=self._loop,
            )
        )

    def _deliver_to_url(self, url: str, path: str | None) -> None:
        from mocktune.domain.webhooks import EVENT_TYPES

        where = url if path is None else url.rstrip("/") + path
        self._control.post(
            "webhooks/endpoints", {"url": where, "secret": self.secret, "event_types": list(EVENT_TYPES)}
        )

    def send(
        self, type: str, job: Any = None, *, times: int = 1, signature: Signature = "good", **data: Any
    ) -> list[Received]:
        """Send an event now, and answer what each receiver said, in the order they were asked.

        It is about ``job`` (an id, or an object that has one), else a sample; ``data`` is added to what it says.
        ``times`` sends the same event so often, with one ``webhook-id``: what a receiver has to notice. ``signature``:
        ``forged`` with a secret that nobody has, ``stale`` ten minutes ago, ``missing`` without, ``rotated`` with a
        former secret. Rules of faults are not asked. Raises ``ValueError`` for a type that does not exist, naming the
        nearest, and ``RuntimeError`` where nobody receives it.
        """
        self._check(type, times, signature)
        body: dict[str, Any] = {"type": type, "signature": signature}
        if job is not None:
            body["job"] = job if isinstance(job, str) else job.id
        if data:
            body["data"] = data
        made = self._control.post("events/trigger", body)["deliveries"]
        if not made:
            raise RuntimeError(f"nobody receives '{type}': call webhooks.deliver_to(app_or_url) first")
        sent = [_received(each, len(each["attempts"]) - 1) for each in made]
        for _ in range(times - 1):
            for each in made:
                again = self._control.post(f"webhooks/deliveries/{each['id']}/resend")
                sent.append(_received(again, len(again["attempts"]) - 1))
        return sent

    def _check(self, type: str, times: int, signature: str) -> None:
        from mocktune.domain.documents import nearest
        from mocktune.domain.webhooks import EVENT_TYPES

        if type not in EVENT_TYPES:
            raise ValueError(f"there is no webhook event '{type!s:.100}'{nearest(str(type), EVENT_TYPES)}")
        if signature not in get_args(Signature):
            raise ValueError(f"signature='{signature!s:.100}'{nearest(str(signature), get_args(Signature))}")
        if not 1 <= times <= MAX_TIMES:
            raise ValueError(f"times={times}: expected 1 to {MAX_TIMES}")

    @property
    def deliveries(self) -> list[Received]:
        """Every request that was made to a receiver, in order, of the last 1000 deliveries."""
        return _requests(self._log())

    @property
    def errors(self) -> list[BaseException]:
        """What the applications raised."""
        return [error for each in self._receivers for error in each.errors]

    def wait_for(self, n: int = 1, timeout_s: float = 5.0, *, reraise: bool = True) -> list[Received]:
        """The first ``n`` requests, once there are so many. Wall time, whatever is done to the client's.

        Raises what an application raised, the first that was not raised yet, unless ``reraise`` is False, and
        ``WebhooksNotReceived`` with what came instead. On a frozen clock the end of a job is due when somebody
        advances it.
        """
        __tracebackhide__ = True
        left_s = timeout_s
        while len(came := self.deliveries) < n and left_s > 0:
            if reraise:
                self._reraise()
            # The server waits: nothing here that a test's own time could stand in the way of.
            pause_s = min(_LOOK_AGAIN_S, left_s)
            self._control.post("webhooks/deliveries/wait-for-count", {"count": 1000, "timeout_s": pause_s})
            left_s -= pause_s
        if reraise:
            self._reraise()
        if len(came) < n:
            raise WebhooksNotReceived(self._what_came(came, n, timeout_s))
        return came[:n]

    async def async_wait_for(self, n: int = 1, timeout_s: float = 5.0, *, reraise: bool = True) -> list[Received]:
        """The same without blocking the loop: for a receiver that is served by it, behind a URL."""
        import asyncio

        __tracebackhide__ = True
        return await asyncio.to_thread(self.wait_for, n, timeout_s, reraise=reraise)

    def close(self) -> None:
        """The applications receive nothing more."""
        for each in self._receivers:
            each.close()
        self._loop.close()

    def _reraise(self) -> None:
        __tracebackhide__ = True
        errors = self.errors
        if self._raised < len(errors):
            self._raised += 1
            raise errors[self._raised - 1]

    def _log(self) -> list[dict[str, Any]]:
        log: list[dict[str, Any]] = self._control.get("webhooks/deliveries", order="asc", limit=1000)["data"]
        return log

    def _what_came(self, came: list[Received], n: int, timeout_s: float) -> str:
        lines = [f"{len(came)} of {n} webhooks came within {timeout_s:g} s of wall time"]
        lines += [f"  {each}" for each in came[-_MAX_SHOWN:]]
        due = [each for each in self._log() if each["next_at"] is not None]
        lines += [f"  due at {_moment(each['next_at']):%Y-%m-%d %H:%M:%S}Z: {each['event_type']}" for each in due[:3]]
        clock = self._control.get("clock")
        if clock["clock"] == "frozen":
            lines.append(
                f"The clock stands at {_moment(clock['now']):%Y-%m-%d %H:%M:%S}Z: the end of a job is told of, and an "
                "attempt repeated, when it is advanced."
            )
        if not self._control.get("webhooks/endpoints")["endpoints"]:
            lines.append("Nobody receives webhooks: call webhooks.deliver_to(app_or_url) before the job ends.")
        return "\n".join(lines)


def _requests(log: list[dict[str, Any]]) -> list[Received]:
    made = [(each, n) for each in log for n, attempt in enumerate(each["attempts"]) if attempt["headers"]]
    made.sort(key=lambda each: each[0]["attempts"][each[1]]["wall"])  # the log's order where they are equal
    return [_received(*each) for each in made]


def _received(delivery: Mapping[str, Any], n: int) -> Received:
    attempt = delivery["attempts"][n]
    body: str = delivery["body"]
    return Received(
        type=delivery["event_type"],
        status=attempt["status_code"],
        failure=attempt["failure"],
        headers=attempt["headers"],
        body=body.encode(),
        payload=json.loads(body),
        job=delivery["job"],
        signature=delivery["signature"],
        attempt=n + 1,
        at=_moment(attempt["at"]),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
