"""Reads that wait for something: with ``advance_on_poll`` they move the sandbox's clock before they are answered, as a
command issued before; with ``max_frozen_reads`` those are refused that wait for a clock nobody moves.
"""

from __future__ import annotations

from mocktune.domain.clock import MAX_VIRTUAL, VirtualTime, format_instant
from mocktune.domain.error_kinds.control import CLOCK_FROZEN
from mocktune.domain.errors import ApiError
from mocktune.http.call import Call
from mocktune.http.validation import parse_object
from mocktune.service.clocks import is_being_moved
from mocktune.service.frozen_reads import FrozenReads
from mocktune.service.polls import Polled, PolledKind, next_change

READS: dict[str, tuple[PolledKind, str | None]] = {
    "files.retrieve": ("file", "file_id"),
    "files.list": ("file", None),
    "fine_tuning.jobs.retrieve": ("job", "fine_tuning_job_id"),
    "fine_tuning.jobs.list": ("job", None),
    "fine_tuning.jobs.list_events": ("events", "fine_tuning_job_id"),
    "fine_tuning.jobs.checkpoints.list": ("checkpoints", "fine_tuning_job_id"),
    "models.retrieve": ("model", "model"),
    "models.list": ("model", None),
    "azure.deployments.retrieve": ("deployment", "deployment"),
    "azure.deployments.list": ("deployment", None),
    "azure.management.deployments.retrieve": ("deployment", "deployment"),
    "azure.management.deployments.list": ("deployment", None),
}
"""The operations that are polls: what they ask about, and the parameter of the path that names it."""

ANSWERS = frozenset({"chat.completions.create", "completions.create", "responses.create"})
"""The operations that poll a tuned model until it answers; their bodies name it."""


async def advance_before(call: Call) -> None:
    """Move the clock as far as the sandbox says, if this request polls something that is not finished."""
    polled = await _polled(call)
    step = call.sandbox.advance_on_poll
    if polled is None or step is None:
        return
    visit = await call.visit()
    change = await next_change(visit, polled, call.services.datasets)
    if change is None:
        return
    repeated = call.sandbox.repeated_polls
    if repeated is not None and not repeated.repeats(polled, visit.now):
        return
    target = change if step == "next" else VirtualTime(min(visit.now + step, MAX_VIRTUAL))
    await call.services.clocks.poll(visit, target)
    if repeated is not None:
        repeated.remember(polled, target)


async def refuse_frozen(call: Call, reads: FrozenReads) -> None:
    """Refuse a poll of something unfinished that was asked as often as ``reads`` lets it be while the clock stood.

    Raises ``InvalidRequestError``. Whoever moves the clock, and those it waits for, are not refused.
    """
    sandbox = call.sandbox
    if sandbox.clock.rate != 0 or sandbox.advance_on_poll is not None or is_being_moved(sandbox):
        return
    polled = await _polled(call)
    if polled is None:
        return
    visit = await call.visit()
    # Pages of one list, and different requests to one model, are different things to ask.
    what = polled, call.scope["query_string"], call.body_read
    count = reads.count(visit.now, hash(what))
    if count <= reads.most or await next_change(visit, polled, call.services.datasets) is None:
        return
    error = CLOCK_FROZEN(
        operation=call.operation,
        count=count,
        what=polled.id or f"the list of {polled.kind}s",
        now=format_instant(visit.now),
    )
    reads.refuse(error.message)
    if reads.ignored and (tell := call.services.sandboxes.on_ignored):
        tell(sandbox.id, reads.told)
    raise error


async def _polled(call: Call) -> Polled | None:
    if call.operation in READS:
        kind, parameter = READS[call.operation]
        return Polled(kind, None if parameter is None else call.path(parameter))
    if call.operation not in ANSWERS:
        return None
    if call.deployment is not None:
        return Polled("deployment", call.deployment)
    try:
        model = parse_object(await call.limited_body()).get("model")
    except ApiError:  # the route says what is wrong with the body
        return None
    if not isinstance(model, str):
        return None
    return Polled("deployment" if call.caller.dialect == "azure" else "answer", model)
