"""The journal's bounds, what it shares, and whom it wakes."""

from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import replace

import pytest
from conduct import JOB, Story

from mocktune.domain.error_kinds.requests import NO_STATUS
from mocktune.domain.errors import ApiError
from mocktune.domain.journal import MAX_BODY_BYTES, Entry, FaultDecision
from mocktune.domain.request_filter import RequestFilter
from mocktune.service import journal as journals
from mocktune.service.journal import MAX_BYTES, MAX_ENTRIES, Journal
from mocktune.service.requests import Expected, RequestService, check_filter


def poll(ordinal: int = 1, *, answer: bytes = b"{}", body: bytes = b"") -> Entry:
    (entry,) = Story().poll().entries
    return replace(
        entry, ordinal=ordinal, id=f"req_{ordinal}", response_body=answer, request_body=body,
        response_bytes=len(answer), request_bytes=len(body), headers=((b"user-agent", b"x"),),
    )  # fmt: skip


def test_the_oldest_are_dropped_and_counted() -> None:
    journal = Journal()
    for ordinal in range(1, MAX_ENTRIES + 4):
        journal.record(poll(ordinal))
    assert len(journal) == MAX_ENTRIES
    assert journal.dropped == 3
    assert journal.recorded == MAX_ENTRIES + 3
    assert [each.ordinal for each in journal.entries()[:1]] == [4]
    assert [each.ordinal for each in journal.newest(2)] == [MAX_ENTRIES + 2, MAX_ENTRIES + 3]


def test_many_bytes_are_as_bounded_as_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "MAX_BYTES", 100_000)
    journal = Journal()
    for ordinal in range(1, 100):
        journal.record(poll(ordinal, answer=b"%d" % ordinal * 5000))
    assert sum(len(each.response_body) for each in journal.entries()) <= 100_000
    assert len(journal) + journal.dropped == 99
    assert journal.entries()[-1].ordinal == 99


def test_an_entry_that_is_too_large_by_itself_is_dropped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "MAX_BYTES", 1000)
    journal = Journal()
    journal.record(poll(answer=b"x" * 2000))
    assert (len(journal), journal.dropped) == (0, 1)


def test_its_own_count_of_bytes_is_about_what_it_takes() -> None:
    def entry(ordinal: int) -> Entry:
        """Nothing of it is shared with another."""
        answer, body = (b"%s %d" % (name, ordinal) * 50 for name in (b"answer", b"body"))
        one = poll(ordinal, answer=answer, body=body)
        agent = b"agent %d" % ordinal
        return replace(
            one, path=f"/v1/fine_tuning/jobs/{ordinal:024}", query=b"limit=%d" % ordinal, at=one.at + ordinal,
            wall=one.wall + ordinal, answered_at=one.at + ordinal + 1, answered_wall=one.wall + ordinal + 1,
            headers=((b"user-agent", agent), (b"accept", agent + b"!")), rate=ordinal / 7,
            faults=(FaultDecision(f"rule {ordinal}", False, f"reason {ordinal}"),),
        )  # fmt: skip

    journal = Journal()
    tracemalloc.start()
    for ordinal in range(1, 501):
        journal.record(entry(ordinal))
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counted_bytes = sum(each.size_bytes for each in journal.entries())
    assert 0.6 * counted_bytes < taken_bytes < 1.2 * counted_bytes


def test_what_is_told_again_is_kept_once() -> None:
    journal = Journal()
    for ordinal in range(1, 4):
        journal.record(poll(ordinal, answer=b"x" * 5000 + b"%d" % (ordinal // 2)))
    first, second, third = journal.entries()
    assert first.response_body is not second.response_body
    assert third.response_body is second.response_body
    assert third.headers is first.headers
    assert third.size_bytes < 1000 < second.size_bytes


def test_long_bodies_are_cut_without_half_a_key_left() -> None:
    journal = Journal()
    secret = b"sk-abcdefghijklmnop"
    journal.record(poll(body=b"x" * (MAX_BODY_BYTES - 6) + b' "' + secret + b'"' + b"x" * 5000))
    (entry,) = journal.entries()
    assert len(entry.request_body) <= MAX_BODY_BYTES
    assert entry.was_cut
    assert b"sk-a" not in entry.request_body


def test_a_body_that_lost_a_secret_was_not_cut() -> None:
    journal = Journal()
    journal.record(poll(body=b'"sk-abcdefghijklmnop"', answer=b'"whsec_abcdefghijklmnop"'))
    (entry,) = journal.entries()
    assert (entry.request_body, entry.response_body) == (b'"sk-***"', b'"whsec_***"')
    assert not entry.was_cut


def test_forgetting_everything_begins_anew() -> None:
    journal = Journal()
    for ordinal in range(1, MAX_ENTRIES + 2):
        journal.record(poll(ordinal))
    journal.clear()
    assert (len(journal), journal.dropped) == (0, 0)
    journal.record(poll(1))
    assert len(journal) == 1


# -- waiting -----------------------------------------------------------------------------------------------------------


class OneSandbox:
    """As much of a sandbox as the service looks at."""

    def __init__(self) -> None:
        self.journal = Journal()


async def wait(sandbox: OneSandbox, count: int, timeout_s: float = 20.0, **wanted: str) -> tuple[int, bool]:
    found = await RequestService().wait_for_count(sandbox, RequestFilter(**wanted), count, timeout_s)  # type: ignore[arg-type]  # enough of one
    return found.count, found.reached


@pytest.mark.anyio
async def test_who_waits_is_woken_by_what_is_recorded() -> None:
    sandbox = OneSandbox()
    waiting = asyncio.ensure_future(wait(sandbox, 2, operation="fine_tuning.jobs.retrieve"))
    for ordinal in range(1, 4):
        await asyncio.sleep(0)
        assert not waiting.done()
        sandbox.journal.record(poll(ordinal) if ordinal != 2 else replace(poll(2), operation="files.list"))
    assert await asyncio.wait_for(waiting, 1) == (2, True)


@pytest.mark.anyio
async def test_each_entry_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are recorded while somebody waits."""
    sandbox, looked = OneSandbox(), 0
    matches = RequestFilter.matches

    def counted(self: RequestFilter, entry: Entry) -> bool:
        nonlocal looked
        looked += 1
        return matches(self, entry)

    monkeypatch.setattr(RequestFilter, "matches", counted)
    waiting = asyncio.ensure_future(wait(sandbox, 50))
    for ordinal in range(1, 51):
        await asyncio.sleep(0)
        sandbox.journal.record(poll(ordinal))
    assert await asyncio.wait_for(waiting, 1) == (50, True)
    assert looked == 50


@pytest.mark.anyio
async def test_forgetting_starts_the_count_again() -> None:
    sandbox = OneSandbox()
    sandbox.journal.record(poll(1))
    waiting = asyncio.ensure_future(wait(sandbox, 2))
    await asyncio.sleep(0)
    sandbox.journal.clear()
    await asyncio.sleep(0)
    sandbox.journal.record(poll(2))
    await asyncio.sleep(0)
    assert not waiting.done()
    sandbox.journal.record(poll(3))
    assert await asyncio.wait_for(waiting, 1) == (2, True)


@pytest.mark.anyio
async def test_nobody_is_left_waiting_in_the_journal() -> None:
    sandbox = OneSandbox()
    assert await wait(sandbox, 1, timeout_s=0.001) == (0, False)
    gone = asyncio.ensure_future(wait(sandbox, 1))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert len(sandbox.journal._waiters) == 0


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["", "x", "4x4", "6xx", "0xx", "1000", "-1", "٤٠٤", "404 "])
def test_a_status_that_is_none_is_refused(status: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_filter(RequestFilter(status=status))
    assert refused.value.kind is NO_STATUS


def test_a_resource_is_a_whole_id() -> None:
    (entry,) = Story().poll().entries
    assert RequestFilter(resource=JOB).matches(entry)
    assert not RequestFilter(resource="ftjob").matches(entry)
    assert not RequestFilter(resource="ftjob-11").matches(entry)


def test_values_of_a_body_are_equal_in_kind_as_well() -> None:
    (entry,) = Story().create(body={"n": 1, "deep": {"list": [{"a": None}]}}).entries
    assert RequestFilter(body={"n": 1, "deep.list.0.a": None}).matches(entry)
    assert not RequestFilter(body={"n": True}).matches(entry)
    assert not RequestFilter(body={"deep.list.1.a": None}).matches(entry)
    assert not RequestFilter(body={"missing": None}).matches(entry)


def test_the_nearest_miss_differs_in_least() -> None:
    story = Story().create(body={"suffix": "zzz"}).poll().create(body={"suffix": "pit"}).create(body={"suffix": "zzz"})
    wanted = RequestFilter(operation="fine_tuning.jobs.create", body={"suffix": "pip"})
    near = wanted.near_misses(story.entries)
    assert [each.entry.ordinal for each in near] == [3, 4, 1]
    assert [each.what for each in near[0].differences] == ["body.suffix"]


def test_an_expectation_says_what_it_is() -> None:
    assert str(Expected.read(None, None, None)) == "at least 1"
    with pytest.raises(ApiError):
        Expected.read(1, None, 2)


def test_the_bounds_are_those_the_pages_name() -> None:
    assert (MAX_ENTRIES, MAX_BYTES, MAX_BODY_BYTES) == (10_000, 8 * 1024**2, 256 * 1024)
