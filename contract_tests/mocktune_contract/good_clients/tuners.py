"""``mocktune_client``, sync and async: its user adds what to do about a create whose outcome is unknown."""

from __future__ import annotations

from contextlib import suppress

import openai

from mocktune_client import AsyncTuner, CreateOutcomeUnknown, ResultsUnavailable, Tuner, TuningError
from mocktune_contract.good_clients.rules import Outcome

CREATES = 10
"""Times a create is tried of which no job was found afterwards."""


def tune(tuner: Tuner, examples: bytes, model: str) -> Outcome:
    try:
        file = tuner.upload(examples, filename="examples.jsonl")
        for left in reversed(range(CREATES)):
            try:
                job = tuner.create(model=model, training_file=file.id)
                break
            except CreateOutcomeUnknown as unknown:
                # It was looked for, for a while, and is not there: the answer that was lost was an error.
                if not (left and unknown.looked_up):
                    raise
        for _ in tuner.follow(job.id):
            pass  # here a user would print them
        job = tuner.wait(job.id)
        with suppress(ResultsUnavailable):  # the model is there all the same
            tuner.results(job)
        assert job.fine_tuned_model
        tuner.wait_for_model(job.fine_tuned_model)
    except (TuningError, openai.APIError) as reason:
        return Outcome("gave_up", str(reason))
    return Outcome("recovered", model=job.fine_tuned_model)


async def tune_async(tuner: AsyncTuner, examples: bytes, model: str) -> Outcome:
    try:
        file = await tuner.upload(examples, filename="examples.jsonl")
        for left in reversed(range(CREATES)):
            try:
                job = await tuner.create(model=model, training_file=file.id)
                break
            except CreateOutcomeUnknown as unknown:
                if not (left and unknown.looked_up):
                    raise
        async for _ in tuner.follow(job.id):
            pass
        job = await tuner.wait(job.id)
        with suppress(ResultsUnavailable):
            await tuner.results(job)
        assert job.fine_tuned_model
        await tuner.wait_for_model(job.fine_tuned_model)
    except (TuningError, openai.APIError) as reason:
        return Outcome("gave_up", str(reason))
    return Outcome("recovered", model=job.fine_tuned_model)
