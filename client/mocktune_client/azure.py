"""Azure's dialect, as far as a workflow has to know it: there a model answers under the name of a deployment.

Everything else that differs (statuses ``pending``, ``running`` and ``canceled``, codes, plain result files, 201) is
taken as it comes wherever it is met. Deployments are made at the resource manager, which is another host with a token
of its own; they are billed by the hour while they stand, so none is made unless it is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mocktune_client.errors import DeploymentFailed, WaitTimeout
from mocktune_client.steps import Sleep, Steps
from mocktune_client.waiting import Retrying, Timing, is_temporary, patiently

MANAGEMENT_URL = "https://management.azure.com"
MANAGEMENT_API_VERSION = "2024-10-01"
NEW_MODEL_S = 900.0
"""How long a model that a job has just made may be unknown to the resource manager."""

_OWN_NAME = re.compile(r".+\.ft-[0-9a-f]{32}(-.+)?")


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """Where deployments are made. ``resource_id`` is ``/subscriptions/…/providers/Microsoft.CognitiveServices/
    accounts/…``, ``token`` one of Microsoft Entra for the resource manager (``az account get-access-token``).
    """

    resource_id: str
    token: str = field(repr=False)
    management_url: str = MANAGEMENT_URL
    api_version: str = MANAGEMENT_API_VERSION

    def url(self, deployment: str) -> str:
        return f"{self.management_url}/{self.resource_id.strip('/')}/deployments/{quote(deployment, safe='')}"


def is_models_own_name(name: str) -> bool:
    """Whether ``name`` is what Azure calls a tuned model, such as ``gpt-4o-mini-2024-07-18.ft-<32 hex>-suffix``."""
    return _OWN_NAME.fullmatch(name) is not None


def deployment_names(timing: Timing) -> Steps[dict[str, str] | None]:
    """The model behind each deployment, by the deployment's name; None where the service does not list them, as newer
    versions of its API do not.
    """
    import openai

    try:
        page: Any = yield from patiently(lambda client: client.get("/deployments", cast_to=object), timing)
    except openai.APIStatusError as error:
        if is_temporary(error):
            raise
        return None
    data = page.get("data") if isinstance(page, dict) else None
    if not isinstance(data, list):
        return None
    return {str(each["id"]): str(each.get("model")) for each in data if isinstance(each, dict) and each.get("id")}


def deploy(
    model: str, name: str, account: AzureAccount, timing: Timing, *, sku: str, capacity: int, timeout_s: float
) -> Steps[None]:
    """Makes the deployment ``name`` of ``model``, or changes the one of that name, and waits until it stands.

    To ask for the same again changes nothing. Raises ``DeploymentFailed``, ``WaitTimeout``.
    """
    import openai

    body = {
        "sku": {"name": sku, "capacity": capacity},
        "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
    }
    late = Retrying(timing, NEW_MODEL_S)
    while True:
        try:
            made: Any = yield from patiently(
                lambda client: client.put(account.url(name), cast_to=object, body=body, options=_options(account)),
                timing,
            )
            break
        except openai.BadRequestError as error:
            delay_s = late.next_delay_s(error) if error.code == "DeploymentModelNotSupported" else None
            if delay_s is None:
                raise
        yield Sleep(delay_s)
    until = timing.now() + timeout_s
    while (state := _state(made)) not in _STANDS:
        if state in _FELL:
            raise DeploymentFailed(name, model, state)
        remaining_s = until - timing.now()
        if remaining_s <= 0:
            raise WaitTimeout(f"Deployment {name}", state or None, timeout_s)
        yield Sleep(min(timing.poll_delay_s(), remaining_s))
        made = yield from patiently(
            lambda client: client.get(account.url(name), cast_to=object, options=_options(account)), timing
        )


_STANDS = frozenset({"succeeded"})
_FELL = frozenset({"failed", "canceled", "deleting", "disabled"})


def _state(deployment: Any) -> str:
    properties = deployment.get("properties") if isinstance(deployment, dict) else None
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return str(state or "").lower()


def _options(account: AzureAccount) -> Any:
    """The resource manager is another host: it gets its own token, and never the service's key."""
    from openai import Omit

    return {
        "headers": {"Authorization": f"Bearer {account.token}", "api-key": Omit()},
        "params": {"api-version": account.api_version},
    }
