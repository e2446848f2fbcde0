"""The numbers of a check, however the file is read: in one process or in several, in memory or on disk."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from array import array
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocktune.domain.models import BASE_MODELS
from mocktune.testing.strategies import broken_datasets, datasets
from mocktune_client.dataset import Distribution, check_dataset, checking
from mocktune_client.dataset.repeats import Kind, Repeats
from mocktune_client.dataset.tallies import MAX_BUCKETS, Tally
from mocktune_client.dataset.workers import COMMAND, Workers

from .lab import MARV, MODEL, Lab, fixtures

server, lab = fixtures("files.processing=1s", "job.training=1s")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are cut after every some hundred bytes."""
    monkeypatch.setattr(checking, "PART_BYTES", 300)


@pytest.fixture
def marv(tmp_path: Path) -> Path:
    path = tmp_path / "marv.jsonl"
    path.write_bytes(MARV)
    return path


# -- statistics and prices ---------------------------------------------------------------------------------------------


def test_tokens_and_price_are_those_of_the_job(lab: Lab, marv: Path) -> None:
    """Billed tokens and epochs come true; so does the price, which is a product of them."""
    job = lab.unbroken.fine_tuning.jobs.create(model=MODEL, training_file=lab.upload())
    lab.advance(until={"job": job.id, "status": "terminal"})
    job = lab.unbroken.fine_tuning.jobs.retrieve(job.id)
    price = check_dataset(marv, model=MODEL).prices[0]
    assert (price.model, price.trained_tokens) == (job.model, job.trained_tokens)
    assert price.n_epochs == job.method.supervised.hyperparameters.n_epochs  # type: ignore[union-attr]
    assert price.usd == pytest.approx(3.0 * price.trained_tokens / 1_000_000)
    assert price.usd_per_hour is None


def test_a_report_has_every_model_that_fits_and_the_asked_one_first(marv: Path) -> None:
    report = check_dataset(marv, model="gpt-4.1", n_epochs=2)
    chat = {model.id for model in BASE_MODELS.values() if "supervised" in model.methods and model.id[0] == "g"}
    assert {price.model for price in report.prices} == chat
    assert report.prices[0].model == "gpt-4.1-2025-04-14"
    assert {price.n_epochs for price in report.prices} == {2}
    assert report.priced_on == "2026-11-22"
    # The older models have another encoding, and so another number of tokens.
    tokens = {price.model: price.billed_tokens for price in report.prices}
    assert tokens["gpt-4o-2024-08-06"] == report.training.statistics.total_tokens
    assert tokens["gpt-4-0613"] == check_dataset(marv, model="gpt-4").training.statistics.total_tokens
    assert tokens["gpt-4-0613"] != tokens["gpt-4o-2024-08-06"]
    assert [price.model for price in report.prices if price.assumed_price] == ["gpt-4-0613"]


def test_time_that_is_billed_has_a_price_an_hour(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    prompts = [{"messages": [{"role": "user", "content": f"{n}?"}], "answer": n} for n in range(10)]
    path.write_text("".join(json.dumps(each) + "\n" for each in prompts))
    (price,) = check_dataset(path).prices
    assert (price.model, price.usd, price.usd_per_hour, price.n_epochs) == ("o4-mini-2025-04-16", None, 100.0, 2)


def test_statistics_are_of_the_good_examples(marv: Path) -> None:
    good = check_dataset(marv).training
    marv.write_bytes(b'{"messages": []}\n' + MARV + b"ahoy\n\n")
    bad = check_dataset(marv).training
    assert bad.statistics == replace(
        good.statistics,
        examples=41,
        faulty_examples=1,
        first_example={"messages": []},
        sha256=hashlib.sha256(marv.read_bytes()).hexdigest(),
    )


def test_without_tokens_everything_else_is_told(marv: Path) -> None:
    whole, quick = check_dataset(marv), check_dataset(marv, count_tokens=False)
    assert quick.prices == ()
    assert quick.training.findings == whole.training.findings
    none = {"total_tokens_per_example": None, "assistant_tokens_per_example": None}
    assert quick.training.statistics == replace(whole.training.statistics, total_tokens=0, assistant_tokens=0, **none)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=60))
def test_a_distribution_is_of_all_numbers(numbers: list[int]) -> None:
    tally = Tally()
    for start in range(0, len(numbers), 7):
        tally.add(numbers[start : start + 7])
    found = tally.distribution()
    assert found is not None
    assert (found.count, found.max) == (len(numbers), max(numbers))
    assert found.mean == sum(numbers) / len(numbers)
    ordered = sorted(numbers)
    for part, value in ((0.05, found.p5), (0.5, found.median), (0.95, found.p95)):
        place = part * (len(ordered) - 1)
        below, above = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
        assert value == pytest.approx(below + (above - below) * (place % 1), rel=1 / 4096, abs=1e-9)
    assert len(found.buckets) <= MAX_BUCKETS
    assert sum(count for _, _, count in found.buckets) == len(numbers)
    assert found.buckets[0][0] <= found.min <= found.buckets[0][1]
    assert found.buckets[-1][0] <= found.max <= found.buckets[-1][1]
    assert all(below[1] + 1 == above[0] for below, above in zip(found.buckets, found.buckets[1:], strict=False))


def test_few_numbers_have_a_bucket_each() -> None:
    tally = Tally()
    assert tally.distribution() is None
    tally.add([3, 3, 5])
    expected = Distribution(3, 3, 5, 11 / 3, 3, 3, 4.8, ((3, 3, 2), (4, 4, 0), (5, 5, 1)))
    assert tally.distribution() == replace(expected, p95=pytest.approx(4.8))  # type: ignore[arg-type]


# -- however it is read ------------------------------------------------------------------------------------------------


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    data=st.lists(
        datasets("chat", images=True).map(lambda data: data.splitlines())
        | broken_datasets("chat").map(lambda broken: broken.data.splitlines())
        | st.sampled_from([[b""], [b"", b" "], [b"ahoy"]]),
        max_size=3,
    ),
    part_bytes=st.sampled_from([1, 50, 700]),
)
def test_however_a_file_is_cut_it_has_one_report(data: list[list[bytes]], part_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join(line for lines in data for line in lines))
    whole = check_dataset(path, validation=path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "PART_BYTES", part_bytes)
        assert check_dataset(path, validation=path) == whole


@pytest.mark.usefixtures("small_parts")
def test_two_processes_say_what_one_says(marv: Path, tmp_path: Path) -> None:
    """Hashes, too, although each process has its own of other programs."""
    lines = MARV.splitlines(keepends=True)
    marv.write_bytes(b"".join([*lines, b'{"messages": []}\n', lines[3], b"\n" * 700, b"ahoy\n", *lines[:2]]))
    other = tmp_path / "valid.jsonl"
    other.write_bytes(b"".join(lines[:5]))
    done: list[tuple[int, int]] = []
    alone = check_dataset(marv, validation=other, processes=1)
    both = check_dataset(marv, validation=other, processes=2, on_progress=lambda *told: done.append(told))
    assert both == alone
    assert both.training.counts == {"no_messages": 1, "blank_line": 700, "not_json": 1, "duplicate_example": 3}
    assert both.training.findings[-4].message.endswith("(char 0) (line 743)")
    assert both.validation is not None
    assert both.validation.counts == {"in_both_files": 5}
    size = marv.stat().st_size + other.stat().st_size
    assert done[0] == (0, size)
    assert done[-1] == (size, size)
    assert done == sorted(done)
    assert len(done) > 10


class Stopped(Exception):
    pass


@pytest.mark.usefixtures("small_parts")
def test_workers_end_with_the_check_and_one_that_fails_is_done_without(
    marv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Workers] = []

    def watched(most: int) -> Workers:
        started.append(Workers(most, *commands))
        return started[-1]

    def stop(done_bytes: int, size_bytes: int) -> None:
        if done_bytes:
            raise Stopped

    monkeypatch.setattr(checking, "Workers", watched)
    commands: list[Any] = [COMMAND]
    with pytest.raises(Stopped):
        check_dataset(marv, processes=2, on_progress=stop)
    assert started[0]._all
    assert all(process.poll() is not None for process in started[0]._all)
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name and thread.is_alive()]
    commands = [(sys.executable, "-c", "pass")]
    assert check_dataset(marv, processes=2) == check_dataset(marv, processes=1)
    commands = [("/nowhere/python",)]
    assert check_dataset(marv, processes=2).errors == 0


def test_a_line_that_never_ends_is_told_and_what_follows_it_is_read(tmp_path: Path, marv: Path) -> None:
    path = tmp_path / "data.jsonl"
    with path.open("wb") as file:
        file.write(MARV + b'{"messages": [{"role": "user", "content": "')
        for _ in range(17):
            file.write(b"x" * (1 << 20))
        file.write(b'"}]}\n{"messages": []}\n')
    report = check_dataset(path, count_tokens=False)
    assert [(finding.rule, finding.line) for finding in report.training.findings] == [
        ("line_too_long", 41), ("no_messages", 42)
    ]  # fmt: skip


def test_nesting_at_the_edge_of_what_can_be_read_breaks_nothing(tmp_path: Path) -> None:
    """Writing an example takes more of the stack than reading it did."""
    path = tmp_path / "data.jsonl"
    counts = set()
    for depth in range(900, 1001):
        deep = '{"a":' * depth + "1" + "}" * depth
        tools = f'"tools":[{{"type":"function","function":{{"name":"n","parameters":{deep}}}}}]'
        good = f'{{"messages":[{{"role":"user","content":"q"}},{{"role":"assistant","content":"a"}}],{tools}}}'
        path.write_text(f'{good}\n{good}\n{good[:-1]},"id":1}}\n')
        counts.add(tuple(sorted(check_dataset(path, count_tokens=False).training.counts)))
    assert counts == {("duplicate_example", "extra_key", "too_few_examples"), ("not_json", "too_few_examples")}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_is_checked_as_a_file(tmp_path: Path, marv: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(MARV,))
    writer.start()
    try:
        report = check_dataset(pipe)
    finally:
        writer.join()
    assert report.training.path == str(pipe)
    assert report.training.statistics == check_dataset(marv).training.statistics


def test_what_cannot_be_read_is_an_os_error(tmp_path: Path, marv: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_dataset(tmp_path / "nowhere.jsonl")
    with pytest.raises(IsADirectoryError):
        check_dataset(tmp_path)
    with pytest.raises(FileNotFoundError):
        check_dataset(marv, validation=tmp_path / "nowhere.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    report = check_dataset(empty)
    assert (report.training.counts, report.prices) == ({"too_few_examples": 1}, ())


# -- repeats -----------------------------------------------------------------------------------------------------------

KINDS: tuple[Kind, ...] = ("duplicate_example", "in_both_files", "conflicting_answers", "prompt_in_both_files")


def repeated(records: list[tuple[int, int, int]], **limits: int) -> dict[Any, Any]:
    with Repeats(**limits) as repeats:
        for start in range(0, len(records), 5):
            columns = zip(*records[start : start + 5], strict=True)
            repeats.add(*(array("q", column) for column in columns))
        found = repeats.find(3)
    return {
        (kind, validation): (found.of(kind, validation=validation).count, list(found.of(kind, validation=validation)))
        for kind in KINDS
        for validation in (False, True)
    }


def test_repeats_on_disk_are_those_in_memory() -> None:
    draw = Random(7)
    records = [
        (sign * n, draw.choice([0, -3, 9, n]), draw.choice([5, 6 * sign, 10_000 + n]))
        for sign in (1, -1)
        for n in range(1, 90)
    ]
    records = [(line, prompt, hash((prompt, example))) for line, prompt, example in records]
    memory = repeated(records)
    assert repeated(records, memory_bytes=64, share=4) == memory
    assert all(count for count, _ in (memory[kind, True] for kind in KINDS))
    assert all(lines == sorted(lines, key=lambda repeat: abs(repeat.line))[:3] for _, lines in memory.values())


GROWTH = """
import sys
from pathlib import Path
from mocktune_client.dataset import check_dataset

def memory_kb(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))

check_dataset(sys.argv[1])
before = memory_kb("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
report = check_dataset(sys.argv[2], processes=1)
print(memory_kb("VmHWM") - before, report.training.statistics.examples, report.warnings)
"""


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_gigabyte_is_checked_in_bounded_memory(tmp_path: Path, marv: Path) -> None:
    """Short examples, which have the most hashes, half of them duplicates. The tokenizer's tables are not counted."""
    path = tmp_path / "big.jsonl"
    example = b'{"messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"%d"}]}\n'
    number = 0
    with path.open("wb") as file:
        while file.tell() < 1 << 30:
            file.write(b"".join(example % (n // 2, n // 2) for n in range(number, number + 20_000)))
            number += 20_000
    out = subprocess.check_output([sys.executable, "-c", GROWTH, str(marv), str(path)], text=True)
    growth_kb, examples, warnings = map(int, out.split())
    assert (examples, warnings) == (number, number // 2)
    assert growth_kb < 64 << 10
