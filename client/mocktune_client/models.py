"""Tuned models: a name that exists is not yet a model that answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mocktune_client.azure import deployment_names, is_models_own_name
from mocktune_client.errors import DeploymentNeeded, ModelNotReady
from mocktune_client.steps import Sleep, Steps, ask
from mocktune_client.waiting import Retrying, Timing, is_temporary

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

PROBE_TIMEOUT_S = 60.0
"""Of one probe. A model that is being loaded may leave a request hanging; asking again is as good."""


def wait_for_model(name: str, timing: Timing, *, timeout_s: float) -> Steps[str]:
    """The name under which the model has answered a one-token probe.

    A new model is unknown (404) for seconds or minutes, then loading (429, 503), and requests may time out [SEED,
    contract 8]. On Azure a model answers as its deployment: one that there is of it is waited for, and without any it
    is ``DeploymentNeeded``. Raises ``ModelNotReady``, and at once the SDK's error for what waiting does not change.
    """
    retrying = Retrying(timing, timeout_s)
    looked_for_deployments = False
    while True:
        try:
            yield from ask(partial(_probe, name))
            return name
        except Exception as error:
            if _is_undeployed(error):
                if not looked_for_deployments:
                    looked_for_deployments = True
                    name = yield from _deployment_of(name, error, timing)
            elif not is_temporary(error) and not _is_unknown_model(error):
                raise
            delay_s = retrying.next_delay_s(error)
            if delay_s is None:
                raise ModelNotReady(name, timeout_s, error) from error
        yield Sleep(delay_s)


def _deployment_of(name: str, error: Exception, timing: Timing) -> Steps[str]:
    """The deployment that is worth waiting for: ``name`` itself, or one of the model of that name.

    Raises ``error`` for a deployment that does not exist. Where deployments are not listed, it may be one that was
    just made: "If you created the deployment within the last 5 minutes, please wait a moment" [OBS].
    """
    models = yield from deployment_names(timing)
    if models is not None:
        if name in models:
            return name
        if found := sorted(deployment for deployment, model in models.items() if model == name):
            return found[0]
    if is_models_own_name(name):
        raise DeploymentNeeded(name) from error
    if models is not None:
        raise error
    return name


def _probe(name: str, client: OpenAI) -> ChatCompletion:
    return client.chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": "ping"}],
        max_completion_tokens=1,
        timeout=PROBE_TIMEOUT_S,
    )


def _is_unknown_model(error: Exception) -> bool:
    import openai

    return isinstance(error, openai.NotFoundError) and error.code == "model_not_found"


def _is_undeployed(error: Exception) -> bool:
    import openai

    return isinstance(error, openai.NotFoundError) and error.code == "DeploymentNotFound"
