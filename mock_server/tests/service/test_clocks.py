"""An advance goes from one due instant to the next: what it comes by, what bounds it, and that it makes no difference
in how many steps a stretch of time is gone.

Deliveries are those of a made-up receiver: one for every job, due with its last event, that is refused some times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Lab, Wall, dataset

from mocktune.domain.awaited import Awaited
from mocktune.domain.clock import SECOND, ClockError, ClockMode, VirtualTime, WallTime
from mocktune.domain.deliveries import Attempt, Delivery
from mocktune.domain.errors import ConflictError, NotFoundError
from mocktune.domain.state import write_state
from mocktune.service.agenda import Fired
from mocktune.service.clocks import Bounds, ClockChange, ClockService, clock_command
from mocktune.service.files import Upload
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.state_saving import save_state

MINUTE, DAY = 60 * SECOND, 86_400 * SECOND


@dataclass
class Receiver:
    """A ``Deliverer`` whose deliveries are refused ``refusals`` times. ``during`` is what a receiver does meanwhile."""

    refusals: int = 2
    retry_after: int = 5 * MINUTE
    during: Callable[[Visit], Awaitable[None]] | None = None
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
        attempts = [each.next_at for each in self.deliveries.values()]
        jobs = [job for job in sandbox.jobs.oldest_first() if job.id not in self.deliveries]
        ends = [job.timeline.last_listed_at for job in jobs if job.timeline is not None]
        return min((at for at in attempts + ends if at is not None), default=None)

    async def perform_due(self, visit: Visit) -> list[Delivery]:
        for job in visit.sandbox.jobs.oldest_first():
            due = None if job.timeline is None else job.timeline.last_listed_at
            if job.id not in self.deliveries and due is not None and due <= visit.now:
                self.deliveries[job.id] = delivery_of(job.id, due)
        performed = []
        for each in self.deliveries.values():
            if each.next_at is not None and each.next_at <= visit.now:
                if self.during is not None:
                    await self.during(visit)
                refused = len(each.attempts) < self.refusals
                each.attempts.append(Attempt(each.next_at, visit.wall, 500 if refused else 200))
                each.state = "pending" if refused else "delivered"
                each.next_at = VirtualTime(each.next_at + self.retry_after) if refused else None
                performed.append(each)
        return performed


def delivery_of(job_id: str, due: VirtualTime) -> Delivery:
    return Delivery(
        f"whd_{job_id}", f"evt_{job_id}", "wh", "fine_tuning.job.succeeded", job_id, "whe_1", "http://127.0.0.1",
        b"{}", due, 1, next_at=due,
    )  # fmt: skip


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab.open()
    yield lab
    lab.close()


def with_receiver(lab: Lab, receiver: Receiver | None = None, wall: Wall | None = None) -> Receiver:
    receiver = receiver or Receiver()
    lab.services.__dict__["clocks"] = ClockService(lab.services.datasets, wall or Wall(), lambda: receiver)
    return receiver


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(story())  # type: ignore[arg-type]  # every story is a coroutine


def told(fired: list[Fired]) -> list[tuple[str, str]]:
    return [(each.kind, each.status) for each in fired]


async def until(lab: Lab, kind: Any, id: str, status: str, bounds: Bounds | None = None, **more: Any) -> Any:
    awaited = Awaited.of(kind, id, status, **more)
    return await lab.services.clocks.advance_until_awaited(await lab.visit(), awaited, bounds or Bounds())


# -- in how many steps -------------------------------------------------------------------------------------------------


async def life_in(steps: list[int]) -> tuple[bytes, list[Fired], list[Any]]:
    """What becomes of three jobs, one of them on a bad file, when time is gone in ``steps`` after the first minute."""
    lab = Lab.open()
    receiver = with_receiver(lab)
    try:
        expiring = Upload("b.jsonl", "fine-tune", lab.blob(dataset()), dataset(), expires_after_s=3600)
        await lab.services.files.create(await lab.visit(), expiring)
        good = await lab.upload()
        await lab.create(good.id)
        await lab.advance(60)
        await lab.create((await lab.upload(dataset(9))).id)
        await lab.create(good.id, suffix="second")
        fired: list[Fired] = []
        for step in steps:
            fired += (await lab.services.clocks.advance_by(await lab.visit(), step)).fired
        state = write_state(save_state(await lab.visit()))
        sent = [(each.id, [(a.at, a.status_code) for a in each.attempts]) for each in receiver.deliveries.values()]
        return state, fired, sent
    finally:
        lab.close()


WHOLE = 2 * 3600 * SECOND


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, WHOLE), max_size=6))
def test_two_advances_are_one_over_both(cuts: list[int]) -> None:
    """Byte for byte: the objects, what is listed on the way, and every attempt of a delivery."""
    ends = [0, *sorted(cuts), WHOLE]
    steps = [after - before for before, after in pairwise(ends)]
    whole = run(lambda: life_in([WHOLE]))
    assert run(lambda: life_in(steps)) == whole
    _, fired, sent = whole
    assert {each.kind for each in fired} == {"file", "job", "model", "delivery"}
    assert [len(attempts) for _, attempts in sent] == [3, 3, 3]


def test_what_is_listed_is_in_order_of_time(lab: Lab) -> None:
    async def story() -> None:
        with_receiver(lab)
        await lab.create()
        result = await lab.services.clocks.advance_by(await lab.visit(), 3600 * SECOND)
        instants = [each.at for each in result.fired]
        assert instants == sorted(instants)
        assert told(result.fired) == [
            ("file", "processed"),
            ("job", "queued"),
            ("job", "running"),
            ("job", "succeeded"),
            ("delivery", "retrying"),
            ("model", "loading"),
            ("model", "ready"),
            ("delivery", "retrying"),
            ("delivery", "delivered"),
        ]
        retries = [each.at for each in result.fired if each.kind == "delivery"]
        assert [after - before for before, after in pairwise(retries)] == [5 * MINUTE] * 2

    run(story)


# -- on the way --------------------------------------------------------------------------------------------------------


def test_a_delivery_is_performed_at_the_instant_it_is_due_and_what_the_receiver_asks_is_answered_then(lab: Lab) -> None:
    async def story() -> None:
        seen: list[tuple[VirtualTime, str]] = []

        async def look(visit: Visit) -> None:
            own = await lab.visit()  # as any request meanwhile
            assert own.now == visit.now
            seen.append((own.now, (await lab.services.jobs.retrieve(own, job.id)).status))

        receiver = with_receiver(lab, Receiver(during=look))
        job = await lab.create()
        await lab.services.clocks.advance_by(await lab.visit(), DAY)
        (delivery,) = receiver.deliveries.values()
        assert seen == [(attempt.at, "succeeded") for attempt in delivery.attempts]

    run(story)


def test_a_receiver_that_commands_the_clock_is_refused_instead_of_waited_for(lab: Lab) -> None:
    async def story() -> None:
        refused = []

        async def command(visit: Visit) -> None:
            try:
                async with clock_command(visit.sandbox):
                    pytest.fail("nobody may move a clock that is being moved")
            except ConflictError as error:
                refused.append(error.code)

        with_receiver(lab, Receiver(refusals=0, during=command))
        await lab.create()
        visit = await lab.visit()
        async with clock_command(visit.sandbox):
            await lab.services.clocks.advance_by(visit, DAY)
        assert refused == ["clock_busy"]
        async with clock_command(visit.sandbox):
            pass  # it is free again

    run(story)


def test_an_advance_takes_up_what_is_done_to_jobs_on_its_way(lab: Lab) -> None:
    """A receiver cancels the second job and begins a third."""

    async def story() -> None:
        made: list[str] = []

        async def react(visit: Visit) -> None:
            if not made:
                made.append((await lab.create(file.id)).id)
                await lab.services.jobs.cancel(await lab.visit(), second.id)

        with_receiver(lab, Receiver(refusals=0, during=react))
        file = await lab.upload()
        await lab.create(file.id)
        await lab.advance(120)
        second = await lab.create(file.id)
        result = await lab.services.clocks.advance_by(await lab.visit(), DAY)
        of_jobs = [(each.id, each.status) for each in result.fired if each.kind == "job"]
        assert (second.id, "running") in of_jobs
        assert (second.id, "succeeded") not in of_jobs
        assert [status for id, status in of_jobs if id == made[0]] == ["queued", "running", "succeeded"]

    run(story)


def test_a_wait_ends_when_its_job_is_cancelled_on_the_way(lab: Lab) -> None:
    async def story() -> None:
        async def react(visit: Visit) -> None:
            if (await lab.job(second.id)).status == "running":
                await lab.services.jobs.cancel(await lab.visit(), second.id)

        with_receiver(lab, Receiver(refusals=0, during=react))
        file = await lab.upload()
        first = await lab.create(file.id)
        await lab.advance(120)
        second = await lab.create(file.id)
        result = await until(lab, "job", second.id, "succeeded")
        timeline = await lab.timeline(first.id)
        assert (result.reached, result.now) == (False, timeline.last_listed_at)
        assert (await lab.job(second.id)).status == "cancelled"

    run(story)


def test_a_file_that_is_deleted_on_the_way_does_not_expire(lab: Lab) -> None:
    async def story() -> None:
        upload = Upload("a.jsonl", "fine-tune", lab.blob(dataset()), dataset(), expires_after_s=3600)
        expiring = await lab.services.files.create(await lab.visit(), upload)

        async def delete(visit: Visit) -> None:
            await lab.services.files.delete(await lab.visit(), expiring.id)

        with_receiver(lab, Receiver(refusals=0, during=delete))
        await lab.create()
        fired = (await lab.services.clocks.advance_by(await lab.visit(), DAY)).fired
        assert ("file", "expired") not in told(fired)
        assert told(fired).count(("file", "processed")) == 2

    run(story)


def test_attempts_that_were_overdue_are_listed_one_by_one(lab: Lab) -> None:
    """Each with its own instant; only what came of the last one is what the delivery came to."""
    overdue = delivery_of("ftjob-1", VirtualTime(0))
    overdue.attempts = [
        Attempt(VirtualTime(at), WallTime(0), status) for at, status in ((1, 500), (6, 500), (306, 200))
    ]
    overdue.state = "delivered"

    async def story() -> None:
        class Behind(Receiver):
            def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
                return None if self.deliveries else sandbox.clock.started

            async def perform_due(self, visit: Visit) -> list[Delivery]:
                self.deliveries["ftjob-1"] = overdue
                return [overdue, overdue]

        with_receiver(lab, Behind())
        result = await lab.services.clocks.advance_by(await lab.visit(), DAY)
        assert [(each.at, each.status) for each in result.fired] == [(6, "retrying"), (306, "delivered")]

    run(story)


def test_a_moving_clock_stands_while_it_is_advanced_and_goes_on_at_its_pace() -> None:
    wall = Wall()
    lab = Lab.open()

    async def story() -> None:
        async def dawdle(visit: Visit) -> None:
            wall.now = WallTime(wall.now + 5 * SECOND)

        with_receiver(lab, Receiver(refusals=1, during=dawdle), wall)
        job = await lab.create()
        visit = await lab.visit()
        lab.services.clocks.change(visit, ClockChange(ClockMode(60)))
        timeline = await lab.timeline(job.id)
        result = await lab.services.clocks.advance_by(visit, DAY)
        sandbox = visit.sandbox
        assert result.now == visit.now + DAY
        assert sandbox.clock.now(wall.now) == result.now, "ten seconds of the receiver's are not ten minutes more"
        assert sandbox.clock.rate == 60
        assert sandbox.clock.now(WallTime(wall.now + SECOND)) == result.now + MINUTE
        assert next(each.at for each in result.fired if each.kind == "delivery") == timeline.last_listed_at

    try:
        run(story)
    finally:
        lab.close()


def test_a_clock_that_is_held_still_tells_its_pace(lab: Lab) -> None:
    async def story() -> None:
        seen = []

        async def look(visit: Visit) -> None:
            seen.append(str(lab.services.clocks.view(await lab.visit()).mode))

        with_receiver(lab, Receiver(refusals=0, during=look))
        await lab.create()
        visit = await lab.visit()
        lab.services.clocks.change(visit, ClockChange(ClockMode(60)))
        await lab.services.clocks.advance_by(visit, DAY)
        assert seen == ["x60"]

    run(story)


def test_a_delivery_that_was_announced_and_is_not_due_after_all_holds_nothing_up(lab: Lab) -> None:
    async def story() -> None:
        class Mistaken(Receiver):
            def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
                return VirtualTime(sandbox.clock.started + MINUTE)

        with_receiver(lab, Mistaken())
        await lab.upload()
        result = await lab.services.clocks.advance_by(await lab.visit(), DAY)
        assert result.elapsed == DAY

    run(story)


# -- until -------------------------------------------------------------------------------------------------------------


def test_until_stops_at_any_end_and_says_that_it_was_not_reached(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create((await lab.upload(dataset(9))).id)
        result = await until(lab, "job", job.id, "running")
        assert not result.reached
        assert (await lab.job(job.id)).status == "failed"
        assert (await lab.timeline(job.id)).ends_at == result.now

    run(story)


@pytest.mark.parametrize(("status", "progress"), [("running@40%", None), ("running", 0.4)])
def test_until_a_share_of_the_steps_has_ended(lab: Lab, status: str, progress: float | None) -> None:
    async def story() -> None:
        job = await lab.create((await lab.upload(dataset(50))).id)
        result = await until(lab, "job", job.id, status, progress=progress)
        training = (await lab.timeline(job.id)).plan.training
        assert training is not None
        steps = training.curve.total_steps
        assert training.steps_ended(result.now) == round(steps * 0.4)
        assert training.steps_ended(VirtualTime(result.now - 1)) == round(steps * 0.4) - 1
        again = await until(lab, "job", job.id, "running@10%")
        assert (again.reached, again.now) == (True, result.now), "what lies behind counts"

    run(story)


def test_a_share_that_a_failing_job_never_runs_is_not_reached() -> None:
    lab = Lab.open("realistic", "job.outcome=failed", "job.failure.progress=0.3")

    async def story() -> None:
        job = await lab.create()
        result = await until(lab, "job", job.id, "running@40%")
        assert (result.reached, result.now) == (False, (await lab.timeline(job.id)).ends_at)

    run(story)
    lab.close()


def test_until_a_file_is_processed_and_a_model_is_ready(lab: Lab) -> None:
    async def story() -> None:
        good, bad = await lab.upload(), await lab.upload(b'{"messages": []}\nnone\n')
        result = await until(lab, "file", good.id, "processed")
        assert (result.reached, result.elapsed) == (True, 2 * SECOND)
        assert not (await until(lab, "file", bad.id, "processed")).reached
        assert (await until(lab, "file", bad.id, "error")).reached
        job = await lab.create(good.id)
        await lab.services.clocks.advance_until(await lab.visit(), job.id, "terminal")
        model = (await lab.job(job.id)).fine_tuned_model
        assert model is not None
        window = (await lab.timeline(job.id)).window
        assert window is not None
        assert (await until(lab, "model", model, "loading")).now == window.absent_until
        ready = await until(lab, "model", model, "ready")
        assert (ready.now, told(ready.fired)[-1]) == (window.ready_at, ("model", "ready"))
        assert (await until(lab, "model", "gpt-4o-mini", "ready")).now == ready.now

    run(story)


@pytest.mark.parametrize("kind", ["job", "file", "model"])
def test_what_is_not_there_is_not_waited_for(lab: Lab, kind: Any) -> None:
    async def story() -> None:
        with pytest.raises(NotFoundError) as caught:
            await until(lab, kind, "none", "loading" if kind == "model" else "terminal")
        assert caught.value.param == kind

    run(story)


@pytest.mark.parametrize(
    ("kind", "status", "progress", "message"),
    [
        ("job", "ready", None, "a job never is 'ready': use validating_files, queued"),
        ("file", "running", None, "a file never is 'running': use processed, error, terminal"),
        ("model", "terminal", None, "a model never is 'terminal': use loading, ready"),
        ("job", "queued@40%", None, "only a job that is 'running' has a progress"),
        ("job", "running@140%", None, "'140%' is no share"),
        ("job", "running@half", None, "'half' is no share"),
        ("job", "running@", None, "'' is no share"),
        ("job", "running@40%", 0.5, "once"),
        ("job", "running", 1.5, "from 0 to 1"),
        ("job", "running", float("nan"), "from 0 to 1"),
    ],
)
def test_a_status_that_cannot_be_waited_for_is_told(kind: Any, status: str, progress: Any, message: str) -> None:
    with pytest.raises(ClockError, match=message):
        Awaited.of(kind, "x", status, progress)


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_an_advance_stops_at_max_virtual_and_loses_nothing() -> None:
    lab = Lab.open("realistic", "job.queued=40d")

    async def story() -> None:
        receiver = with_receiver(lab, Receiver(refusals=3, retry_after=DAY))
        job = await lab.create()
        short = await lab.create((await lab.upload(dataset(9))).id)
        with pytest.raises(ConflictError) as caught:
            await until(lab, "job", job.id, "running", Bounds(30 * DAY))
        assert caught.value.code == "clock_bound_reached"
        message = caught.value.message
        assert f"job {job.id} running was stopped by max_virtual (30d)" in message
        assert "The clock stands at 2026-02-14T00:00:00Z, 30d on." in message
        assert "8 things happened on the way, 4 of them to endpoint whe_1." in message
        assert (await lab.visit()).now == VirtualTime(1_768_435_200 * SECOND + 30 * DAY)
        assert [each.state for each in receiver.deliveries.values()] == ["delivered"]
        assert short.id in receiver.deliveries
        result = await until(lab, "job", job.id, "running", Bounds(30 * DAY))
        assert result.reached

    run(story)
    lab.close()


def test_an_advance_stops_at_max_events_names_who_made_most_and_loses_nothing(lab: Lab) -> None:
    async def story() -> None:
        receiver = with_receiver(lab, Receiver(refusals=9, retry_after=MINUTE))
        await lab.create()
        with pytest.raises(ConflictError) as caught:
            await lab.services.clocks.advance_by(await lab.visit(), DAY, Bounds(max_events=12))
        assert "was stopped by max_events (12)" in caught.value.message
        stood = (await lab.visit()).now
        (delivery,) = receiver.deliveries.values()
        done = len(delivery.attempts)
        assert delivery.attempts[-1].at == stood
        assert f"12 things happened on the way, {done} of them to endpoint whe_1." in caught.value.message
        rest = await lab.services.clocks.advance_by(await lab.visit(), DAY)
        assert told(rest.fired).count(("delivery", "retrying")) + done == 9
        assert told(rest.fired)[-1] == ("delivery", "delivered")

    run(story)


def test_as_many_events_as_there_may_be_are_no_reason_to_stop(lab: Lab) -> None:
    async def story() -> None:
        await lab.create()
        result = await lab.services.clocks.advance_by(await lab.visit(), DAY, Bounds(max_events=6))
        assert len(result.fired) == 6

    run(story)


def test_an_advance_lists_the_first_thousand_and_counts_the_rest(lab: Lab) -> None:
    async def story() -> None:
        with_receiver(lab, Receiver(refusals=1200, retry_after=SECOND))
        await lab.create()
        result = await lab.services.clocks.advance_by(await lab.visit(), DAY)
        assert (len(result.fired), result.fired_dropped) == (1000, 207)

    run(story)


# -- next --------------------------------------------------------------------------------------------------------------


def test_next_stops_at_the_next_attempt_of_a_delivery(lab: Lab) -> None:
    async def story() -> None:
        with_receiver(lab)
        job = await lab.create()
        await lab.run_to_end(job.id)
        result = await lab.services.clocks.advance_to_next(await lab.visit())
        assert told(result.fired) == [("delivery", "retrying")]
        assert told((await lab.services.clocks.advance_to_next(await lab.visit())).fired) == [("delivery", "delivered")]
        with pytest.raises(ConflictError, match="Nothing is due"):
            await lab.services.clocks.advance_to_next(await lab.visit())

    run(story)


def test_an_advance_of_nothing_changes_nothing(lab: Lab) -> None:
    async def story() -> None:
        await lab.create()
        before = await lab.visit()
        result = await lab.services.clocks.advance_by(before, 0)
        assert (result.now, result.fired) == (before.now, [])
        assert (await lab.visit()).now == before.now

    run(story)
