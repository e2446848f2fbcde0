"""What of a ready-made object goes together, and what follows from what is asked for of it."""

from __future__ import annotations

from dataclasses import replace

from mocktune.domain.clock import MAX_VIRTUAL, VirtualTime
from mocktune.domain.error_kinds.states import NOT_READY_MADE
from mocktune.domain.errors import ApiError
from mocktune.domain.example_files import DEFAULT_EXAMPLES, examples, jsonl
from mocktune.domain.failures import Recipe, nearest_failure, recipe_called
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.ready_made import Examples, NewFailure, NewFile, NewJob
from mocktune.domain.report import FileFormat
from mocktune.domain.scenario import Scenario


def refused(param: str, problem: object) -> ApiError:
    """What is asked for cannot be made; ``param`` is what to change."""
    return NOT_READY_MADE(param=param, problem=problem)


def check_file(new: NewFile) -> None:
    """Raises ``ParameterError`` for fields that contradict each other."""
    if new.purpose == "fine-tune" and not new.filename.lower().endswith(".jsonl"):
        raise refused("filename", "The name of a file for fine-tuning ends in .jsonl.")
    if new.status_details is not None and new.status == "processed":
        raise refused("status_details", "Only a file that ends in error has status_details.")
    if new.processing_for is not None and new.status != "uploaded":
        raise refused("processing_for", "Only a file that is uploaded is still being processed.")
    if new.content is not None and new.examples is not None:
        raise refused("examples", "Give either content or examples.")


def check_files_of(new: NewJob, recipe: Recipe | None) -> None:
    """Raises ``ParameterError`` for files of a job that do not go with each other, or with its failure."""
    for name in ("training_file", "validation_file", "examples"):
        if recipe is not None and recipe.in_files and getattr(new, name) is not None:
            raise refused(name, f"The failure '{new.failure}' lies in the files, which are made for it: leave it out.")
    if new.training_file is not None and new.examples is not None:
        raise refused("examples", "Give either training_file or examples.")


def within_time(instant: int, param: str) -> VirtualTime:
    """Raises ``ParameterError`` for an instant that no clock gets to."""
    if instant > MAX_VIRTUAL:
        raise refused(param, "No clock goes beyond the year 2999.")
    return VirtualTime(instant)


def recipe_of(new: NewJob) -> Recipe | None:
    """The recipe of the failure that is named. Raises ``ParameterError`` for an unknown name, and where a failure or a
    progress does not go with the status.
    """
    if new.status is JobStatus.SUCCEEDED and new.progress is not None:
        raise refused("progress", "A job that succeeded is as far as it gets: leave progress out.")
    if new.failure is None:
        return None
    if new.status in (JobStatus.SUCCEEDED, JobStatus.CANCELLED):
        raise refused("failure", f"A job that is {new.status} does not fail.")
    if isinstance(new.failure, NewFailure):
        return None
    recipe = recipe_called(new.failure)
    if recipe is None:
        raise refused("failure", f"There is no failure '{new.failure:.200}'{nearest_failure(new.failure)}")
    if new.status is JobStatus.FAILED and new.progress is not None and not recipe.scripted:
        raise refused("progress", f"A job with '{new.failure}' fails when its files are validated: leave progress out.")
    return recipe


def scenario_for(new: NewJob, recipe: Recipe | None, scenario: Scenario) -> Scenario:
    """The sandbox's scenario, with what is asked for of the job's end."""
    if recipe is not None and recipe.moderated:
        scenario = replace(scenario, limits=replace(scenario.limits, moderation="observed"))
    part = scenario.job.failure
    if isinstance(new.failure, NewFailure):
        given = {name: getattr(new.failure, name) for name in ("code", "message", "param", "phase")}
        part = replace(part, **{name: value for name, value in given.items() if value is not None})
    elif recipe is not None and recipe.scripted:
        part = type(part)()
    elif recipe is not None:
        return replace(scenario, job=replace(scenario.job, outcome="succeeded"))
    elif new.status is not JobStatus.FAILED:
        return scenario
    progress = 0.5 if new.progress is None else new.progress
    if new.status is JobStatus.FAILED and new.progress is not None:
        part = replace(part, progress=progress)
    elif _phase(new.status) == part.phase and progress >= part.progress:
        part = replace(part, progress=(1 + progress) / 2)  # it is yet to come
    return replace(scenario, job=replace(scenario.job, outcome="failed", failure=part))


def _phase(status: JobStatus) -> str:
    """The phase of its life that a job of that status stands in."""
    return JobStatus.RUNNING if status is JobStatus.PAUSED else status


def example_bytes(given: Examples | None, format: FileFormat) -> bytes:
    """A file of the examples that are given, or of as many that are made up."""
    if isinstance(given, tuple):
        return jsonl(given)
    return jsonl(examples(format, DEFAULT_EXAMPLES if given is None else given))
