"""The result file: base64 on the original service, plain CSV elsewhere, and not always there at once."""

from __future__ import annotations

import asyncio
import base64
from contextlib import closing
from typing import Any

import pytest

from mocktune_client import ResultRow, Results, ResultsUnavailable
from mocktune_client.results import LATE_S, read_results

from .lab import MODEL, ONE_EPOCH, Lab, change, fixtures, html, refuse, sdk_http, serving
from .quirks import play, tune

CONTENT = "GET /files/.*/content"
RETRIEVE = "GET /fine_tuning/jobs/[^/]*"
HEADER = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
CSV = HEADER + "1,3.63265,0.5,,\n2,6e-05,1.0,2.16,0.25\n"
ROWS = [ResultRow(1, 3.63265, 0.5, None, None), ResultRow(2, 6e-05, 1.0, 2.16, 0.25)]


server, lab = fixtures()


def served(content: bytes) -> Any:
    return lambda _: sdk_http.Response(200, content=content, headers={"content-type": "application/octet-stream"})


def test_results_of_the_service_are_decoded(lab: Lab) -> None:
    job = lab.job(until="succeeded")
    results = lab.tuner().results(job)
    assert results.csv.startswith(HEADER)
    assert [row.step for row in results.rows] == list(range(1, 41))
    assert all(row.train_loss is not None and row.valid_loss is None for row in results.rows)


def test_results_of_a_service_that_serves_plain_csv_are_the_same(lab: Lab) -> None:
    with serving("result.encoding=plain") as server, closing(Lab(server, key=lab.key)) as plain:
        job = plain.job(until="succeeded")
        file = plain.unbroken.fine_tuning.jobs.retrieve(job).result_files[0]
        assert plain.unbroken.files.content(file).read().startswith(b"step,")
        assert plain.tuner().results(job) == lab.tuner().results(lab.job(until="succeeded"))


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(),
        base64.b64encode(CSV.encode()),
        base64.encodebytes(CSV.encode()),
    ],
    ids=["plain", "plain from Windows", "base64", "base64 in lines"],
)
def test_rows_are_read_whatever_the_encoding(content: bytes) -> None:
    assert read_results("ftjob-x", content).rows == ROWS


def test_columns_may_be_missing_or_more() -> None:
    results = read_results("ftjob-x", b"step,train_loss,reward\n1,0.5,0.9\n")
    assert results == Results([ResultRow(1, 0.5, None, None, None)], "step,train_loss,reward\n1,0.5,0.9\n")


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"<html>", base64.b64encode(b"{}")])
def test_a_file_that_is_no_table_is_named_as_such(content: bytes) -> None:
    with pytest.raises(ResultsUnavailable, match="neither CSV nor base64"):
        read_results("ftjob-x", content)


@pytest.mark.parametrize("row", ["x,1.0,,,", "1,abc,,,", ",,,,"])
def test_a_row_that_is_no_numbers_is_named_by_its_line(row: str) -> None:
    with pytest.raises(ResultsUnavailable, match="line 2"):
        read_results("ftjob-x", f"{HEADER}{row}\n".encode())


def test_results_are_found_with_the_object_that_create_answered(lab: Lab) -> None:
    """It is old: it names no result file."""
    job = lab.tuner().create(model=MODEL, training_file=lab.upload(), method=ONE_EPOCH)
    lab.advance(until={"job": job.id, "status": "succeeded"})
    assert job.result_files == []
    assert len(lab.tuner().results(job).rows) == 40


def test_a_job_that_has_not_succeeded_has_no_results(lab: Lab) -> None:
    with pytest.raises(ResultsUnavailable, match="its status is 'running'"):
        lab.tuner().results(lab.job(until="running"))
    assert lab.slept == []


def test_a_result_file_that_comes_late_is_waited_for(lab: Lab) -> None:
    job = lab.job(until="succeeded")
    lab.breaks(RETRIEVE, change(lambda job: job.update(result_files=[])), times=2)
    lab.breaks(CONTENT, refuse(404, None), times=2)
    lab.breaks(CONTENT, html(502), times=1)
    assert len(lab.tuner().results(job).rows) == 40


def test_a_result_file_that_never_comes_is_unavailable(lab: Lab) -> None:
    job = lab.job(until="succeeded")
    lab.breaks(RETRIEVE, change(lambda job: job.update(result_files=[])))
    with pytest.raises(ResultsUnavailable, match="without a result file"):
        lab.tuner().results(job)
    assert lab.now == pytest.approx(LATE_S)


def test_a_result_file_that_was_deleted_is_unavailable(lab: Lab) -> None:
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job(until="succeeded"))
    lab.unbroken.files.delete(job.result_files[0])
    with pytest.raises(ResultsUnavailable, match="was deleted"):
        lab.tuner().results(job)


def test_results_are_decoded_by_an_asynchronous_client_too(lab: Lab) -> None:
    job = lab.job(until="succeeded")
    lab.breaks(CONTENT, served(base64.b64encode(CSV.encode())))

    async def read() -> list[ResultRow]:
        async with lab.async_client as client:
            return (await lab.async_tuner(client).results(job)).rows

    assert asyncio.run(read()) == ROWS


def test_a_result_file_that_comes_minutes_late_is_waited_for(lab: Lab) -> None:
    """Scenario ``late-result``: 90 s after the end."""
    play(lab, "late-result")
    job = lab.job(until="succeeded")
    assert len(lab.tuner().results(job).rows) == 40
    assert 85 < lab.now < 125


def test_a_tuning_without_a_result_file_has_a_model_all_the_same(lab: Lab) -> None:
    """Scenario ``missing-result``."""
    play(lab, "missing-result")
    tuned = tune(lab)
    assert tuned.results is None
    assert tuned.answers_as == tuned.model
