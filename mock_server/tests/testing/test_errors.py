"""An error that a test makes for a mock is the one that the server answers: status, headers, and every byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest
import respx
from openai import OpenAI

from mocktune import RunningServer, make_settings, running_server
from mocktune.http.capabilities import all_error_kinds
from mocktune.testing import errors
from mocktune.testing.error_answers import BY_STATUS
from mocktune.testing.error_examples import UNKNOWN

NAMES = list(errors)
KINDS = {name.lower(): kind for name, kind in all_error_kinds()}
OWN_HEADERS = {"date", "server", "openai-processing-ms", "x-request-id", "x-mocktune-fault"}
"""That differ from answer to answer, or are those of a connection or of an injected answer."""

EXCEPTIONS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    429: openai.RateLimitError,
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("realistic", clock="frozen")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.root, headers={"authorization": "Bearer sk-errors"}) as opened:
        yield opened


def headers_of(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in OWN_HEADERS}


def test_every_error_of_the_catalogue_has_a_name() -> None:
    assert set(NAMES) == {*KINDS, *BY_STATUS}
    assert {name.partition(".")[2] for name in KINDS} | set(BY_STATUS) <= set(dir(errors))


@pytest.mark.parametrize("dialect", ["openai", "azure"])
def test_each_is_what_the_server_writes(
    server: RunningServer, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    """One route is made to raise the error of each kind, with the very values that the mock's text has."""
    ours = errors.azure if dialect == "azure" else errors
    url = "/openai/files?api-version=2024-10-21" if dialect == "azure" else "/v1/files"
    raised: list[Exception] = []

    def raising(*given: object, **named: object) -> Any:
        raise raised[-1]

    monkeypatch.setattr(type(server.services.files), "list", raising)
    for name, kind in KINDS.items():
        made: list[Any] = []
        monkeypatch.setattr(type(kind), "__call__", _kept(type(kind).__call__, made))
        mock = ours[name]()
        monkeypatch.undo()
        monkeypatch.setattr(type(server.services.files), "list", raising)
        raised.append(made[0])
        real = client.get(url)
        assert (mock.status_code, mock.content) == (real.status_code, real.content), name
        assert headers_of(mock) == headers_of(real), name
        assert real.headers["x-request-id"].startswith("req_")
        assert mock.headers["x-request-id"].startswith("req_")
        assert UNKNOWN not in mock.text, f"error_examples.py has no example for a field of {name}"


def _kept(call: Any, made: list[Any]) -> Any:
    def __call__(self: Any, **values: Any) -> Any:
        made.append(call(self, **values))
        return made[-1]

    return __call__


@pytest.mark.parametrize("dialect", ["openai", "azure"])
@pytest.mark.parametrize("name", BY_STATUS)
def test_those_of_a_status_are_what_a_fault_answers(client: httpx2.Client, name: str, dialect: str) -> None:
    status, is_azure = BY_STATUS[name], dialect == "azure"
    rule = {"operation": "models.list", "times": 1, "answer": {"status": status}}
    client.post("/_mocktune/faults", json=rule).raise_for_status()
    real = client.get("/openai/models?api-version=2024-10-21" if is_azure else "/v1/models")
    ours = errors.azure if is_azure else errors
    mock = ours[name]()
    assert (mock.status_code, mock.content) == (real.status_code, real.content)
    retry = {"retry-after": "1"} if status == 429 else {}
    retry |= {"retry-after-ms": "1000"} if status == 429 and not is_azure else {}
    assert headers_of(mock) == headers_of(real) | retry
    assert ours.status(status).content == real.content


def test_each_raises_the_exception_of_its_status_in_the_sdk() -> None:
    """Through respx or pytest-httpx2, whichever the installed SDK's client needs."""
    using = "httpcore2" if isinstance(OpenAI(api_key="x")._client, httpx2.Client) else "httpcore"
    with respx.mock(using=using) as mocks, OpenAI(base_url="http://x/v1", api_key="x", max_retries=0) as client:
        route = mocks.get("http://x/v1/models")
        for name in NAMES:
            answer = errors[name]()
            route.mock(return_value=answer)
            expected = EXCEPTIONS.get(answer.status_code, openai.InternalServerError)
            with pytest.raises(openai.APIStatusError) as raised:
                client.models.list()
            if answer.status_code in EXCEPTIONS or answer.status_code >= 500:
                assert type(raised.value) is expected, name
            said = answer.json()["error"]
            assert (raised.value.code, raised.value.param, raised.value.type) == (
                said["code"],
                said["param"],
                said["type"],
            )
            assert raised.value.response.json()["error"] == said
            assert raised.value.request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_one_answer_serves_both_libraries_sync_and_async_and_more_than_once(library: Any) -> None:
    async def asked() -> int:
        async with library.AsyncClient(verify=False) as client:
            return int((await client.get("https://api.openai.com/v1/models")).status_code)

    using = "httpcore2" if library is httpx2 else "httpcore"
    with respx.mock(using=using) as mocks, library.Client(verify=False) as client:
        mocks.get("https://api.openai.com/v1/models").mock(return_value=errors.insufficient_quota())
        assert [client.get("https://api.openai.com/v1/models").json()["error"]["code"] for _ in range(2)] == [
            "insufficient_quota",
            "insufficient_quota",
        ]
        assert asyncio.run(asked()) == 429


def test_an_answer_for_a_mock_transport_of_httpx2_is_its_own() -> None:
    transport = httpx2.MockTransport(lambda request: errors.httpx2.no_such_job(id="ftjob-1"))
    with httpx2.Client(transport=transport) as client:
        answer = client.get("http://x")
    assert answer.json()["error"]["message"] == "Could not find fine tune: ftjob-1"
    assert isinstance(errors.azure.httpx2.no_such_job(), httpx2.Response)


def test_values_are_given_by_keyword_and_have_examples() -> None:
    answer = errors.rate_limit_exceeded(retry_after_s=20, message="Slow down", headers={"x-own": "1"})
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"], answer.headers["x-own"]) == (
        "20",
        "20000",
        "1",
    )
    assert answer.json()["error"]["message"] == "Slow down"
    assert errors.model_loading().headers["retry-after"] == "1"
    assert errors.no_such_file(retry_after_s=2.5).headers["retry-after"] == "3"
    assert errors.invalid_file(which="validation_file", id="file-1").json()["error"] == {
        "message": "invalid validation_file: file-1",
        "type": "invalid_request_error",
        "param": "validation_file",
        "code": None,
    }
    assert errors.missing_parameter(path="model", param="other").json()["error"]["param"] == "other"
    assert errors.missing_parameter(path="model").json()["error"]["param"] == "model"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("no_such_job", "jobs.no_such_job"),
        ("jobs.NO_SUCH_JOB", "jobs.no_such_job"),
        ("no_such_file", "files.no_such_file"),
        ("missing_parameter", "common.missing_parameter"),
        ("invalid_api_key", "common.invalid_key"),
        ("fine_tune_not_found", "jobs.no_such_job"),
        ("training_not_available", "limits.training_not_available"),
    ],
)
def test_a_name_may_be_short_full_or_a_code(name: str, found: str) -> None:
    assert errors[name].__name__ == found


def test_a_wrong_name_or_value_is_told() -> None:
    with pytest.raises(AttributeError, match="no error 'no_such_jb'; did you mean 'no_such_job'"):
        _ = errors.no_such_jb
    with pytest.raises(KeyError, match=r"did you mean 'jobs\.no_such_job'"):
        errors["jobs.no_such_jobb"]
    with pytest.raises(TypeError, match=r"unexpected keyword 'job': the text of jobs\.no_such_job has id"):
        errors.no_such_job(job="ftjob-1")
    with pytest.raises(ValueError, match="200 is no error"):
        errors.status(200)
    assert not hasattr(errors, "__wrapped__")
