"""``mocktune compare``: the same prompts to a base model and to a tuned one, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocktune.cli.ask import DEFAULT_WAIT, MaxTokens, PricedAs, System, Wait
from mocktune.cli.exits import NEGATIVE, OVER_BUDGET, fail
from mocktune.cli.targets import BaseUrl, DryRun, Json, Live, MaxCost

if TYPE_CHECKING:
    from mocktune.cli.answers import Question
    from mocktune.cli.comparison import Given, Row, Summary, Which
    from mocktune.cli.prompts import Prompt


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The model it was tuned from.", show_default=False)],
    tuned: Annotated[
        str, typer.Argument(metavar="TUNED", help="The tuned one, or the job that made it.", show_default=False)
    ],
    prompts: Annotated[
        Path,
        typer.Option(
            "--prompts", metavar="FILE", help="A prompt a line, or JSONL such as a training file.", show_default=False
        ),
    ],
    system: System = None,
    limit: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Only the first ones.", show_default=False)
    ] = None,
    temperature: Annotated[
        float, typer.Option(metavar="NUMBER", min=0, max=2, help="0 is the most likely; models that reason have none.")
    ] = 0.0,
    max_tokens: MaxTokens = 512,
    parallel: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=32, help="Prompts asked at once.")] = 4,
    wait: Wait = DEFAULT_WAIT,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page as well.", show_default=False)
    ] = None,
    priced_as: PricedAs = None,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Ask two models the same, and show the answers side by side.

    With --max-cost, only if the longest answers to all would not cost more.

    mocktune compare gpt-4o-mini-2024-07-18 ft:gpt-4o-mini-2024-07-18:… --prompts held_out.jsonl
    """
    from mocktune.cli.ask import afford_all, asker_of, tell_plan
    from mocktune.cli.comparison import SIDES, compare_rows, summary_of
    from mocktune.cli.durations import seconds_of
    from mocktune.cli.session import session
    from mocktune.cli.tuned_models import model_meant

    wait_s = seconds_of(wait, "--wait") or 0.0
    asked = _read(prompts, system, limit)
    if html is not None:
        _may_write_page(html)
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        asker = asker_of(at, wait_s, priced_as)
        models: dict[Which, str] = {"base": base, "tuned": tuned}
        if not dry_run:
            models = {which: model_meant(at, model, asker.behind) for which, model in models.items()}

        def question_of(which: Which, prompt: Prompt) -> Question:
            from mocktune.cli.answers import Question

            return Question(models[which], prompt.messages, max_tokens, temperature, prompt.tools)

        questions = [question_of(which, prompt) for prompt in asked for which in SIDES]
        if dry_run:
            tell_plan(at, asker, questions)
            return
        afford_all(at, asker, questions)
        view = None if json else _view(models, len(asked))
        rows: list[Row] = []
        for row in compare_rows(asked, question_of, asker, parallel=parallel, is_hopeless=_is_hopeless):
            rows.append(row)
            if view is None:
                _print_row(row)
            else:
                view.row(row)
        summaries = [summary_of(which, models[which], rows) for which in SIDES]
        if view is None:
            _print_summary(summaries, rows)
        else:
            view.summary(summaries, rows)
        if html is not None:
            _write_page(html, rows, summaries, json=json)
        _end(rows)


def _read(path: Path, system: str | None, limit: int | None) -> list[Prompt]:
    from mocktune.cli.prompts import PromptsError, read_prompts

    try:
        return read_prompts(path, system=system, limit=limit)
    except PromptsError as error:
        fail(f"--prompts: {error}")
    except OSError as error:
        fail(f"--prompts {path}: {error.strerror}")


def _may_write_page(path: Path) -> None:
    from mocktune.cli.downloads import may_write

    may_write(path, force=True)


def _is_hopeless(error: Exception) -> bool:
    """What one prompt meets and all others will meet as well: no key, no model, no quota."""
    from mocktune_client.waiting import HOPELESS_CODES

    status = getattr(error, "status_code", None)
    return status in (401, 403, 404) or getattr(error, "code", None) in HOPELESS_CODES


def _view(models: dict[Which, str], prompts: int) -> Any:
    from mocktune.cli.comparison_view import ComparisonView

    return ComparisonView(models["base"], models["tuned"], prompts)


def _print_row(row: Row) -> None:
    from mocktune.cli.printing import print_json

    print_json(
        {
            "event": "row",
            "number": row.number,
            "line": row.prompt.line,
            "prompt": row.prompt.text,
            "expected": row.prompt.expected,
            "base": _document(row.base),
            "tuned": _document(row.tuned),
            "differ": row.differ,
        }
    )


def _document(given: Given) -> dict[str, Any]:
    from mocktune.cli.ask import answer_document

    if given.answer is None:
        return {"error": given.error}
    document = answer_document(given.answer)
    if given.similarity is not None:
        document |= {"as_expected": given.is_expected, "similarity": round(given.similarity, 4)}
    return document


def _print_summary(summaries: list[Summary], rows: list[Row]) -> None:
    from dataclasses import asdict

    from mocktune.cli.comparison import SIDES
    from mocktune.cli.printing import print_json

    sides = {which: asdict(summary) for which, summary in zip(SIDES, summaries, strict=True)}
    print_json({"event": "summary", "prompts": len(rows), "differ": sum(bool(row.differ) for row in rows), **sides})


def _write_page(path: Path, rows: list[Row], summaries: list[Summary], *, json: bool) -> None:
    from mocktune.cli.comparison_page import comparison_page
    from mocktune.cli.downloads import written
    from mocktune.cli.printing import print_json

    written(path, [comparison_page(rows, summaries).encode("utf-8", "replace")])
    if json:
        print_json({"event": "written", "path": str(path)})
    else:
        print(f"page: {path}")


def _end(rows: list[Row]) -> None:
    given = [each for row in rows for each in (row.base, row.tuned)]
    if any(each.over_budget for each in given):
        fail("some prompts were not asked: answers were lost, and may have to be paid", OVER_BUDGET)
    if failed := sum(each.answer is None for each in given):
        fail(f"{failed:,} of {len(given):,} answers could not be had", NEGATIVE)
