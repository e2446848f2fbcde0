"""``mocktune distill``: from the answers of a big model to a dataset, and on to a small model that learned them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.ask import PricedAs
from mocktune.cli.exits import OVER_BUDGET
from mocktune.cli.printing import note, told_errors
from mocktune.cli.signals import end_cleanly, held
from mocktune.cli.targets import BaseUrl, Clock, DryRun, Json, Live, MaxCost, Scenario, Target, open_target
from mocktune.cli.tune import TERMINATED, NoWait, Report, Tuning, check_report_path, flags_of, save_report, viewing

if TYPE_CHECKING:
    from mocktune.cli.distill_request import DistillRequest
    from mocktune.cli.distill_view import DistillView
    from mocktune.cli.tune_request import TuneRequest
    from mocktune_client.distilling import Distilled

TEMPORARY_NAME = "distilled.jsonl"


def distill(
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", show_default=False, help="The big model whose answers are taken."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", show_default=False, help="Only completions stored with it; repeatable."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", show_default=False, help="Only those made then or later (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", show_default=False, help="Only those made before it (UTC).")
    ] = None,
    newest: Annotated[
        int | None, typer.Option(metavar="N", min=1, show_default=False, help="At most so many, the newest.")
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="WHICH", help="Of several answers to a prompt: newest, oldest or all.")
    ] = "newest",
    prompts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Ask --from these first: text or JSONL, one a line."),
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE", show_default=False, help="What --from is told with --prompts.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Of an answer to --prompts.")] = 1024,
    student_system: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|@FILE", show_default=False, help="The system message to learn with; an empty one is none."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", show_default=False, help="Save the dataset here.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", show_default=False, help="The small model to tune.")
    ] = None,
    valid: Annotated[
        str | None, typer.Option(metavar="FILE|file-ID", show_default=False, help="Examples to validate with.")
    ] = None,
    suffix: Annotated[
        str | None, typer.Option(metavar="TEXT", show_default=False, help="In the new model's name.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, show_default="auto", help="Rounds over the data.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", show_default=False, help="The job's seed.")] = None,
    price: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, show_default="by the table", help="Of a million trained tokens."),
    ] = None,
    priced_as: PricedAs = None,
    no_wait: NoWait = False,
    report: Report = None,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    scenario: Scenario = None,
    clock: Clock = None,
    json: Json = False,
) -> None:
    """Teach a small model what a big one answered: stored completions become a dataset, and the dataset a tuned model.

    mocktune distill --from gpt-4o --metadata task=triage --out triage.jsonl · … --model gpt-4o-mini-2024-07-18

    --out alone makes the dataset; --model tunes on it; --prompts asks the big model first. Run again, it goes on.
    Exit codes: 0 ok, 1 nothing to learn, failed or refused, 2 usage, 3 over budget, 130 interrupted.
    """
    end_cleanly(TERMINATED)
    with held():
        from mocktune.cli.distill_request import read_distill_request
        from mocktune.cli.distill_view import DistillView
    request = read_distill_request(
        teacher=from_,
        metadata=metadata or [],
        since=since,
        until=until,
        newest=newest,
        keep=keep,
        prompts=prompts,
        system=system,
        max_tokens=max_tokens,
        student_system=student_system,
        priced_as=priced_as,
        out=out,
        model=model,
    )
    # What is wrong with the tuning is told before answers are paid for.
    tune_request = None if model is None else _tune_request(model, valid, suffix, epochs, seed)
    check_report_path(report)
    with (
        told_errors(json=json),
        open_target(
            live=live, max_cost=max_cost, base_url=base_url, scenario=scenario, clock=clock, json=json, dry_run=dry_run
        ) as target,
        _dataset_path(request) as path,
    ):
        told = DistillView(json=json)
        request.check_prices(target, price)
        if dry_run:
            told.plan(request, target)
            return
        distilled = _distil(request, target, path, told)
        if tune_request is None:
            told.check(distilled)
            return
        tuned_for = replace(target, max_cost_usd=_left(target.max_cost_usd, distilled.usd))
        tune_request = replace(tune_request, training_file=str(path))
        with viewing(tuned_for, json=json) as view:
            tuning = Tuning(
                tune_request, tuned_for, view, flags_of(target, base_url), wait=not no_wait, detach=False, json=json
            )
            code = tuning.estimate(check=True, per_million=price)
            if code and request.out is None:
                note("the dataset was made for this run alone: --out FILE keeps it")
            code = code or tuning.perform()
        if report is not None:
            save_report(report, view)
    sys.exit(code)


def _distil(request: DistillRequest, target: Target, path: Path, told: DistillView) -> Distilled:
    from mocktune_client.distilling import BudgetReached, Distiller

    with target.client() as client, told:
        distiller = Distiller(client)
        try:
            distilled = request.perform(distiller, path, target.max_cost_usd, told.on)
        except BudgetReached as reached:
            told.over(reached)
            sys.exit(OVER_BUDGET)
        except (KeyboardInterrupt, SystemExit):
            told.interrupted(asking=request.prompts is not None)
            raise
    told.done(distilled, saved=request.out is not None, live=target.kind == "live")
    return distilled


@contextmanager
def _dataset_path(request: DistillRequest) -> Iterator[Path]:
    if request.out is not None:
        yield request.out
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mocktune-") as folder:
        yield Path(folder) / TEMPORARY_NAME


def _left(max_cost_usd: float | None, spent_usd: float | None) -> float | None:
    return None if max_cost_usd is None else max(0.0, max_cost_usd - (spent_usd or 0.0))


def _tune_request(
    model: str, valid: str | None, suffix: str | None, epochs: int | None, seed: int | None
) -> TuneRequest:
    """Of a training file that is yet to be made."""
    from mocktune.cli.tune_request import read_request

    return read_request(
        "file-yet-to-be-made",
        model=model,
        valid=valid,
        suffix=suffix,
        seed=seed,
        method="supervised",
        epochs=epochs,
        batch_size=None,
        learning_rate_multiplier=None,
        beta=None,
        grader=None,
        metadata=[],
        again=False,
    )
