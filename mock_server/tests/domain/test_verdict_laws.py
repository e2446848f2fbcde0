"""Whatever a journal holds, the verdict is given: no bytes of a client, and no instants, make it raise. It is the same
for the same journal, every finding has evidence, and what is allowed changes nothing about the others.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.clock import VirtualTime, WallTime
from mocktune.domain.deliveries import SIGNATURES, Attempt, Delivery
from mocktune.domain.findings.conduct import Conduct, JobFacts
from mocktune.domain.journal import Entry, FaultDecision
from mocktune.domain.operations import OPERATIONS
from mocktune.domain.request_filter import RequestFilter
from mocktune.domain.verdict import BY_CODE, judge

IDS = ["ftjob-1", "ftjob-2", "file-1", "ft:m", "None", "", "%2F", "\udcff", "jobs"]
INSTANTS = st.integers(0, 10**16)
NEAR = st.integers(0, 5_000_000)

paths = st.one_of(
    st.text(max_size=30),
    st.builds(
        lambda parts: "/v1/" + "/".join(parts),
        st.lists(st.sampled_from(["fine_tuning", "jobs", "files", "models", "events", "content", *IDS]), max_size=6),
    ),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.sampled_from(IDS[:6])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["object", "id", "status", "data", "has_more", "error", "code", "type", "message", "model",
                             "training_file", "result_files", "fine_tuned_model", "created_at", "param"]),
            inner, max_size=5,
        ),
    ),
    max_leaves=12,
)  # fmt: skip
likely = st.fixed_dictionaries(
    {"object": st.sampled_from(["list", "fine_tuning.job", "fine_tuning.job.checkpoint"])},
    optional={
        "id": st.sampled_from(IDS[:3]),
        "status": st.sampled_from(["running", "succeeded", "paused", "processed"]),
        "data": st.one_of(values, st.lists(values, max_size=4)),
        "has_more": st.booleans(),
        "fine_tuned_model": st.sampled_from([None, "ft:m"]),
        "result_files": st.one_of(values, st.just(["file-1"])),
        "error": values,
        "model": st.sampled_from(["ft:m", None, "None"]),
        "training_file": values,
        "created_at": st.one_of(values, st.just(1)),
    },
)
bodies = st.one_of(
    st.binary(max_size=40),
    st.just(b"[" * 5000),
    st.just(b'{"error": {"code": "model_not_found", "message": "x"}}'),
    st.just(b'{"model": "ft:m"}'),
    st.one_of(values, likely).map(lambda value: json.dumps(value, default=str).encode("utf-8", "surrogatepass")),
)
waits = st.sampled_from(["", "1", "30", "1e400", "٣", "Thu, 01 Jan 1970 00:00:00 GMT", "\x00", "0", "nan"])


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    found = []
    at, wall = draw(INSTANTS), draw(INSTANTS)
    for ordinal in range(1, draw(st.integers(0, 12)) + 1):
        at, wall = at + draw(NEAR), wall + draw(st.integers(-10, 5_000_000))
        found.append(
            Entry(
                ordinal=ordinal,
                id=f"req_{ordinal}",
                operation=draw(st.sampled_from(["", *OPERATIONS])),
                method=draw(st.sampled_from(["GET", "POST", "DELETE", "ODD"])),
                path=draw(paths),
                query=draw(
                    st.one_of(st.binary(max_size=20), st.just(b"after=None&limit=20&purpose=fine-tune-results"))
                ),
                headers=((b"x-stainless-retry-count", draw(st.sampled_from([b"0", b"1", b"", b"\xff"]))),),
                at=VirtualTime(at),
                wall=WallTime(wall),
                answered_at=VirtualTime(at + draw(NEAR)),
                answered_wall=WallTime(wall + draw(NEAR)),
                rate=draw(st.sampled_from([0.0, 1.0, 0.001, 1e6])),
                connection=draw(st.integers(0, 2)),
                request_body=draw(bodies),
                request_bytes=draw(st.integers(0, 10**9)),
                status=draw(st.sampled_from([0, 200, 201, 400, 403, 404, 408, 409, 413, 422, 429, 500, 503, 999])),
                retry_after=draw(waits),
                retry_after_ms=draw(waits),
                response_body=draw(bodies),
                response_bytes=draw(st.integers(0, 10**9)),
                committed=draw(st.booleans()),
                lost=draw(st.booleans()),
                faults=draw(st.sampled_from([(), (FaultDecision("a", True, ""),), (FaultDecision("a", False, "no"),)])),
            )
        )
    return found


deliveries = st.builds(
    lambda signature, statuses, job, walls: Delivery(
        id="whd_1", event_id="evt_1", webhook_id="wh_1", event_type="fine_tuning.job.succeeded", job_id=job,
        endpoint_id="whe_1", url="", body=b"", due_at=VirtualTime(0), ordinal=0, signature=signature,
        attempts=[Attempt(VirtualTime(at), WallTime(at), status) for at, status in zip(walls, statuses, strict=False)],
    ),
    st.sampled_from(SIGNATURES),
    st.lists(st.sampled_from([None, 200, 204, 500]), max_size=3),
    st.sampled_from([None, *IDS[:2]]),
    st.lists(INSTANTS, min_size=3, max_size=3),
)  # fmt: skip
facts = st.dictionaries(
    st.sampled_from(IDS), st.builds(JobFacts, *[st.one_of(st.none(), INSTANTS.map(VirtualTime))] * 3), max_size=3
)


@settings(deadline=None, max_examples=40)
@given(entries(), st.lists(deliveries, max_size=3), facts, INSTANTS)
def test_no_journal_makes_the_verdict_raise(
    told: list[Entry], sent: list[Delivery], jobs: dict[str, JobFacts], now: int
) -> None:
    def conduct() -> Conduct:
        return Conduct(told, sent, jobs, VirtualTime(now))

    verdict = judge(conduct())
    assert judge(conduct()) == verdict
    assert verdict.requests == len(told)
    for finding in verdict.findings:
        assert finding.evidence
        assert finding.summary
        others = tuple(each for each in verdict.findings if each.kind is not finding.kind)
        assert judge(conduct(), allow=(finding.kind.code,)).findings == others
    assert judge(conduct(), allow=BY_CODE).clean
    assert conduct().jobs_in_question is not None


@settings(deadline=None, max_examples=40)
@given(entries())
def test_what_never_arrived_raises_nothing_that_it_said(told: list[Entry]) -> None:
    """Of answers that were all lost because the client left, only what was sent can be held against it."""
    lost = [replace(each, lost=True, faults=()) for each in told]
    blank = [replace(each, response_body=b"") for each in lost]
    assert judge(Conduct(lost)) == judge(Conduct(blank))


@settings(deadline=None, max_examples=40)
@given(
    entries(),
    st.sampled_from([*IDS, "x"]),
    st.dictionaries(st.sampled_from(["model", "data.0", "a.b", ""]), values, max_size=2),
)
def test_no_journal_makes_a_filter_raise(told: list[Entry], resource: str, body: dict[str, Any]) -> None:
    """And what is no near miss is what is meant."""
    wanted = RequestFilter(operation="fine_tuning.*", resource=resource, status="4xx", since=1, lost=False, body=body)
    near = {miss.entry.ordinal for miss in wanted.near_misses(told)}
    assert not near.intersection(each.ordinal for each in told if wanted.matches(each))
