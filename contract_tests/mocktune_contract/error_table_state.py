"""What ``/_mocktune/state`` refuses: documents that cannot be loaded, and objects that cannot be made."""

from __future__ import annotations

import re
from typing import Any

from mocktune_contract.error_case import PLAIN, Case, upload
from mocktune_contract.lab import Lab

STATE = "<root>/_mocktune/state"
FILES, JOBS, MODELS, GALLERY = (f"POST {STATE}/{what}" for what in ("files", "jobs", "models", "gallery"))


def refused(
    claim: str, request: str, body: dict[str, Any], param: str, message: str | re.Pattern[str], **more: Any
) -> Case:
    """Something that cannot be made: 400, and nothing was added."""
    return Case(
        f"ready made: {claim}", "ParameterError", request, 400, message, "mocktune", code="invalid_value", param=param,
        send={"json": body}, **more,
    )  # fmt: skip


def unreadable(claim: str, document: bytes, message: str) -> Case:
    """A document that cannot be loaded: 400, and nothing was changed."""
    return Case(
        f"a state: {claim}", "ParameterError", f"PUT {STATE}", 400, f"This state cannot be loaded: {message}",
        "mocktune", code="invalid_state", send={"content": document},
    )  # fmt: skip


def at_the_beginning(lab: Lab) -> dict[str, str]:
    """A second after time began."""
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"clock": "frozen", "start": 1}).raise_for_status()
    return {}


def a_file_in_processing(lab: Lab) -> dict[str, str]:
    return {"fresh": lab.http.post("/files", **upload(PLAIN)).raise_for_status().json()["id"]}


CASES = [
    unreadable("no JSON", b"{", "the state is no JSON: Input data was truncated"),
    unreadable("an unknown key", b'{"schema": 1, "job": []}', "unknown key 'job' at $; did you mean 'jobs'?"),
    unreadable(
        "a job without its file",
        b'{"schema": 1, "jobs": [{"id": "ftjob-1", "model": "gpt-4o-mini", "training_file": "file-1"}]}',
        "job 'ftjob-1': training_file: the state has no file 'file-1'",
    ),
    refused(
        "a file that is no JSONL", FILES, {"filename": "notes.txt"}, "filename",
        "The name of a file for fine-tuning ends in .jsonl.",
    ),
    refused(
        "a processed file that cannot be read", FILES, {"content": "{"}, "status",
        "A file with this content ends in error: Invalid file format. Example 1 cannot be parsed. Error: line contains "
        "invalid json: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) (line 1)",
    ),
    refused(
        "a processed file that is still being processed", FILES, {"processing_for": "5s"}, "processing_for",
        "Only a file that is uploaded is still being processed.",
    ),
    refused(
        "a file older than time", FILES, {"age": "30000d"}, "age", "No time was before 1970: at most 20468d ago.",
    ),
    refused(
        "a duration that is none", JOBS, {"age": "long"}, "age",
        "'long' is no duration: write it like '250ms', '45s', '10m', '1h30m' or '7d'",
    ),
    refused(
        "a progress that is none", JOBS, {"status": "running", "progress": "140%"}, "progress",
        "'140%' is no progress: write 0.4 or \"40%\".",
    ),
    refused(
        "an unknown failure", JOBS, {"failure": "too_few_exampels"}, "failure",
        "There is no failure 'too_few_exampels'; did you mean 'too_few_examples'?",
    ),
    refused(
        "a succeeded job that fails", JOBS, {"status": "succeeded", "failure": "quota"}, "failure",
        "A job that is succeeded does not fail.",
    ),
    refused(
        "a running job that fails validation", JOBS, {"status": "running", "failure": "too_few_examples"}, "failure",
        "Such a job cannot be made: it never becomes running: Training file has 3 example(s), but must have at least "
        "10 examples.",
    ),
    refused(
        "an unknown model", JOBS, {"model": "gpt-4o-miny"}, "model",
        "There is no model 'gpt-4o-miny'; did you mean 'gpt-4o-mini'?",
    ),
    refused(
        "a method of other models", JOBS, {"method": "reinforcement", "model": "gpt-4o"}, "model",
        "Model 'gpt-4o' cannot be trained by reinforcement; it can by supervised, dpo.",
    ),
    refused(
        "a file of nobody", JOBS, {"training_file": "file-none"}, "training_file",
        "This sandbox has no file 'file-none'",
    ),
    refused(
        "examples and a file", JOBS, {"training_file": "file-none", "examples": 20}, "examples",
        "Give either training_file or examples.",
    ),
    refused(
        "a file that is in processing", JOBS, {"training_file": "<fresh>"}, "training_file",
        re.compile("File 'file-.*' is still being processed, for .*s; advance the clock first."),
        prepare=a_file_in_processing,
    ),
    refused(
        "a job for which there was no time", JOBS, {"status": "running"}, "status",
        re.compile(
            "Such a job cannot be made: it takes .* to be running at 50%, and its files, and the time before now, go "
            "back 1s; advance the clock first, or let the training file be made with it."
        ),
        prepare=at_the_beginning,
    ),
    refused(
        "a model that is ready, later", MODELS, {"ready_in": "5s"}, "ready_in",
        "A model that is ready answers already.",
    ),
    refused(
        "a model on a file of nobody", MODELS, {"trained_on": "file-none"}, "trained_on",
        "This sandbox has no file 'file-none'",
    ),
    *(
        Case(
            f"ready made: no room ({request})", "ServiceUnavailableError", request, 503,
            "This mocktune server keeps at most 100 bytes of uploads; delete files or raise --max-disk.", "mocktune",
            type="server_error", send={"json": {}}, server={"max_disk_bytes": 100},
        )
        for request in (FILES, JOBS, MODELS, GALLERY)
    ),
    Case(
        "ready made: a gallery for which there was no time", "ParameterError", GALLERY, 400,
        re.compile("Such a job cannot be made: it takes .* go back 1s; .*"), "mocktune", code="invalid_value",
        param="status", prepare=at_the_beginning,
    ),
]  # fmt: skip
