"""Quirks of files and what is in them: contract section 10, rows 12, 14, 15, 17, 18, 19, 21 and 24."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mocktune_client import JobFailed, RequestInvalid
from mocktune_client.dataset import check_dataset

from .lab import MARV, MODEL, Lab, fixtures
from .quirks import UPLOAD, at_fault, failing, findings, play, tune

server, lab = fixtures("job.step=500ms")

LINES = MARV.splitlines(keepends=True)


def spoiled(line: int, change: Any) -> bytes:
    """Forty examples, one of which is changed; lines count from 1."""
    example = json.loads(LINES[line - 1])
    change(example)
    return b"".join([*LINES[: line - 1], json.dumps(example).encode() + b"\n", *LINES[line:]])


def failed(lab: Lab, content: bytes) -> JobFailed:
    error = failing(lambda: tune(lab, content=content))
    assert isinstance(error, JobFailed)
    return error


@pytest.mark.parametrize(
    ("scenario", "advice"),
    [
        (
            "moderation-file",
            r"following categories: hate\..* Ask the moderations endpoint about each example of the file",
        ),
        ("moderation-lines", r"Flagged lines: 4, 13, 14\. Take the lines that are named out of the file"),
        ("moderation-model", r"did not pass our moderation checks: hate\. The data is what made it so"),
    ],
)
def test_quirk_12_moderation_rejects_whole_files_by_category_names(lab: Lab, scenario: str, advice: str) -> None:
    """Scenarios ``moderation-file``, ``-lines``, ``-model``: told whole, with what to do, and not tried again."""
    play(lab, scenario)
    with pytest.raises(JobFailed, match=advice):
        tune(lab)
    assert lab.count("POST /fine_tuning/jobs") == 1
    assert at_fault(lab) == []


def test_quirk_14_special_tokens_fail_the_job_late_on_their_number_only(lab: Lab, tmp_path: Path) -> None:
    """Scenario ``realistic``: the check shows line and text before anything is sent, in the service's words."""
    content = spoiled(17, lambda each: each["messages"][1].update(content="complete: a<|fim_suffix|>b"))
    [finding] = findings(tmp_path, content)
    assert (finding.line, finding.rule) == (17, "special_token")
    assert finding.excerpt is not None
    assert "a<|fim_suffix|>b" in finding.excerpt
    error = failed(lab, content)
    assert error.message is not None
    assert finding.message in error.message
    assert "a<|fim" not in error.message  # the service names the example alone


@pytest.mark.parametrize("extra", [{"weight": 1}, {"id": 7}, {"source": "forum"}])
def test_quirk_15_unknown_top_level_keys_are_rejected(lab: Lab, tmp_path: Path, extra: dict[str, Any]) -> None:
    """Scenario ``realistic``: the check names the key and says to take it out."""
    content = spoiled(5, lambda each: each.update(extra))
    [finding] = findings(tmp_path, content)
    assert (finding.line, finding.rule) == (5, "extra_key")
    assert finding.remedy.startswith("Take the key out")
    error = failed(lab, content)
    assert finding.message in (error.message or "")
    assert f'"{next(iter(extra))}"' in str(error)


def test_quirk_17_deleting_a_file_at_once_is_a_409_the_sdk_retries_in_vain(lab: Lab) -> None:
    """Scenario ``slow-file``: its end is waited for, then it is deleted."""
    play(lab, "slow-file")
    file = lab.upload()
    lab.tuner(poll_s=30).delete_file(file)
    assert lab.now >= 12 * 60
    assert lab.count("DELETE /files/[^/]*") == 2
    assert lab.unbroken.files.list().data == []
    assert at_fault(lab) == []


@pytest.mark.parametrize(
    ("content", "filename", "rule"),
    [
        (b"[" + b",".join(each.strip() for each in LINES) + b"]", "train.jsonl", "json_array"),
        (b"\xef\xbb\xbf" + MARV, "train.jsonl", "byte_order_mark"),
        (MARV, "train.json", None),
    ],
    ids=["a list", "a byte order mark", "another extension"],
)
def test_quirk_18_upload_errors_name_line_1_only(
    lab: Lab, tmp_path: Path, content: bytes, filename: str, rule: str | None
) -> None:
    """Scenario ``realistic``: the refusal says what to do; the check knows what it is; ``tune`` names files itself."""
    error = failing(lambda: lab.tuner().upload(content, filename=filename))
    assert isinstance(error, RequestInvalid)
    assert "Write one JSON object a line into a file whose name ends in .jsonl" in str(error)
    assert lab.count(UPLOAD) == 1
    if rule is not None:
        assert findings(tmp_path, content)[0].rule == rule
    else:
        path = tmp_path / filename
        path.write_bytes(content)
        assert lab.tuner().upload_once(path).filename.endswith(".jsonl")


def test_quirk_19_the_error_shows_the_number_and_not_the_row(lab: Lab, tmp_path: Path) -> None:
    """Scenario ``realistic``: the check shows the row, what is wrong, how to mend it, and every other one as well."""

    def spoil(each: Any) -> None:
        each["messages"][2]["role"] = "narrator"

    content = spoiled(3, spoil) + spoiled(30, spoil)
    found = findings(tmp_path, content)
    assert [finding.line for finding in found] == [3, 70]
    assert found[0].excerpt is not None
    assert '"narrator"' in found[0].excerpt
    assert "human" in found[0].remedy
    error = failed(lab, content)
    assert found[0].message in (error.message or "")
    assert "70" not in (error.message or "")


def test_quirk_21_free_accounts_cannot_download_training_files(lab: Lab) -> None:
    """Scenario ``realistic`` with ``limits.org = "free"``: results are read, and the refusal of the rest says why."""
    from mocktune_client.refusals import told

    tuned = tune(lab)
    play(lab, "realistic", **{"limits.org": "free"})
    assert len(lab.tuner().results(tuned.job).rows) == 40
    with pytest.raises(Exception, match="disabled for free accounts") as caught:
        lab.unbroken.files.content(tuned.job.training_file)
    error = told(caught.value)  # as the command line tells what it asks the SDK directly
    assert isinstance(error, RequestInvalid)
    assert "Keep your own copy of training files" in str(error)


def test_quirk_24_estimates_by_tiktoken_and_the_notebook_are_not_the_bill(lab: Lab, tmp_path: Path) -> None:
    """Scenario ``realistic``: the check counts with the model's own encoding, and what is billed beside it."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(MARV)
    report = check_dataset(path, model=MODEL, n_epochs=3, processes=1)
    price = report.prices[0]
    assert price.model == "gpt-4o-mini-2024-07-18"
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    assert tune(lab, method=method).job.trained_tokens == price.trained_tokens
    assert price.usd == pytest.approx(3.0 * price.trained_tokens / 1e6)
