"""How a client repeats requests: twice where once was paid for, in vain, too soon, or not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from mocktune.domain.clock import SECOND
from mocktune.domain.findings.conduct import Conduct, is_over
from mocktune.domain.findings.exchange import Exchange, text
from mocktune.domain.findings.kind import FindingKind, Instance, instance

CREATE = "fine_tuning.jobs.create"

A_DAY = 86_400 * SECOND
"""After as long a cap is lifted, and a quota may be."""

TOLERANCE = 0.95
"""Of a wait that was asked for: timers are not exact."""

FAIR_WAIT_S = 120.0
"""Who is asked to wait longer may give up: the Python SDK does (contract 6.2)."""


# -- MT04 --------------------------------------------------------------------------------------------------------------


def duplicate_create(conduct: Conduct) -> Iterator[Instance]:
    wishes: dict[bytes, list[Exchange]] = defaultdict(list)
    for each in conduct.as_sent:
        if each.operation == CREATE and each.entry.committed and each.sent:
            wishes[each.entry.request_body].append(each)
    ended = _ended_jobs(conduct)
    for row in wishes.values():
        for first, again in pairwise(row):
            if not first.ok and not _was_over(ended, first, again):
                told = "a job was created again after the answer to its creation was lost: there are two"
                yield instance(told, [first, again])


_Ended = dict[str, list[tuple[object, Exchange]]]


def _ended_jobs(conduct: Conduct) -> _Ended:
    """When the jobs were created that were seen at their end, by their training file, and by which answer."""
    found: _Ended = defaultdict(list)
    for each, job in conduct.shown_jobs:
        if is_over(job):
            found[text(job.get("training_file"))].append((job.get("created_at"), each))
    return found


def _was_over(ended: _Ended, first: Exchange, again: Exchange) -> bool:
    """Whether the client saw the job it had lost at its end before it created it again."""
    created = range(first.entry.at // SECOND, first.entry.answered_at // SECOND + 1)
    return any(
        created_at in created and each.is_after(first) and again.is_after(each)
        for created_at, each in ended[text(first.sent.get("training_file"))]
    )


# -- MT05 --------------------------------------------------------------------------------------------------------------


def retried_in_vain(conduct: Conduct) -> Iterator[Instance]:
    for row in _same_requests(conduct):
        refused = [each for each in row if each.hopeless]
        for first, again in pairwise(refused):
            told = "code" if first.error.get("code") else "message"
            if (
                not again.automatic
                and again.knew(first)
                and again.passed_since(first) < A_DAY
                and (again.status, again.error) == (first.status, first.error)
            ):
                why = first.error.get(told) or str(first.status)
                yield instance(
                    f"{first.operation} was refused ({why:.80}), sent again, and refused again", [first, again]
                )
                break


# -- MT06 --------------------------------------------------------------------------------------------------------------


def ignored_retry_after(conduct: Conduct) -> Iterator[Instance]:
    for row in _same_requests(conduct):
        for refused, again in pairwise(row):
            if refused.wait_s and not refused.hopeless and not again.automatic and again.knew(refused):
                waited_s = again.passed_since(refused) / SECOND
                wall_s = (again.entry.wall - refused.entry.wall) / SECOND
                asked_s = refused.wait_s * TOLERANCE
                if wall_s < asked_s and waited_s < asked_s * max(1.0, refused.entry.rate):
                    told = (
                        f"{refused.operation} was to wait {refused.wait_s:g} s, and was sent again after {wall_s:.3g} s"
                    )
                    yield instance(told, [refused, again])
                    break


def _same_requests(conduct: Conduct) -> Iterator[list[Exchange]]:
    """Requests that were sent more than once, each row in the order it was sent."""
    rows: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    for each in conduct.as_sent:
        rows[each.same].append(each)
    return (row for row in rows.values() if len(row) > 1)


# -- MT13 --------------------------------------------------------------------------------------------------------------


def gave_up_at_once(conduct: Conduct) -> Iterator[Instance]:
    rows: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
    for each in conduct.as_sent:
        rows[each.operation, each.entry.path].append(each)
    latest = _latest(conduct)
    for row in rows.values():
        last = row[-1]
        tried_before = len(row) > 1 and row[-2].transient
        if not last.transient or last.not_ready or tried_before or last.automatic:
            continue
        if last.wait_s <= FAIR_WAIT_S and not _followed_up(latest, last):
            yield instance(f"{last.operation} failed ({_failure(last)}) and was never tried again", [last])


def _latest(conduct: Conduct) -> dict[str, int]:
    """The ordinal of the last request by its operation, and by the id in its path."""
    found: dict[str, int] = {}
    for each in conduct.exchanges:
        found[each.operation] = found[each.resource] = each.entry.ordinal
    return found


def _followed_up(latest: dict[str, int], failed: Exchange) -> bool:
    """Whether the client asked for the same thing in another way: for the resource, or for the list it would be in."""
    instead = {CREATE: "fine_tuning.jobs.list", "files.create": "files.list"}.get(failed.operation, failed.resource)
    return bool(instead) and latest.get(instead, 0) > failed.entry.ordinal


def _failure(each: Exchange) -> str:
    return str(each.status) if each.shown else "the connection broke"


# -- their words -------------------------------------------------------------------------------------------------------

DUPLICATE_CREATE = FindingKind(
    code="MT04",
    title="duplicate create after a lost response",
    raised="A job was created although the client was not told so (the answer was lost, or an error in its place), "
    "and a request with the same body created another one. The automatic retries of an SDK count.",
    spared="A create that failed before anything was created; one that was looked up and not repeated; another job on "
    "the same data after the lost one was seen at its end.",
    costs="Both jobs run and both are paid for: the service knows no idempotency key, and the SDKs repeat a create "
    "that timed out on their own.",
    remedy="Send a create once (`max_retries=0`), with a value of your own in `metadata`; where its answer is lost, "
    "look for that value in the list of jobs before creating again.",
    find=duplicate_create,
)
RETRIED_IN_VAIN = FindingKind(
    code="MT05",
    title="retried what cannot succeed",
    raised="The same request, to the byte, was sent again within a day after it had been refused for good, and was "
    "refused in the same words: `insufficient_quota`, `daily_rate_limit_exceeded`, `training_not_available`, any "
    "403, and 400, 413 or 422 whose error names a parameter or has a code.",
    spared="The two automatic retries of an SDK (`x-stainless-retry-count`), which its caller cannot tell from one "
    "request; a repeat that succeeds; 404 and 409, and states that are not the right one yet.",
    costs="The client hangs in its retries, uses up its rate limit, and tells its user late or never what is wrong.",
    remedy="Retry by status and code: connection errors, 408, 5xx, and 429 unless its code says that waiting does not "
    "help. Tell people about the rest at once.",
    find=retried_in_vain,
)
IGNORED_RETRY_AFTER = FindingKind(
    code="MT06",
    title="ignored Retry-After",
    raised="An error said when to come back (`retry-after-ms`, else `retry-after`), and the next request that is the "
    "same to the byte came earlier: before that much wall time had passed, and before the sandbox's clock, at the "
    "pace it had, had come as far (a clock that stands: that many seconds of sandbox time, as a skipped sleep moves "
    "it).",
    spared="The automatic retries of an SDK, some of which do not read long waits; 5 % of the time asked for; errors "
    "that no waiting helps against, which are MT05's. Workers that share the connections of one client and send the "
    "same bytes at once cannot be told from one that repeats itself: allow MT06 for them.",
    costs="Every early repeat is refused again and counts against the limit, which makes the wait longer.",
    remedy="Wait as long as the answer says; without a number, back off exponentially with jitter.",
    find=ignored_retry_after,
)
GAVE_UP_AT_ONCE = FindingKind(
    code="MT13",
    title="used only half of the errors it met",
    raised="The last request of its kind (operation and path) failed in a way that passes, with a broken connection, "
    "408, 5xx, or a 429 that is no cap, it was the first in a row to fail, and nothing was asked again: not the "
    "same, nor anything else about the same object, nor (after a create or an upload) the list it would be in.",
    spared="Who tried at least twice, be it through an SDK's automatic retries; waits of more than two minutes that "
    "were asked for; models that are not ready, which are MT08's; clients that closed the connection themselves.",
    costs="One failed request in some thousands is normal. A client that gives up at the first loses hours of paid "
    "training to it.",
    remedy="Treat these failures as temporary: while polling for hours, elsewhere for some attempts.",
    find=gave_up_at_once,
)
