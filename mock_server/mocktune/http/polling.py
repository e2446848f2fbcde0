"""``advance_on_poll``: a read moves the sandbox's clock before it is answered, as a command issued before."""

from __future__ import annotations

from mocktune.domain.clock import MAX_VIRTUAL, VirtualTime
from mocktune.domain.errors import ApiError
from mocktune.http.call import Call
from mocktune.http.validation import parse_object
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
    target = change if step == "next" else VirtualTime(min(visit.now + step, MAX_VIRTUAL))
    await call.services.clocks.poll(visit, target)


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
