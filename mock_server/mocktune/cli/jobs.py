"""``mocktune jobs``: look at jobs, follow them, and cancel, pause or resume them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.job_changes import JobIds, cancel, pause, resume
from mocktune.cli.pairs import metadata_of
from mocktune.cli.targets import BaseUrl, Json, Live, MaxCost

jobs = typer.Typer(help="List, show, follow, cancel, pause and resume jobs.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, ftjob-…", show_default=False)]


@jobs.command("list")
def list_jobs(
    status: Annotated[
        list[str] | None, typer.Option(metavar="STATUS", help="Only those with this status. Repeatable.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only those with this pair. Repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="How many, newest first.")] = 20,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    after: Annotated[str | None, typer.Option(metavar="JOB", help="Go on behind this one.")] = None,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    from itertools import islice

    from mocktune.cli.listing import print_table, walk, when
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    pairs = metadata_of(metadata or [])
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        asked: dict[str, Any] = {"metadata": pairs} if pairs else {}

        def ask_for_page(**cursor: Any) -> Any:
            return at.client.fine_tuning.jobs.list(**cursor, **asked)

        # A service that knows no filter answers all jobs.
        unbounded = all_ or bool(status or pairs)
        found = (
            job
            for job in walk(ask_for_page, None if unbounded else limit, after)
            if (not status or job.status in status) and pairs.items() <= (job.metadata or {}).items()
        )
        chosen = found if all_ else islice(found, limit)
        if json:
            for job in chosen:
                print_json(job)
        else:
            rows = ([job.id, job.status, job.model, job.fine_tuned_model, when(job.created_at)] for job in chosen)
            print_table(("id", "status", "model", "tuned model", "created"), rows, none="no jobs")


@jobs.command()
def show(
    job: JobId, live: Live = False, max_cost: MaxCost = None, base_url: BaseUrl = None, json: Json = False
) -> None:
    """Show a job: where it stands, what it was asked for, and why it failed."""
    from mocktune.cli.job_words import print_job
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        found = at.client.fine_tuning.jobs.retrieve(job)
        if json:
            print_json(found)
        else:
            print_job(found, at.client)


@jobs.command()
def events(
    job: JobId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job is over; exit code 1 unless it succeeded.")
    ] = False,
    last: Annotated[
        int | None, typer.Option("--last", "-n", metavar="NUMBER", min=1, help="Only the last ones there are.")
    ] = None,
    metrics: Annotated[bool, typer.Option("--metrics/--no-metrics", help="With those of single steps.")] = True,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Show a job's events, oldest first, each once."""
    from mocktune.cli.following import follow_events, print_event
    from mocktune.cli.listing import walk
    from mocktune.cli.session import session

    if follow and last is not None:
        fail("--last is for the events that there are: not with --follow")
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        if follow:
            follow_events(at, job, metrics=metrics)
            return
        wanted = None if last is None or not metrics else last
        newest_first = [
            event
            for event in walk(lambda **cursor: at.client.fine_tuning.jobs.list_events(job, **cursor), wanted)
            if metrics or event.type != "metrics"
        ]
        # Within one second the list's order is the reverse of emission; sorting is stable and keeps it.
        oldest_first = newest_first[:last][::-1]
        for event in sorted(oldest_first, key=lambda event: event.created_at):
            print_event(event, json=json)


@jobs.command()
def checkpoints(
    job: JobId, live: Live = False, max_cost: MaxCost = None, base_url: BaseUrl = None, json: Json = False
) -> None:
    """List a job's checkpoints: models of earlier steps."""
    from mocktune.cli.job_words import MEASURES, measures
    from mocktune.cli.listing import print_table, walk
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session
    from mocktune_client.checkpoints import best_checkpoint

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        found = list(walk(lambda **cursor: at.client.fine_tuning.jobs.checkpoints.list(job, **cursor), None))
        if json:
            for each in found:
                print_json(each)
        else:
            best = best_checkpoint(found)
            rows = (
                [
                    each.step_number,
                    *measures(each.metrics),
                    "best" if each is best else "",
                    each.fine_tuned_model_checkpoint,
                ]
                for each in found
            )
            none = "no checkpoints: they are listed when a job has succeeded"
            print_table(("step", *MEASURES, "", "model"), rows, none=none)


@jobs.command()
def results(
    job: JobId,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the CSV there.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Print the metrics of a job that succeeded, decoded, as CSV."""
    from dataclasses import asdict

    from mocktune.cli.downloads import may_write, written
    from mocktune.cli.printing import print_json, printable_lines
    from mocktune.cli.session import SHORT_PATIENCE_S, session

    if out is not None:
        may_write(out, force=force)
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        found = at.tuner(patience_s=SHORT_PATIENCE_S).results(job)
        if out is not None:
            written(out, [found.csv.encode()])
            if json:
                print_json({"event": "written", "path": str(out), "rows": len(found.rows)})
            else:
                print(f"{out}  {len(found.rows):,} rows")
        elif json:
            for row in found.rows:
                print_json(asdict(row))
        else:
            print(printable_lines(found.csv))


@jobs.command()
def wait(
    job: JobIds,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long, such as 90m; else as long as it takes.", show_default=False),
    ] = None,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Wait until jobs are over. Exit code 0 if all of them succeeded, 1 otherwise."""
    from mocktune.cli.durations import seconds_of
    from mocktune.cli.following import tell_that_it_goes_on
    from mocktune.cli.printing import note, print_json, words
    from mocktune.cli.session import session
    from mocktune_client import JobCancelled, JobFailed, WaitTimeout
    from mocktune_client.waiting import wall_now

    within_s = seconds_of(timeout, "--timeout")
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        bad, began_s = 0, wall_now()
        for each in job:
            left_s = None if within_s is None else max(0.0, within_s - (wall_now() - began_s))
            try:
                ended = at.tuner().wait(each, timeout_s=left_s)
            except (JobFailed, JobCancelled) as error:
                bad += 1
                ended = error.job
                note(words(error) or "")
            except WaitTimeout as error:
                bad += 1
                note(words(error) or "")
                continue
            except KeyboardInterrupt:
                tell_that_it_goes_on(each)
                raise
            if json:
                print_json(ended)
            else:
                print("  ".join(filter(None, (ended.id, ended.status, ended.fine_tuned_model))), flush=True)
        if bad:
            raise SystemExit(NEGATIVE)


jobs.command()(cancel)
jobs.command()(pause)
jobs.command()(resume)
