"""``mocktune ask``: one question to one model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocktune.cli.exits import OVER_BUDGET, fail
from mocktune.cli.targets import BaseUrl, DryRun, Json, Live, MaxCost

if TYPE_CHECKING:
    from mocktune.cli.answers import Answer, Asker, Question
    from mocktune.cli.session import Session

MAX_PROMPT_BYTES = 4_000_000
DEFAULT_WAIT = "15m"

MaxTokens = Annotated[int, typer.Option("--max-tokens", metavar="NUMBER", min=1, help="Of an answer.")]
System = Annotated[str | None, typer.Option("--system", metavar="TEXT", help="The system message.", show_default=False)]
Wait = Annotated[
    str, typer.Option("--wait", metavar="DURATION", help="How long a model that is not ready is waited for.")
]
PricedAs = Annotated[
    str | None,
    typer.Option(
        "--priced-as",
        metavar="MODEL",
        help="Whose prices count where the name of a model, such as a deployment, does not tell.",
        show_default=False,
    ),
]


def ask(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Its name, or the job that made it.", show_default=False)
    ],
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROMPT]", help="What to ask; without it, or for -, standard input.", show_default=False
        ),
    ] = None,
    system: System = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show the answer while it comes.")] = False,
    temperature: Annotated[
        float | None, typer.Option(metavar="NUMBER", min=0, max=2, help="0 is the most likely.", show_default=False)
    ] = None,
    max_tokens: MaxTokens = 1024,
    wait: Wait = DEFAULT_WAIT,
    priced_as: PricedAs = None,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Ask a model one question.

    With --max-cost, only if the longest answer would not cost more.

    mocktune ask ft:gpt-4o-mini-2024-07-18:… "What is 7 times 7?" · mocktune ask ftjob-… <question.txt
    """
    from mocktune.cli.answers import Question
    from mocktune.cli.durations import seconds_of
    from mocktune.cli.session import session
    from mocktune.cli.tuned_models import model_meant

    wait_s = seconds_of(wait, "--wait") or 0.0
    text = _read(prompt)
    messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        asker = asker_of(at, wait_s, priced_as)
        named = model if dry_run else model_meant(at, model, asker.behind)
        question = Question(named, tuple(messages), max_tokens, temperature)
        if dry_run:
            tell_plan(at, asker, [question])
            return
        afford_all(at, asker, [question])
        answer = _asked(at, asker, question, stream=stream)
        _tell(at, question, answer, streamed=stream)


def asker_of(at: Session, wait_s: float, priced_as: str | None) -> Asker:
    """Waits for what is being loaded, and for a tuned model that is unknown only where a job of this key made it."""
    from mocktune.cli.answers import Asker
    from mocktune.cli.printing import note, words
    from mocktune.cli.spending import Purse
    from mocktune.cli.tuned_models import job_of

    behind: dict[str, str] = {}
    coming: dict[str, bool] = {}
    told: set[str] = set()

    def is_coming(model: str) -> bool:
        if at.target.dialect == "azure":
            return model in behind  # a deployment may be slow, but nobody makes one for a model that has none
        if model not in coming:
            coming[model] = job_of(at.client, model) is not None
        return coming[model]

    def on_wait(model: str, error: Exception, delay_s: float) -> None:
        if model not in told:  # once; it may be minutes
            told.add(model)
            note(f"{model} does not answer yet, waiting up to {wait_s:g} s: {words(error)}")

    purse = Purse(at.target.max_cost_usd)
    return Asker(at.client, purse, wait_s, priced_as, is_coming, on_wait, behind=behind)


def afford_all(at: Session, asker: Asker, questions: list[Question]) -> None:
    """Ends the command unless the longest answers to all of them cost no more than ``--max-cost``."""
    from mocktune.cli.spending import afford

    if at.target.max_cost_usd is not None:
        what = "the answer" if len(questions) == 1 else f"{len(questions):,} answers"
        advice = "Allow more, or shorter answers with --max-tokens; --priced-as MODEL says whose prices count."
        afford(_at_most_usd(asker, questions), at.target.max_cost_usd, what, advice)


def tell_plan(at: Session, asker: Asker, questions: list[Question]) -> None:
    """What a dry run says: requests, tokens, and what they can cost."""
    from mocktune.cli.listing import usd
    from mocktune.cli.printing import print_json, printable

    at_most_usd = _at_most_usd(asker, questions)
    for model in dict.fromkeys(question.model for question in questions):
        asked = [question for question in questions if question.model == model]
        tariff = asker.tariff(model)
        sent = None if tariff is None else sum(tariff.input_tokens(each.messages, each.tools) for each in asked)
        output = sum(each.max_tokens for each in asked)
        if at.json:
            step = {"event": "step", "does": "ask", "model": model, "requests": len(asked)}
            print_json({**step, "input_tokens": sent, "max_output_tokens": output})
        else:
            requests = "1 request" if len(asked) == 1 else f"{len(asked):,} requests"
            tokens = "" if sent is None else f" of {sent:,} tokens"
            answers = "an answer" if len(asked) == 1 else "answers"
            print(f"would ask {printable(model)}: {requests}{tokens}, {answers} of at most {output:,} tokens")
    if at.json:
        print_json({"event": "price", "at_most_usd": at_most_usd})
    else:
        print(f"price: {'not known' if at_most_usd is None else 'at most ' + usd(at_most_usd)}")


def _at_most_usd(asker: Asker, questions: list[Question]) -> float | None:
    costs = [asker.at_most_usd(question) for question in questions]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _read(prompt: str | None) -> str:
    if prompt is not None and prompt != "-":
        return prompt
    if prompt is None and sys.stdin.isatty():
        print("mocktune: type the question, then Ctrl-D", file=sys.stderr)
    read = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(read) > MAX_PROMPT_BYTES:
        fail(f"the question is longer than {MAX_PROMPT_BYTES:,} bytes")
    try:
        text = read.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        fail(f"the question is not UTF-8: byte {error.start + 1:,}")
    if not text:
        fail("there is no question: give it as an argument or on standard input")
    return text


def _asked(at: Session, asker: Asker, question: Question, *, stream: bool) -> Answer:
    from mocktune.cli.budget import OverBudget

    try:
        return asker.ask(question, _writer(json=at.json) if stream else None)
    except OverBudget:
        # Answers that were lost may have to be paid.
        fail("no answer came, and another try could cost more than --max-cost", OVER_BUDGET)


def _writer(*, json: bool) -> Any:
    from mocktune.cli.printing import print_json, printable

    def write(text: str) -> None:
        if json:
            print_json({"event": "delta", "text": text})
        else:
            print("".join(each if each in "\n\t" else printable(each) for each in text), end="", flush=True)

    return write


def _tell(at: Session, question: Question, answer: Answer, *, streamed: bool) -> None:
    from mocktune.cli.listing import usd
    from mocktune.cli.printing import note, print_json, printable_lines
    from mocktune.domain.models import PRICED_ON

    if at.json:
        print_json({"event": "answer", "model": question.model, **answer_document(answer)})
        return
    print("" if streamed else printable_lines(answer.text), flush=True)
    if answer.finish_reason == "length":
        note(f"the answer was cut at --max-tokens {question.max_tokens:,}")
    if answer.tokens is not None:
        cost = "" if answer.usd is None else f", {usd(answer.usd)} by the prices of {PRICED_ON}"
        note(f"{answer.tokens.input:,} + {answer.tokens.output:,} tokens{cost}")


def answer_document(answer: Answer) -> dict[str, Any]:
    """An answer for programs."""
    tokens = answer.tokens
    return {
        "answer": answer.text,
        "finish_reason": answer.finish_reason,
        "input_tokens": None if tokens is None else tokens.input,
        "output_tokens": None if tokens is None else tokens.output,
        "cost_usd": None if answer.usd is None else round(answer.usd, 9),
        "seconds": round(answer.took_s, 3),
    }
