"""Which job a tuned model comes from, and which model a job made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mocktune.cli.exits import NEGATIVE, fail

if TYPE_CHECKING:
    from openai import OpenAI

    from mocktune.cli.session import Session

LOOKED_AT = 1_000
"""Jobs, newest first, among which that of a model is looked for."""


def job_of(client: OpenAI, model: str) -> Any:
    """The job whose ``fine_tuned_model`` this is; None for a checkpoint, and for what is older than the newest."""
    from mocktune.cli.listing import walk

    found = walk(lambda **cursor: client.fine_tuning.jobs.list(**cursor), LOOKED_AT)
    return next((job for job in found if job.fine_tuned_model == model), None)


def model_meant(at: Session, given: str, behind: dict[str, str]) -> str:
    """The name by which a model is asked: ``given``, or that of the model which a job, given by its id, has made. On
    Azure the name of a deployment of it, and ``behind`` gets the model of each deployment that is listed.

    Ends the command where there is none.
    """
    name = _made_by(at.client, given) if given.startswith("ftjob-") else given
    if at.target.dialect != "azure":
        return name
    from mocktune_client.azure import deployment_names, is_models_own_name
    from mocktune_client.steps import run
    from mocktune_client.waiting import Timing, wall_now, wall_sleep

    listed = run(deployment_names(Timing(wall_now, patience_s=10)), at.client, wall_sleep)
    behind |= listed or {}
    if not is_models_own_name(name):
        return name
    return next((deployment for deployment, model in behind.items() if model == name), name)


def _made_by(client: OpenAI, job_id: str) -> str:
    job = client.fine_tuning.jobs.retrieve(job_id)
    if not job.fine_tuned_model:
        over = job.status in ("failed", "cancelled")
        advice = "see why with: mocktune jobs show" if over else "wait for it with: mocktune jobs wait"
        fail(f"{job_id} is {job.status} and has made no model; {advice} {job_id}", NEGATIVE)
    return job.fine_tuned_model
