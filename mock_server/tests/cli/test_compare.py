"""``mocktune compare`` against a running server."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from client_commands import MARV, MODEL, Desk, fixtures

from mocktune.cli.prompts import PromptsError, read_prompts

LINES = MARV.splitlines()


server, desk = fixtures()


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "held_out.jsonl"
    path.write_bytes(b"\n".join(LINES[:5]) + b"\n")
    return path


def test_both_models_are_asked_each_prompt_and_the_rows_keep_their_order(desk: Desk, prompts: Path) -> None:
    tuned = desk.model()
    *rows, summary = desk("compare", "gpt-4o-mini", tuned, "--prompts", prompts, "--json").objects
    assert [row["number"] for row in rows] == [row["line"] for row in rows] == [1, 2, 3, 4, 5]
    for row, line in zip(rows, LINES, strict=False):
        assert row["expected"] == json.loads(line)["messages"][-1]["content"]
        assert row["tuned"]["answer"] == row["expected"]
        assert (row["tuned"]["as_expected"], row["tuned"]["similarity"]) == (True, 1.0)
        assert row["base"]["as_expected"] is False
        assert 0 < row["base"]["similarity"] < 0.9
        assert row["differ"] is True
    assert (summary["prompts"], summary["differ"]) == (5, 5)
    assert (summary["base"]["exact"], summary["tuned"]["exact"]) == (0, 5)
    assert summary["tuned"]["model"] == tuned
    assert summary["tuned"]["usd"] == pytest.approx(sum(row["tuned"]["cost_usd"] for row in rows))
    assert summary["tuned"]["output_tokens"] == sum(row["tuned"]["output_tokens"] for row in rows)


def test_without_a_terminal_answers_stand_in_labelled_lines_and_the_figures_below(desk: Desk, prompts: Path) -> None:
    tuned = desk.model()
    job = desk.client.fine_tuning.jobs.list().data[0].id
    ended = desk("compare", MODEL, job, "--prompts", prompts, "--limit", 2)
    assert ended.exit_code == 0
    lines = ended.lines
    assert lines[0] == "-- 1 of 2"
    assert [line.split()[0] for line in lines[1:5]] == ["prompt", "base", "tuned", "expected"]
    assert f"tuned            {tuned}" in lines
    figures = {line[:17].strip(): line[17:].split() for line in lines[12:] if line}
    assert figures["as expected"] == ["0", "of", "2", "2", "of", "2"]
    assert figures["mean similarity"][1] == "1.00"
    assert lines[-1] == "2 of 2 answers differ"


def test_the_page_has_every_answer_escaped_and_runs_nothing(desk: Desk, prompts: Path, tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    prompts.write_text(json.dumps({"prompt": evil, "completion": "<b>"}) + "\n")
    page = tmp_path / "page.html"
    ended = desk("compare", MODEL, desk.model(), "--prompts", prompts, "--html", page)
    assert ended.lines[-1] == f"page: {page}"
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert" in text
    assert "default-src 'none'" in text
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(text)
    assert set(tags) <= {
        "html", "head", "meta", "title", "style", "body", "h1", "table", "colgroup", "col", "tr", "th", "td", "span",
        "small",
    }  # fmt: skip


def test_more_than_the_budget_is_refused_before_anything_is_asked(desk: Desk, prompts: Path) -> None:
    tuned = desk.model()
    before = desk.asked()
    dear = desk("compare", MODEL, tuned, "--prompts", prompts, "--max-cost", "0.005")
    assert (dear.exit_code, dear.lines) == (3, [])
    assert re.search(r"10 answers can cost \$0\.006316, and --max-cost is \$0\.005", dear.stderr)
    assert desk("compare", MODEL, tuned, "--prompts", prompts, "--max-cost", "0.005", "--dry-run").lines == [
        f"would ask {MODEL}: 5 requests of 286 tokens, answers of at most 2,560 tokens",
        f"would ask {tuned}: 5 requests of 286 tokens, answers of at most 2,560 tokens",
        "price: at most $0.006316",
    ]
    assert desk.asked() == before
    ended = desk("compare", MODEL, tuned, "--prompts", prompts, "--max-cost", "0.005", "--max-tokens", 60)
    assert ended.exit_code == 0


def test_an_answer_that_cannot_be_had_is_told_in_its_row_and_the_others_go_on(desk: Desk, prompts: Path) -> None:
    tuned = desk.model()
    desk.fault(operation="chat.completions.create", body={"model": tuned}, times=1, answer={"status": 400})
    ended = desk("compare", MODEL, tuned, "--prompts", prompts, "--json")
    assert ended.exit_code == 1
    assert "1 of 10 answers could not be had" in ended.stderr
    *rows, summary, error = ended.objects if ended.objects[-1]["event"] == "error" else [*ended.objects, None]
    assert error is None
    assert ["error" in row["tuned"] for row in rows].count(True) == 1
    assert (summary["tuned"]["answered"], summary["tuned"]["failed"]) == (4, 1)
    assert summary["base"]["answered"] == 5


def test_a_model_that_does_not_exist_ends_it_at_once(desk: Desk, prompts: Path) -> None:
    prompts.write_bytes(b"\n".join(LINES))
    ended = desk("compare", MODEL, "nope", "--prompts", prompts, "--parallel", 1)
    assert (ended.exit_code, "model_not_found" in ended.stderr) == (1, True)
    assert len(desk.asked()) < 10


def test_a_model_that_is_being_loaded_is_waited_for_by_all(desk: Desk, prompts: Path) -> None:
    desk.scenario("cold-model-429")
    job = desk.job(until="succeeded")
    ended = desk("compare", MODEL, job, "--prompts", prompts, "--json", "--parallel", 1)
    assert ended.exit_code == 0
    assert ended.objects[-1]["tuned"]["exact"] == 5


def test_prompts_are_lines_of_text_or_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "prompts"
    path.write_text("\ufeffWhy?\n\n  Because of {this}?  \n", encoding="utf-8")
    first, second = read_prompts(path, system="Be kind.", limit=None)
    assert first.messages == ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"})
    assert (second.line, second.text, second.expected) == (3, "Because of {this}?", None)

    def read(*lines: object, system: str | None = None) -> object:
        path.write_text("\n".join(json.dumps(line) for line in lines))
        (prompt,) = read_prompts(path, system=system, limit=1)
        return ([message["content"] for message in prompt.messages], prompt.text, prompt.expected)

    talk = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "A"},
        {"role": "assistant", "content": "B", "weight": 0},
        {"role": "user", "content": [{"type": "text", "text": "C"}]},
    ]
    reply = {"role": "assistant", "content": "D"}
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    last = [{"type": "text", "text": "C"}]
    assert read({"messages": [*talk, reply]}, system="X") == (["S", "A", "B", last], "… C", "D")
    assert read({"messages": talk})[2] is None  # type: ignore[index]
    assert read({"messages": [*talk, call]})[2] == "f({})"  # type: ignore[index]
    assert read({"prompt": "P", "completion": " Q"}) == (["P"], "P", "Q")
    assert read({"input": {"messages": talk[:2]}, "preferred_output": [reply]}) == (["S", "A"], "A", "D")
    path.write_text(json.dumps({"messages": [*talk, reply]}))
    assert all("weight" not in message for message in read_prompts(path, system=None, limit=None)[0].messages)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no prompts"),
        (b'{"messages": [}\n', "line 1 is no JSON"),
        (b'{"prompt": "a"}\n[1]\n', "line 2 is no JSON object"),
        (b'{"x": 1}\n', "line 1 has neither messages nor a prompt"),
        (b'{"messages": [1]}\n', "line 1: each message needs a role"),
        (b'{"messages": [{"role": "assistant", "content": "x"}]}\n', "line 1 asks nothing"),
        (b"ok\n\xff\n", "line 2 is not UTF-8"),
        (b"x" * 4_000_001, "line 1 is longer than 4,000,000 bytes"),
        (b"x\n" * 10_001, "more than 10,000 prompts"),
        (b"{" + b'"a":[' * 100_000, "line 1 is no JSON"),
    ],
)
def test_prompts_that_cannot_be_read_say_where(desk: Desk, prompts: Path, content: bytes, message: str) -> None:
    prompts.write_bytes(content)
    with pytest.raises(PromptsError, match=re.escape(message)):
        read_prompts(prompts, system=None, limit=None)
    ended = desk("compare", MODEL, MODEL, "--prompts", prompts)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert message in ended.stderr
