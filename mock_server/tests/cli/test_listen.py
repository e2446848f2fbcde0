"""``mocktune listen`` and ``mocktune trigger`` against a running server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from support import settings

from mocktune.cli.listen import forward, listen
from mocktune.cli.trigger import trigger
from mocktune.server import RunningServer, running_server
from mocktune_contract.receiver import Receiver

SUCCEEDED = "fine_tuning.job.succeeded"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(settings()) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def control(server: RunningServer, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """The control plane of a sandbox of this test's own."""
    headers = {"authorization": f"Bearer {request.node.name}"}
    with httpx2.Client(base_url=f"{server.root}/_mocktune", headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def listening(
    server: RunningServer, receiver: Receiver, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    """``mocktune listen`` in a process of its own, in the same sandbox."""
    command = [sys.executable, "-m", "mocktune", "listen", "--forward-to", receiver.url, "--url", server.base_url]
    with subprocess.Popen(
        [*command, "--api-key", request.node.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def told(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()


def secret_of(process: subprocess.Popen[str]) -> str:
    name, _, secret = line(process).partition("=")
    assert name == "OPENAI_WEBHOOK_SECRET"
    return secret


def test_what_a_sandbox_sends_is_carried_to_the_receiver(
    listening: subprocess.Popen[str], control: httpx2.Client, receiver: Receiver
) -> None:
    """With the secret that the first line tells; and the server hears what the receiver answered."""
    secret = secret_of(listening)
    receiver.status = 503
    (delivery,) = control.post("/events/trigger", json={"type": SUCCEEDED}).json()["deliveries"]
    assert delivery["attempts"][0]["status_code"] == 503
    ((headers, body),) = receiver.received
    with openai.OpenAI(api_key="unused") as client:
        event: Any = client.webhooks.unwrap(body, headers, secret=secret)
    assert line(listening) == f"2026-01-15T00:00:00Z  {SUCCEEDED}  {event.data.id}  503"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_closes_the_listener(
    number: signal.Signals, code: int, listening: subprocess.Popen[str], control: httpx2.Client
) -> None:
    secret_of(listening)
    assert len(control.get("/webhooks/endpoints").json()["endpoints"]) == 1
    listening.send_signal(number)
    assert listening.wait(10) == code
    assert "Traceback" not in told(listening)
    assert control.get("/webhooks/endpoints").json() == {"endpoints": []}


def test_a_server_that_is_gone_ends_it(receiver: Receiver, request: pytest.FixtureRequest) -> None:
    with running_server(settings()) as server:
        command = [sys.executable, "-m", "mocktune", "listen", "--forward-to", receiver.url, "--api-key", "sk-x"]
        process = subprocess.Popen(
            [*command, "--url", server.base_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            secret_of(process)
        except BaseException:
            process.kill()
            raise
    with process:
        assert process.wait(10) == 1
        assert told(process).count("no server answers") == 1


# -- what is carried ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 302, 410, 500])
def test_the_receivers_status_is_reported_and_nothing_followed(status: int, receiver: Receiver) -> None:
    receiver.status = status
    assert forward(receiver.url, {"webhook-id": "wh_1", "content-type": "application/json"}, b"{}") == (status, "")
    ((headers, body),) = receiver.received
    assert (headers["webhook-id"], headers["content-type"], body) == ("wh_1", "application/json", b"{}")


def test_a_receiver_that_is_not_there_is_a_failure(receiver: Receiver) -> None:
    receiver.close()
    status, failure = forward(receiver.url, {}, b"{}")
    assert status is None
    assert failure == "Connection refused"


def test_a_header_with_a_line_break_is_not_sent(receiver: Receiver) -> None:
    status, failure = forward(receiver.url, {"webhook-id": "x\r\nx-evil: 1"}, b"{}")
    assert status is None
    assert failure
    assert receiver.received == []


# -- wrong uses --------------------------------------------------------------------------------------------------------


def refusal(capsys: pytest.CaptureFixture[str], exit_code: int, call: Any, *given: Any, **options: Any) -> str:
    with pytest.raises(SystemExit) as ended:
        call(*given, **options)
    assert ended.value.code == exit_code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0].removeprefix("mocktune: ")


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://[::1", "http://x:70000/", "http://x/\n"])
def test_a_receiver_must_be_a_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is no URL to forward to" in refusal(capsys, 2, listen, url, api_key="sk-x")


def test_a_key_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "give --api-key" in refusal(capsys, 2, listen, "localhost:8000", api_key="")
    assert "give --api-key" in refusal(capsys, 2, trigger, SUCCEEDED, api_key="")


# -- trigger -----------------------------------------------------------------------------------------------------------


def test_an_event_is_triggered_and_what_came_of_it_printed(
    server: RunningServer, control: httpx2.Client, receiver: Receiver, request: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    control.post("/webhooks/endpoints", json={"url": receiver.url}).raise_for_status()
    here = {"url": server.base_url, "api_key": request.node.name}
    trigger(SUCCEEDED, job=None, signature="forged", **here)
    id, url, signature, status = capsys.readouterr().out.split()
    assert (url, signature, status) == (receiver.url, "forged", "200")
    assert control.get(f"/webhooks/deliveries/{id}").json()["signature"] == "forged"
    receiver.status = 500
    assert refusal(capsys, 1, trigger, SUCCEEDED, job=None, signature=None, **here) == "no endpoint took it"


def test_an_event_that_nobody_wants_is_a_negative_result(
    server: RunningServer, request: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    here = {"url": server.base_url, "api_key": request.node.name}
    assert refusal(capsys, 1, trigger, SUCCEEDED, job=None, signature=None, **here) == (
        f"no webhook endpoint of this sandbox is subscribed to {SUCCEEDED}"
    )
    assert "Could not find fine tune: ftjob-x" in refusal(
        capsys, 1, trigger, SUCCEEDED, job="ftjob-x", signature=None, **here
    )
    assert "HTTP 400" in refusal(capsys, 2, trigger, "job.done", job=None, signature=None, **here)
