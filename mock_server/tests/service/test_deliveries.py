"""Deliveries without HTTP: when events are due, who gets them, what is sent when, and that it is sent once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Lab, dataset
from support import settings as server_settings

from mocktune.bootstrap import bootstrap
from mocktune.domain.clock import SECOND, VirtualTime, unix_seconds
from mocktune.domain.deliveries import RETRY_DELAYS, Delivery
from mocktune.domain.errors import ConflictError, NotFoundError, ParameterError
from mocktune.domain.faults import FaultRule
from mocktune.domain.webhooks import WebhookAnswer, WebhookEndpoint, WebhookRequest
from mocktune.service import outbox
from mocktune.service.deliveries import DeliveryFilter, deliveries
from mocktune.service.faults import ensure_book
from mocktune.service.sandboxes import Sandbox
from mocktune.service.state_saving import save_state

pytestmark = pytest.mark.anyio

JOB_EVENTS = tuple(f"fine_tuning.job.{status}" for status in ("succeeded", "failed", "cancelled"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Answers = Callable[[WebhookRequest], int | None]


@dataclass
class Sender:
    """Answers as told, and keeps what it was to send. While ``gate`` is closed nobody is answered."""

    answers: Answers = lambda request: 200
    sent: list[WebhookRequest] = field(default_factory=list)
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most_at_once: int = 0

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        self.sent.append(request)
        self.arrived.set()
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        self.under_way -= 1
        status = self.answers(request)
        return WebhookAnswer(status, "" if status else "nobody home")

    @property
    def events(self) -> list[tuple[str, str]]:
        """The path of the URL and the type of the event of each request."""
        return [(each.url.rpartition("/")[2], json.loads(each.body)["type"]) for each in self.sent]


@dataclass
class Post:
    """A lab whose webhooks a test takes."""

    lab: Lab
    sender: Sender

    @classmethod
    def open(cls, *changes: str, scenario: str = "realistic", seed: int = 42, **others: Any) -> Post:
        sender = Sender()
        return cls(Lab(bootstrap(server_settings(scenario, *changes, seed=seed, **others), sender=sender)), sender)

    async def endpoint(self, name: str = "hook", *types: str) -> WebhookEndpoint:
        return await self.lab.services.webhook_endpoints.create(
            await self.lab.visit(), name=name, url=f"http://127.0.0.1/{name}", event_types=types or JOB_EVENTS
        )

    async def sandbox(self) -> Sandbox:
        return (await self.lab.visit()).sandbox

    def sandbox_as_it_is(self) -> Sandbox:
        """Without entering what is due."""
        return self.lab.services.sandboxes.open(self.lab.key, self.lab.wall)

    async def cancelled(self) -> str:
        """A job that was cancelled at once."""
        job = (await self.lab.create()).id
        await self.lab.services.jobs.cancel(await self.lab.visit(), job)
        return job

    async def perform(self) -> list[Delivery]:
        return await self.lab.services.deliveries.perform_due(await self.lab.visit())

    async def log(self) -> list[Delivery]:
        return list(deliveries(await self.sandbox()).oldest_first())

    async def rule(self, **given: Any) -> None:
        ensure_book(await self.sandbox()).add([FaultRule(**given)])


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post.open()
    yield post
    post.lab.close()


# -- events ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "type"), [((), "succeeded"), (("job.outcome=failed",), "failed")])
async def test_an_event_is_due_with_the_last_event_of_its_job(changes: tuple[str, ...], type: str) -> None:
    post = Post.open(*changes)
    await post.endpoint()
    job = await post.lab.create()
    last = (await post.lab.timeline(job.id)).last_listed_at
    assert last is not None
    await post.lab.advance(last / SECOND - (await post.lab.visit()).now / SECOND - 0.001)
    assert post.sender.sent == []
    await post.lab.advance(0.001)
    (request,) = post.sender.sent
    assert json.loads(request.body) == {
        "object": "event",
        "id": (await post.log())[0].event_id,
        "type": f"fine_tuning.job.{type}",
        "created_at": unix_seconds(last),
        "data": {"id": job.id},
    }
    post.lab.close()


async def test_a_cancelled_job_is_told_of_at_that_instant(post: Post) -> None:
    await post.endpoint()
    job = await post.cancelled()
    (performed,) = await post.perform()
    assert (performed.job_id, performed.event_type, performed.state) == (job, JOB_EVENTS[2], "delivered")
    assert performed.due_at == (await post.lab.visit()).now
    assert await post.perform() == []


async def test_a_job_whose_file_was_deleted_fails_and_is_told_of(post: Post) -> None:
    await post.endpoint()
    file = await post.lab.upload()
    await post.lab.advance(60)
    await post.lab.create(file.id)
    await post.lab.services.files.delete(await post.lab.visit(), file.id)
    await post.lab.advance(3600)
    assert post.sender.events == [("hook", JOB_EVENTS[1])]


async def test_a_pause_puts_the_event_off(post: Post) -> None:
    await post.endpoint()
    job = await post.lab.create()
    jobs = post.lab.services.jobs
    await post.lab.advance(60)
    assert (await jobs.pause(await post.lab.visit(), job.id)).status == "paused"
    await post.lab.advance(100 * 24 * 3600)
    assert post.sender.sent == []
    assert post.lab.services.deliveries.next_due(await post.sandbox()) is None
    await jobs.resume(await post.lab.visit(), job.id)
    await post.lab.advance(3600)
    assert post.sender.events == [("hook", JOB_EVENTS[0])]


async def test_the_same_event_has_the_same_id_at_every_attempt_and_endpoint(post: Post) -> None:
    post.sender.answers = lambda request: 500
    await post.endpoint("a")
    await post.endpoint("b")
    await post.cancelled()
    await post.lab.advance(600)
    assert len(post.sender.sent) == 6
    assert len({(each.id, each.body) for each in post.sender.sent}) == 1


async def test_the_same_seed_gives_the_same_deliveries() -> None:
    async def told(seed: int) -> list[str]:
        post = Post.open(seed=seed)
        await post.endpoint()
        await post.cancelled()
        await post.perform()
        log = [each.webhook_id + each.id for each in await post.log()]
        post.lab.close()
        return log

    assert await told(1) == await told(1) != await told(2)


async def test_what_ended_before_there_was_an_endpoint_is_not_told_of(post: Post) -> None:
    """Also at the very same instant, and a job that nobody has asked for."""
    await post.lab.create()
    await post.lab.advance(7200)
    await post.cancelled()
    await post.endpoint()
    assert await post.perform() == []
    await post.lab.advance(7200)
    assert post.sender.sent == []


async def test_what_failed_before_and_nobody_asked_for_is_not_told_of(post: Post) -> None:
    """Nobody has planned it: when it is, it turns out that it was over."""
    await post.lab.create((await post.lab.upload(dataset() + b"not a line of JSON\n")).id)
    sandbox = await post.sandbox()
    sandbox.clock = sandbox.clock.moved_to(VirtualTime((await post.lab.visit()).now + 49 * SECOND), post.lab.wall)
    job = next(sandbox.jobs.newest_first())
    assert job.timeline is None
    await post.endpoint()
    await post.lab.advance(7200)
    assert job.timeline is not None
    assert job.timeline.ends_at is not None
    assert job.timeline.ends_at <= sandbox.clock.started + 49 * SECOND
    assert post.sender.sent == []


async def test_a_job_that_was_there_before_the_endpoint_is_told_of_when_it_ends(post: Post) -> None:
    await post.lab.create()
    await post.endpoint()
    await post.lab.advance(7200)
    assert post.sender.events == [("hook", JOB_EVENTS[0])]


async def test_only_who_subscribed_by_then_is_told(post: Post) -> None:
    await post.endpoint("other", "batch.completed")
    gone = await post.endpoint("gone")
    await post.endpoint("failures", JOB_EVENTS[1])
    await post.endpoint("all")
    await post.cancelled()
    await post.endpoint("late")
    endpoints = post.lab.services.webhook_endpoints
    await endpoints.delete(await post.lab.visit(), gone.id)
    await post.perform()
    assert post.sender.events == [("all", JOB_EVENTS[2])]
    assert [(each.state, each.reason) for each in await post.log()] == [
        ("failed", "its endpoint was deleted"), ("delivered", ""),
    ]  # fmt: skip


async def test_events_are_entered_before_a_request_looks(post: Post) -> None:
    """Who subscribes right after a cancel was late, whether or not anything was sent meanwhile."""
    await post.endpoint()
    await post.cancelled()
    visit = await post.lab.services.visit(post.sandbox_as_it_is())
    assert [each.state for each in deliveries(visit.sandbox).oldest_first()] == ["pending"]


async def test_a_sandbox_without_endpoints_has_no_outbox(post: Post) -> None:
    await post.cancelled()
    assert (await post.sandbox()).outbox is None
    assert post.lab.services.deliveries.next_due(await post.sandbox()) is None
    assert await post.perform() == []


async def test_deliveries_are_made_in_the_order_of_instants_jobs_and_endpoints(post: Post) -> None:
    await post.endpoint("a")
    await post.endpoint("b")
    file = await post.lab.upload()
    jobs = [(await post.lab.create(file.id)).id for _ in range(3)]
    await post.lab.advance(7200)
    log = await post.log()
    assert len({each.due_at for each in log}) == 1
    assert [(each.job_id, each.url[-1]) for each in log] == [(job, name) for job in jobs for name in "ab"]
    assert [json.loads(each.body)["data"]["id"] for each in post.sender.sent if each.url[-1] == "a"] == jobs
    assert post.sender.most_at_once == 2  # the endpoints at once, each its own one after the other


# -- attempts ----------------------------------------------------------------------------------------------------------


async def test_attempts_are_made_when_they_are_due_and_listed_by_the_advance(post: Post) -> None:
    post.sender.answers = lambda request: 503
    await post.endpoint()
    await post.cancelled()
    await post.perform()
    advanced = await post.lab.services.clocks.advance_by(await post.lab.visit(), 80 * 3600 * SECOND)
    (delivery,) = await post.log()
    instants = [attempt.at for attempt in delivery.attempts]
    assert [later - earlier for earlier, later in pairwise(instants)] == list(RETRY_DELAYS[1:])
    fired = [each for each in advanced.fired if each.kind == "delivery"]
    assert [(each.at, each.status) for each in fired] == [
        *((at, "retrying") for at in instants[1:-1]), (instants[-1], "failed"),
    ]  # fmt: skip


async def test_signatures_carry_wall_time_and_the_body_virtual_time(post: Post) -> None:
    await post.endpoint()
    await post.cancelled()
    await post.perform()
    (request,) = post.sender.sent
    assert abs(request.sent_at - post.lab.services.clock.wall()) < 60 * SECOND
    assert json.loads(request.body)["created_at"] == unix_seconds((await post.lab.visit()).now)


@given(steps=st.lists(st.sampled_from([1, 4, 60, 299, 3000, 9000]), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_it_makes_no_difference_in_how_many_steps_the_time_is_gone(steps: list[int]) -> None:
    async def outcome(steps: list[int]) -> list[Any]:
        post = Post.open()
        post.sender.answers = lambda request: 500 if int(request.id[-1], 16) % 2 else 200
        await post.endpoint("a")
        await post.endpoint("b", JOB_EVENTS[0])
        for _ in range(3):
            await post.lab.create()
        await post.cancelled()
        await post.perform()
        for step in steps:
            await post.lab.advance(step)
        log = [
            (each.id, each.state, each.next_at, [attempt.at for attempt in each.attempts]) for each in await post.log()
        ]
        post.lab.close()
        return [log, post.sender.events]

    assert await outcome(steps) == await outcome([sum(steps)])


async def test_two_who_perform_at_once_send_once(post: Post) -> None:
    await post.endpoint()
    await post.cancelled()
    post.sender.gate = asyncio.Event()
    visit = await post.lab.visit()
    performers = [asyncio.ensure_future(post.lab.services.deliveries.perform_due(visit)) for _ in range(3)]
    await post.sender.arrived.wait()
    post.sender.gate.set()
    assert sorted(len(performed) for performed in await asyncio.gather(*performers)) == [0, 0, 1]
    assert len(post.sender.sent) == 1


async def test_an_endpoint_that_is_gone_is_sent_nothing_more_until_it_is_updated(post: Post) -> None:
    """410: the deliveries of that instant that wait for their turn are not sent, and later ones are not made."""
    post.sender.answers = lambda request: 410
    endpoint = await post.endpoint()
    await post.cancelled()
    await post.cancelled()
    await post.perform()
    await post.lab.advance(5)
    await post.cancelled()
    await post.perform()
    assert len(post.sender.sent) == 1
    assert [(each.state, each.reason) for each in await post.log()] == [
        ("failed", ""), ("failed", "its endpoint answered 410"),
    ]  # fmt: skip
    with pytest.raises(ConflictError, match="disabled, because it answered 410"):
        await post.lab.services.deliveries.resend(await post.lab.visit(), (await post.log())[0].id)
    endpoints = post.lab.services.webhook_endpoints
    assert (await endpoints.retrieve(await post.lab.visit(), endpoint.id)) == endpoint
    await endpoints.update(await post.lab.visit(), endpoint.id, name="back")
    post.sender.answers = lambda request: 200
    await post.cancelled()
    assert [each.state for each in await post.perform()] == ["delivered"]


async def test_only_so_many_deliveries_are_kept(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_DELIVERIES", 3)
    await post.endpoint()
    post.sender.answers = lambda request: 500
    first = await post.cancelled()
    await post.perform()
    post.sender.answers = lambda request: 200
    for _ in range(4):
        await post.lab.advance(1)
        last = await post.cancelled()
        await post.perform()
    log = await post.log()
    assert len(log) == 3
    assert (log[0].job_id, log[-1].job_id) == (first, last)  # what is still to be sent stays
    sandbox = await post.sandbox()
    assert sandbox.outbox is not None
    assert sandbox.outbox.dropped == 2


async def test_a_stateless_server_sends_nothing() -> None:
    post = Post.open(stateless=True)
    await post.endpoint()
    await post.cancelled()
    assert await post.perform() == []
    (made,) = await post.lab.services.deliveries.trigger(await post.lab.visit(), JOB_EVENTS[0])
    assert made.attempts == []
    await post.lab.services.deliveries.resend(await post.lab.visit(), made.id)
    assert made.attempts[0].failure == "a --stateless server sends nothing"
    assert post.sender.sent == []
    post.lab.close()


# -- faults ------------------------------------------------------------------------------------------------------------


async def test_a_dropped_delivery_is_recorded_and_not_sent(post: Post) -> None:
    await post.endpoint()
    await post.rule(operation="fine_tuning.job.*", webhook="drop", times=1)
    await post.cancelled()
    assert await post.perform() == []
    (delivery,) = await post.log()
    assert (delivery.state, delivery.fault, post.sender.sent) == ("dropped", "drop", [])
    assert [(each.rule_id, each.fired) for each in delivery.decisions] == [("fault-1", True)]


async def test_a_duplicate_has_the_same_id(post: Post) -> None:
    await post.endpoint()
    await post.rule(webhook="duplicate")
    await post.cancelled()
    assert len(await post.perform()) == 2
    first, second = post.sender.sent
    assert (first.id, first.body) == (second.id, second.body)
    assert [each.kind for each in (await post.log())[0].attempts] == ["scheduled", "duplicate"]


async def test_a_delivery_is_overtaken_by_the_next_one_to_its_endpoint(post: Post) -> None:
    await post.endpoint("a")
    await post.endpoint("b", JOB_EVENTS[1])
    await post.rule(webhook="reorder", times=1)
    late, early = await post.cancelled(), ""
    assert await post.perform() == []
    early = await post.cancelled()
    await post.perform()
    assert [json.loads(each.body)["data"]["id"] for each in post.sender.sent] == [early, late]


async def test_an_earlier_delivery_that_is_sent_again_overtakes_nobody(post: Post) -> None:
    post.sender.answers = lambda request: 500
    await post.endpoint()
    first = await post.cancelled()
    await post.perform()
    await post.rule(webhook="reorder")
    await post.cancelled()
    await post.lab.advance(10)
    assert [json.loads(each.body)["data"]["id"] for each in post.sender.sent] == [first, first]


async def test_who_is_overtaken_by_nobody_comes_an_hour_late(post: Post) -> None:
    await post.endpoint()
    await post.rule(webhook="reorder")
    await post.cancelled()
    await post.lab.advance(3599)
    assert post.sender.sent == []
    await post.lab.advance(1)
    assert len(post.sender.sent) == 1


async def test_a_delay_is_of_virtual_time(post: Post) -> None:
    from mocktune.domain.documents import Duration

    await post.endpoint()
    await post.rule(webhook="delay", delay=Duration(90 * SECOND))
    await post.cancelled()
    await post.lab.advance(89)
    assert post.sender.sent == []
    await post.lab.advance(1)
    assert len(post.sender.sent) == 1


@pytest.mark.parametrize("signature", ["forged", "missing", "stale", "rotated"])
async def test_an_impostor_comes_first_and_once_and_the_honest_delivery_all_the_same(
    post: Post, signature: Any
) -> None:
    post.sender.answers = lambda request: 400
    await post.endpoint()
    await post.rule(webhook=signature, times=1)
    await post.cancelled()
    await post.lab.advance(10)
    impostor, honest = await post.log()
    assert [(each.signature, each.state, len(each.attempts)) for each in (impostor, honest)] == [
        (signature, "failed", 1), ("good", "pending", 2),
    ]  # fmt: skip
    first, *others = post.sender.sent
    assert first.id == others[0].id
    secret = (
        (await post.lab.services.webhook_endpoints.list(await post.lab.visit(), after=None, limit=1)).items[0].secret
    )
    assert all(each.secrets == (secret,) and each.signed for each in others)
    assert (first.secrets == (secret,), first.signed) == {
        "forged": (False, True), "missing": (True, False), "stale": (True, True), "rotated": (False, True),
    }[signature]  # fmt: skip
    late = (others[0].sent_at - first.sent_at) / SECOND
    assert (600 <= late < 660) if signature == "stale" else (0 <= late < 60)


# -- commands ----------------------------------------------------------------------------------------------------------


async def test_a_delivery_is_sent_again_signed_anew(post: Post) -> None:
    await post.endpoint()
    await post.cancelled()
    await post.perform()
    (delivery,) = await post.log()
    again = await post.lab.services.deliveries.resend(await post.lab.visit(), delivery.id)
    assert again is delivery
    first, second = post.sender.sent
    assert (first.id, first.body) == (second.id, second.body)
    assert second.sent_at >= first.sent_at
    with pytest.raises(NotFoundError):
        await post.lab.services.deliveries.resend(await post.lab.visit(), "whd_none")


async def test_an_event_is_triggered_for_those_who_subscribed(post: Post) -> None:
    await post.endpoint("a")
    await post.endpoint("b", "batch.completed")
    job = (await post.lab.create()).id
    trigger = post.lab.services.deliveries.trigger
    (made,) = await trigger(await post.lab.visit(), JOB_EVENTS[0], job_id=job)
    assert (made.state, made.job_id, json.loads(made.body)["data"]) == ("delivered", job, {"id": job})
    (sample,) = await trigger(await post.lab.visit(), "batch.completed", signature="stale")
    assert (sample.signature, sample.job_id) == ("stale", None)
    assert await trigger(await post.lab.visit(), "batch.failed") == []
    with pytest.raises(NotFoundError):
        await trigger(await post.lab.visit(), JOB_EVENTS[0], job_id="ftjob-none")
    with pytest.raises(ParameterError):
        await trigger(await post.lab.visit(), "batch.completed", job_id=job)


async def test_what_is_triggered_is_no_end_of_a_job(post: Post) -> None:
    """The job's own event comes when it ends, with an id of its own."""
    await post.endpoint()
    job = (await post.lab.create()).id
    await post.lab.services.deliveries.trigger(await post.lab.visit(), JOB_EVENTS[0], job_id=job)
    await post.lab.advance(7200)
    assert len({each.id for each in post.sender.sent}) == 2


async def test_waiting_ends_when_there_are_as_many_and_not_before(post: Post) -> None:
    await post.endpoint()
    visit, wanted = await post.lab.visit(), DeliveryFilter(state="delivered")
    service = post.lab.services.deliveries
    assert not (await service.wait_for_count(visit, wanted, 1, 0)).reached
    waiting = asyncio.ensure_future(service.wait_for_count(visit, wanted, 2, 30))
    for _ in range(2):
        assert not waiting.done()
        await post.cancelled()
        await post.perform()
        await asyncio.sleep(0)
    assert (await waiting).reached


# -- states and ready-made jobs ----------------------------------------------------------------------------------------


async def test_a_job_that_was_put_there_finished_is_not_told_of(post: Post) -> None:
    from mocktune.domain.lifecycle import JobStatus
    from mocktune.domain.ready_made import NewJob

    await post.endpoint()
    ready_made = post.lab.services.ready_made
    await ready_made.add_job(await post.lab.visit(), NewJob(status=JobStatus.SUCCEEDED))
    await ready_made.add_job(await post.lab.visit(), NewJob(status=JobStatus.FAILED))
    await ready_made.add_job(await post.lab.visit(), NewJob(status=JobStatus.RUNNING))
    await post.lab.advance(24 * 3600)
    assert post.sender.events == [("hook", JOB_EVENTS[0])]


async def test_a_state_with_endpoints_tells_of_what_ends_after_it(post: Post) -> None:
    """And not again of what ended before."""
    await post.endpoint()
    await post.lab.advance(1)
    await post.cancelled()
    await post.perform()
    await post.lab.create()
    saved = save_state(await post.lab.visit())
    other = Post.open(state=saved)
    sandbox = other.lab.services.sandboxes.open(other.lab.key, other.lab.wall)
    await other.lab.services.load(sandbox)
    await other.lab.advance(7200)
    assert other.sender.events == [("hook", JOB_EVENTS[0])]
    other.lab.close()
