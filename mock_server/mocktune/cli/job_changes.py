"""``mocktune jobs cancel``, ``pause`` and ``resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mocktune.cli.targets import BaseUrl, DryRun, Json, Live, MaxCost

if TYPE_CHECKING:
    from mocktune.cli.session import Session

JobIds = Annotated[list[str], typer.Argument(metavar="JOB…", help="Their ids.", show_default=False)]


def cancel(
    job: JobIds,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Cancel jobs for good. Steps that were trained are billed."""
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        _each(at, "cancel", job, dry_run=dry_run)


def pause(
    job: JobIds,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Pause jobs that run; they go on with: mocktune jobs resume."""
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        _each(at, "pause", job, dry_run=dry_run)


def resume(
    job: JobIds,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Also what nobody can price, whatever --max-cost is.")
    ] = False,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Resume jobs that are paused. With --max-cost, only if training them whole would not cost more."""
    from mocktune.cli.job_price import afford
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        if not dry_run:
            afford(at, job, unpriced=yes)
        _each(at, "resume", job, dry_run=dry_run)


def _each(at: Session, verb: Literal["cancel", "pause", "resume"], ids: list[str], *, dry_run: bool) -> None:
    """Change one job after the other; the first that cannot be changed ends it."""
    from mocktune.cli.printing import print_json, printable
    from mocktune.cli.session import SHORT_PATIENCE_S

    for job_id in ids:
        if dry_run:
            if at.json:
                print_json({"event": "step", "does": f"{verb} the job", "id": job_id})
            else:
                print(f"would {verb} {printable(job_id)}")
            continue
        changed = getattr(at.tuner(patience_s=SHORT_PATIENCE_S), verb)(job_id)
        if at.json:
            print_json(changed)
        else:
            print(f"{changed.id}  {printable(changed.status)}", flush=True)
