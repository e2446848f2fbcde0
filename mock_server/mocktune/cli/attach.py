"""``mocktune attach``: go on with a job that there is, to its end and until its model answers."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from mocktune.cli.exits import fail
from mocktune.cli.printing import told_errors
from mocktune.cli.signals import end_cleanly, held
from mocktune.cli.targets import BaseUrl, Clock, Json, Live, MaxCost, open_target
from mocktune.cli.tune import TERMINATED, NoWait, Report, check_report_path, flags_of, save_report, tuner_on, viewing

_JOB_ID = re.compile(r"[\w.:-]{1,512}")


def attach(
    job_id: Annotated[str, typer.Argument(metavar="JOB", show_default=False, help="The job, such as ftjob-…")],
    no_wait: NoWait = False,
    report: Report = None,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    clock: Clock = None,
    json: Json = False,
) -> None:
    """Follow a job as mocktune tune does, whoever created it: its events from the first on, its results, its model.

    mocktune attach ftjob-…

    Exit codes as those of mocktune tune.
    """
    end_cleanly(TERMINATED)
    if _JOB_ID.fullmatch(job_id) is None:
        fail(f"'{job_id}' is no id of a job: mocktune jobs list shows them")
    check_report_path(report)
    with (
        told_errors(json=json),
        open_target(live=live, max_cost=max_cost, base_url=base_url, clock=clock, json=json) as target,
    ):
        with held():
            from mocktune.cli.tune_going import Going
        with viewing(target, json=json) as view, target.client() as client:
            going = Going(target, view, flags_of(target, base_url), job_id=job_id, clock=clock)
            tuner = tuner_on(client, target, going)
            code = going.run(tuner, lambda: tuner.follow_to_the_end(job_id, on=going.on, wait_for_model=not no_wait))
        if report is not None:
            save_report(report, view)
    sys.exit(code)
