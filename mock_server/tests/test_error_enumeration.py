"""Every error that a route is documented to answer is answered by it.

What is documented are the kinds of ``domain/error_kinds`` with their operations. Played are the contract's table
of cases, cases that need a lowered cap or a fault inside the server (``PATCHED``), and, for what all routes share,
requests made from the description of the API. A pair of operation and kind that nothing reaches fails the test.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Any

import pytest
from described_calls import write_examples
from error_play import ANY, Answered, Operations, Servers, answered_by, is_of, kinds
from error_play import description as description
from error_play import operation_of as operation_of
from error_play import servers as servers

from mocktune.domain.state import State, StateError
from mocktune.http.description.examples import recorded
from mocktune.http.errors import status_of_class
from mocktune.storage import blobs
from mocktune_contract.error_case import (
    CHAT,
    COUNT,
    FILES,
    HELLO,
    JOBS,
    PLAIN,
    Case,
    Stage,
    answer_of,
    assert_answered,
    chat,
    create,
    invalid,
    respond,
    upload,
)
from mocktune_contract.error_table import CASES
from mocktune_contract.error_table_surface import (
    CLOCK,
    DATA_PLANE,
    HOOK,
    MANAGED,
    VERSION,
    a_file,
    an_upload,
    azure,
    deployed,
)
from mocktune_contract.lab import MODEL, Lab

EMPTY_STATE = State(schema=1)


@pytest.fixture(scope="module")
def answered(servers: Servers, operation_of: Operations) -> list[Answered]:
    """What the contract's cases, and those that need a patch, are answered with."""
    stage = Stage(servers.lab)

    def played(case: Case) -> Answered:
        lab = servers.lab(case.claim, **case.server)
        objects = stage.objects(case, lab)
        answer = answer_of(case, lab, objects)
        assert_answered(case, answer, objects)
        return answered_by(answer, operation_of)

    found = [played(case) for case in CASES]
    for patches, case in PATCHED:
        with pytest.MonkeyPatch.context() as patching:
            for target, value in patches.items():
                patching.setattr(target, value)
            found.append(played(case))
    return found


# -- what takes a patch ------------------------------------------------------------------------------------------------


class FullDisk:
    """A file on a disk without room."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self._file.close()


def writer_on_full_disk(init: Any = blobs._Writer.__init__) -> Any:
    def __init__(self: Any, *given: Any) -> None:
        init(self, *given)
        self._file = FullDisk(self._file)

    return __init__


def fails(*given: object, **named: object) -> Any:
    raise ZeroDivisionError("a fault of ours")


async def unloadable(*given: object) -> Any:
    raise StateError("the plan of job ftjob-1 ends before it begins")


def once_paused(lab: Lab) -> dict[str, str]:
    job = lab.create_job(lab.upload_ready(PLAIN).id).id
    lab.clock.until(job, "running")
    jobs = lab.client().fine_tuning.jobs
    jobs.pause(job)
    jobs.resume(job)
    lab.clock.until(job, "running")
    return {"paused": job}


def one_deployment(lab: Lab) -> dict[str, str]:
    lab.http.post(f"{lab.root}/openai/deployments?{VERSION}", json={"model": MODEL, "id": "one"}).raise_for_status()
    return {}


def one_endpoint(lab: Lab) -> dict[str, str]:
    lab.http.post("/webhook_endpoints", json=HOOK).raise_for_status()
    return {}


FORM = upload(PLAIN)
PART = {"files": {"data": ("upload", PLAIN)}}
NEW_UPLOAD = {"json": {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 9, "mime_type": "text/jsonl"}}
SERVICE = "mocktune.service"
TOO_MANY_DEPLOYMENTS = "This resource has 1 deployments; mocktune takes no more."

PATCHED: list[tuple[dict[str, Any], Case]] = [
    *(
        (
            {"mocktune.storage.blobs._Writer.__init__": writer_on_full_disk()},
            Case("a full disk", "ServiceUnavailableError", request, 503,
                 "The upload could not be stored: No space left on device.", "mocktune", type="server_error", send=send,
                 prepare=an_upload),
        )
        for request, send in (
            (FILES, FORM), ("POST /uploads/<own_upload>/parts", PART),
            *((f"POST <root>/_mocktune/state/{each}", {}) for each in ("files", "jobs", "models", "gallery")),
        )
    ),
    (
        {f"{SERVICE}.jobs.MAX_PAUSES": 1},
        Case("a second pause", "InvalidRequestError", "POST /fine_tuning/jobs/<paused>/pause", 400,
             "Job <paused> was paused 1 times; mocktune takes no more.", "mocktune", prepare=once_paused),
    ),
    (
        {f"{SERVICE}.chat_answers.MAX_LOGPROBS": 3},
        invalid("many log probabilities", CHAT, chat(logprobs=True), "invalid_value", "top_logprobs",
                "mocktune answers at most 3 log probabilities in one completion; ask for fewer choices or tokens.",
                "assumed"),
    ),
    (
        {f"{SERVICE}.responses.MAX_ITEMS": 1},
        invalid("a long conversation", COUNT, respond(input=HELLO * 2), "context_length_exceeded", "input",
                "Your input exceeds the context window of this model. Please adjust your input and try again.", "OBS"),
    ),
    *(
        (
            {f"{SERVICE}.deployments.MAX_DEPLOYMENTS": 1},
            azure(f"another deployment ({request})", "InvalidRequestError", f"{request}?{VERSION}", 400,
                  "InsufficientQuota", TOO_MANY_DEPLOYMENTS, "mocktune", send, prepare=one_deployment),
        )
        for request, send in (
            (f"POST {DATA_PLANE}", {"json": {"model": MODEL, "id": "two"}}), (f"PUT {MANAGED}/two", deployed(MODEL)),
        )
    ),
    (
        {f"{SERVICE}.webhook_endpoints.MAX_ENDPOINTS": 1},
        Case("another endpoint", "InvalidRequestError", "POST /webhook_endpoints", 400,
             "This project has 1 webhook endpoints and can have no more; delete one first.", "assumed",
             code="webhook_endpoint_limit_reached", send={"json": HOOK}, prepare=one_endpoint),
    ),
    (
        {f"{SERVICE}.uploads.MAX_PENDING": 1},
        Case("another upload", "ServiceUnavailableError", "POST /uploads", 503,
             "This sandbox has 1 pending uploads and takes no more; complete or cancel some.", "mocktune",
             type="server_error", send=NEW_UPLOAD, prepare=an_upload),
    ),
    (
        {f"{SERVICE}.uploads.MAX_BYTES": 10},
        invalid("a part too large for the whole", "POST /uploads/<own_upload>/parts", PART, None, "data",
                f"An upload can hold at most 10 bytes; with this part, upload <own_upload> would hold {len(PLAIN)}.",
                "assumed", prepare=an_upload),
    ),
    (
        {f"{SERVICE}.uploads.MAX_PARTS": 0},
        Case("another part", "InvalidRequestError", "POST /uploads/<own_upload>/parts", 400,
             "Upload <own_upload> has 0 parts; mocktune takes no more.", "mocktune", send=PART, prepare=an_upload),
    ),
    (
        {f"{SERVICE}.faults.MAX_JOB_RULES": 0},
        Case("a job with rules of faults where there is no room for them", "InvalidRequestError", JOBS, 400,
             "A sandbox holds at most 0 fault rules of jobs; this one has 0.", "mocktune", code="too_many_faults",
             send=create(training_file="<own_file>", metadata={"mocktune_scenario": "lost-create"}), prepare=a_file),
    ),
    *(
        (
            {f"{SERVICE}.clocks.is_being_moved": lambda sandbox: True},
            Case(f"a clock that is being moved ({request})", "ConflictError", request, 409,
                 "Another command is moving this sandbox's clock. Wait for its answer, then say how far it is to go "
                 "on.", "mocktune", code="clock_busy", send=send),
        )
        for request, send in (
            (f"PUT {CLOCK}", {"json": {"clock": "frozen"}}), (f"POST {CLOCK}/advance", {"json": {"by": "1s"}}),
        )
    ),
    (
        {f"{SERVICE}.models.ModelService.list": fails},
        Case("a fault of ours", "InternalServerError", "GET /models", 500,
             re.compile(r"The server had an error processing your request\. .* request ID req_[0-9a-f]{32} in .*"),
             "OBS RUBY", type="server_error"),
    ),
    (
        {f"{SERVICE}.state_saving.MAX_SAVED_BYTES": 10},
        Case("more than a state should hold", "ConflictError", "GET <root>/_mocktune/state", 409,
             f"This sandbox cannot be written down as one state: its files and uploads hold {len(PLAIN)} bytes; a "
             "state takes at most 10.", "mocktune", code="state_too_large", prepare=a_file),
    ),
    (
        {f"{SERVICE}.services.Services._load": unloadable},
        Case("a state that cannot be begun with", "ServiceUnavailableError", "GET /models", 503,
             "This sandbox cannot begin with the server's state: the plan of job ftjob-1 ends before it begins.",
             "mocktune", type="server_error", server={"state": EMPTY_STATE}),
    ),
]  # fmt: skip
"""Caps that would take thousands of requests, and faults that no request causes."""


# -- the tests ---------------------------------------------------------------------------------------------------------


def test_every_error_is_reached_from_every_operation_that_answers_it(answered: list[Answered]) -> None:
    missing = [
        (operation, name)
        for name, kind in kinds().items()
        for operation in kind.operations
        if not any(is_of(each, kind) and _is_from(each, operation) for each in answered)
    ]
    assert missing == []


def _is_from(answered: Answered, operation: str) -> bool:
    if operation in ANY:
        return operation == "*" or "type" not in answered.error
    return answered.operation == operation


def test_no_error_is_answered_that_is_not_documented(answered: list[Answered]) -> None:
    """What is answered is of a kind that names the operation."""
    undocumented = [
        each
        for each in answered
        if not any(
            is_of(each, kind) and any(_is_from(each, operation) for operation in kind.operations)
            for kind in kinds().values()
        )
    ]
    assert undocumented == []


# -- the examples of the description -----------------------------------------------------------------------------------


def test_the_description_shows_each_of_them_as_it_was_answered(answered: list[Answered]) -> None:
    """``MOCKTUNE_UPDATE_GOLDENS=1`` writes down what is answered now."""
    if os.environ.get("MOCKTUNE_UPDATE_GOLDENS"):
        write_examples(errors=shown(answered))
    found = recorded().errors
    expected = {name: {of for of in kind.operations if of != "azure.*"} for name, kind in kinds().items()}
    missing = {name: left for name, of in expected.items() if (left := of - set(found.get(name, ())))}
    assert missing == {}
    for name, bodies in found.items():
        kind = kinds()[name]
        for of, body in bodies.items():
            assert is_of(Answered(of, status_of_class(kind.error), body["error"]), kind), (name, of)


def shown(answered: list[Answered]) -> dict[str, dict[str, Any]]:
    """By kind and operation the first answer there was, ``*`` where any operation answers alike."""
    found: dict[str, dict[str, Any]] = {}
    for each in answered:
        for name, kind in kinds().items():
            azure = "type" not in each.error
            of = each.operation if azure or "*" not in kind.operations else "*"
            of = of or "azure.*"  # a URL of Azure's that is no endpoint
            if is_of(each, kind) and any(_is_from(each, known) for known in kind.operations):
                found.setdefault(name, {}).setdefault(of, {"error": each.error})
    return dict(sorted(found.items()))
