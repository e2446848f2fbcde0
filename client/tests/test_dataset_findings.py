"""What a check finds: every error of a line and of a file, with its text and a remedy, and what the service takes
without a word."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mocktune.domain.models import Method
from mocktune_client.dataset import DatasetReport, Finding, check_dataset
from mocktune_client.dataset.excerpts import MAX_CHARS, around
from mocktune_client.dataset.report import MAX_FINDINGS

SYSTEM = {"role": "system", "content": "You keep a lighthouse."}
ANSWER = {"role": "assistant", "content": "Deep."}


def ask(number: object = 1, *, answer: str = "Deep.", system: dict[str, Any] | None = SYSTEM) -> dict[str, Any]:
    asked = {"role": "user", "content": f"How deep is bay {number}?"}
    return {"messages": [*([system] if system else []), asked, {"role": "assistant", "content": answer}]}


def pair(number: object = 1, good: str = "Deep.", poor: str = "Wet.") -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": f"How deep is bay {number}?"}]},
        "preferred_output": [{"role": "assistant", "content": good}],
        "non_preferred_output": [{"role": "assistant", "content": poor}],
    }


GOOD = [ask(number) for number in range(100, 112)]


def written(path: Path, examples: list[Any]) -> Path:
    lines = [each if isinstance(each, bytes) else json.dumps(each, ensure_ascii=False).encode() for each in examples]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.fixture
def checked(tmp_path: Path) -> Any:
    def check(*examples: Any, validation: list[Any] | None = None, **more: Any) -> DatasetReport:
        other = None if validation is None else written(tmp_path / "valid.jsonl", validation)
        return check_dataset(written(tmp_path / "train.jsonl", list(examples)), validation=other, **more)

    return check


def told(report: DatasetReport) -> list[tuple[str, int | None]]:
    findings = [*report.training.findings, *(report.validation.findings if report.validation else ())]
    return [(finding.rule, finding.line) for finding in findings]


def only(report: DatasetReport) -> Finding:
    (finding,) = report.training.findings
    return finding


# -- errors ------------------------------------------------------------------------------------------------------------


def test_all_errors_of_a_line_and_of_all_lines_are_found(checked: Any) -> None:
    """Where the service names the first of them."""
    bad = {
        "messages": [
            {"content": "a"},
            {"role": "sailor", "content": "b"},
            {"role": "user", "content": 7, "name": 8, "mood": 9},
            {"role": "assistant", "tool_calls": [{"type": "f", "function": {"name": 1}}], "content": "<|im_end|>"},
        ],
        "id": 1,
        "tools": {},
    }
    report = checked(*GOOD, bad, b"ahoy", {"messages": []}, ask(7))
    assert told(report) == [
        ("extra_key", 13), ("bad_tools", 13), ("missing_role", 13), ("unknown_role", 13), ("extra_key", 13),
        ("bad_name", 13), ("bad_content", 13), ("bad_tool_call", 13), ("bad_tool_call", 13), ("bad_tool_call", 13),
        ("bad_tool_call", 13), ("special_token", 13), ("not_json", 14), ("no_messages", 15),
    ]  # fmt: skip
    assert (report.errors, report.warnings) == (14, 0)
    assert report.training.counts["bad_tool_call"] == 4
    statistics = report.training.statistics
    assert (statistics.examples, statistics.faulty_examples) == (15, 2)
    assert report.job_error.message.endswith("(line 14)")  # a file with a line that is no JSON never gets to a job


@pytest.mark.parametrize(
    ("line", "rule", "excerpt"),
    [
        (b'{"messages": [}', "not_json", '{"messages": [}'),
        (b"{'messages': []}", "not_json", "{'messages': []}"),
        (b"\xef\xbb\xbf{}", "byte_order_mark", "\\ufeff{}"),
        (b'[{"messages": []}]', "json_array", '[{"messages": []}]'),
        (b"7", "not_an_object", "7"),
        (b'{"a": "\xff"}', "invalid_utf8", '{"a": "\ufffd"}'),
        (b'{"a": "b\tc"}', "not_json", '{"a": "b\\tc"}'),
        (b"", "blank_line", None),
        ({"messages": [{"content": "a"}, ANSWER]}, "missing_role", '{"content": "a"}'),
        ({"messages": [ANSWER], "mood\x1b[31m": 1}, "extra_key", None),
        ({"messages": [ANSWER, {"role": "user", "content": "x"}]}, "last_message", '{"role": "user", "content": "x"}'),
        ({"messages": [{"role": "user", "content": [{"type": "x"}]}, ANSWER]}, "bad_content", None),
    ],
)
def test_an_error_has_its_text_and_a_remedy(checked: Any, line: Any, rule: str, excerpt: str | None) -> None:
    finding = only(checked(*GOOD, line, ask(7)))
    assert (finding.rule, finding.line, finding.severity) == (rule, 13, "error")
    assert finding.remedy.endswith(".")
    if excerpt is not None:
        assert finding.excerpt == excerpt
    if finding.excerpt is not None:
        assert len(finding.excerpt) <= MAX_CHARS
        assert finding.excerpt.isprintable()


def test_a_long_line_is_cut_around_what_is_wrong() -> None:
    text = "é" * 500 + "HERE" + "\x1b" * 500
    shown = around(text, 500)
    assert "HERE" in shown
    assert len(shown) <= MAX_CHARS
    assert shown.isprintable()
    assert around("short\nline") == "short\\nline"
    assert around("x" * 200, 199).endswith("x")
    assert around("x" * 120) == "x" * 120
    assert around("x" * 121) == "x" * 118 + "…"


@pytest.mark.parametrize(
    ("examples", "more", "rule", "code"),
    [
        (GOOD[:9], {}, "too_few_examples", "invalid_n_examples"),
        (GOOD, {"method": "dpo"}, "wrong_method", "invalid_training_file"),
        (GOOD, {"model": "babbage-002"}, "wrong_model", "invalid_training_file"),
        ([{"prompt": f"{n}", "completion": "a"} for n in range(10)], {"model": "gpt-4o-mini"}, "wrong_model",
         "invalid_training_file"),
    ],
)  # fmt: skip
def test_an_error_of_the_whole_file_has_no_line(checked: Any, examples: Any, more: Any, rule: str, code: str) -> None:
    report = checked(*examples, **more)
    finding = only(report)
    assert (finding.rule, finding.line, finding.code) == (rule, None, code)
    assert report.job_error.code == code
    assert finding.message in report.job_error.message


def test_lines_that_are_no_json_count_as_examples_to_come(checked: Any) -> None:
    """Ten lines, one of them broken, are not too few: mended they are ten."""
    assert told(checked(*GOOD[:9], b"ahoy")) == [("not_json", 10)]


def test_images_need_a_model_with_vision(checked: Any) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/sea.png"}}
    examples = [{"messages": [{"role": "user", "content": [image]}, ANSWER]}, *GOOD]
    assert told(checked(*examples, model="gpt-4.1"))[0] == ("no_vision", None)
    report = checked(*examples)
    assert (report.errors, [price.model for price in report.prices]) == (0, ["gpt-4o-2024-08-06"])
    assert report.training.statistics.images == 1


def test_findings_beyond_the_first_thousand_are_counted(checked: Any) -> None:
    report = checked(*[{"messages": [], "id": 1}] * (MAX_FINDINGS + 7), b"ahoy")
    assert len(report.training.findings) == MAX_FINDINGS
    assert report.errors == 2 * (MAX_FINDINGS + 7) + 1
    assert report.training.counts == {"extra_key": MAX_FINDINGS + 7, "no_messages": MAX_FINDINGS + 7, "not_json": 1}
    # What outweighs them all is not lost behind them.
    assert report.job_error.message.endswith(f"(line {MAX_FINDINGS + 8})")


# -- warnings ----------------------------------------------------------------------------------------------------------


def test_a_duplicate_names_the_line_it_repeats_however_it_is_written(checked: Any, tmp_path: Path) -> None:
    other_way = json.dumps(ask("é", answer="Tief.")).replace(": ", ":").encode()
    tools = {**ask(5), "tools": [{"type": "function", "function": {"name": "tide"}}]}
    # The last two stand among lines that are not read in one go.
    report = checked(ask("é", answer="Tief."), *GOOD, other_way, tools, tools, ask("é", answer="Tief."))
    assert told(report) == [("duplicate_example", 14), ("duplicate_example", 16), ("duplicate_example", 17)]
    path = str(tmp_path / "train.jsonl")
    assert [finding.other for finding in report.training.findings] == [(path, 1), (path, 15), (path, 1)]
    assert (report.errors, report.warnings) == (0, 3)


def test_another_answer_to_the_same_prompt_is_a_conflict(checked: Any) -> None:
    report = checked(*GOOD, ask(100, answer="Shallow."), ask(100, answer="Who knows?"), ask(100))
    assert told(report) == [("conflicting_answers", 13), ("conflicting_answers", 14), ("duplicate_example", 15)]
    assert report.training.findings[0].message == "Another answer to the same prompt than line 1."
    without = checked(*[{"messages": [{"role": "assistant", "content": f"{n}"}]} for n in range(10)])
    assert told(without) == []  # nothing was asked


def test_preferences_conflict_where_one_prefers_what_the_other_rejects(checked: Any) -> None:
    pairs = [pair(n) for n in range(10)]
    report = checked(*pairs, pair(3, "Wet.", "Deep."), pair(4, "Salty.", "Wet."), pair(5))
    assert report.method == "dpo"
    assert told(report) == [("conflicting_answers", 11), ("duplicate_example", 13)]
    assert only(checked(*pairs, pair(11, "Same.", "Same."))).rule == "same_outputs"


def test_reinforcement_prompts_with_other_references_conflict(checked: Any) -> None:
    prompts = [{"messages": ask(n)["messages"][:2], "depth": n} for n in range(10)]
    report = checked(*prompts, {**prompts[2], "depth": 99}, prompts[3])
    assert report.method == "reinforcement"
    assert told(report) == [("conflicting_answers", 11), ("duplicate_example", 12)]


def test_legacy_pairs_conflict_too_but_not_where_nothing_is_asked(checked: Any) -> None:
    pairs = [{"prompt": f"{n} ->", "completion": " a"} for n in range(10)]
    empty = [{"prompt": " \n", "completion": f" {n}"} for n in range(3)]
    assert told(checked(*pairs, {"prompt": "3 ->", "completion": " b"}, *empty)) == [("conflicting_answers", 11)]


def test_what_is_trained_is_not_to_be_validated_with(checked: Any, tmp_path: Path) -> None:
    report = checked(*GOOD, validation=[ask(7), ask(101), ask(102, answer="Shallow."), ask(7)])
    assert told(report) == [("in_both_files", 2), ("prompt_in_both_files", 3), ("duplicate_example", 4)]
    both, prompt, copy = report.validation.findings
    assert (both.other, prompt.other) == ((str(tmp_path / "train.jsonl"), 2), (str(tmp_path / "train.jsonl"), 3))
    assert copy.other == (str(tmp_path / "valid.jsonl"), 1)
    assert (report.warnings, report.training.warnings, report.validation.warnings) == (3, 0, 3)


def test_examples_with_another_system_prompt_than_most_are_told_once_for_each_prompt(checked: Any) -> None:
    other = {"role": "system", "content": "You keep a lighthouse. "}
    report = checked(*GOOD, ask(1, system=other), ask(2, system=None), ask(3, system=other))
    assert told(report) == [("inconsistent_system_prompt", 13), ("inconsistent_system_prompt", 14)]
    first, second = report.training.findings
    assert first.message == "Another system prompt, here and in 1 more; 12 of 15 examples have the one of line 1."
    assert (first.excerpt, second.excerpt) == ("You keep a lighthouse. ", None)
    assert report.warnings == 3
    assert report.training.statistics.missing_system == 1
    # A prompt for each example is there on purpose.
    own = [ask(n, system={"role": "system", "content": f"Bay {n}."}) for n in range(40)]
    assert told(checked(*own)) == []


def test_examples_with_nothing_to_learn_are_told(checked: Any) -> None:
    several = {"messages": [ask(3)["messages"][1], ANSWER, ask(4)["messages"][1], {**ANSWER, "content": ""}]}
    report = checked(*GOOD, ask(1, answer=" \n"), replace_answer(ask(2), weight=1), several)
    assert [each for each in told(report) if each[0] == "nothing_to_learn"] == [("nothing_to_learn", 13)]
    # And where all lines are read in one go.
    assert told(checked(*GOOD, ask(1, answer=" \n"), ask(2, answer=""))) == [
        ("nothing_to_learn", 13), ("nothing_to_learn", 14)
    ]  # fmt: skip


def replace_answer(example: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [*example["messages"][:-1], {**example["messages"][-1], **more}]}


def test_an_example_too_long_for_the_model_is_told_and_more_so_if_its_answer_is_cut_off(checked: Any) -> None:
    long = " yes" * 5_000
    context = "gpt-3.5-turbo-0613"  # 4,096 tokens
    report = checked(*GOOD, ask(long), ask(1, answer=long), replace_answer(ask(long + "!"), weight=1), model=context)
    assert told(report) == [("answer_cut_off", 13), ("example_cut", 14), ("answer_cut_off", 15)]
    assert report.training.findings[1].message == "The example has 5,026 tokens, and is cut after 4,096."
    assert {price.model: price.truncated_examples for price in report.prices} == {
        "gpt-3.5-turbo-0613": 3, "gpt-4o-2024-08-06": 0, "gpt-4o-mini-2024-07-18": 0, "gpt-4.1-2025-04-14": 0,
        "gpt-4.1-mini-2025-04-14": 0, "gpt-4.1-nano-2025-04-14": 0, "gpt-3.5-turbo-0125": 0, "gpt-3.5-turbo-1106": 0,
        "gpt-4-0613": 0,
    }  # fmt: skip


def test_an_image_that_training_leaves_out_is_told(checked: Any) -> None:
    grey = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + b"\0\0\0\1" * 2 + b"\x08\0" + b"IEND" * 3)
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{grey.decode()}"}}
    report = checked({"messages": [{"role": "user", "content": [image]}, ANSWER]}, *GOOD)
    assert told(report) == [("image_skipped", 1), ("inconsistent_system_prompt", 1)]
    said = report.training.findings[0].message
    assert said == "Image 1 is left out of training: it is neither RGB nor RGBA."


@pytest.mark.parametrize(
    ("first", "model", "method"),
    [
        (ask(), None, "supervised"),
        (pair(), None, "dpo"),
        ({"prompt": "a", "completion": "b"}, None, "supervised"),
        ({"messages": [{"role": "user", "content": "a"}], "answer": 1}, None, "reinforcement"),
        ({"messages": [{"role": "user", "content": "a"}]}, None, "supervised"),
        ({"messages": [{"role": "user", "content": "a"}]}, "o4-mini", "reinforcement"),
        (ask(), "ft:gpt-4o-mini-2024-07-18:acme::abc", "supervised"),
        (b"ahoy", None, "supervised"),
    ],
)
def test_the_method_is_that_of_the_first_example(checked: Any, first: Any, model: str | None, method: Method) -> None:
    assert checked(first, model=model).method == method
