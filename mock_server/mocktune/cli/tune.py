"""``mocktune tune``: from a file of examples to a model that answers, in one command that can be run again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mocktune.cli.exits import NEGATIVE, OVER_BUDGET, fail
from mocktune.cli.printing import print_json, told_errors
from mocktune.cli.signals import end_cleanly, held
from mocktune.cli.targets import BaseUrl, Clock, DryRun, Json, Live, MaxCost, Scenario, Target, open_target

if TYPE_CHECKING:
    from openai import OpenAI

    from mocktune.cli.tune_going import Going
    from mocktune.cli.tune_request import TuneRequest
    from mocktune.cli.tune_view import TuneView
    from mocktune_client import Tuned, Tuner
    from mocktune_client.dataset.report import DatasetReport, Finding, ModelPrice

TERMINATED = 143
MAX_TOLD_FINDINGS = 3
JOB_OPTIONS = "The job"
"""The part of the help that its fields stand in."""

Report = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FOLDER|FILE", show_default=False, help="Save a report: HTML with curves, and CSV."
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until the new model answers.")]


def tune(
    training_file: Annotated[
        str, typer.Argument(metavar="TRAIN.jsonl|file-ID", show_default=False, help="The examples to learn from.")
    ],
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME", show_default=False, help="A base model, or a tuned one."),
    ],
    valid: Annotated[
        str | None, typer.Option(metavar="FILE|file-ID", show_default=False, help="Examples to validate with.")
    ] = None,
    suffix: Annotated[
        str | None,
        typer.Option(rich_help_panel=JOB_OPTIONS, metavar="TEXT", show_default=False, help="In the new model's name."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=JOB_OPTIONS, metavar="N", min=1, show_default="auto", help="Rounds over the data."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(rich_help_panel=JOB_OPTIONS, metavar="N", min=1, show_default="auto", help="Examples of a step."),
    ] = None,
    learning_rate_multiplier: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=JOB_OPTIONS,
            metavar="X",
            min=1e-9,
            show_default="auto",
            help="Of the model's learning rate.",
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=JOB_OPTIONS,
            metavar="X",
            min=1e-9,
            show_default="auto",
            help="Of dpo: how near to the model.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(rich_help_panel=JOB_OPTIONS, metavar="NUMBER", show_default=False, help="The job's seed."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=JOB_OPTIONS,
            metavar="NAME",
            show_default="by the file",
            help="supervised, dpo or reinforcement.",
        ),
    ] = None,
    grader: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=JOB_OPTIONS,
            metavar="FILE",
            show_default=False,
            help="Of reinforcement: the grader, as JSON.",
        ),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=JOB_OPTIONS, metavar="KEY=VALUE", show_default=False, help="Of the job; repeatable."
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", rich_help_panel=JOB_OPTIONS, help="Make a new job, though there be one of the same request."
        ),
    ] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not check the files first, and do not refuse those with errors.")
    ] = False,
    price: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, show_default="by the table", help="Of a million trained tokens."),
    ] = None,
    no_wait: NoWait = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="End when the job is there; mocktune attach goes on with it.")
    ] = False,
    report: Report = None,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    scenario: Scenario = None,
    clock: Clock = None,
    json: Json = False,
) -> None:
    """Tune a model: check and upload the files, create one job, follow it to its end, wait until its model answers.

    mocktune tune train.jsonl --model gpt-4o-mini-2024-07-18 --suffix marv

    Run it again, whatever stopped it, and it goes on: the same files and options are the same job. Local unless --live.
    Exit codes: 0 the model is there, 1 failed, cancelled or refused, 2 usage, 3 over budget, 130 interrupted.
    """
    end_cleanly(TERMINATED)
    with held():
        from mocktune.cli.tune_request import read_request
    request = read_request(
        training_file,
        model=model,
        valid=valid,
        suffix=suffix,
        seed=seed,
        method=method,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate_multiplier=learning_rate_multiplier,
        beta=beta,
        grader=grader,
        metadata=metadata or [],
        again=again,
    )
    if price is not None and not isfinite(price):
        fail("--price is a number of US dollars")
    check_report_path(report)
    with (
        told_errors(json=json),
        open_target(
            live=live, max_cost=max_cost, base_url=base_url, scenario=scenario, clock=clock, json=json, dry_run=dry_run
        ) as target,
    ):
        if detach and target.kind == "started" and not dry_run:
            fail("--detach needs a server that goes on; this one ends with the command. Start one with: mocktune serve")
        with viewing(target, json=json) as view:
            flags = flags_of(target, base_url)
            tuning = Tuning(
                request, target, view, flags, wait=not no_wait, detach=detach, json=json, clock=clock, scenario=scenario
            )
            code = tuning.estimate(check=not no_check, per_million=price)
            if dry_run:
                tuning.tell_plan()
            elif code == 0:
                code = tuning.perform()
        if report is not None and not dry_run:
            save_report(report, view)
    sys.exit(code)


class Refused(Exception):
    """The service would not take it; nothing was sent."""


class Tuning:
    """One run of the command, with its request, its target and its view."""

    def __init__(
        self,
        request: TuneRequest,
        target: Target,
        view: TuneView,
        flags: list[str],
        *,
        wait: bool,
        detach: bool,
        json: bool,
        clock: str | None = None,
        scenario: str | None = None,
    ) -> None:
        self._request = request
        self._target = target
        self._view = view
        self._flags = flags
        self._wait = wait
        self._detach = detach
        self._json = json
        self._scenario = scenario
        self._clock = clock
        self._report: DatasetReport | None = None
        self._price: ModelPrice | None = None

    def estimate(self, *, check: bool, per_million: float | None) -> int:
        """Check the files and the budget; the exit code that follows, 0 to go on."""
        from mocktune.cli.budget import OverBudget, check_budget, price_of

        request, max_cost = self._request, self._target.max_cost_usd
        try:
            if check:
                self._report = self._checked()
            if self._report is not None:
                self._price = price_of(self._report, request.model, request.epochs, per_million)
                self._view.estimate(self._report, self._price)
            elif max_cost is not None:
                raise OverBudget(
                    "--max-cost is held by an estimate, and the training file is not checked here: give the file "
                    "itself, and go without --no-check."
                )
            self._refuse_findings()
            check_budget(self._price, request.model, max_cost, stays=not self._detach)
        except Refused as refused:
            self._view.failed(refused)
            return NEGATIVE
        except OverBudget as over:
            self._view.failed(over)
            return OVER_BUDGET
        return 0

    def tell_plan(self) -> None:
        from mocktune.cli.tune_plan import plan_of

        plan = plan_of(self._request, self._report, self._price, wait_for_model=self._wait, detach=self._detach)
        if self._json:
            print_json(plan.document())
        else:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            print("\n".join(plan.lines(width)), flush=True)

    def perform(self) -> int:
        """Do it; the exit code."""
        from mocktune.cli.tune_going import Going, HourlyBudget

        request, max_cost, price = self._request, self._target.max_cost_usd, self._price
        budget = None
        if max_cost is not None and price is not None and price.usd is None and price.usd_per_hour:
            budget = HourlyBudget(max_cost, price.usd_per_hour)
        report = self._report
        files = {} if report is None else {"training": report.training, "validation": report.validation}
        checked = {which: each.statistics.sha256 for which, each in files.items() if each is not None}
        going = Going(
            self._target,
            self._view,
            self._flags,
            detach=self._detach,
            budget=budget,
            checked=checked,
            clock=self._clock,
            scenario=self._scenario,
        )
        with self._target.client() as client:
            tuner = tuner_on(client, self._target, going)

            def work() -> Tuned:
                self._warn(tuner)
                return tuner.tune(
                    request.training_file,
                    model=request.model,
                    validation_file=request.validation_file,
                    suffix=request.suffix,
                    seed=request.seed,
                    method=cast("Any", request.method_body(None if self._report is None else self._report.method)),
                    metadata=None if request.metadata is None else dict(request.metadata),
                    again=request.again,
                    wait_for_model=self._wait,
                    on=going.on,
                )

            return going.run(tuner, work)

    def _warn(self, tuner: Tuner) -> None:
        """On a live service, of a model that ends soon or has no free place; who cannot be asked is no obstacle."""
        from mocktune_client import TuningError

        if self._target.kind != "live" or self._request.model.startswith("ftjob-"):
            return
        with suppress(TuningError):
            for warning in tuner.preflight(self._request.model, try_create=False).warnings:
                self._view.note(str(warning))

    def _checked(self) -> DatasetReport | None:
        """None where the training file is not here."""
        from mocktune.cli.tune_request import is_file_id
        from mocktune_client.dataset import check_dataset
        from mocktune_client.model_names import base_name

        request = self._request
        if is_file_id(request.training_file):
            self._view.note(f"{request.training_file} is not here: it is not checked, and nobody says what it costs.")
            return None
        validation = request.validation_file
        return check_dataset(
            request.training_file,
            validation=None if validation is None or is_file_id(validation) else validation,
            model=base_name(request.model),
            method=request.method,
            n_epochs=request.epochs,
        )

    def _refuse_findings(self) -> None:
        """Raises ``Refused`` for files with errors, with the first of them."""
        report = self._report
        if report is None or not report.errors:
            return
        files = [each for each in (report.training, report.validation) if each is not None]
        errors = [found for each in files for found in each.findings if found.severity == "error"]
        told = [_told(found) for found in errors[:MAX_TOLD_FINDINGS]]
        more = report.errors - len(told)
        checked = " --valid ".join(each.path for each in files)
        raise Refused(
            "The service would refuse this. "
            + " ".join(told)
            + (f" And {more} more." if more > 0 else "")
            + f" All of it: mocktune check {checked}. Nothing was sent; --no-check sends it all the same."
        )


def _told(found: Finding) -> str:
    place = found.path if found.line is None else f"{found.path}, line {found.line}"
    return f"{place}: {found.message.rstrip('. ')}. {found.remedy}".strip()


# -- shared with attach ------------------------------------------------------------------------------------------------


@contextmanager
def viewing(target: Target, *, json: bool) -> Iterator[TuneView]:
    """The view that fits where the output goes; the target's line is out already."""
    with held():
        from mocktune.cli.main import startup_is_over
        from mocktune.cli.tune_view import make_view, view_kind

        startup_is_over()
    with make_view(view_kind(json=json)) as view:
        view.target(target.line())
        yield view


def tuner_on(client: OpenAI, target: Target, going: Going) -> Tuner:
    """A tuner whose journal outlives the command, and that looks after the budget while it waits."""
    with held():
        from mocktune.cli.pace import poll_s
        from mocktune.cli.state_folder import state_folder
        from mocktune_client import Tuner
        from mocktune_client.waiting import wall_sleep

    def sleep(seconds: float) -> None:
        going.tick()
        wall_sleep(seconds)

    return Tuner(client, poll_s=poll_s(target), sleep=sleep, journal=state_folder() / "journal")


def flags_of(target: Target, base_url: str | None) -> list[str]:
    """What leads another command to the same target; the environment is its own."""
    flags = [] if base_url is None else ["--base-url", base_url]
    return flags if target.kind != "live" else [*flags, "--live", "--max-cost", f"{target.max_cost_usd:g}"]


def check_report_path(path: Path | None) -> None:
    """What cannot be written is told before the tuning, not after it."""
    if path is not None and not path.is_dir() and not path.absolute().parent.is_dir():
        fail(f"--report: there is no folder for '{path}'")


def save_report(path: Path, view: TuneView) -> None:
    from mocktune.cli.tune_report import write_report

    written = write_report(path, view.record)
    print(f"mocktune: report saved: {', '.join(map(str, written))}", file=sys.stderr, flush=True)
