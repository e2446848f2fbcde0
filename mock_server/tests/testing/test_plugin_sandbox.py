"""``sandbox()`` without pytest's fixture: what it sets, leads, refuses and tells, and that all of it is put back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import openai
import pytest

from mocktune.testing import ControlError, NobodyAdvances, Sandbox, sandbox
from mocktune.testing.durations import Duration
from mocktune.testing.frozen import MAX_READS, ClockIsFrozen
from mocktune.testing.hosts import RealHostRefused, refused_hosts
from mocktune.testing.servers import run_server, shared_server
from mocktune.testing.verdict import Verdict

NAMES = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET", "AZURE_OPENAI_ENDPOINT")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with sandbox(seed=7) as opened:
        yield opened


# -- the environment ---------------------------------------------------------------------------------------------------


def test_the_environment_leads_into_the_innermost_sandbox_and_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-user")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    before = dict(os.environ)
    with sandbox() as outer:
        assert os.environ["OPENAI_BASE_URL"] == outer.base_url
        assert "OPENAI_ORG_ID" not in os.environ
        with sandbox("fails-midway") as inner:
            assert os.environ["OPENAI_API_KEY"] == inner.api_key != outer.api_key
            inner.add_file()
        assert os.environ["OPENAI_BASE_URL"] == outer.base_url
        assert openai.OpenAI().files.list().data == []  # what is in one is not in the other
        with sandbox(env=False):
            assert os.environ["OPENAI_BASE_URL"] == outer.base_url
    assert dict(os.environ) == before


def test_everything_is_put_back_when_the_block_fails() -> None:
    before = dict(os.environ), socket.getaddrinfo, socket.socket.connect, ssl.SSLContext.wrap_bio
    during = []
    with contextlib.suppress(ZeroDivisionError), sandbox():
        during.append(socket.getaddrinfo)
        raise ZeroDivisionError
    assert during != [before[1]]
    assert (dict(os.environ), socket.getaddrinfo, socket.socket.connect, ssl.SSLContext.wrap_bio) == before


def test_the_client_of_the_module_openai_belongs_to_one_sandbox_after_the_other() -> None:
    kept = {name: getattr(openai, name) for name in ("api_key", "base_url", "http_client", "api_type")}
    for count in (1, 2):
        with sandbox() as box:
            for _ in range(count):
                box.add_file()
            assert len(openai.files.list().data) == count
    assert {name: getattr(openai, name) for name in kept} == kept


def test_a_client_that_was_left_over_is_refused() -> None:
    with sandbox() as box:
        late = openai.OpenAI(max_retries=0)
    with sandbox(), pytest.raises(openai.AuthenticationError):
        late.files.list()
    late.close()
    assert box.name in str(late.base_url)


# -- clients -----------------------------------------------------------------------------------------------------------


def test_what_is_added_is_there_for_the_client_and_in_the_words_of_the_sdk(box: Sandbox) -> None:
    model = box.add_model(state="ready")
    job, file = box.add_job(status="running"), box.add_file(status="error")
    client = box.client()
    assert client.models.retrieve(model.id).id == model.id
    assert client.fine_tuning.jobs.retrieve(job.id).status == job.status == "running"
    assert client.files.retrieve(file.id).status == file.status == "error"


def test_clients_that_exist_are_led_into_the_sandbox_and_back(box: Sandbox) -> None:
    ours = openai.OpenAI(api_key="sk-own", base_url="https://api.openai.com/v1", organization="org-1", max_retries=0)
    azure = openai.AzureOpenAI(
        azure_endpoint="https://x.openai.azure.com", api_version="1", azure_ad_token_provider=lambda: "token"
    )
    deployed = openai.AsyncAzureOpenAI(
        azure_endpoint="https://x.openai.azure.com", api_version="1", api_key="k", azure_deployment="d"
    )
    before = [(str(each.base_url), each.api_key, each.organization) for each in (ours, azure, deployed)]
    box.add_file()
    with sandbox(env=False, server="thread") as other:
        for client in (ours, azure, deployed):
            other.adopt(client)
        other.add_file()
        other.add_file()
        assert [len(each.files.list().data) for each in (ours, azure, ours.with_options(timeout=5))] == [2, 2, 2]
        assert str(deployed.base_url) == f"{other.access.shared_root}/openai/deployments/d/"
        copy = ours.with_options(max_retries=1)
        other.adopt(openai)
        assert len(openai.files.list().data) == 2
    assert [(str(each.base_url), each.api_key, each.organization) for each in (ours, azure, deployed)] == before
    assert azure._azure_ad_token_provider is not None
    assert other.name in str(copy.base_url)
    with pytest.raises(TypeError, match="no client of the official SDK"):
        box.adopt(object())
    ours.close(), azure.close()


def test_asynchronous_clients_leave_nothing_open(box: Sandbox) -> None:
    async def ask() -> list[int]:
        client = box.async_client()
        box.clock.advance("1s")  # the control plane answers a loop that waits for it
        pages = await asyncio.gather(*(client.files.list() for _ in range(5)))
        return [len(page.data) for page in pages]

    assert asyncio.run(ask()) == [0] * 5
    assert box.requests("files.list").count == 5


# -- hosts -------------------------------------------------------------------------------------------------------------


def test_the_real_hosts_are_refused_by_every_way_and_others_are_not(box: Sandbox) -> None:
    async def ways(loop: asyncio.AbstractEventLoop) -> None:
        for way in (
            loop.create_connection(asyncio.Protocol, "api.openai.com", 443),
            loop.getaddrinfo("api.openai.com", 443),
            asyncio.open_connection("x.openai.azure.com", 443),
        ):
            with pytest.raises(RealHostRefused):
                await way

    async def here() -> None:
        await ways(asyncio.get_running_loop())

    asyncio.run(here())
    uvloop = pytest.importorskip("uvloop")
    uvloop.run(here())
    with pytest.raises(RealHostRefused, match=r"refuses the connection to API\.openai\.com\."):
        socket.create_connection(("API.openai.com.", 443))
    with socket.socket() as direct, pytest.raises(OSError, match=r"mocktune\.adopt"):
        direct.connect(("api.openai.com", 443))
    with socket.socket() as direct, pytest.raises(RealHostRefused):
        ssl.create_default_context().wrap_socket(direct, server_hostname="api.openai.com")
    client = openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0)
    with client, pytest.raises(openai.APIConnectionError):
        client.files.list()
    assert box.refusals.count >= 10
    assert set(box.refusals.hosts) >= {"api.openai.com", "x.openai.azure.com"}
    assert socket.getaddrinfo("localhost", 80)
    assert socket.gethostbyname("127.0.0.1") == "127.0.0.1"
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("notopenai.com.invalid", 80)


def test_what_others_put_in_the_place_of_sockets_stays() -> None:
    original = socket.getaddrinfo
    theirs = partial(original, flags=0)
    try:
        with refused_hosts():
            socket.getaddrinfo = theirs  # type: ignore[assignment]  # as a tool would
        assert socket.getaddrinfo is theirs
    finally:
        socket.getaddrinfo = original


# -- time --------------------------------------------------------------------------------------------------------------


def test_durations_compare_with_what_people_write() -> None:
    five = Duration.of_seconds(300)
    held = (five > "4m59s", five >= 300, five < timedelta(minutes=6), five <= "5m", five == "5m", five != "6m")
    assert held == (True,) * 6
    assert str(five) == "5m"
    assert five != "soon"
    assert hash(five) == hash(timedelta(minutes=5))
    with pytest.raises(ValueError, match="is no duration"):
        assert five < "soon"
    with pytest.raises(TypeError):
        assert five < None


def test_the_clock_goes_where_it_is_told_to(box: Sandbox) -> None:
    began = box.clock.now
    assert began == datetime(2026, 1, 15, tzinfo=UTC)
    assert box.clock.elapsed == 0
    job = box.add_job(status="validating_files")
    assert box.clock.advance("90s").elapsed == "1m30s" == box.clock.elapsed
    assert box.clock.advance(0.5).now - began == timedelta(seconds=90.5)
    assert box.clock.advance(to=began + timedelta(minutes=2)).elapsed == 120
    assert [each.status for each in box.clock.advance(until=job).fired][-1] == "succeeded"
    assert box.clock.advance(next=True).reached
    with pytest.raises(ControlError, match="cannot be moved back"):
        box.clock.advance(to=began)
    with pytest.raises(ValueError, match="negative"):
        box.clock.advance(-1)
    box.clock.set("x60")
    assert box.clock.mode == "x60"


def test_run_until_answers_the_job_or_says_at_once_how_it_ended(box: Sandbox) -> None:
    job = box.add_job(status="queued")
    assert box.run_until(job, "running@40%").status == "running"
    assert box.run_until(job.id).fine_tuned_model
    box.scenario = "fails-midway"
    doomed = box.add_job(status="running")
    with pytest.raises(AssertionError, match=f"job {doomed.id} ended as failed, not succeeded: server_error: "):
        box.run_until(doomed, "succeeded")
    assert box.run_until(doomed).status == "failed"
    box.scenario.play("realistic", set={"job.queued": "3h"})
    slow = box.add_job(status="queued")
    with pytest.raises(AssertionError, match=f"job {slow.id} is queued, not terminal, after max_virtual='1h'"):
        box.run_until(slow, max_virtual="1h")


# -- what is asked of it -----------------------------------------------------------------------------------------------


def test_requests_are_a_list_that_assertions_read_well_of(box: Sandbox) -> None:
    client = box.client(max_retries=0)
    rule = box.faults.add(operation="files.list", answer={"status": 503}, times=1)
    with pytest.raises(openai.InternalServerError):
        client.files.list()
    client.files.list()
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file="file-none")
    assert box.requests().operations == ["files.list", "files.list", "fine_tuning.jobs.create"]
    assert box.requests("files.*").statuses == [503, 200]
    assert len(box.requests("create").committed) == 0
    assert box.requests("create").bodies[0]["training_file"] == "file-none"
    assert box.requests().refused.count == 2
    assert box.requests("create")[0].response["error"]["param"] == "training_file"
    assert box.requests(status=503)[:1].statuses == [503]
    assert "503  files.list" in repr(box.requests())
    assert box.faults.get(rule)["fired"] == 1
    box.faults.remove(rule)
    assert box.faults.list() == []
    assert box.faults.reset() == 0
    with pytest.raises(ValueError, match="there is no operation 'chta'"):
        box.requests("chta")


def test_the_verdict_tells_its_findings(box: Sandbox) -> None:
    job = box.add_job(status="running")
    client = box.client()
    box.verdict.assert_clean()
    for _ in range(8):
        client.fine_tuning.jobs.retrieve(job.id)
    assert box.verdict.codes == ["MT01"]
    assert not box.verdict.clean
    assert box.verdict.findings[0].evidence[0]["operation"] == "fine_tuning.jobs.retrieve"
    with pytest.raises(AssertionError, match=r"1 finding in 8 requests\n\nMT01  polls too fast(?s:.*)explain MT01"):
        box.verdict.assert_clean()
    box.verdict.assert_clean(allow=["MT01"])
    assert isinstance(box.verdict, Verdict)


# -- clients that wait for a clock nobody moves ------------------------------------------------------------------------


def test_who_keeps_the_refusal_of_a_frozen_clock_to_himself_fails_at_the_end() -> None:
    with pytest.raises(NobodyAdvances, match="The clock is frozen and nobody advances it"), sandbox() as box:  # noqa: PT012  # the block is what fails
        job, client = box.add_job(status="running"), box.client()
        for _ in range(MAX_READS):
            client.fine_tuning.jobs.retrieve(job.id)
        with pytest.raises(openai.BadRequestError, match="frozen"):
            client.fine_tuning.jobs.retrieve(job.id)


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_who_reads_on_regardless_is_interrupted(kind: str) -> None:
    with pytest.raises(ClockIsFrozen, match="The clock is frozen and nobody advances it"), sandbox(server=kind) as box:  # noqa: PT012  # the block is what fails
        job, client = box.add_job(status="running"), box.client()

        def wait_for_ever() -> None:
            while True:
                try:
                    if client.fine_tuning.jobs.retrieve(job.id).status == "succeeded":
                        return
                except Exception:
                    pass

        wait_for_ever()


def test_a_worker_that_reads_on_regardless_is_interrupted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[type[BaseException] | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: ended.append(told.exc_type))
    with pytest.raises(ClockIsFrozen), sandbox() as box:  # noqa: PT012  # the block is what fails
        job, client = box.add_job(status="running"), box.client()

        def wait_for_ever() -> None:
            while True:
                with contextlib.suppress(Exception):
                    client.fine_tuning.jobs.retrieve(job.id)

        worker = threading.Thread(target=wait_for_ever)
        worker.start()
        worker.join()
    assert [issubclass(each, ClockIsFrozen) for each in ended if each] == [True]


# -- servers -----------------------------------------------------------------------------------------------------------


def test_a_server_that_runs_already_is_used_by_its_token_or_by_a_fresh_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from mocktune import make_settings, running_server

    with running_server(make_settings(admin_token="mt-token")) as running:
        monkeypatch.setenv("MOCKTUNE_ADMIN_TOKEN", "mt-token")
        with run_server(running.root) as server:
            assert server.control is not None
        with sandbox("fails-midway", seed=5, set={"job.queued": "1m"}, server=running.base_url) as box:
            assert (box.seed, box.scenario.name, box.clock.mode, box.notes) == (5, "fails-midway", "frozen", [])
        monkeypatch.delenv("MOCKTUNE_ADMIN_TOKEN")
        with sandbox("fails-midway", seed=5, set={"job.queued": "1m"}, server=running.root) as box:
            assert box.scenario.document["job"]["queued"] == "1m"
            assert (box.scenario.name, box.clock.mode, box.clock.elapsed) == ("fails-midway", "frozen", 0)
            assert box.seed != 5
            assert "MOCKTUNE_ADMIN_TOKEN" in box.notes[0]
        assert len(running.services.sandboxes) == 0
    with pytest.raises(ControlError, match="no server answers at"), sandbox(server=running.root):
        pass
    with pytest.raises(ValueError, match="is no server"), sandbox(server="htread"):
        pass


def test_one_server_of_a_kind_serves_all_sandboxes() -> None:
    with sandbox() as one, sandbox() as other:
        assert one.root == other.root == shared_server().root
        assert one.name != other.name
