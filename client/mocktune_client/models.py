"""Tuned models: a name that exists is not yet a model that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mocktune_client.errors import ModelNotReady
from mocktune_client.steps import Sleep, Steps, ask
from mocktune_client.waiting import Retrying, Timing, is_temporary

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

PROBE_TIMEOUT_S = 60.0
"""Of one probe. A model that is being loaded may leave a request hanging; asking again is as good."""


def wait_for_model(name: str, timing: Timing, *, timeout_s: float) -> Steps[None]:
    """Returns when the model has answered a one-token probe.

    A new model is unknown (404) for seconds or minutes, then loading (429, 503), and requests may time out [SEED,
    contract 8]. Raises ``ModelNotReady``, and at once the SDK's error for what waiting does not change.
    """
    retrying = Retrying(timing, timeout_s)
    while True:
        try:
            yield from ask(lambda client: _probe(client, name))
            return
        except Exception as error:
            if not is_temporary(error) and not _is_unknown_model(error):
                raise
            delay_s = retrying.next_delay_s(error)
            if delay_s is None:
                raise ModelNotReady(name, timeout_s, error) from error
        yield Sleep(delay_s)


def _probe(client: OpenAI, name: str) -> ChatCompletion:
    return client.chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": "ping"}],
        max_completion_tokens=1,
        timeout=PROBE_TIMEOUT_S,
    )


def _is_unknown_model(error: Exception) -> bool:
    import openai

    return isinstance(error, openai.NotFoundError) and error.code == "model_not_found"
