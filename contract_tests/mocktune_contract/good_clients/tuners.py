"""``mocktune_client``, sync and async: ``tune`` is the whole of it."""

from __future__ import annotations

import openai

from mocktune_client import AsyncTuner, Tuner, TuningError
from mocktune_contract.good_clients.rules import Outcome


def tune(tuner: Tuner, examples: bytes, model: str) -> Outcome:
    try:
        tuned = tuner.tune(examples, model=model)
    except (TuningError, openai.APIError) as reason:
        return Outcome("gave_up", str(reason))
    return Outcome("recovered", model=tuned.model)


async def tune_async(tuner: AsyncTuner, examples: bytes, model: str) -> Outcome:
    try:
        tuned = await tuner.tune(examples, model=model)
    except (TuningError, openai.APIError) as reason:
        return Outcome("gave_up", str(reason))
    return Outcome("recovered", model=tuned.model)
