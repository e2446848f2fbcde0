"""The check's first error is the service's, word for word, and its verdict the notebook's where both judge.

The corpus is 500 files with one defect each, 125 of a format, drawn anew from the same seed at every run.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocktune.dataset_engine.report import read_report
from mocktune.domain.clock import VirtualTime
from mocktune.domain.models import BASE_MODELS, Method
from mocktune.domain.objects import JobError
from mocktune.domain.validation import FileOutlook, first_fault
from mocktune.testing.strategies import BrokenDataset, DatasetFormat, broken_datasets, datasets
from mocktune_client.dataset import DatasetReport, check_dataset

from . import notebook
from .lab import MARV, Lab, fixtures

server, lab = fixtures("files.processing=1s", "job.training=1s")

FORMATS: tuple[DatasetFormat, ...] = get_args(DatasetFormat)
METHODS: dict[DatasetFormat, Method] = {"preference": "dpo", "reinforcement": "reinforcement"}
MODELS: dict[DatasetFormat, str] = {"completion": "babbage-002", "reinforcement": "o4-mini-2025-04-16"}
MODEL = "gpt-4o-mini-2024-07-18"
CORPUS_OF_FORMAT = 125

corpus = settings(
    max_examples=CORPUS_OF_FORMAT,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(data: bytes, folder: Path, format: DatasetFormat, name: str = "data.jsonl", **more: Any) -> DatasetReport:
    path = folder / name
    path.write_bytes(data)
    method = METHODS.get(format, "supervised")
    return check_dataset(path, model=MODELS.get(format, MODEL), method=method, count_tokens=False, **more)


@pytest.mark.parametrize("format", FORMATS)
def test_of_500_broken_files_the_first_error_is_the_service_s(format: DatasetFormat, tmp_path: Path) -> None:
    """Line, code and words, for the training and for the validation file."""
    seen = 0

    @corpus
    @given(broken_datasets(format))
    def judged(broken: BrokenDataset) -> None:
        nonlocal seen
        seen += 1
        report = check(broken.data, tmp_path, format)
        assert report.training.errors >= 1
        finding = report.training.findings[0]
        assert (finding.severity, finding.line, finding.code) == ("error", broken.line, broken.code)
        expected = service_error(broken.data, format)
        assert report.job_error == expected
        assert expected is not None
        assert expected.message.endswith(finding.message)
        if broken.line is not None and seen % 5 == 0:
            both = check(GOOD[format], tmp_path, format, "good.jsonl", validation=tmp_path / "data.jsonl")
            assert both.training.errors == 0
            assert both.job_error == service_error(GOOD[format], format, broken.data)

    judged()
    assert seen >= CORPUS_OF_FORMAT


def service_error(training: bytes, format: DatasetFormat, validation: bytes | None = None) -> JobError | None:
    """What the server's own validation makes of the same bytes."""
    model = BASE_MODELS[MODELS.get(format, MODEL)]
    method = METHODS.get(format, "supervised")

    def outlook(name: str, data: bytes) -> FileOutlook:
        report = read_report(BytesIO(data), model.encoding, method)
        return FileOutlook(name, "fine-tune", VirtualTime(0), report, report.syntax_error)

    return first_fault(
        model,
        outlook("data.jsonl", training),
        None if validation is None else outlook("good.jsonl", validation),
        by=VirtualTime(0),
        method=method,
    )


PROMPTS = [{"role": "user", "content": f"How deep is bay {number}?"} for number in range(12)]
ANSWER = {"role": "assistant", "content": "Deep."}


def jsonl(examples: list[Any]) -> bytes:
    return b"".join(json.dumps(example).encode() + b"\n" for example in examples)


GOOD: dict[DatasetFormat, bytes] = {
    "chat": jsonl([{"messages": [prompt, ANSWER]} for prompt in PROMPTS]),
    "preference": jsonl(
        [
            {"input": {"messages": [prompt]}, "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]}
            for prompt in PROMPTS
        ]
    ),
    "reinforcement": jsonl([{"messages": [prompt], "reference": "Deep."} for prompt in PROMPTS]),
    "completion": jsonl([{"prompt": prompt["content"], "completion": " Deep."} for prompt in PROMPTS]),
}


def corpus_over_http(lab: Lab, folder: Path, most: int) -> None:
    @settings(corpus, max_examples=most)
    @given(st.sampled_from(["chat", "preference", "completion"]).flatmap(broken_datasets))
    def judged(broken: BrokenDataset) -> None:
        report = check(broken.data, folder, broken.format)
        file = lab.upload(broken.data)
        job = lab.unbroken.fine_tuning.jobs.create(
            model=MODELS.get(broken.format, MODEL),
            training_file=file,
            method={"type": METHODS.get(broken.format, "supervised")},  # type: ignore[typeddict-item]
        )
        lab.advance(until={"job": job.id, "status": "terminal"})
        error = lab.unbroken.fine_tuning.jobs.retrieve(job.id).error
        assert error is not None
        assert report.job_error == JobError(error.code, error.message, error.param)

    judged()


def test_what_the_check_foretells_a_job_says_over_http(lab: Lab, tmp_path: Path) -> None:
    corpus_over_http(lab, tmp_path, 20)


@pytest.mark.soak
def test_what_the_check_foretells_500_jobs_say_over_http(lab: Lab, tmp_path: Path) -> None:
    corpus_over_http(lab, tmp_path, 500)


@pytest.mark.parametrize("format", FORMATS)
def test_a_good_file_has_no_error(format: DatasetFormat, tmp_path: Path) -> None:
    @settings(corpus, max_examples=30)
    @given(datasets(format))
    def judged(data: bytes) -> None:
        report = check(data, tmp_path, format)
        assert (report.errors, report.job_error) == (0, None)
        assert report.training.statistics.examples == data.count(b"\n")

    judged()


ODD_LINES = [
    b"", b" ", b"\xef\xbb\xbf{}", b"[]", b"{'a': 1}", b"null", b"\xff", b'{"a": 1e999}', b'{"a": "\\ud800"}', b"{}{}",
    b"[" * 100_000, b'{"messages": []}', b'{"messages": [7, {}]}', b'{"messages": [{"role": ["user"]}], "id": 1}',
    b'{"messages": [{"role": "assistant", "content": "\\u003c\\u007cendoftext|\\u003e"}]}',
    b'{"prompt": "a", "completion": "b"}', b'{"input": 1}', b'{"messages": [{"role": "assistant", "content": "a"}]}\r',
]  # fmt: skip
PLAIN = b'{"messages": [{"role": "user", "content": "why|<\\n"}, {"role": "assistant", "content": "a"}]}'


@settings(corpus, max_examples=200)
@given(
    lines=st.lists(st.sampled_from(ODD_LINES) | st.just(PLAIN) | st.binary(max_size=9), max_size=8),
    method=st.sampled_from(get_args(Method)),
)
def test_whatever_is_in_a_file_it_is_judged_as_the_service_does(
    lines: list[bytes], method: Method, tmp_path: Path
) -> None:
    data = b"\n".join(lines)
    path = tmp_path / "data.jsonl"
    path.write_bytes(data)
    report = check_dataset(path, method=method, count_tokens=False).training
    service = read_report(BytesIO(data), "o200k_base", method)
    errors = [finding for finding in report.findings if finding.severity == "error" and finding.line is not None]
    if service.syntax_error is not None:
        said = [finding.message for finding in errors]
        assert service.syntax_error == next(each for each in said if " cannot be parsed. " in each)
        return
    assert report.statistics.examples == service.examples
    assert bool(errors) == (service.defect is not None)
    if service.defect is not None:
        assert (errors[0].line, errors[0].message) == (service.defect.line, service.defect.detail)
    assert all(finding.remedy and finding.rule != "bad_message" for finding in report.findings)


# -- the notebook ------------------------------------------------------------------------------------------------------


def plain(roles: list[str], text: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role in roles]}


COMMON = st.builds(
    plain,
    st.lists(st.sampled_from(["system", "user", "assistant"]), max_size=4).map(lambda roles: [*roles, "assistant"]),
    st.sampled_from(["a", "How deep is the bay?", "é日本"]),
)
"""What both judge, and take for good."""
SPOILS: list[Any] = [
    {},
    {"messages": []},
    {"messages": [PROMPTS[0]]},
    {"messages": [{"content": "a"}, ANSWER]},
    {"messages": [PROMPTS[0], {"role": "assistant"}]},
    {"messages": [PROMPTS[0], {**ANSWER, "role": "sailor"}]},
    {"messages": [PROMPTS[0], {**ANSWER, "mood": 1}]},
    {"messages": [{"role": "user", "content": 7}, ANSWER]},
    {"messages": [{"role": "user", "content": None}, ANSWER]},
]
"""What both judge, and take for bad."""


@settings(corpus, max_examples=100)
@given(good=st.lists(COMMON, min_size=10, max_size=14), spoilt=st.none() | st.sampled_from(SPOILS))
def test_the_check_and_the_notebook_agree_where_both_judge(good: list[Any], spoilt: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(jsonl(good if spoilt is None else [*good, spoilt]))
    report, said = check_dataset(path, model=MODEL, count_tokens=False), notebook.look(path)
    assert bool(report.errors) == bool(said.errors) == (spoilt is not None)
    assert report.training.statistics.examples == said.examples
    if spoilt is None:
        statistics = report.training.statistics
        assert (statistics.missing_system, statistics.missing_user) == (said.missing_system, said.missing_user)


def test_the_numbers_of_a_good_file_are_the_notebook_s(tmp_path: Path) -> None:
    """Its tokens of an example are two more than are billed, for it counts the role of the answer to come, and the
    three tokens of each message that stand in the place of four; ours are those that are billed."""
    from mocktune.dataset_engine.tokenizer import count

    path = tmp_path / "marv.jsonl"
    # A number makes the notebook stumble.
    path.write_bytes(MARV.replace(b', "weight": 0', b"").replace(b', "weight": 1', b""))
    said = notebook.look(path, lambda text: count(text, "o200k_base"))
    report = check_dataset(path, model=MODEL)
    statistics = report.training.statistics
    for ours, theirs in (
        (statistics.messages_per_example, said.messages),
        (statistics.assistant_tokens_per_example, said.assistant_tokens),
        (statistics.total_tokens_per_example, [tokens - 2 for tokens in said.tokens]),
    ):
        assert ours is not None
        found = (ours.min, ours.max, ours.mean, ours.median, ours.p5, ours.p95)
        assert found == pytest.approx(notebook.distribution(theirs))
    assert report.prices[0].n_epochs == said.epochs
    assert report.prices[0].billed_tokens == sum(said.tokens) - 2 * said.examples
