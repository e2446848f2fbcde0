"""How a client watches a job: too often, not to the end, or one page of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mocktune.domain.clock import SECOND
from mocktune.domain.findings.conduct import Conduct, is_over
from mocktune.domain.findings.exchange import FILE_ENDED, TERMINAL, Exchange, text
from mocktune.domain.findings.kind import FindingKind, Instance, instance

SHORTEST_PAUSE = SECOND
EARLY_POLLS = 5

PATIENCE = 3600 * SECOND
"""Who looked at a job for as long lost patience, and did not take it for finished."""

PEEK = 20
"""Events a page has by default. Who asks for fewer wants the newest alone."""

_WATCHED_LISTS = frozenset({"fine_tuning.jobs.list_events", "fine_tuning.jobs.checkpoints.list"})


# -- MT01 --------------------------------------------------------------------------------------------------------------


def polls_too_fast(conduct: Conduct) -> Iterator[Instance]:
    rows: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    worst: dict[tuple[object, ...], list[Exchange]] = {}
    about: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    unfinished: dict[str, bool] = {}
    for each in conduct.as_sent:
        if each.entry.method != "GET":
            for key in about.pop(each.resource, ()) if each.resource else ():
                rows.pop(key, None)
            continue
        for job in each.objects("fine_tuning.job"):
            unfinished[text(job.get("id"))] = not is_over(job)
        key = (each.operation, each.entry.path, each.entry.query)
        if not each.ok and not (each.operation == "models.retrieve" and each.status == 404):
            continue  # a poll that failed is repeated, and judged by how that is done
        if not _shows_unfinished(each, unfinished):
            rows.pop(key, None)
            continue
        about[each.resource].add(key)
        row = rows[key]
        if row and each.passed_since(row[-1]) >= SHORTEST_PAUSE:
            row = rows[key] = []
        row.append(each)
        if len(row) > EARLY_POLLS and len(row) > len(worst.get(key, ())):
            worst[key] = row
    for (_, path, _), row in worst.items():
        yield instance(f"{path} was polled {len(row)} times with less than 1 s in between", row[: EARLY_POLLS + 1])


def _shows_unfinished(each: Exchange, unfinished: dict[str, bool]) -> bool:
    """Whether what was shown will change, so that to ask again is to poll."""
    match each.operation:
        case "fine_tuning.jobs.retrieve":
            return text(each.answer.get("status")) not in TERMINAL and "status" in each.answer
        case "fine_tuning.jobs.list":
            return any(not is_over(job) for job in each.objects("fine_tuning.job"))
        case "files.retrieve":
            return text(each.answer.get("status")) not in FILE_ENDED and "status" in each.answer
        case "models.retrieve":
            return each.status == 404
    return each.operation in _WATCHED_LISTS and unfinished.get(each.resource, False)


# -- MT02 --------------------------------------------------------------------------------------------------------------


def stopped_early(conduct: Conduct) -> Iterator[Instance]:
    newest = {text(job.get("id")): (each, job) for each, job in conduct.shown_jobs}
    cancelled = {each.resource for each in conduct.of("fine_tuning.jobs.cancel")}
    for job_id, polls in conduct.polls.items():
        last = polls[-1]
        status = text(last.answer.get("status")) if last.ok else ""
        if not status or status in TERMINAL or job_id in conduct.told_by_webhook:
            continue
        shown_by, job = newest.get(job_id, (last, last.answer))
        if is_over(job) or job_id in cancelled or last.passed_since(polls[0]) >= PATIENCE:
            continue
        if conduct.done and shown_by is last:
            yield instance(f"{job_id} was last seen {status!r}, which is not the end", [last])
            continue
        before = [text(each.answer.get("status")) for each in polls[:-1] if each.ok]
        at_first_sight = bool(before) and before[-1] != status and status != "paused"
        if conduct.ended(job_id) or (at_first_sight and shown_by is last):
            yield instance(f"{job_id} was last seen {status!r}, which is not the end", [last])


# -- MT03 --------------------------------------------------------------------------------------------------------------


def stopped_at_first_page(conduct: Conduct) -> Iterator[Instance]:
    by_job: dict[str, list[Exchange]] = defaultdict(list)
    for each in conduct.of("fine_tuning.jobs.list_events"):
        by_job[each.resource].append(each)
    for job_id, pages in by_job.items():
        asked_after = {page.query.get("after") for page in pages}
        continued = {id for page in pages for id in _ids(page)[:-1]}  # something older stands behind it
        seen: set[str] = set()
        unread = []
        for page in pages:
            ids = _ids(page)
            if ids and page.answer.get("has_more") is True and not _peeks(page):
                reached = seen.intersection(ids) or ids[-1] in continued or asked_after.intersection(ids)
                unread += [] if reached else [page]
            seen.update(ids)
        if unread:
            yield instance(f"of the events of {job_id} the first page was read, and the next never asked for", unread)


def _ids(page: Exchange) -> list[str]:
    """The ids of the events that a page showed, the newest first."""
    data = page.answer.get("data") if page.ok else None
    return [text(each.get("id")) for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _peeks(page: Exchange) -> bool:
    """Whether the page goes on from another, or is one of the newest few events that were asked for alone."""
    limit = page.query.get("limit", "")
    return "after" in page.query or (limit.isascii() and limit.isdigit() and int(limit[:9]) < PEEK)


# -- their words -------------------------------------------------------------------------------------------------------

POLLS_TOO_FAST = FindingKind(
    code="MT01",
    title="polls too fast",
    raised="The same object was asked for again, five times in a row, each time less than one second after the time "
    "before, while what was shown was unfinished: a job or a file that has not ended, a list with such a job, the "
    "events or checkpoints of one, or a model that is unknown. A second is one of the sandbox's time, or of wall "
    "time where that is more: under a clock that stands still, a client that waits a second of its own does well.",
    spared="Polls of several objects at once, each in its own rhythm; repeats after an error; looks at an object that "
    "was cancelled, paused or changed in between; pages of a list.",
    costs="A job takes minutes to hours. Polling in a loop meets the rate limit, and then also the requests that "
    "matter are refused.",
    remedy="Wait 5 to 10 seconds between two polls, with some jitter, and longer the longer the job takes.",
    find=polls_too_fast,
)
STOPPED_EARLY = FindingKind(
    code="MT02",
    title="stopped at a non-terminal status",
    raised="The last poll of a job showed a status that is not `succeeded`, `failed` or `cancelled`, the client never "
    "asked again, and either the job has ended by the sandbox's time when the verdict is asked for, or that poll was "
    "the first to show this status after another one: the client stopped as soon as it saw it. Ask for the verdict "
    "when your client is done; of a client that is known to have ended (`?done=true`) any such last poll is enough.",
    spared="Jobs that were never polled, or (while they have not ended) polled once; a client that cancelled the job, "
    "or took a webhook that told of its end with a 2xx; one that looked for an hour or more and lost patience; a "
    "`paused` job that has not ended, while the client may come back; a last poll that failed, which is MT13.",
    costs="The client takes a job for finished that is not, reads a model name that is null, or a result that does "
    "not exist. Statuses that its author never met (`validating_files`, `paused`, new ones) are where it happens.",
    remedy="Loop until the status is one of the three that are terminal; never list those that are not.",
    find=stopped_early,
)
STOPPED_AT_FIRST_PAGE = FindingKind(
    code="MT03",
    title="stopped at the first events page",
    raised="A page of a job's events said `has_more: true`, and the events behind it were never asked for: no request "
    "went on with `after`, and no other page showed them.",
    spared="Pages of fewer than 20 events that were asked for with `limit`: a look at the newest; a page that "
    "overlaps with what was shown before, as a client that reads what is new gets; a list that was read to its end.",
    costs="Events come newest first, 20 a page, and metrics flood them: messages such as the reason of a failure, or "
    "the names of checkpoints, are on a later page.",
    remedy="Follow `has_more` with `after` (the SDK's iterators do), and tell events apart by their id.",
    find=stopped_at_first_page,
)
