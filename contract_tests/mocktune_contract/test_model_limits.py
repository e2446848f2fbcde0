"""How much may be trained: the table of limits, the caps, the quota, and organizations that may not train at all.

::

    GET /v1/fine_tuning/model_limits
    {"object": "list", "data": [{"id", "curr_pending_jobs", "max_pending_jobs", "jobs_so_far_today",
                                 "max_jobs_per_day"}], "has_more": false}

The rows and the texts of the daily cap, of the quota and of the refusals are recorded; the envelope of the table and
the text of the cap on active jobs are assumed.
"""

from __future__ import annotations

from typing import Any

import openai
import pytest

from mocktune_contract.lab import MODEL, Lab, Labs, training_file

pytestmark = [pytest.mark.needs("mocktune"), pytest.mark.source("LIMITS")]

PLAIN = training_file("valid/plain.jsonl")
BIG = "gpt-4o-2024-08-06"
RATE_LIMITED = "This fine-tune request has been rate-limited. Your organization has reached the maximum of "


def table(lab: Lab) -> dict[str, Any]:
    answer: dict[str, Any] = lab.http.get("/fine_tuning/model_limits").raise_for_status().json()
    return answer


def row(lab: Lab, model: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in table(lab)["data"] if each["id"] == model)
    return found


def raised(kind: type[openai.APIStatusError], call: Any, *arguments: Any, **keywords: Any) -> tuple[Any, ...]:
    """Status, type, code, param and message of the error that ``call`` raises."""
    with pytest.raises(kind) as caught:
        call(*arguments, **keywords)
    error = caught.value
    assert isinstance(error.body, dict)
    return error.status_code, error.type, error.code, error.param, error.body["message"]


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.source("LIMITS, assumed")
@pytest.mark.operation("fine_tuning.model_limits")
def test_the_table_has_a_row_for_every_model_that_can_be_tuned(lab: Lab) -> None:
    """LIMITS: the caps of eight models; the envelope is assumed."""
    found = table(lab)
    assert list(found) == ["object", "data", "has_more"]
    assert (found["object"], found["has_more"]) == ("list", False)
    assert [each["id"] for each in found["data"]] == sorted(each["id"] for each in found["data"])
    caps = {each["id"]: (each["max_pending_jobs"], each["max_jobs_per_day"]) for each in found["data"]}
    assert (
        caps.items()
        >= {
            "gpt-3.5-turbo-0125": (3, 48),
            "gpt-3.5-turbo-1106": (3, 48),
            "gpt-4.1-2025-04-14": (3, 8),
            "gpt-4.1-mini-2025-04-14": (6, 24),
            "gpt-4.1-nano-2025-04-14": (6, 24),
            "gpt-4o-2024-08-06": (3, 8),
            "gpt-4o-mini-2024-07-18": (5, 24),
            "o4-mini-2025-04-16": (2, 4),
        }.items()
    )


@pytest.mark.needs("time", "sandboxes")
@pytest.mark.operation("fine_tuning.model_limits")
def test_the_table_counts_jobs_that_are_not_over_and_those_of_the_day(lab: Lab) -> None:
    lab.clock.freeze()
    file = lab.upload_ready(PLAIN).id
    for _ in range(2):
        job = lab.create_job(file)
    assert row(lab, MODEL) == {
        "id": MODEL,
        "curr_pending_jobs": 2,
        "max_pending_jobs": 5,
        "jobs_so_far_today": 2,
        "max_jobs_per_day": 24,
    }
    assert list(row(lab, MODEL)) == [
        "id", "curr_pending_jobs", "max_pending_jobs", "jobs_so_far_today", "max_jobs_per_day"
    ]  # fmt: skip
    lab.client().fine_tuning.jobs.cancel(job.id)
    assert (row(lab, MODEL)["curr_pending_jobs"], row(lab, MODEL)["jobs_so_far_today"]) == (1, 2)
    assert row(lab, BIG)["curr_pending_jobs"] == 0
    lab.clock.advance(by="24h")
    assert (row(lab, MODEL)["curr_pending_jobs"], row(lab, MODEL)["jobs_so_far_today"]) == (0, 0)


@pytest.mark.operation("fine_tuning.model_limits")
def test_the_sdk_reaches_the_table_as_a_raw_request(lab: Lab) -> None:
    """No SDK has a method for it."""
    assert lab.client().get("/fine_tuning/model_limits", cast_to=object) == table(lab)


# -- caps --------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("LLMCOMP, community, assumed")
@pytest.mark.operation("fine_tuning.model_limits")
def test_one_job_too_many_at_once_is_a_429(own_server: Labs) -> None:
    """The words are assumed; that three at once is the limit is known from LLMCOMP and community 692816."""
    lab = own_server(scenario=("limits.caps=observed",))
    file = lab.upload_ready(PLAIN).id
    jobs = [lab.create_job(file, model=BIG) for _ in range(2)]
    lab.clock.until(jobs[0].id, "running")
    jobs.append(lab.create_job(file, model=BIG))
    assert raised(openai.RateLimitError, lab.create_job, file, model=BIG) == (
        429,
        "invalid_request_error",
        "rate_limit_exceeded",
        None,
        f"{RATE_LIMITED}3 active requests (2 running, 1 pending) for the model '{BIG}'.",
    )
    assert row(lab, BIG)["curr_pending_jobs"] == 3
    lab.create_job(file, model=MODEL)
    lab.clock.until(jobs[0].id, "succeeded")
    lab.create_job(file, model=BIG)


@pytest.mark.needs("time")
@pytest.mark.source("LLMCOMP")
@pytest.mark.operation("fine_tuning.jobs.create")
def test_one_job_too_many_a_day_is_a_429_until_midnight_utc(own_server: Labs) -> None:
    """LLMCOMP #58."""
    lab = own_server(scenario=("limits.caps=observed",))
    file = lab.upload_ready(PLAIN).id
    for _ in range(8):
        lab.client().fine_tuning.jobs.cancel(lab.create_job(file, model=BIG).id)
    assert raised(openai.RateLimitError, lab.create_job, file, model=BIG) == (
        429,
        "invalid_request_error",
        "daily_rate_limit_exceeded",
        None,
        f"{RATE_LIMITED}8 fine-tuning requests per day for the model '{BIG}'.",
    )
    lab.clock.advance(by="24h")
    lab.create_job(file, model=BIG)


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.jobs.create")
def test_a_refused_create_leaves_no_job_and_shifts_no_id(own_server: Labs) -> None:
    lab = own_server(scenario=("limits.caps=observed",))
    file = lab.upload_ready(PLAIN).id
    jobs = [lab.create_job(file, model=BIG).id for _ in range(3)]
    raised(openai.RateLimitError, lab.create_job, file, model=BIG)
    assert [job.id for job in lab.client().fine_tuning.jobs.list()] == jobs[::-1]


@pytest.mark.needs("time")
@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.create")
@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [({"model": "gpt-5"}, "model_not_available", "model"), ({"validation_file": "file-none"}, None, "validation_file")],
)
def test_a_bad_create_is_told_of_its_fault_before_the_caps(
    own_server: Labs, parameters: dict[str, Any], code: str | None, param: str
) -> None:
    """Contract 5.4: model and files before limits."""
    lab = own_server(scenario=("limits.quota_usd=0",))
    file = lab.upload_ready(PLAIN).id
    assert raised(openai.BadRequestError, lab.create_job, file, **parameters)[2:4] == (code, param)


# -- quota -------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
@pytest.mark.operation("fine_tuning.jobs.create")
def test_a_used_up_quota_is_a_429(own_server: Labs) -> None:
    """OBS; the type, too, is insufficient_quota."""
    lab = own_server(scenario=("limits.quota_usd=0",))
    assert raised(openai.RateLimitError, lab.create_job, lab.upload_ready(PLAIN).id) == (
        429,
        "insufficient_quota",
        "insufficient_quota",
        None,
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    )


@pytest.mark.needs("time")
@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.create")
def test_a_job_that_costs_more_than_what_is_left_fails_validation(own_server: Labs) -> None:
    """Contract 5.2, its V layer: words and place are assumed."""
    lab = own_server(scenario=("limits.quota_usd=0.000001",))
    job = lab.finished_job(PLAIN, status="failed")
    assert job.error is not None
    assert (job.error.code, job.error.param, job.finished_at) == ("exceeded_quota", None, None)
    assert job.error.message is not None
    assert job.error.message.startswith(
        "Creating this fine-tuning job would exceed your hard limit, please check your plan and billing details. Cost "
        f"of job {job.id}: USD "
    )
    assert job.error.message.endswith(f". Quota remaining for {job.organization_id}: USD 0.00.")
    assert lab.raw_events(job.id)[-1]["message"] == job.error.message
    assert lab.create_job(lab.upload_ready(PLAIN).id).status == "validating_files"  # a failed job cost nothing


# -- standing ----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
@pytest.mark.operation("fine_tuning.jobs.create")
@pytest.mark.parametrize(
    ("org", "code", "message"),
    [
        (
            "wound_down",
            "training_not_available",
            "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new "
            "fine-tuning training jobs.",
        ),
        (
            "free",
            None,
            "Fine-tuning jobs cannot be created on an Explore plan. You can upgrade to a paid plan on your billing "
            "page: https://platform.openai.com/account/billing/overview",
        ),
    ],
)
def test_an_organization_that_may_not_train_uploads_all_the_same(
    own_server: Labs, org: str, code: str | None, message: str
) -> None:
    """OBS: the upload succeeds, the create does not."""
    lab = own_server(scenario=(f"limits.org={org}",))
    file = lab.upload_ready(PLAIN)
    assert file.status in ("uploaded", "processed")
    refusal = raised(openai.PermissionDeniedError, lab.create_job, file.id)
    assert refusal == (403, "invalid_request_error", code, None, message)


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.create")
@pytest.mark.parametrize("body", [b"{", b"{}"])
def test_standing_comes_before_the_body(own_server: Labs, body: bytes) -> None:
    """Contract 5.4."""
    lab = own_server(scenario=("limits.org=wound_down",))
    answer = lab.http.post("/fine_tuning/jobs", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "training_not_available")


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
def test_a_free_account_does_not_get_its_training_file_back(own_server: Labs) -> None:
    """OBS."""
    lab = own_server(scenario=("limits.org=free",))
    file = lab.upload_ready(PLAIN)
    assert raised(openai.BadRequestError, lab.client().files.content, file.id) == (
        400,
        "invalid_request_error",
        None,
        None,
        "To help mitigate abuse, downloading of fine-tune training files is disabled for free accounts.",
    )
    other = lab.upload(b"notes", "notes.txt", purpose="user_data")
    assert lab.client().files.content(other.id).read() == b"notes"
