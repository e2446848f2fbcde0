"""``mocktune distill`` against a running server: stored answers, asked prompts, the dataset, the tuned model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_commands import MARV, MODEL, Desk, desk_at, serving

from mocktune import RunningServer
from mocktune.cli import distill

BIG = "gpt-4o-2024-08-06"
ASK = "POST /v1/chat/completions"
MARV_LINES = MARV.splitlines()[:12]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with serving() as server:
        yield server


@pytest.fixture
def desk(
    server: RunningServer, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    monkeypatch.setattr(distill, "end_cleanly", lambda code: None)  # the signals are pytest's
    monkeypatch.chdir(tmp_path)
    with desk_at(server, request.node.name, monkeypatch, tmp_path) as desk:
        yield desk


def store(desk: Desk, *questions: str, **options: Any) -> None:
    for question in questions:
        said: Any = [{"role": "system", "content": "A long prompt"}, {"role": "user", "content": question}]
        desk.client.chat.completions.create(model=BIG, messages=said, store=True, **options)


def write_prompts(count: int) -> None:
    Path("prompts.txt").write_text("".join(f"Question {number}?\n" for number in range(count)))


def rows(name: str) -> list[Any]:
    return [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]


def test_what_is_stored_becomes_a_dataset_and_the_next_commands_are_named(desk: Desk) -> None:
    store(desk, *map(str, range(12)), "3", metadata={"task": "a"})
    store(desk, "other", metadata={"task": "b"})
    store(desk, "too long", metadata={"task": "a"}, max_completion_tokens=2)
    ended = desk("distill", "--from", "gpt-4o", "--metadata", "task=a", "--student-system", "Short", "--out", "a.jsonl")
    assert (ended.exit_code, ended.stderr) == (0, "")
    first, *others = ended.lines
    assert first == f"dataset: 12 examples, answered by {BIG} -> a.jsonl"
    assert others[0].startswith("  mocktune runs no model")
    assert others[1] == "  1 more answer to a prompt that is there already"
    assert others[2].startswith("  1 left out: the answer was cut off at its token limit (first: chatcmpl-")
    assert others[-1] == "next: mocktune check a.jsonl; mocktune tune a.jsonl --model NAME"
    assert {row["messages"][0]["content"] for row in rows("a.jsonl")} == {"Short"}

    told = desk("distill", "--metadata", "task=b", "--out", "b.jsonl", "--json").objects
    assert [each["event"] for each in told] == ["collected", "dataset", "checked"]
    assert told[1] == {
        "event": "dataset", "path": "b.jsonl", "examples": 1, "seen": 1, "repeated": 0, "left_out": {},
        "models": {BIG: 1}, "asked": 0, "usd": 0.0, "stored": True,
    }  # fmt: skip
    assert told[2]["errors"] == 1, "a training file has ten examples at least"


def test_prompts_are_asked_once_and_run_again_nobody_is(desk: Desk) -> None:
    write_prompts(11)
    Path("system.txt").write_text("Be wise.\n")
    words = ("distill", "--from", "gpt-4o", "--prompts", "prompts.txt", "--system", "@system.txt", "--out", "o.jsonl")
    ended = desk(*words)
    assert (ended.exit_code, ended.lines[0]) == (0, "11 of 11 prompts answered, $0.0064")
    assert "  11 prompts asked, for $0.0064" in ended.lines
    assert rows("o.jsonl")[0]["messages"][0] == {"role": "system", "content": "Be wise."}
    data = Path("o.jsonl").read_bytes()
    again = desk(*words)
    assert again.lines[0] == "11 of 11 prompts answered, 11 of them stored before, $0.0000"
    assert (desk.asked().count(ASK), Path("o.jsonl").read_bytes()) == (11, data)


def test_over_budget_nothing_is_asked(desk: Desk) -> None:
    write_prompts(11)
    words = ("distill", "--from", "gpt-4o", "--prompts", "prompts.txt", "--out", "o.jsonl")
    ended = desk(*words, "--max-cost", 0.1)
    assert ended.exit_code == 3
    assert "Answers to 11 of 11 prompts are missing. They can cost $0.1694" in ended.stderr
    (_, error) = desk(*words, "--max-cost", 0.1, "--json").objects
    assert (error["event"], error["code"]) == ("error", "over_budget")
    assert desk(*words, "--max-cost", 0.1, "--max-tokens", 100).exit_code == 0
    unknown = desk("distill", "--from", "big", "--prompts", "prompts.txt", "--out", "p.jsonl", "--max-cost", 1)
    assert (unknown.exit_code, "--priced-as MODEL" in unknown.stderr) == (3, True)
    student = desk("distill", "--prompts", "prompts.txt", "--from", "gpt-4o", "--model", "small", "--max-cost", 1)
    assert (student.exit_code, "no price is known for 'small'" in student.stderr) == (3, True)
    assert desk.asked().count(ASK) == 11


def test_the_training_has_what_the_answers_left_of_the_budget(desk: Desk) -> None:
    write_prompts(11)
    words = ("distill", "--from", "gpt-4o", "--prompts", "prompts.txt", "--model", MODEL, "--max-tokens", 60, "--json")
    ended = desk(*words, "--max-cost", 0.015)
    (dataset,) = [each for each in ended.objects if each["event"] == "dataset"]
    assert 0.006 < dataset["usd"] < 0.007
    assert (ended.exit_code, "would cost about $0.01" in ended.stdout) == (3, True), "0.0134 of 0.0086"
    assert "--out FILE keeps it" in ended.stderr
    assert not [each for each in desk.asked() if "fine_tuning" in each or each == "POST /v1/files"]


def test_a_dry_run_sends_nothing(desk: Desk) -> None:
    write_prompts(11)
    words = ("distill", "--from", "gpt-4o", "--prompts", "prompts.txt", "--model", MODEL, "--dry-run")
    ended = desk(*words)
    assert ended.exit_code == 0
    assert "  2. ask gpt-4o 11 prompts, at most 1,024 tokens an answer, each to be stored; not those that are" in (
        ended.lines
    )
    assert ended.lines[-2:] == ["answers: at most $0.1694", "nothing was sent"]
    (plan,) = desk(*words, "--json").objects
    assert (plan["event"], len(plan["steps"]), round(plan["usd"], 4)) == ("plan", 4, 0.1694)
    stored = desk("distill", "--from", "gpt-4o", "--metadata", "a=b", "--out", "o.jsonl", "--dry-run")
    assert "  1. read the stored completions of gpt-4o with a=b, and the messages of each" in stored.lines
    assert (desk.asked(), Path("o.jsonl").exists()) == ([], False)


@pytest.mark.parametrize("asking", [True, False])
def test_interrupted_it_says_what_is_left(desk: Desk, monkeypatch: pytest.MonkeyPatch, asking: bool) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mocktune.cli.distill_request.DistillRequest.perform", interrupt)
    write_prompts(11)
    ended = desk("distill", "--from", "gpt-4o", "--out", "o.jsonl", *(["--prompts", "prompts.txt"] if asking else []))
    assert ended.exit_code == 130
    assert ("asks only for the others" if asking else "Nothing was written") in ended.stderr


def test_where_nothing_is_to_be_learned_it_says_why(desk: Desk) -> None:
    ended = desk("distill", "--from", "gpt-4o", "--out", "o.jsonl")
    assert (ended.exit_code, "No stored completion was found" in ended.stderr) == (1, True)
    assert not Path("o.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "gpt-4o"], "--out FILE for the dataset, --model NAME"),
        (["--prompts", "p.txt", "--out", "o.jsonl"], "with --from MODEL"),
        (["--from", "x", "--prompts", "none.txt", "--out", "o.jsonl"], "'none.txt' cannot be read"),
        (["--from", "x", "--prompts", "p.txt", "--out", "o.jsonl"], "p.txt, line 2: not JSON"),
        (["--from", "x", "--prompts", "p.txt", "--newest", "3", "--out", "o.jsonl"], "not with --prompts"),
        (["--system", "x", "--out", "o.jsonl"], "--student-system replaces what was stored"),
        (["--student-system", "@none.txt", "--out", "o.jsonl"], "'none.txt' cannot be read"),
        (["--keep", "best", "--out", "o.jsonl"], "newest, oldest or all"),
        (["--metadata", "task", "--out", "o.jsonl"], "write KEY=VALUE"),
        (["--out", "o.jsonl", *(f"--metadata=k{number}=v" for number in range(16))], "15 pairs at most"),
        (["--since", "yesterday", "--out", "o.jsonl"], "--since: 'yesterday' is no instant"),
        (["--out", "nowhere/o.jsonl"], "there is no folder"),
        (["--out", "o.json"], "ends with .jsonl"),
        (["--priced-as", "x", "--out", "o.jsonl"], "there is no price of 'x'"),
        (["--from", "x", "--model", "m", "--valid", "none.jsonl"], "--valid: 'none.jsonl' cannot be read"),
        (["--from", "x", "--model", "m", "--report", "nowhere/r.html"], "--report: there is no folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(desk: Desk, words: list[str], said: str) -> None:
    Path("p.txt").write_text('{"prompt": "a"}\n{"prompt": \n')
    ended = desk("distill", *words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert desk.asked() == []


def test_a_small_model_is_taught_what_a_big_one_answers(desk: Desk) -> None:
    """The whole way; the big model is a tuned one, whose answers are known."""
    desk.advance(by="1h")
    teacher = desk.model()
    asked = [json.loads(line)["messages"] for line in MARV_LINES]
    Path("prompts.jsonl").write_text("".join(json.dumps({"messages": each}) + "\n" for each in asked))
    words = (
        "distill", "--from", teacher, "--prompts", "prompts.jsonl", "--student-system", "", "--model", MODEL,
        "--suffix", "student", "--epochs", "1", "--max-cost", "1", "--json",
    )  # fmt: skip
    ended = desk(*words)
    assert ended.exit_code == 0, ended
    (dataset,) = [each for each in ended.objects if each["event"] == "dataset"]
    assert (dataset["path"], dataset["examples"], dataset["asked"]) == (None, 12, 12)
    (job,) = [each for each in desk.client.fine_tuning.jobs.list() if each.user_provided_suffix == "student"]
    assert job.fine_tuned_model
    for messages in asked:
        said = desk.client.chat.completions.create(model=job.fine_tuned_model, messages=[messages[-2]])
        assert said.choices[0].message.content == messages[-1]["content"]
    posts = [each for each in desk.asked() if each.startswith("POST ") and each != ASK]
    assert desk(*words).exit_code == 0
    assert [each for each in desk.asked() if each.startswith("POST ") and each != ASK] == posts, "nothing twice"
