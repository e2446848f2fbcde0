"""What a client makes of the webhooks it is sent."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mocktune.domain.clock import SECOND, WallTime
from mocktune.domain.findings.conduct import Conduct
from mocktune.domain.findings.exchange import Exchange
from mocktune.domain.findings.kind import FindingKind, Instance, delivered, evidence_of

if TYPE_CHECKING:
    from mocktune.domain.deliveries import Attempt, Delivery

SOON = 60 * SECOND
"""What follows a webhook within as long, of sandbox and of wall time, may be because of it."""

EFFECTS = frozenset({
    "fine_tuning.jobs.create", "fine_tuning.jobs.cancel", "fine_tuning.jobs.pause", "fine_tuning.jobs.resume",
    "fine_tuning.checkpoints.permissions.create", "fine_tuning.checkpoints.permissions.delete",
    "files.delete", "models.delete", "azure.deployments.create", "azure.deployments.delete",
})  # fmt: skip
"""What is paid for, or changes something, and is not the same done twice."""


# -- MT11 --------------------------------------------------------------------------------------------------------------


def accepted_forgery(conduct: Conduct) -> Iterator[Instance]:
    for delivery in conduct.deliveries:
        if delivery.signature != "good":
            for attempt in filter(_accepted, delivery.attempts):
                told = f"a webhook whose signature is {delivery.signature} was answered {attempt.status_code}"
                yield Instance(told, (delivered(delivery, attempt),))


# -- MT12 --------------------------------------------------------------------------------------------------------------


def acted_twice(conduct: Conduct) -> Iterator[Instance]:
    effects = [each for each in conduct.as_sent if each.operation in EFFECTS and not each.automatic]
    for attempts in _duplicates(conduct):
        begins = bisect_left(effects, attempts[0][1].wall, key=_sent_at)
        ends = bisect_right(effects, WallTime(attempts[1][1].wall + SOON), key=_sent_at)
        acts = _first_repeat(effects[begins:ends], attempts[0][1], attempts[1][1])
        if acts is not None:
            told = f"{acts[0].operation} was sent twice, after each of two deliveries of one webhook"
            evidence = [delivered(*each) for each in attempts[:2]]
            yield Instance(told, (*evidence, *map(evidence_of, acts)))


def _first_repeat(effects: list[Exchange], first: Attempt, second: Attempt) -> tuple[Exchange, Exchange] | None:
    """The first request that follows ``first`` and was sent again, the same, after ``second``."""
    acts: dict[tuple[object, ...], Exchange] = {}
    for each in effects:
        act = acts.get(each.same)
        if act is not None and each.knew(act) and _soon_after(second, each):
            return act, each
        if act is None and each.shown and _soon_after(first, each):
            acts[each.same] = each
    return None


def _sent_at(act: Exchange) -> WallTime:
    return act.entry.wall


def _duplicates(conduct: Conduct) -> Iterator[list[tuple[Delivery, Attempt]]]:
    """Of every webhook that one endpoint took more than once, the attempts it took, in their order."""
    taken: dict[tuple[str, str], list[tuple[Delivery, Attempt]]] = defaultdict(list)
    for delivery in conduct.deliveries:
        if delivery.signature == "good":
            for attempt in filter(_accepted, delivery.attempts):
                taken[delivery.endpoint_id, delivery.webhook_id].append((delivery, attempt))
    for attempts in taken.values():
        if len(attempts) > 1:
            yield sorted(attempts, key=lambda each: (each[1].wall, each[1].at))


def _soon_after(attempt: Attempt, act: Exchange) -> bool:
    return 0 <= act.entry.wall - attempt.wall <= SOON and 0 <= act.entry.at - attempt.at <= SOON


def _accepted(attempt: Attempt) -> bool:
    return attempt.accepted


# -- their words -------------------------------------------------------------------------------------------------------

ACCEPTED_FORGERY = FindingKind(
    code="MT11",
    title="accepted a forged webhook",
    raised="A delivery whose signature was forged, missing, stale (too old to be taken) or made with a secret that "
    "was rotated away was answered with a 2xx.",
    spared="Deliveries with a good signature; answers outside 2xx, and none.",
    costs="Anybody who finds the URL can tell the client that a job is finished, as often as they like.",
    remedy="Verify every webhook over the raw body with `client.webhooks.unwrap`, which checks the time as well, and "
    "answer 400 where it raises.",
    find=accepted_forgery,
)
ACTED_TWICE = FindingKind(
    code="MT12",
    title="acted twice on a duplicate webhook",
    raised="An endpoint took a webhook twice (two 2xx for one `webhook-id`), and the client sent the same effectful "
    "request, to the byte, after each: creating, cancelling, pausing or resuming a job, sharing a checkpoint, "
    "deleting a file or a model, deploying one; each within a minute of its delivery, of sandbox and of wall time.",
    spared="Reading again; using the model; retries of a request whose answer was lost, or by an SDK; a delivery that "
    "the endpoint did not take and was sent again.",
    costs="Webhooks arrive at least once. A receiver that acts on each copy starts the next training twice, or "
    "deletes what it has just replaced.",
    remedy="Remember each `webhook-id`, and answer 2xx to one that is known without doing anything.",
    find=acted_twice,
)
