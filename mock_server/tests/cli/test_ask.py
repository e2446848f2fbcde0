"""``mocktune ask`` against a running server."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import openai
import pytest
from client_commands import MARV, MODEL, Desk, fixtures

from mocktune.cli.answers import AnswerCut, Asker, Question, gathered
from mocktune.cli.budget import OverBudget
from mocktune.cli.spending import Purse

QUESTION = "What's the capital of France?"
ANSWER = "Paris. The Eiffel Tower has been dropping hints since 1889, so please, don't rush."
CHAT = "chat.completions.create"


server, desk = fixtures()


def test_a_model_answers_and_its_tokens_and_price_are_told_beside(desk: Desk) -> None:
    model = desk.model()
    ended = desk("ask", model, QUESTION)
    assert (ended.exit_code, ended.lines) == (0, [ANSWER])
    # 13 tokens at $0.30 and 20 at $1.20 a million.
    assert ended.stderr == "mocktune: 13 + 20 tokens, $0.000028 by the prices of 2026-11-22\n"
    (told,) = desk("ask", model, QUESTION, "--json").objects
    assert {**told, "seconds": 0} == {
        "event": "answer",
        "model": model,
        "answer": ANSWER,
        "finish_reason": "stop",
        "input_tokens": 13,
        "output_tokens": 20,
        "cost_usd": 0.0000279,
        "seconds": 0,
    }


def test_the_question_comes_from_standard_input_and_the_model_may_be_named_by_its_job(desk: Desk) -> None:
    desk.model()
    job = desk.client.fine_tuning.jobs.list().data[0].id
    assert desk("ask", job, input=f"\ufeff{QUESTION}\n").lines == [ANSWER]
    assert desk("ask", job, "-", "--system", "Be kind.", input=QUESTION).lines == [ANSWER]
    for given, message in ((b"", "there is no question"), (b"\xff", "not UTF-8: byte 1"), (b"x" * 4_000_001, "longer")):
        ended = desk("ask", job, input=given)
        assert (ended.exit_code, message in ended.stderr, ended.stdout) == (2, True, "")
    running = desk("ask", desk.job(until="running"), QUESTION)
    assert (running.exit_code, "is running and has made no model" in running.stderr) == (1, True)


def test_a_streamed_answer_is_the_same_text(desk: Desk) -> None:
    model = desk.model()
    assert desk("ask", model, QUESTION, "--stream").lines == [ANSWER]
    *deltas, whole = desk("ask", model, QUESTION, "--stream", "--json").objects
    assert len(deltas) > 3
    assert "".join(each["text"] for each in deltas) == whole["answer"] == ANSWER
    assert (whole["input_tokens"], whole["output_tokens"]) == (13, 20)


def test_an_answer_that_is_cut_says_so(desk: Desk) -> None:
    ended = desk("ask", desk.model(), QUESTION, "--max-tokens", 3)
    assert ended.lines == ["Paris. The"]
    assert "cut at --max-tokens 3" in ended.stderr


def test_a_stream_that_breaks_off_is_no_answer(desk: Desk) -> None:
    model = desk.model()
    desk.scenario("truncated-stream")
    ended = desk("ask", model, QUESTION, "--stream")
    assert ended.exit_code == 1
    assert "The answer broke off" in ended.stderr


def test_a_stream_that_ends_without_a_reason_is_no_answer() -> None:
    chunk = SimpleNamespace(
        usage=None, choices=[SimpleNamespace(finish_reason=None, delta=SimpleNamespace(content="Pa", tool_calls=None))]
    )
    with pytest.raises(AnswerCut, match="ended early"):
        gathered(nullcontext([chunk]), lambda text: None)


@pytest.mark.parametrize("scenario", ["cold-model-429", "cold-model-503"])
def test_a_model_that_is_being_loaded_is_waited_for(desk: Desk, scenario: str) -> None:
    desk.scenario(scenario)
    job = desk.job(until="succeeded")
    ended = desk("ask", job, QUESTION)
    assert (ended.exit_code, ended.lines) == (0, [ANSWER]), ended.stderr
    assert "does not answer yet, waiting up to 900 s" in ended.stderr
    assert ended.stderr.count("does not answer yet") == 1
    assert sum(each.endswith("/chat/completions") for each in desk.asked()) > 1


def test_a_model_that_is_not_there_yet_is_waited_for_and_one_that_nobody_made_is_not(desk: Desk) -> None:
    desk.scenario("cold-model-404")
    job = desk.job(until="succeeded")
    model = desk.client.fine_tuning.jobs.retrieve(job).fine_tuned_model
    hurried = desk("ask", model, QUESTION, "--wait", "0s")
    assert (hurried.exit_code, "model_not_found" in hurried.stderr) == (1, True)
    assert desk("ask", model, QUESTION).lines == [ANSWER]
    before = len(desk.asked())
    unknown = desk("ask", f"ft:{MODEL}:mocktune::nobody", QUESTION)
    assert (unknown.exit_code, "Check the name" in unknown.stderr) == (1, True), unknown.stderr
    assert sum(each.endswith("/chat/completions") for each in desk.asked()[before:]) == 1


def test_a_quota_that_is_used_up_is_not_waited_for(desk: Desk) -> None:
    model = desk.model()
    desk.fault(operation=CHAT, answer={"status": 429, "code": "insufficient_quota"})
    before = len(desk.asked())
    ended = desk("ask", model, QUESTION)
    assert (ended.exit_code, "Waiting does not help" in ended.stderr) == (1, True)
    assert len(desk.asked()) == before + 1


def test_a_question_whose_longest_answer_costs_too_much_is_not_sent(desk: Desk) -> None:
    model = desk.model()
    before = desk.asked()
    dear = desk("ask", model, QUESTION, "--max-cost", "0.001")
    assert (dear.exit_code, dear.lines) == (3, [])
    # 13 tokens at $0.30 and 1,024 at $1.20 a million.
    assert "the answer can cost $0.001233, and --max-cost is $0.001" in dear.stderr
    assert desk.asked() == before
    assert desk("ask", model, QUESTION, "--max-cost", "0.001", "--max-tokens", 500).lines == [ANSWER]


def test_where_no_price_is_known_another_models_has_to_be_named(desk: Desk) -> None:
    words = ("ask", "my-deployment", QUESTION, "--max-tokens", 10)
    unknown = desk(*words, "--max-cost", 5)
    assert (unknown.exit_code, "is not known" in unknown.stderr) == (3, True)
    assert desk(*words, "--max-cost", 5, "--priced-as", "gpt-4o-mini").exit_code == 1  # asked: there is no such model
    wrong = desk(*words, "--priced-as", "gpt-9")
    assert (wrong.exit_code, "gpt-4o-mini-2024-07-18" in wrong.stderr) == (2, True)


def test_a_dry_run_tells_tokens_and_price_and_sends_nothing(desk: Desk) -> None:
    before = desk.asked()
    assert desk("ask", "gpt-4o-mini", QUESTION, "--dry-run").lines == [
        "would ask gpt-4o-mini: 1 request of 13 tokens, an answer of at most 1,024 tokens",
        "price: at most $0.001233",
    ]
    assert desk("ask", "other", QUESTION, "--dry-run", "--json").objects == [
        {
            "event": "step", "does": "ask", "model": "other", "requests": 1, "input_tokens": None,
            "max_output_tokens": 1024,
        },
        {"event": "price", "at_most_usd": None},
    ]  # fmt: skip
    assert desk.asked() == before


def test_lost_answers_are_paid_for_and_end_it_when_the_purse_is_empty(desk: Desk) -> None:
    """One answer can cost $0.001233: two tries are allowed, and the third is not sent."""
    model = desk.model()
    desk.fault(operation=CHAT, at="after_commit", fault="CONNECTION_RESET_BY_PEER")
    before = len(desk.asked())
    ended = desk("ask", model, QUESTION, "--max-cost", "0.003")
    assert (ended.exit_code, "another try could cost more than --max-cost" in ended.stderr) == (3, True)
    assert len(desk.asked()) == before + 2


def test_refused_tries_cost_nothing(desk: Desk) -> None:
    model = desk.model()
    desk.fault(operation=CHAT, times=5, answer={"status": 503})
    purse = Purse(0.0013)
    asker = Asker(desk.client, purse, wait_s=600)
    assert asker.ask(Question(model, ({"role": "user", "content": QUESTION},), 1024)).text == ANSWER
    assert purse.spent_usd == pytest.approx(0.0000279)
    with pytest.raises(OverBudget):
        asker.ask(Question(model, ({"role": "user", "content": QUESTION},), 1100))


def test_a_tool_call_is_told_as_the_call_it_is(desk: Desk) -> None:
    tools = ({"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}},)
    asker = Asker(desk.client, Purse(None), wait_s=0)
    question = Question(MODEL, ({"role": "user", "content": QUESTION},), 50, tools=tools)
    whole = asker.ask(question)
    pieces: list[str] = []
    streamed = asker.ask(question, pieces.append)
    assert streamed.text == whole.text == "".join(pieces)


def test_the_models_that_know_no_messages_continue_the_text(desk: Desk) -> None:
    ended = desk("ask", "babbage-002", "Once upon a time", "--max-tokens", 5)
    assert ended.exit_code == 0
    assert desk.asked()[-1] == "POST /v1/completions"


def test_a_key_that_is_refused_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-invalid-1")
    ended = desk("ask", MODEL, QUESTION)
    assert (ended.exit_code, "Set OPENAI_API_KEY" in ended.stderr) == (1, True)
    assert "sk-invalid-1" not in ended.stdout + ended.stderr


def test_on_a_live_service_nothing_is_asked_that_could_cost_more_than_was_said(desk: Desk) -> None:
    model = desk.model()
    before = desk.asked()
    free = desk("ask", model, QUESTION, "--live", "--max-cost", "0")
    assert (free.exit_code, free.lines) == (3, [])
    assert desk.asked() == before
    paid = desk("ask", model, QUESTION, "--live", "--max-cost", "0.01")
    assert paid.stdout.startswith("target: LIVE, ")
    assert paid.lines == [ANSWER]


def test_on_azure_a_model_is_asked_by_its_deployment_and_priced_as_what_stands_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", desk.server.root)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", desk.client.api_key)
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY")
    job = _azure_job(desk)
    desk.advance(by="1h")
    shown = desk("jobs", "show", job).lines
    (name,) = [line.split()[-1] for line in shown if line.startswith("tuned model")]
    assert name.startswith(f"{MODEL}.ft-")
    before = desk("ask", name, QUESTION)
    assert (before.exit_code, "create one of the model" in before.stderr) == (1, True)
    url = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments/marv"
    desk.control.put(
        url,
        params={"api-version": "2024-10-01"},
        json={"sku": {"name": "standard", "capacity": 1},
              "properties": {"model": {"format": "OpenAI", "name": name, "version": "1"}}},
    ).raise_for_status()  # fmt: skip
    desk.advance(by="1h")
    for given in (name, "marv", job):
        ended = desk("ask", given, QUESTION, "--max-cost", "0.01")
        assert (ended.exit_code, ended.lines) == (0, [ANSWER]), ended.stderr
        assert "$0.000028" in ended.stderr


def _azure_job(desk: Desk) -> str:
    with openai.AzureOpenAI(
        azure_endpoint=desk.server.root, api_key=desk.client.api_key, api_version="2024-10-21"
    ) as client:
        file = client.files.create(file=("marv.jsonl", MARV), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
    desk.advance(until={"job": job.id, "status": "succeeded"})
    return job.id
