"""How a client meets a tuned model that is not ready yet: unknown (404), or loading (429, 503)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mocktune.domain.clock import SECOND
from mocktune.domain.findings.conduct import Conduct
from mocktune.domain.findings.exchange import ANSWERING, Exchange
from mocktune.domain.findings.kind import FindingKind, Instance, instance

SHORTEST_PAUSE = SECOND
EARLY_USES = 5

PATIENCE = 600 * SECOND
"""A client that tried for as long did what it could; recorded models were ready within minutes (contract 8)."""


# -- MT07 --------------------------------------------------------------------------------------------------------------


def no_backing_off(conduct: Conduct) -> Iterator[Instance]:
    rows: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    worst: dict[tuple[object, ...], list[Exchange]] = {}
    for each in conduct.as_sent:
        if each.operation not in ANSWERING or each.automatic:
            continue
        if not _refused(conduct, each) or each.wait_s:
            rows.pop(each.same, None)
            continue
        row = rows[each.same]
        if row and (each.passed_since(row[-1]) >= SHORTEST_PAUSE or not each.knew(row[-1])):
            row = rows[each.same] = []
        row.append(each)
        if len(row) > EARLY_USES and len(row) > len(worst.get(each.same, ())):
            worst[each.same] = row
    for row in worst.values():
        told = f"{row[0].model} was not ready, and asked {len(row)} times with less than 1 s in between"
        yield instance(told, row[: EARLY_USES + 1])


# -- MT08 --------------------------------------------------------------------------------------------------------------


def gave_up_on_model(conduct: Conduct) -> Iterator[Instance]:
    uses: dict[str, list[Exchange]] = defaultdict(list)
    for each in conduct.as_sent:
        if each.operation in ANSWERING or each.operation in ("models.retrieve", "models.delete"):
            uses[each.model].append(each)
    for row in uses.values():
        last = row[-1]
        if not _refused(conduct, last):
            continue
        answered = [each for each in row if each.ok]
        if last.status == 404 and answered:
            continue  # it was there, and is gone, or deleted
        first = next(each for each in row if not answered or each.is_after(answered[-1]))
        if last.passed_since(first) < PATIENCE:
            yield instance(f"{last.model} was not ready ({last.status}), and never asked again", [last])


def _refused(conduct: Conduct, each: Exchange) -> bool:
    """Whether a model that there is, or will be, was refused: a name that is unknown must have been shown."""
    return each.not_ready and (each.status != 404 or each.model in conduct.tuned_models)


# -- their words -------------------------------------------------------------------------------------------------------

NO_BACKING_OFF = FindingKind(
    code="MT07",
    title="used the model before ready without backing off",
    raised="The same request to a tuned model that a job had named was refused because the model is unknown as yet "
    "(404 `model_not_found`) or not loaded (429, 503), without a `Retry-After`, and was sent again five times in a "
    "row, each time less than one second after the time before, measured as for MT01.",
    spared="Different requests, such as those of workers side by side; the automatic retries of an SDK; refusals with "
    "a `Retry-After`, which are MT06's; `models.retrieve` in a loop, which is MT01's.",
    costs="A fresh model takes minutes. Asking in a loop meets the rate limit that the application itself then lacks.",
    remedy="After a job succeeded, try the model with growing pauses, from some seconds to half a minute, for some "
    "minutes.",
    find=no_backing_off,
)
GAVE_UP_ON_MODEL = FindingKind(
    code="MT08",
    title="gave up on a cold model",
    raised="The last answer about a tuned model, used or looked up, said that it is unknown as yet (404, of a name "
    "that a job had shown) or not loaded (429, 503), and the client had tried for less than ten minutes.",
    spared="A model that answered before and is gone (404); one that the client deleted; who tried for ten minutes, "
    "of sandbox or wall time.",
    costs="A job that succeeded is taken for broken: training that was paid for is thrown away, or begun again.",
    remedy="Take 404 and 429 for a model that is being made ready, for some minutes after its job succeeded, and "
    "after it was idle; `succeeded` does not say that the model answers.",
    find=gave_up_on_model,
)
