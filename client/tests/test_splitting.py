"""``split_dataset``: nothing is asked on both sides, nothing is lost, and only question and seed decide."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocktune_client.dataset import check_dataset
from mocktune_client.dataset.splitting import Split, SplitError, prompt_of, split_dataset


def chat(question: str, answer: str = "Yes.", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


class Folder:
    def __init__(self, path: Path) -> None:
        self.source = path / "data.jsonl"
        self.training = path / "train.jsonl"
        self.validation = path / "valid.jsonl"

    def split(self, lines: Iterable[dict[str, Any] | bytes], **wanted: Any) -> Split:
        rows = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        self.source.write_bytes(b"".join(row + b"\n" for row in rows))
        wanted = wanted if "count" in wanted else {"share": 0.1, **wanted}
        return split_dataset(self.source, self.training, self.validation, **wanted)

    @property
    def sides(self) -> tuple[list[bytes], list[bytes]]:
        return self.training.read_bytes().splitlines(), self.validation.read_bytes().splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def prompts(lines: Sequence[bytes]) -> set[bytes]:
    return {prompt_of(json.loads(line)) for line in lines}


@pytest.mark.parametrize(("examples", "share", "validation"), [(2, 0.1, 1), (40, 0.1, 4), (1000, 0.25, 250)])
def test_a_share_is_met_to_the_example_where_all_ask_different_things(
    folder: Folder, examples: int, share: float, validation: int
) -> None:
    done = folder.split((chat(f"question {n}") for n in range(examples)), share=share)
    assert done == Split(examples - validation, validation)
    assert tuple(map(len, folder.sides)) == (done.training, done.validation)


def test_lines_keep_their_bytes_and_their_order(folder: Folder) -> None:
    rows = [json.dumps(chat(f"Grüße {n}"), ensure_ascii=n % 2 == 0, indent=None).encode() + b" " for n in range(50)]
    folder.split(rows, count=7)
    training, validation = folder.sides
    assert sorted(training + validation) == sorted(rows)
    for side in (training, validation):
        assert side == [row for row in rows if row in side]
    assert {path.name for path in folder.source.parent.iterdir()} == {"data.jsonl", "train.jsonl", "valid.jsonl"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xy")), max_size=40),
    share=st.sampled_from([0.05, 0.3, 0.9]),
    seed=st.integers(0, 3),
)
def test_whatever_is_asked_how_often_no_question_is_on_both_sides_and_no_side_is_empty(
    folder: Folder, asked: list[tuple[str, str]], share: float, seed: int
) -> None:
    lines = [chat(question, answer) for question, answer in asked]
    if len({question for question, _ in asked}) < 2:
        with pytest.raises(SplitError):
            folder.split(lines, share=share, seed=seed)
        return
    done = folder.split(lines, share=share, seed=seed)
    training, validation = folder.sides
    assert not prompts(training) & prompts(validation)
    assert (len(training), len(validation)) == (done.training, done.validation)
    assert done.training + done.validation == len(asked)
    assert training
    assert validation


def test_the_check_finds_nothing_that_is_in_both_files(folder: Folder) -> None:
    """What it would warn of, were the file cut anywhere."""
    folder.split([chat(f"question {n % 40}", f"answer {n % 3}") for n in range(120)], share=0.25)
    report = check_dataset(folder.training, validation=folder.validation)
    assert report.validation
    assert {"in_both_files", "prompt_in_both_files"}.isdisjoint(report.validation.counts)
    assert report.training.counts["conflicting_answers"] > 0


def test_preferences_prompts_and_completions_are_told_apart_by_what_they_ask(folder: Folder) -> None:
    asked = {"messages": [{"role": "user", "content": "Hello?"}]}
    rows: list[dict[str, Any]] = []
    for number in range(40):
        output = [{"role": "assistant", "content": str(number)}]
        question = {"messages": [{"role": "user", "content": f"question {number % 10}"}]}
        rows.append({"input": question, "preferred_output": output, "non_preferred_output": output})
    folder.split(rows, share=0.3)
    training, validation = folder.sides
    assert len(validation) == 12
    assert not prompts(training) & prompts(validation)
    # One question, whatever the answer, the reference, or the place of the keys.
    assert prompt_of({"prompt": "a", "completion": "b"}) == prompt_of({"completion": "c", "prompt": "a"})
    assert prompt_of({**asked, "reference": "1"}) == prompt_of({"reference": "2", **asked})
    assert prompt_of(chat("a", "b")) == prompt_of(chat("a", "c")) != prompt_of(chat("a", "b", tools=[]))
    # What asks nothing is its own question.
    assert prompt_of({"prompt": "", "completion": "b"}) != prompt_of({"prompt": "", "completion": "c"})


def test_the_same_seed_divides_in_the_same_way_and_another_in_another(folder: Folder) -> None:
    lines = [chat(f"question {n}") for n in range(100)]
    found = []
    for seed in (5, 5, 6):
        folder.split(lines, seed=seed)
        found.append(folder.sides[1])
    assert found[0] == found[1] != found[2]


def test_examples_that_are_added_hardly_move_the_others(folder: Folder) -> None:
    lines = [chat(f"question {n}") for n in range(1000)]
    folder.split(lines)
    before = set(folder.sides[1])
    folder.split([*(chat(f"new {n}") for n in range(50)), *lines])
    after = set(folder.sides[1])
    assert len(before - after) <= 10  # of 100; drawn anew, 90 would move


def test_a_question_that_is_asked_more_often_than_validation_has_room_for_is_trained(folder: Folder) -> None:
    for seed in range(8):
        done = folder.split(
            [*(chat("again", str(n)) for n in range(90)), *(chat(str(n)) for n in range(10))], seed=seed
        )
        assert done == Split(91, 9) or done == Split(90, 10)


def test_a_line_end_is_no_example_and_one_is_put_where_there_is_none(folder: Folder) -> None:
    folder.source.write_bytes(b"\n".join(json.dumps(chat(str(n))).encode() for n in range(4)) + b"\r\n\n \n\n")
    split_dataset(folder.source, folder.training, folder.validation, count=1)
    training, validation = folder.sides
    assert len(training) == 3
    assert len(validation) == 1
    assert folder.training.read_bytes().endswith(b"}\n") or folder.validation.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize(
    ("lines", "wanted", "why"),
    [
        ([], {}, "0 example"),
        ([chat("a")], {}, "1 example"),
        ([chat("a"), chat("a", "b")], {}, "ask the same"),
        ([chat("a"), chat("b")], {"count": 2}, "leave none to train on"),
        ([chat("a"), b"{", chat("b")], {}, "line 2 is no JSON: Expecting property name"),
        ([chat("a"), b"[1]"], {}, "line 2 is no JSON object"),
        ([chat("a"), b" ", chat("b")], {}, "line 2 is blank"),
        ([chat("a"), b"\xff", chat("b")], {}, "line 2 is no JSON: Invalid UTF-8"),
        ([chat("a"), b'"' + b"x" * (17 << 20)], {}, "line 2 is longer than 16777216 bytes"),
    ],
    ids=["none", "one", "one-question", "all", "broken", "no-object", "blank", "no-utf8", "too-long"],
)
def test_what_cannot_be_divided_is_told_with_its_line_and_nothing_is_written(
    folder: Folder, lines: list[Any], wanted: dict[str, Any], why: str
) -> None:
    folder.training.write_text("as it was")
    with pytest.raises(SplitError, match=why):
        folder.split(lines, **wanted)
    assert folder.training.read_text() == "as it was"
    assert {path.name for path in folder.source.parent.iterdir()} == {"data.jsonl", "train.jsonl"}


def test_memory_does_not_grow_with_the_file(folder: Folder) -> None:
    with folder.source.open("wb") as file:
        for number in range(24_000):
            file.write(json.dumps(chat(f"{number} " + "x" * 1000)).encode() + b"\n")
    done_bytes: list[int] = []
    tracemalloc.start()
    try:
        split_dataset(
            folder.source, folder.training, folder.validation, share=0.1, on_progress=lambda n, _: done_bytes.append(n)
        )
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert folder.source.stat().st_size > 24 << 20
    assert peak_bytes < 8 << 20
    assert done_bytes == sorted(done_bytes)
    assert done_bytes[-1] == folder.source.stat().st_size
