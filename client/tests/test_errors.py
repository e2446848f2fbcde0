"""The tree of errors: what is raised for what the service answers, and that each text says why and what to do.

::

    429 insufficient_quota          QuotaExceeded ⊂ Refused ⊂ TuningError, and openai.RateLimitError
    "You exceeded your current quota (insufficient_quota, HTTP 429). Waiting does not help: add credit, …"
"""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import openai
import pytest

import mocktune_client
from mocktune_client import JobAlreadyEnded, JobFailed, JobNotInStatus, Refused, TuningError, Unreachable, WaitTimeout
from mocktune_client.refusals import told

from .lab import Lab, cut_connection, fixtures, html, lose_answer, refuse, sdk_http

server, lab = fixtures()


def sdk_error(status: int, body: Any, *, content: bytes | None = None) -> Exception:
    """What the SDK raises for an answer."""
    answer = sdk_http.Response(
        status, content=content if content is not None else json.dumps({"error": body}).encode(),
        headers={"x-request-id": "req_1"},
    )  # fmt: skip
    with sdk_http.Client(transport=sdk_http.MockTransport(lambda _: answer)) as http:
        client = openai.OpenAI(api_key="sk-x", base_url="http://127.0.0.1:9/v1", http_client=http, max_retries=0)
        with pytest.raises(openai.APIStatusError) as caught:
            client.models.list()
    return caught.value


def said(message: str, code: str | None = None, type: str = "invalid_request_error", param: str | None = None) -> Any:
    return {"message": message, "type": type, "param": param, "code": code}


QUOTA = "You exceeded your current quota, please check your plan and billing details."
SCOPES = "You have insufficient permissions for this operation. Missing scopes: api.fine_tuning.jobs.write."
PLACES = (
    "This fine-tune request has been rate-limited. Your organization has reached the maximum of 3 active requests "
    "(2 running, 1 pending) for the model 'gpt-4o'."
)
PLAN = "Fine-tuning jobs cannot be created on an Explore plan. You can upgrade to a paid plan on your billing page."

ANSWERS: list[tuple[int, Any, str, str]] = [
    (401, said("You didn't provide an API key."), "KeyRefused", "Set OPENAI_API_KEY"),
    (401, said("Incorrect API key", "invalid_api_key"), "KeyRefused", "Set OPENAI_API_KEY"),
    (401, said(SCOPES, "missing_scope"), "PermissionRefused", "Give the key the permission"),
    (401, said("No.", "missing_scope"), "PermissionRefused", "Give the key the permission"),
    (403, said(SCOPES), "PermissionRefused", "Give the key the permission"),
    (403, said("Country", "unsupported_country_region_territory"), "PermissionRefused", "country"),
    (403, said("OpenAI is winding down", "training_not_available"), "TrainingNotAvailable", "Azure"),
    (403, said(PLAN), "TrainingNotAvailable", "paid plan, then start again"),
    (400, said("Model gpt-5 is not available", "model_not_available", param="model"), "ModelNotTunable", "limits"),
    (400, said("invalid training_file: file-x", param="training_file"), "RequestInvalid", "Give as training_file the"),
    (400, said("Invalid 'suffix': string too long.", param="suffix"), "RequestInvalid", "Correct suffix"),
    (400, said("Job has already completed: ftjob-x"), "RequestInvalid", "it has ended"),
    (400, said("No."), "RequestInvalid", "Correct the request"),
    (404, said("No such File object: file-x", param="id"), "ObjectUnknown", "Check the id"),
    (404, said("Invalid URL (GET /v1/x)"), "ObjectUnknown", "Check base_url"),
    (404, said("The model `x` does not exist", "model_not_found"), "ModelUnknown", "Check the name"),
    (404, said("The model 'x' does not exist"), "ModelUnknown", "Check the name"),
    (404, {"code": "DeploymentNotFound", "message": "It does not exist."}, "DeploymentMissing", "On Azure"),
    (404, {"code": "404", "message": "Resource not found"}, "ObjectUnknown", "api-version"),
    (409, said("File is still processing. Check back later."), "FileInProcess", "Wait until its status"),
    (409, said("Another."), "RequestInvalid", "Correct the request"),
    (413, said("Maximum content size limit (26214400) exceeded", type="server_error"), "RequestInvalid", "parts"),
    (408, said("Too slow."), "ServiceFailed", "fault is the service's"),
    (429, said(QUOTA, "insufficient_quota", "insufficient_quota"), "QuotaExceeded", "add credit"),
    (429, said(QUOTA, None, "insufficient_quota"), "QuotaExceeded", "add credit"),
    (429, said("Hard.", "billing_hard_limit_reached"), "QuotaExceeded", "add credit"),
    (429, said("Today.", "daily_rate_limit_exceeded"), "DailyLimitReached", "midnight UTC"),
    (429, said(PLACES, "rate_limit_exceeded"), "RateLimited", "when one of the organization's jobs ends"),
    (429, said("Rate limit reached", "rate_limit_exceeded", "tokens"), "RateLimited", "Ask less often"),
    (500, said("The server had an error", type="server_error"), "ServiceFailed", "fault is the service's"),
    (503, said("Overloaded", "server_is_overloaded"), "ServiceFailed", "fault is the service's"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "advice"), ANSWERS)
def test_a_refusal_is_one_of_the_tree_and_the_sdks_own_at_once(status: int, body: Any, kind: str, advice: str) -> None:
    raised = sdk_error(status, body)
    error = told(raised)
    assert type(error).__name__ == kind
    assert isinstance(error, getattr(mocktune_client, kind))
    assert isinstance(error, Refused)
    assert isinstance(error, type(raised))
    assert (error.status_code, error.code, error.param) == (status, body["code"], body.get("param"))
    assert error.response.status_code == status
    facts = ", ".join(filter(None, (body["code"], f"HTTP {status}", "req_1" if status >= 500 else None)))
    assert error.request_id == "req_1"
    assert str(error).startswith(f"{body['message'].rstrip('.')} ({facts}). ")
    assert advice in str(error).partition("). ")[2]
    assert str(error).endswith(".")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (getattr(mocktune_client, kind), str(error))


def test_a_page_of_html_is_told_by_its_status() -> None:
    error = told(sdk_error(502, None, content=b"<html><body>Bad \x1b[31mgateway</body></html>"))
    assert str(error).startswith("Bad Gateway (HTTP 502, req_1). The fault is the service's")
    error = told(sdk_error(500, None, content=b"oops \x1b[31m\n" + b"x" * 100_000))
    assert str(error).startswith("oops [31m xxx")
    assert len(str(error)) < 3_000


def test_every_class_of_the_tree_is_met_by_an_answer() -> None:
    kinds = {
        name for name, each in vars(mocktune_client).items() if isinstance(each, type) and issubclass(each, Refused)
    }
    assert kinds - {kind for _, _, kind, _ in ANSWERS} == {"Refused"}


@pytest.mark.parametrize("breaking", [cut_connection, lose_answer])
def test_a_connection_that_stays_broken_is_told_with_what_to_check(lab: Lab, breaking: Any) -> None:
    lab.breaks(".*", breaking)
    with pytest.raises(Unreachable, match=r"Check base_url and the network. Nothing is lost") as caught:
        lab.tuner(patience_s=60).checkpoints("ftjob-x")
    assert isinstance(caught.value, openai.APIConnectionError)
    assert isinstance(caught.value.__cause__, openai.APIConnectionError)
    assert lab.now == pytest.approx(60)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_outage_is_told_with_how_long_it_was_waited_out(lab: Lab) -> None:
    lab.breaks(".*", html(502))
    with pytest.raises(TuningError) as caught:
        lab.tuner(patience_s=60).checkpoints("ftjob-x")
    assert caught.value.__notes__ == ["Tried again for 60 s. Nothing was undone: ask again later."]


def test_an_event_stream_raises_of_the_same_tree(lab: Lab) -> None:
    lab.breaks(".*", refuse(403, "missing_scope", SCOPES))
    with pytest.raises(mocktune_client.PermissionRefused):
        list(lab.tuner().follow("ftjob-x"))


FAILURES = [
    ("invalid_training_file", "training_file", "Line 3 is bad.", "mocktune check names every line"),
    ("unsafe_file", "training_file", "This training file was blocked.", "Ask the moderations endpoint"),
    ("invalid_training_file", "training_file", "failed moderation safety checks. Flagged lines: 4", "Take the lines"),
    ("exceeded_quota", None, "Creating this job would exceed your hard limit", "The file is good: add credit"),
    ("unsafe_model", None, "The model was blocked because of our moderation checks.", "The data is what made it so"),
    ("server_error", None, "The job failed due to an internal error.", "create the job again"),
    ("invalid_training_file", "training_file", "file-x was deleted", "Upload the file again"),
    ("strange", None, "Something new", "correct what the reason names"),
    (None, None, None, "create the job again"),
]


@pytest.mark.parametrize(("code", "param", "message", "advice"), FAILURES)
def test_a_failed_job_says_why_and_what_to_do(
    lab: Lab, code: str | None, param: str | None, message: str | None, advice: str
) -> None:
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job())
    job.status = "failed"
    job.error = openai.types.fine_tuning.fine_tuning_job.Error.construct(code=code, param=param, message=message)
    text = str(JobFailed(job))
    assert (message or "gave no reason").rstrip(".") in text
    assert advice in text
    assert (job.training_file in text) == (param == "training_file" and "deleted" not in (message or ""))


def test_every_text_ends_with_what_to_do(lab: Lab) -> None:
    """A cause, and after it a sentence that tells the reader something to do or to know."""
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job())
    file = lab.unbroken.files.retrieve(job.training_file)
    made: dict[str, list[Any]] = {
        "CreateOutcomeUnknown": ["key", "marker", True],
        "DeploymentFailed": ["marv", "m", "failed"],
        "DeploymentNeeded": ["m"],
        "FileChanged": ["train.jsonl"],
        "FileFailed": [file],
        "JobAlreadyEnded": ["pause", job],
        "JobCancelled": [job],
        "JobFailed": [job],
        "JobNotInStatus": ["pause", job],
        "ModelNotReady": ["m", 900.0, ValueError("no")],
        "ModelUnnamed": [job],
        "RequestInUse": ["file train.jsonl"],
        "ResultsUnavailable": ["ftjob-x", "it is gone. Read its metrics from the events."],
        "UnreadableAnswer": ["<html>"],
        "Unreachable": ["refused"],
        "UploadLost": ["train.jsonl", "upload_x"],
        "WaitTimeout": ["Job x", "running", 3.0],
    }
    errors = {
        name for name, each in vars(mocktune_client).items() if isinstance(each, type) and issubclass(each, TuningError)
    }
    refusals = {name for name in errors if issubclass(getattr(mocktune_client, name), Refused)}
    assert errors - refusals - {"TuningError"} == set(made)
    for name in sorted(errors - {"TuningError"}):
        facts = made.get(name, ["The reason.", 400, "code"])
        error = getattr(mocktune_client, name)(*facts)
        assert re.fullmatch(r".+[.)]\s+\S.{15,}[.]", str(error), re.S), str(error)
        assert "..) " not in str(error)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))


def test_a_change_that_came_too_late_says_how_it_ended(lab: Lab) -> None:
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job())
    for status, advice in (("succeeded", "Its model is there"), ("failed", "its error"), ("cancelled", "new job")):
        job.status = status  # type: ignore[assignment]
        assert advice in str(JobAlreadyEnded("cancel", job))
    assert "It was not resumed" in str(JobNotInStatus("resume", job))


@pytest.mark.parametrize(
    ("subject", "status", "advice"),
    [
        ("Job x", "paused", "Resume it"),
        ("Job x", "running", "goes on without you"),
        ("File x", "uploaded", "megabytes"),
    ],
)
def test_a_wait_that_was_too_short_says_what_may_be_done(subject: str, status: str, advice: str) -> None:
    assert advice in str(WaitTimeout(subject, status, 3.0))
