"""A sandbox's webhooks reach an application in the test's own process, and a test sees what became of each."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, Request, Response
from openai import OpenAI

from mocktune.testing import Sandbox, receivers, sandbox
from mocktune.testing.receivers import interface_of

SUCCEEDED = "fine_tuning.job.succeeded"
LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with sandbox() as opened:
        yield opened


def new_job(box: Sandbox) -> str:
    client = box.client()
    file = client.files.create(file=("train.jsonl", LINE * 10), purpose="fine-tune")
    return client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id).id


class Inbox:
    """What an application was told. It verifies as the SDK does, and asks the API about the job, as real ones do."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.threads: list[str] = []
        self.client = OpenAI()

    def take(self, body: bytes, headers: Any) -> int:
        self.threads.append(threading.current_thread().name)
        try:
            event: Any = self.client.webhooks.unwrap(body, headers)
        except ValueError:
            return 400
        job = self.client.fine_tuning.jobs.retrieve(event.data.id)
        self.told.append((event.type, job.status))
        return 204


def fastapi_app(inbox: Inbox) -> Any:
    app = FastAPI()

    @app.post("/webhook")
    async def hook(request: Request) -> Response:
        return Response(status_code=inbox.take(await request.body(), request.headers))

    return app


def asgi_app(inbox: Inbox) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (scope["type"], scope["method"], scope["path"]) == ("http", "POST", "/webhook")
        message = {"more_body": True, "body": b""}
        body = b""
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        await send({"type": "http.response.start", "status": inbox.take(body, headers), "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def wsgi_app(inbox: Inbox) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", "/webhook")
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if "HTTP_" in name}
        start_response(f"{inbox.take(body, headers)} Whatever", [])
        return [b"taken"]

    return app


APPS = [fastapi_app, asgi_app, wsgi_app]


@pytest.mark.parametrize("made", APPS)
def test_the_end_of_a_job_is_told_before_the_advance_returns(box: Sandbox, made: Callable[[Inbox], Any]) -> None:
    """While the sleeps of the test are skipped: signatures are checked in wall time."""
    inbox = Inbox()
    box.webhooks.deliver_to(made(inbox))
    id = new_job(box)
    time.sleep(3600)  # what the client takes for the time is an hour ahead of the world's now
    box.clock.advance("1d")
    assert inbox.told == [(SUCCEEDED, "succeeded")]
    (came,) = box.webhooks.wait_for(1)
    assert (came.type, came.status, came.job, came.payload["data"]) == (SUCCEEDED, 204, id, {"id": id})
    assert all(name.startswith("mocktune-webhooks") for name in inbox.threads)
    assert came.headers["webhook-id"] == came.webhook_id
    assert came.body.startswith(b'{"object":"event"')


@pytest.mark.parametrize("made", APPS)
def test_an_async_test_may_advance_on_its_own_loop(box: Sandbox, made: Callable[[Inbox], Any]) -> None:
    async def test() -> None:
        inbox = Inbox()
        box.webhooks.deliver_to(made(inbox))
        new_job(box)
        box.clock.advance("1d")  # blocks this loop, and the application does not run here
        (came,) = await box.webhooks.async_wait_for(1)
        assert (came.accepted, inbox.told) == (True, [(SUCCEEDED, "succeeded")])

    asyncio.run(test())


@pytest.mark.parametrize("made", [fastapi_app, wsgi_app])
def test_send_tampers_as_it_is_told(box: Sandbox, made: Callable[[Inbox], Any]) -> None:
    inbox, webhooks, job = Inbox(), box.webhooks, box.add_job(status="succeeded")
    webhooks.deliver_to(made(inbox))
    for signature in ("forged", "stale", "missing", "rotated"):
        (refused,) = webhooks.send(SUCCEEDED, job, signature=signature)
        assert (refused.status, refused.signature, refused.accepted) == (400, signature, False)
    assert inbox.told == []
    first, second, third = webhooks.send(SUCCEEDED, job.id, times=3)
    assert first.webhook_id == second.webhook_id == third.webhook_id
    assert (first.body, first.attempt, third.attempt) == (third.body, 1, 3)
    assert inbox.told == [(SUCCEEDED, "succeeded")] * 3
    assert [each.signature for each in webhooks.wait_for(7)][-4:] == ["rotated", "good", "good", "good"]
    assert len(webhooks.deliveries) == 7


def test_data_is_added_to_what_an_event_says(box: Sandbox) -> None:
    box.webhooks.deliver_to(answering(200))
    (sent,) = box.webhooks.send("batch.completed", note="x" * 100)
    assert sent.payload["data"].keys() == {"id", "note"}
    (sent,) = box.webhooks.send("batch.completed", id="batch_1")
    assert sent.payload["data"] == {"id": "batch_1"}
    with pytest.raises(Exception, match="more than 65536 bytes"):
        box.webhooks.send("batch.completed", note="x" * 70_000)


def answering(*statuses: int) -> Any:
    """A WSGI application that answers these, the last one over and over."""
    left = list(statuses)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(f"{left.pop(0) if len(left) > 1 else left[0]} Whatever", [])
        return []

    return app


def test_a_refused_webhook_comes_again_by_the_sandboxs_clock(box: Sandbox) -> None:
    webhooks = box.webhooks
    webhooks.deliver_to(answering(500, 302, 204))
    box.client().fine_tuning.jobs.cancel(new_job(box))
    webhooks.wait_for(1)
    box.clock.advance("10m")
    came = webhooks.wait_for(3)
    assert [(each.status, each.attempt) for each in came] == [(500, 1), (302, 2), (204, 3)]
    assert [(each.at - came[0].at).total_seconds() for each in came] == [0, 5, 305]


def test_requests_are_listed_in_the_order_they_were_made(box: Sandbox) -> None:
    webhooks, client = box.webhooks, box.client()
    webhooks.deliver_to(answering(500, 204))
    jobs = [new_job(box), new_job(box)]
    for n, job in enumerate(jobs):
        client.fine_tuning.jobs.cancel(job)
        webhooks.wait_for(n + 1)
    box.clock.advance("10s")
    assert [(each.job, each.attempt) for each in webhooks.deliveries] == [(jobs[0], 1), (jobs[1], 1), (jobs[0], 2)]


# -- applications that go wrong ----------------------------------------------------------------------------------------


def test_what_an_application_raises_counts_as_500_and_is_raised_by_wait_for(box: Sandbox) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("no such table")

    def failing(environ: Any, start_response: Any) -> list[bytes]:
        pytest.fail("not like this")

    webhooks = box.webhooks
    webhooks.deliver_to(broken)
    webhooks.deliver_to(failing)
    assert sorted(each.status or 0 for each in webhooks.send(SUCCEEDED)) == [500, 500]
    with pytest.raises(LookupError, match="no such table"):
        webhooks.wait_for(1)
    with pytest.raises(pytest.fail.Exception, match="not like this"):
        webhooks.wait_for(1)
    assert len(webhooks.wait_for(2)) == len(webhooks.errors) == 2  # each is raised once
    webhooks.send(SUCCEEDED)
    assert len(webhooks.wait_for(4, reraise=False)) == 4


def test_what_goes_wrong_after_the_answer_leaves_the_answer_as_it_is(box: Sandbox) -> None:
    app = FastAPI()
    done: list[str] = []

    def fail_later() -> None:
        done.append("background")
        raise LookupError("in the background")

    @app.post("/hooks")
    async def hook(tasks: BackgroundTasks) -> None:
        tasks.add_task(fail_later)

    box.webhooks.deliver_to(app, "/hooks")
    assert [each.status for each in box.webhooks.send(SUCCEEDED)] == [200]
    assert done == ["background"]
    with pytest.raises(LookupError, match="in the background"):
        box.webhooks.wait_for(1)


def test_an_application_that_does_not_answer_in_time_is_given_up(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receivers, "ANSWER_S", 0.05)
    cancelled: list[bool] = []

    async def hangs(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def answers_and_goes_on(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        await hangs(scope, receive, send)

    box.webhooks.deliver_to(hangs)
    (sent,) = box.webhooks.send(SUCCEEDED)
    assert (sent.status, sent.failure) == (None, "the application did not answer within 0.05 s")
    assert cancelled == [True]
    box.webhooks.deliver_to(answers_and_goes_on)
    assert 202 in [each.status for each in box.webhooks.send(SUCCEEDED)]
    assert cancelled == [True, True]
    box.webhooks.close()
    assert cancelled == [True, True, True]  # nothing is left behind
    assert box.webhooks.errors == []


def test_nothing_runs_any_more_when_it_is_closed(box: Sandbox) -> None:
    before = set(threading.enumerate())
    box.webhooks.deliver_to(answering(200))
    box.webhooks.deliver_to(asgi_app(Inbox()))
    box.webhooks.send(SUCCEEDED)
    assert {each.name for each in set(threading.enumerate()) - before} >= {"mocktune-webhooks"}
    box.webhooks.close()
    assert not [each for each in set(threading.enumerate()) - before if each.name.startswith("mocktune-webhooks")]
    assert box.control.get("webhooks/endpoints")["endpoints"] == []


# -- URLs --------------------------------------------------------------------------------------------------------------


def test_a_url_is_sent_to_as_well(box: Sandbox) -> None:
    inbox, paths = Inbox(), []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.send_response(inbox.take(self.rfile.read(int(self.headers["content-length"])), self.headers))
            self.end_headers()

        def log_message(self, *given: object) -> None:
            pass

    job = box.add_job(status="succeeded")
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="mocktune-test-receiver")
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        box.webhooks.deliver_to(url, "/a")
        box.webhooks.deliver_to(f"{url}/b")
        sent = box.webhooks.send(SUCCEEDED, job)
        server.shutdown()
        thread.join()
    assert [each.status for each in sent] == [204, 204]
    assert sorted(paths) == ["/a", "/b"]
    assert inbox.told == [(SUCCEEDED, "succeeded")] * 2


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_too_few_webhooks_are_told_with_what_came_and_why(box: Sandbox) -> None:
    with pytest.raises(AssertionError, match="0 of 1 webhooks came within 0 s") as nothing:
        box.webhooks.wait_for(1, timeout_s=0)
    assert "Nobody receives webhooks" in str(nothing.value)
    box.webhooks.deliver_to(answering(500))
    box.client().fine_tuning.jobs.cancel(id := new_job(box))
    box.webhooks.wait_for(1)
    started = time.perf_counter()
    with pytest.raises(AssertionError) as few:
        box.webhooks.wait_for(2, timeout_s=0.3)
    text = str(few.value).splitlines()
    assert time.perf_counter() - started > 0.25  # of wall time, though sleeps are skipped
    assert text[0] == "1 of 2 webhooks came within 0.3 s of wall time"
    assert text[1].endswith(f"Z  fine_tuning.job.cancelled  {id}  500")
    assert text[2].startswith("  due at ")
    assert text[3].startswith("The clock stands at ")


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        (lambda w: w.send("fine_tuning.job.suceeded"), ValueError, "did you mean 'fine_tuning.job.succeeded'"),
        (lambda w: w.send(SUCCEEDED, signature="forge"), ValueError, "did you mean 'forged'"),
        (lambda w: w.send(SUCCEEDED, times=0), ValueError, "expected 1 to 100"),
        (lambda w: w.send(SUCCEEDED), RuntimeError, "call webhooks.deliver_to"),
        (lambda w: w.deliver_to(3), TypeError, "neither an application nor a URL"),
        (lambda w: w.deliver_to(lambda a: None), TypeError, "interface='asgi' or interface='wsgi'"),
        (lambda w: w.deliver_to(answering(200), "hooks"), ValueError, "begins with /"),
        (lambda w: w.deliver_to(answering(200), interface="cgi"), ValueError, "expected 'asgi' or 'wsgi'"),
    ],
)
def test_what_cannot_be_is_refused(box: Sandbox, call: Callable[[Any], Any], error: type[Exception], why: str) -> None:
    with pytest.raises(error) as raised:
        call(box.webhooks)
    assert why in str(raised.value)


class CallableAsgi:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class OldAsgi:
    def __call__(self, scope: Any, receive: Any, send: Any) -> Any: ...


class Django:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class WithOptions:
    def __call__(self, environ: Any, start_response: Any, debug: bool = False) -> Any: ...


@pytest.mark.parametrize(
    ("app", "interface"),
    [
        (FastAPI(), "asgi"),
        (CallableAsgi(), "asgi"),
        (CallableAsgi().__call__, "asgi"),
        (functools.partial(CallableAsgi.__call__, CallableAsgi()), "asgi"),
        (OldAsgi(), "asgi"),
        (Django(), "wsgi"),
        (WithOptions(), "wsgi"),
        (answering(200), "wsgi"),
    ],
    ids=["fastapi", "callable", "method", "partial", "plain method", "django", "with options", "function"],
)
def test_which_of_the_two_an_application_is_can_be_seen(app: Any, interface: str) -> None:
    assert interface_of(app) == interface


def test_what_takes_anything_is_neither(box: Sandbox) -> None:
    def app(*given: Any) -> Any: ...

    with pytest.raises(TypeError, match="looks neither like"):
        box.webhooks.deliver_to(app)
