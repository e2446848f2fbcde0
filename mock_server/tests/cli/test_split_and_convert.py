"""``mocktune split`` and ``mocktune convert``: the files they write, what they say of it, and what they refuse."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mocktune.cli.convert import TargetOption, convert
from mocktune.cli.split import split

MARV = (files("mocktune") / "data" / "marv.jsonl").read_bytes()
"""Forty examples."""


class Ended(NamedTuple):
    exit_code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(command: Callable[..., None], *arguments: Any, **options: Any) -> Ended:
        exit_code = 0
        try:
            command(*arguments, **options)
        except SystemExit as ended:
            exit_code = int(ended.code or 0)
        out, err = capfd.readouterr()
        return Ended(exit_code, out, err)

    return call


@pytest.fixture(autouse=True)
def _handlers_of_signals_are_put_back() -> Iterator[None]:
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def lines(path: str) -> list[bytes]:
    return Path(path).read_bytes().splitlines(keepends=True)


# -- split -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("valid", "validation"), [("10%", 4), ("0.25", 10), ("7", 7), ("1", 1)])
def test_a_dataset_is_divided_by_a_share_or_a_number(run: Run, valid: str, validation: int) -> None:
    Path("marv.jsonl").write_bytes(MARV)
    ended = run(split, "marv.jsonl", valid=valid)
    assert (ended.exit_code, ended.err) == (0, "")
    told = f"{validation} {'example' if validation == 1 else 'examples'}, {validation / 40:.1%}"
    assert ended.out == f"marv.train.jsonl  {40 - validation} examples\nmarv.valid.jsonl  {told}\n"
    assert len(lines("marv.valid.jsonl")) == validation
    assert sorted(lines("marv.train.jsonl") + lines("marv.valid.jsonl")) == sorted(MARV.splitlines(keepends=True))


def test_what_is_there_is_kept_unless_it_is_to_be_written_over(run: Run) -> None:
    Path("marv.jsonl").write_bytes(MARV)
    Path("out.jsonl").write_text("mine")
    ended = run(split, "marv.jsonl", valid_out="out.jsonl")
    assert ended == (2, "", "mocktune: 'out.jsonl' is there already; --force writes over it\n")
    assert Path("out.jsonl").read_text() == "mine"
    assert run(split, "marv.jsonl", valid_out="out.jsonl", force=True).exit_code == 0
    assert len(lines("out.jsonl")) == 4
    again = run(split, "marv.jsonl", valid_out="other.jsonl", force=True, seed=1)
    assert again.exit_code == 0
    assert lines("other.jsonl") != lines("out.jsonl")


def test_a_training_file_that_gets_too_small_is_told(run: Run) -> None:
    Path("few.jsonl").write_bytes(b"".join(MARV.splitlines(keepends=True)[:12]))
    assert run(split, "few.jsonl", valid="25%").out.endswith(
        "A training file needs at least 10 examples: give fewer to validation.\n"
    )


@pytest.mark.parametrize(
    ("options", "exit_code", "why"),
    [
        ({"valid": "ten"}, 2, "--valid: 'ten' is no part of the examples, such as 10%, and no number of them"),
        ({"valid": "100%"}, 2, "--valid: '100%' is no part"),
        ({"valid": "-1"}, 2, "--valid: '-1' is no part"),
        ({"valid": "nan"}, 2, "--valid: 'nan' is no part"),
        ({"valid": "0"}, 2, "--valid: at least one example"),
        ({"valid": "40"}, 1, "40 of 40 examples for validation leave none to train on"),
        ({"train_out": "marv.jsonl", "force": True}, 2, "would be written over what is read"),
        ({"train_out": "a.jsonl", "valid_out": "./a.jsonl"}, 2, "are the same file"),
        ({"train_out": "no/a.jsonl"}, 2, "there is no folder for 'no/a.jsonl'"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(
    run: Run, options: dict[str, Any], exit_code: int, why: str
) -> None:
    Path("marv.jsonl").write_bytes(MARV)
    ended = run(split, "marv.jsonl", **options)
    assert (ended.exit_code, ended.out) == (exit_code, "")
    assert why in ended.err
    assert os.listdir() == ["marv.jsonl"]
    assert Path("marv.jsonl").read_bytes() == MARV


# -- convert -----------------------------------------------------------------------------------------------------------


def test_a_table_becomes_a_file_beside_it_and_what_was_done_is_told(run: Run) -> None:
    Path("my faq.csv").write_text("id;Question;Answer\n1;Why? ->;Because.\n2;How? ->;So.\n")
    ended = run(convert, "my faq.csv", system="Be brief.")
    assert (ended.exit_code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "my faq.jsonl  2 examples, chat",
        "  from prompt: Question, completion: Answer",
        "  not used: id",
        "  taken off the end of prompts: ' ->' (--keep-ends keeps it)",
        "Look at it with: mocktune check 'my faq.jsonl'",
    ]
    assert [message["content"] for message in json.loads(lines("my faq.jsonl")[1])["messages"]] == [
        "Be brief.", "How?", "So.",
    ]  # fmt: skip


def test_a_dataset_keeps_its_name_with_the_format_behind_it(run: Run) -> None:
    Path("old.jsonl").write_text('{"prompt":"a","completion":"b"}\n')
    assert run(convert, "old.jsonl").out.startswith("old.chat.jsonl  1 example, chat\n")
    Path("pairs.jsonl").write_text('{"prompt":"a","chosen":"b","rejected":"c","answer":"d"}\n')
    assert run(convert, "pairs.jsonl").out.startswith("pairs.preference.jsonl  1 example, preference\n")
    assert run(convert, "pairs.jsonl", to=TargetOption.chat).out.startswith("pairs.chat.jsonl  1 example, chat\n")


def test_columns_signs_and_encodings_are_named(run: Run) -> None:
    Path("data.txt").write_bytes("f~b\u00fc~s\nq~a\u00fc~kind\n".replace("~", "\t").encode("cp1252"))
    ended = run(
        convert, "data.txt", out="o.jsonl", prompt=["f"], completion=["b\u00fc"], system_column=["s"],
        delimiter="TAB", encoding="cp1252",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.err
    assert [message["content"] for message in json.loads(lines("o.jsonl")[0])["messages"]] == ["kind", "q", "a\u00fc"]


def test_on_stdout_there_are_nothing_but_examples_and_nothing_is_left_behind(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    Path("faq.csv").write_text("prompt,completion\na,b\n")
    ended = run(convert, "faq.csv", out="-")
    assert json.loads(ended.out) == {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    }
    assert ended.err.startswith("stdout  1 example, chat\n")
    assert os.listdir() == ["faq.csv"]
    assert os.listdir(temporary) == []


def test_bad_rows_are_told_with_their_places_and_end_the_command_unless_skipped(run: Run) -> None:
    rows = "".join(f"q{n},\n" for n in range(25))
    Path("faq.csv").write_text(f"prompt,completion\na,b\n{rows}")
    ended = run(convert, "faq.csv")
    told = ended.err.splitlines()
    assert ended.exit_code == 1
    assert told[0] == "faq.csv:3: its completion is empty"
    assert told[19:] == [
        "faq.csv:22: its completion is empty",
        "and 5 more bad rows",
        "mocktune: nothing was written; mend the rows, or leave them out with --skip-bad",
    ]
    assert os.listdir() == ["faq.csv"]
    skipped = run(convert, "faq.csv", skip_bad=True)
    assert skipped.exit_code == 0
    assert skipped.out.startswith("faq.jsonl  1 example, chat; 25 bad rows left out\n")


@pytest.mark.parametrize(
    ("content", "options", "exit_code", "why"),
    [
        ("a,b\nc,d\n", {}, 1, "'faq.csv': no column is called prompt, question"),
        ("prompt,completion\na,b\n", {"delimiter": "ab"}, 2, "--delimiter: one sign, or TAB"),
        ("prompt,completion\na,b\n", {"encoding": "utf-99"}, 1, "there is no encoding 'utf-99'"),
        ("prompt,completion\na,b\n", {"out": "faq.csv", "force": True}, 2, "would be written over what is read"),
        ("prompt,completion\na,b\n", {"out": "no/faq.jsonl"}, 2, "there is no folder for"),
    ],
)
def test_what_cannot_be_converted_is_told_and_nothing_is_written(
    run: Run, content: str, options: dict[str, Any], exit_code: int, why: str
) -> None:
    Path("faq.csv").write_text(content)
    ended = run(convert, "faq.csv", **options)
    assert (ended.exit_code, ended.out) == (exit_code, "")
    assert why in ended.err
    assert os.listdir() == ["faq.csv"]
