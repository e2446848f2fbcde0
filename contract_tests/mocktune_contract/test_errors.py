"""Each line of the error table reached, through raw HTTP, and each exception class of the SDK.

Whatever goes wrong is answered in one envelope, all four keys, by all four doors (what services refuse, what is wrong
with a request, unknown URLs and methods, faults)::

    {"error": {"message": "No such File object: …", "type": "invalid_request_error", "param": "id", "code": null}}

The table is ``error_table.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from mocktune_contract.error_case import PLAIN, Case, Stage, answer_of, assert_answered
from mocktune_contract.error_table import CASES
from mocktune_contract.lab import MODEL, Lab, Labs

pytestmark = pytest.mark.source("SDK")


def as_parameter(case: Case) -> Any:
    marks = [pytest.mark.source(case.source)]
    if case.operation is not None:
        marks.append(pytest.mark.operation(case.operation))
    if case.staged:
        marks.append(pytest.mark.needs("time"))
    if case.source.startswith(("assumed", "mocktune", "REC")) or "<root>" in case.request:
        marks.append(pytest.mark.needs("mocktune"))
    return pytest.param(case, id=re.sub(r"[/\[\]]", ":", case.claim), marks=marks)


@pytest.fixture(scope="module")
def stage(labs: Labs) -> Stage:
    return Stage(labs)


@pytest.mark.parametrize("case", [as_parameter(case) for case in CASES])
def test_an_error_is_answered_in_the_envelope(
    case: Case, lab: Lab, request: pytest.FixtureRequest, stage: Stage
) -> None:
    """The source of each case stands in the table."""
    if case.server:
        lab = request.getfixturevalue("own_server")(**case.server)
    objects = stage.objects(case, lab)
    assert_answered(case, answer_of(case, lab, objects), objects, exact=lab.exact)


@pytest.mark.source("mocktune")
def test_the_table_reaches_every_error(own_server: Labs) -> None:
    """Every class of the error tree is met, itself or through one below it, with the status it is mapped to.

    Left out: ``InternalServerError``, which takes a fault inside the server that no request can cause on purpose.
    """
    from mocktune.domain import errors
    from mocktune.http.errors import STATUS

    def below(kind: type[errors.ApiError]) -> set[type[errors.ApiError]]:
        return {each for child in kind.__subclasses__() for each in {child, *below(child)}}

    met = {getattr(errors, case.kind) for case in CASES}
    reached = {parent for kind in met for parent in kind.__mro__}
    assert below(errors.ApiError) - reached == {errors.InternalServerError}
    assert set(STATUS) - reached == {errors.InternalServerError}
    for case in CASES:
        mapped = next(STATUS[each] for each in getattr(errors, case.kind).__mro__ if each in STATUS)
        assert mapped == case.status, case.claim


# -- through the SDK ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Raised:
    """What the SDK makes of an error."""

    exception: type[openai.APIStatusError]
    call: Callable[[Lab, dict[str, str]], object]
    status: int
    code: str | None
    param: str | None
    type: str = "invalid_request_error"


RAISED = [
    Raised(openai.BadRequestError, lambda lab, at: lab.create_job("file-none"), 400, None, "training_file"),
    Raised(
        openai.AuthenticationError,
        lambda lab, at: lab.client().copy(api_key="sk-invalid").models.list(),
        401,
        "invalid_api_key",
        None,
    ),
    Raised(openai.PermissionDeniedError, lambda lab, at: lab.client().models.delete(MODEL), 403, None, None),
    Raised(openai.NotFoundError, lambda lab, at: lab.job("ftjob-none"), 404, "fine_tune_not_found", "fine_tune_id"),
    Raised(openai.ConflictError, lambda lab, at: lab.client().files.delete(at["processing"]), 409, None, None),
    Raised(openai.RateLimitError, lambda lab, at: lab.ask(at["model"], "Hello"), 429, None, None, "server_error"),
]


@pytest.mark.needs("time")
@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: raised.exception.__name__)
def test_the_sdk_raises_the_class_of_the_status(raised: Raised, lab: Lab, labs: Labs, stage: Stage) -> None:
    """SDK: exceptions by status, with code, param, type and the request id (contract 5.1, 6.2)."""
    at = stage.objects(next(case for case in CASES if "processing" in case.names), lab)
    with pytest.raises(raised.exception) as caught:
        raised.call(labs(key=at["key"]), at)
    error = caught.value
    assert type(error) is raised.exception
    assert (error.status_code, error.code, error.param, error.type) == (
        raised.status,
        raised.code,
        raised.param,
        raised.type,
    )
    assert isinstance(error.body, dict)
    assert set(error.body) == {"message", "type", "param", "code"}
    assert re.fullmatch("req_[0-9a-f]{32}", error.request_id or "")


def test_the_sdk_raises_internal_server_error_for_a_503(own_server: Labs) -> None:
    """SDK: every status from 500 on."""
    with pytest.raises(openai.InternalServerError) as caught:
        own_server(max_sandboxes=0).client().models.list()
    assert caught.value.status_code == 503


def test_the_sdk_reports_a_413_as_such(own_server: Labs) -> None:
    """SDK: a status without a class of its own."""
    with pytest.raises(openai.APIStatusError) as caught:
        own_server(max_file_bytes=1000).upload(PLAIN * 1000)
    assert caught.value.status_code == 413
