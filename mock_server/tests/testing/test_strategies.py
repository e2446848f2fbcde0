"""``mocktune.testing.strategies``: what they draw is what they say it is, by the word of the server itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from asking import App
from hypothesis import find, given, settings
from hypothesis import strategies as st

from mocktune.testing import strategies
from mocktune.testing.strategies import (
    BrokenDataset,
    BrokenJobRequest,
    DatasetFormat,
    broken_datasets,
    broken_job_requests,
    datasets,
    job_requests,
    scenarios,
)
from mocktune.testing.strategies.broken_datasets import names_of
from mocktune.testing.strategies.jobs import GRADER, METHODS, MODELS

FORMATS: tuple[DatasetFormat, ...] = ("chat", "preference", "reinforcement", "completion")
JOBS: dict[DatasetFormat, dict[str, object]] = {
    "chat": {"model": "gpt-4o-2024-08-06"},
    "preference": {"model": MODELS["dpo"], "method": {"type": "dpo"}},
    "reinforcement": {
        "model": MODELS["reinforcement"],
        "method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
    },
    "completion": {"model": "davinci-002"},
}


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = App()
    yield app
    app.close()


def finished(app: App, data: bytes, format: DatasetFormat) -> dict[str, object]:
    """The job of a file, when it is validated or failed."""
    file = app.upload(data)["id"]
    job = app.post("/v1/fine_tuning/jobs", {"training_file": file, **JOBS[format]})["id"]
    until = {"until": {"job": job, "status": "queued"}}
    assert app.post("/_mocktune/clock/advance", until).status == 200
    answer: dict[str, object] = app.get(f"/v1/fine_tuning/jobs/{job}").json()
    return answer


@pytest.mark.parametrize("format", FORMATS)
def test_jobs_are_trained_on_the_datasets(app: App, format: DatasetFormat) -> None:
    @settings(max_examples=6, deadline=None)
    @given(datasets(format, images=True))
    def holds(data: bytes) -> None:
        assert 10 <= data.count(b"\n") <= 30
        assert finished(app, data, format)["status"] == "queued"

    holds()


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_dataset_fails_its_job_as_it_says(app: App, format: DatasetFormat) -> None:
    @settings(max_examples=12, deadline=None)
    @given(broken_datasets(format))
    def holds(broken: BrokenDataset) -> None:
        job = finished(app, broken.data, format)
        error = job["error"]
        assert isinstance(error, dict)
        assert (job["status"], error["code"], error["param"]) == ("failed", broken.code, "training_file")
        if broken.line is not None:
            assert f"Example {broken.line}" in error["message"]

    holds()


def test_a_broken_dataset_shrinks_to_a_small_file() -> None:
    quickly = settings(max_examples=30, derandomize=True, database=None, deadline=None)
    smallest = find(broken_datasets("completion"), lambda broken: broken.line is not None, settings=quickly)
    assert (smallest.line, smallest.data.count(b"\n")) == (2, 10)
    assert len(smallest.data) < 1000


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_only_the_wanted_defects_are_drawn(format: DatasetFormat, data: st.DataObject) -> None:
    defect = data.draw(st.sampled_from(names_of(format)))
    broken = data.draw(broken_datasets(format, defects={defect}))
    assert (broken.defect, broken.line is None) == (defect, defect == "too_few_examples")


def test_options_leave_out_what_is_not_wanted() -> None:
    plain = datasets("chat", tools=False, weights=False, names=False, unicode=False, min_examples=2, max_examples=2)

    @settings(max_examples=20, deadline=None)
    @given(plain)
    def holds(data: bytes) -> None:
        assert data.count(b"\n") == 2
        assert not any(word in data for word in (b'"tool', b'"function', b'"weight"', b'"name"', b"image_url", b"\\u"))
        assert data.isascii()

    holds()


def test_options_are_what_is_drawn_without_them() -> None:
    seen: list[bytes] = []

    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(datasets("chat", images=True))
    def collect(data: bytes) -> None:
        seen.append(data)

    collect()
    for word in (b'"tool_calls"', b'"weight": 0', b'"name"', b"image_url", b"\\u"):
        assert any(word in each for each in seen), word


def test_a_job_request_is_taken(app: App) -> None:
    file = app.upload(find(datasets("chat"), lambda data: True))["id"]

    @settings(max_examples=30, deadline=None)
    @given(job_requests(file, validation_file=file, methods=METHODS))
    def holds(arguments: dict[str, object]) -> None:
        answer = app.post("/v1/fine_tuning/jobs", arguments)
        assert answer.status == 200, answer.body

    holds()


def test_a_broken_job_request_is_refused_with_what_it_names(app: App) -> None:
    file = app.upload(find(datasets("chat"), lambda data: True))["id"]

    @settings(max_examples=50, deadline=None)
    @given(broken_job_requests(file))
    def holds(broken: BrokenJobRequest) -> None:
        answer = app.post("/v1/fine_tuning/jobs", broken.arguments)
        error = answer["error"]
        assert (answer.status, error["param"], error["code"]) == (400, broken.param, broken.code), error

    holds()


@settings(max_examples=30, deadline=None)
@given(document=scenarios(faults=True))
def test_a_scenario_is_taken(app: App, document: dict[str, object]) -> None:
    answer = app.ask("PUT", "/_mocktune/scenario", {"document": document}, key="sk-worlds")
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: datasets(min_examples=0), "at least 1 example"),
        (lambda: datasets(min_examples=5, max_examples=4), "5..4"),
        (lambda: broken_datasets("completion", defects={"missing_role"}), "a completion file has no such defect"),
        (lambda: broken_datasets(min_examples=1), "2 lines or more"),
        (lambda: job_requests("file-1", methods=()), "at least one method"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(made: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made()  # type: ignore[operator]


def test_the_same_is_drawn_again() -> None:
    def drawn() -> list[bytes]:
        found: list[bytes] = []

        @settings(max_examples=5, derandomize=True, database=None, deadline=None)
        @given(st.one_of([datasets(each) for each in FORMATS]))
        def collect(data: bytes) -> None:
            found.append(data)

        collect()
        return found

    assert drawn() == drawn()


def test_without_hypothesis_the_extra_is_named() -> None:
    """And the harness does not import it."""
    program = (
        "import sys; import mocktune.testing; assert 'hypothesis' not in sys.modules\n"
        "sys.modules['hypothesis'] = None\n"
        "try:\n    import mocktune.testing.strategies\n"
        "except ImportError as error:\n    print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ))
    assert ran.stdout.strip() == "mocktune.testing.strategies needs Hypothesis: install mocktune[testing]", ran.stderr


def test_what_is_public_is_named() -> None:
    assert all(getattr(strategies, name) for name in strategies.__all__)
