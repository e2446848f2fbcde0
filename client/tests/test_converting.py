"""``convert_dataset``: rows of tables and of other datasets as examples that the service's rulebook takes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mocktune_client.dataset import check_dataset
from mocktune_client.dataset.converting import BadRow, BadRows, Columns, Converted, Ends, convert_dataset
from mocktune_client.dataset.tables import ConvertError


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.out = path / "out.jsonl"

    def convert(self, content: str | bytes, name: str = "data.csv", **options: Any) -> Converted:
        self.path.joinpath(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return convert_dataset(self.path / name, self.out, **options)

    @property
    def examples(self) -> list[Any]:
        return [json.loads(line) for line in self.out.read_text("utf-8").splitlines()]

    @property
    def texts(self) -> list[list[str]]:
        """What is said in each example."""
        return [[message["content"] for message in example["messages"]] for example in self.examples]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def jsonl(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def test_a_table_becomes_chat_by_the_usual_names_of_its_columns(folder: Folder) -> None:
    done = folder.convert('id,Question,Answer\n1,"Say ""hi"", please","Hi,\nyou"\n\n2,Und ü?,Ja\n')
    assert folder.examples == [
        {"messages": [said("user", 'Say "hi", please'), said("assistant", "Hi,\nyou")]},
        {"messages": [said("user", "Und ü?"), said("assistant", "Ja")]},
    ]
    columns = Columns(prompt=("Question",), completion=("Answer",))
    assert done == Converted("chat", 2, columns, ("id",), Ends(), 0, ())


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_sign_between_cells_is_found_in_the_first_line(folder: Folder, sign: str) -> None:
    folder.convert(f"prompt{sign}completion\na b{sign}c d\n")
    assert folder.texts == [["a b", "c d"]]


@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8-sig", None), ("utf-16", None), ("cp1252", "cp1252"), ("utf-8", None)]
)
def test_a_table_is_read_in_its_encoding(folder: Folder, encoding: str, told: str | None) -> None:
    folder.convert("prompt,completion\nGrüße?,Für dich\n".encode(encoding), encoding=told)
    assert folder.texts == [["Grüße?", "Für dich"]]


def test_columns_are_named_and_several_make_one_prompt(folder: Folder) -> None:
    content = "ask,about,say,how\nSum,1+1,2,Be brief.\nGreet,,Hi,\n"
    columns = Columns(prompt=("ask", "about"), completion=("say",), system=("how",))
    folder.convert(content, columns=columns, system="Be kind.")
    assert folder.texts == [["Be brief.", "Sum\n\n1+1", "2"], ["Be kind.", "Greet", "Hi"]]
    assert folder.examples[0]["messages"][0]["role"] == "system"


def test_an_instruction_and_its_input_are_one_prompt(folder: Folder) -> None:
    folder.convert(
        jsonl(
            {"instruction": "Add", "input": "1, 1", "output": 2}, {"instruction": "Is it?", "input": "", "output": True}
        ),
        "data.jsonl",
    )
    assert folder.texts == [["Add\n\n1, 1", "2"], ["Is it?", "true"]]


def test_separators_and_stop_sequences_are_taken_off_where_all_have_them(folder: Folder) -> None:
    rows = jsonl(*({"prompt": f"What is {n}? ->", "completion": f" {n} END"} for n in range(3)))
    done = folder.convert(rows, "old.jsonl")
    assert folder.texts[1] == ["What is 1?", "1"]
    assert done.ends == Ends(" ->", " END", " ")
    folder.convert(rows, "old.jsonl", keep_ends=True)
    assert folder.texts[1] == ["What is 1? ->", " 1 END"]
    folder.convert(rows + jsonl({"prompt": "And?", "completion": "None"}), "old.jsonl")
    assert folder.texts[1] == ["What is 1? ->", " 1 END"], "not all have them"
    folder.convert(jsonl({"prompt": "What ->", "completion": " that\n"}), "old.jsonl")
    assert folder.texts == [["What ->", " that\n"]], "one text does not tell"
    with pytest.raises(BadRows) as refused:
        folder.convert(rows + jsonl({"prompt": "What? ->", "completion": "  END"}), "old.jsonl")
    assert refused.value.told == (BadRow(4, "its completion is nothing but the stop sequence"),)


def test_preference_pairs_come_of_texts_and_of_lists_of_messages(folder: Folder) -> None:
    question, good, bad = said("user", "q"), said("assistant", "good"), said("assistant", "bad")
    example = {"input": {"messages": [question]}, "preferred_output": [good], "non_preferred_output": [bad]}
    done = folder.convert("prompt,chosen,rejected,score\nq,good,bad,1\n")
    assert folder.examples == [example]
    assert done.target == "preference"
    assert done.unused == ("score",)
    folder.convert(
        jsonl(
            {"prompt": "q", "chosen": "good", "rejected": "bad"},
            {"prompt": [question], "chosen": [good], "rejected": [bad]},
            {"chosen": [question, good], "rejected": [question, bad]},
        ),
        "pairs.jsonl",
        system="Be kind.",
    )
    with_system = {**example, "input": {"messages": [said("system", "Be kind."), question]}}
    assert folder.examples == [with_system] * 3
    folder.convert(
        jsonl({"prompt": [said("developer", "Be brief."), question], "chosen": "good", "rejected": "bad"}),
        "pairs.jsonl",
        system="Be kind.",
    )
    assert [message["content"] for message in folder.examples[0]["input"]["messages"]] == ["Be brief.", "q"]
    folder.convert("prompt,answer,chosen,rejected\nq,good,1,2\n", target="chat")
    assert folder.texts == [["q", "good"]]


def test_what_comes_of_it_passes_the_check(folder: Folder) -> None:
    for content in ("q,a\n", "prompt,chosen,rejected\n"):
        header = "prompt,completion\n" if content == "q,a\n" else content
        rows = "".join(f"question {n},good {n}" + (",bad" if "chosen" in header else "") + "\n" for n in range(12))
        folder.convert(header + rows)
        report = check_dataset(folder.out)
        assert (report.errors, report.warnings, report.training.statistics.examples) == (0, 0, 12)


def test_bad_rows_are_told_with_their_lines_and_nothing_is_written(folder: Folder) -> None:
    folder.out.write_text("as it was")
    rows = b'{"prompt":"a","completion":"b"}\n{"prompt":"a"}\n{"prompt":" ","completion":"b"}\n[]\n{"prompt"\n' + (
        b'{"prompt":"<|endoftext|>","completion":"b"}\n{"prompt":{"a":1},"completion":"b"}\n\n'
    )
    with pytest.raises(BadRows) as refused:
        folder.convert(rows, "data.jsonl")
    told = [(row.line, row.why) for row in refused.value.told]
    assert told == [
        (2, "its completion is empty"),
        (3, "its prompt is empty"),
        (4, "it is no JSON object"),
        (5, "it is no JSON: Expecting ':' delimiter: line 1 column 10 (char 9)"),
        (6, "message contains an invalid token: <|endoftext|>."),
        (7, "its prompt is an object, and no text"),
    ]
    assert refused.value.count == 6
    assert folder.out.read_text() == "as it was"
    assert {path.name for path in folder.path.iterdir()} == {"data.jsonl", "out.jsonl"}
    done = folder.convert(rows, "data.jsonl", skip_bad=True)
    assert (done.examples, done.bad, len(done.told)) == (1, 6, 6)
    assert folder.texts == [["a", "b"]]


def test_a_row_of_other_length_is_bad_and_its_line_is_the_file_s(folder: Folder) -> None:
    """Line ends in cells count as lines."""
    with pytest.raises(BadRows) as refused:
        folder.convert('prompt,completion\n"a\nb",c\nd\ne,f,g\n')
    assert refused.value.told == (
        BadRow(4, "it has 1 cells, and the first line has 2"),
        BadRow(5, "it has 3 cells, and the first line has 2"),
    )


@pytest.mark.parametrize(
    ("content", "name", "options", "why"),
    [
        ("", "data.csv", {}, "is empty"),
        ("prompt,completion\n", "data.csv", {}, "no row"),
        ("a,b\nc,d\n", "data.csv", {}, "no column is called prompt, question, .*; the columns are a, b. .* the prompt"),
        ("prompt,b\nc,d\n", "data.csv", {}, "no column is called completion, .* Say which is the completion"),
        ("a,b\nc,d\n", "data.csv", {"columns": Columns(prompt=("c",))}, "no column 'c'; the columns are a, b"),
        ("prompt,prompt\nc,d\n", "data.csv", {}, "two columns are called 'prompt'"),
        ('prompt,completion\n"c,d\n', "data.csv", {}, "the row at line 2 is no CSV: unexpected end"),
        ('prompt,completion\nc,"d"e\n', "data.csv", {}, "the row at line 2 is no CSV"),
        (b"prompt,completion\nc,\xfc\n", "data.csv", {}, "no utf-8: name the file's encoding"),
        ("prompt,completion\nc,d\n", "data.csv", {"encoding": "utf-99"}, "no encoding 'utf-99'"),
        ("prompt,completion\nc," + "d" * (17 << 20), "data.csv", {}, "longer than 16777216"),
        ('[{"prompt":"a","completion":"b"}]', "data.json", {}, "one JSON array"),
        ('{"messages":[]}', "data.jsonl", {}, "in the chat format already"),
        ('{"input":{},"preferred_output":[]}', "data.jsonl", {}, "has preference pairs already"),
    ],
)
def test_a_file_that_cannot_be_converted_is_told_why(
    folder: Folder, content: str | bytes, name: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConvertError, match=why):
        folder.convert(content, name, **options)
    assert [path.name for path in folder.path.iterdir()] == [name]
    assert csv.field_size_limit() < 1 << 20, "which is the whole process's"


def test_preferences_that_do_not_begin_alike_are_bad(folder: Folder) -> None:
    good, bad = said("assistant", "good"), said("assistant", "bad")
    with pytest.raises(BadRows) as refused:
        folder.convert(
            jsonl(
                {"chosen": [said("user", "a"), good], "rejected": [said("user", "b"), bad]},
                {"chosen": [good], "rejected": [bad]},
            ),
            "pairs.jsonl",
        )
    assert [row.why for row in refused.value.told] == [
        "the two outputs do not begin with the same messages",
        "it has no prompt",
    ]
