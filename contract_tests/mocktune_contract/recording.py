"""What the clients of labs asked and were answered while a test ran.

From it are known: whether a test names every need it has and every operation it is about (``conftest.py``), what it
made on a server that is not ours and is to be taken away again, and that it does not ask for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mocktune_contract.operations import operation_of

MAX_REQUESTS = 5_000
"""Of one test. A list that never ends is noticed by it."""

MADE = {
    "files.create": ("DELETE", "/files/{id}"),
    "uploads.create": ("POST", "/uploads/{id}/cancel"),
    "uploads.complete": ("DELETE", "/files/{id}"),
    "fine_tuning.jobs.create": ("POST", "/fine_tuning/jobs/{id}/cancel"),
    "webhooks.create": ("DELETE", "/webhook_endpoints/{id}"),
    "responses.create": ("DELETE", "/responses/{id}"),
    "chat.completions.create": ("DELETE", "/chat/completions/{id}"),
}
"""How what an operation makes is taken away again."""


class TooManyRequestsError(RuntimeError):
    """A test asked more often than any test needs to."""


@dataclass(slots=True)
class Recording:
    """The requests of one test: API calls by operation, calls of the control plane by the first word of their path.

    ``remembers``: whether answers are looked at for the ids of what was made, to take it away again.
    """

    remembers: bool = False
    requests: int = 0
    operations: set[str] = field(default_factory=set)
    control: set[str] = field(default_factory=set)
    made: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, request: Any) -> None:
        self.requests += 1
        if self.requests > MAX_REQUESTS:
            raise TooManyRequestsError(f"more than {MAX_REQUESTS} requests in one test: does a list never end?")
        path = urlsplit(str(request.url)).path
        _, controlled, word = path.partition("/_mocktune/")
        if controlled:
            self.control.add(word.split("/")[0])
        elif (name := operation_of(request.method, path)) is not None:
            self.operations.add(name)

    def made_by(self, answer: Any) -> str | None:
        """The operation whose answer may have to be read for the id of what it made."""
        if not self.remembers or not answer.is_success:
            return None
        name = operation_of(answer.request.method, urlsplit(str(answer.request.url)).path)
        kept = name not in ("chat.completions.create", "responses.create") or b'"store"' in _body_of(answer.request)
        kept = kept or name == "responses.create"  # which are kept unless the request says otherwise
        streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
        return name if name in MADE and kept and not streamed else None

    def note(self, name: str, answer: Any) -> None:
        """``answer`` has been read."""
        try:
            read = answer.json()
            made = (read["file"] if name == "uploads.complete" else read)["id"]
        except (ValueError, KeyError, TypeError):
            return
        if isinstance(made, str) and made and "/" not in made:
            method, path = MADE[name]
            self.made.append((method, path.format(id=made)))


def _body_of(request: Any) -> bytes:
    try:
        content: bytes = request.content
    except Exception:  # a body that was streamed cannot be read again, whichever of the two libraries sent it
        return b""
    return content


current = Recording()


def begin(*, foreign: bool) -> Recording:
    """A new recording, which is the current one from now on."""
    global current
    current = Recording(remembers=foreign)
    return current


@contextmanager
def unheard() -> Iterator[None]:
    """What is asked meanwhile is the suite's own doing, not the test's."""
    global current
    heard, current = current, Recording()
    try:
        yield
    finally:
        current = heard


def on_request(request: Any) -> None:
    current.ask(request)


def on_response(answer: Any) -> None:
    if (name := current.made_by(answer)) is not None:
        answer.read()
        current.note(name, answer)


async def on_request_async(request: Any) -> None:
    current.ask(request)


async def on_response_async(answer: Any) -> None:
    if (name := current.made_by(answer)) is not None:
        await answer.aread()
        current.note(name, answer)


HOOKS: dict[str, list[Any]] = {"request": [on_request], "response": [on_response]}
ASYNC_HOOKS: dict[str, list[Any]] = {"request": [on_request_async], "response": [on_response_async]}
