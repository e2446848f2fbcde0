"""A job's events, printed as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mocktune.cli.exits import NEGATIVE
from mocktune.cli.listing import when
from mocktune.cli.printing import note, print_json, printable, words

if TYPE_CHECKING:
    from mocktune.cli.session import Session


def follow_events(at: Session, job_id: str, *, metrics: bool) -> None:
    """Every event, to the last one. Ends the command with 1 where the job did not succeed."""
    from mocktune_client import JobCancelled, JobFailed

    tuner = at.tuner()
    try:
        for event in tuner.follow(job_id):
            if metrics or event.type != "metrics":
                print_event(event, json=at.json)
        tuner.wait(job_id)
    except KeyboardInterrupt:
        tell_that_it_goes_on(job_id)
        raise
    except (JobFailed, JobCancelled) as error:
        note(words(error) or "")
        raise SystemExit(NEGATIVE) from None


def print_event(event: Any, *, json: bool) -> None:
    if json:
        print_json(event)
        return
    mark = {"warn": "warning: ", "error": "error: "}.get(event.level, "")
    print(f"{when(event.created_at) or '-'}  {mark}{printable(event.message)}", flush=True)


def tell_that_it_goes_on(job_id: str) -> None:
    """For who stops waiting: nothing was stopped but the waiting."""
    note(f"{job_id} goes on. Follow it with: mocktune jobs events -f {job_id}")
    note(f"end it with: mocktune jobs cancel {job_id}")
