"""Clients that exist already, led into a sandbox in place and back again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mocktune.testing.environment import Access

_MISSING = object()


def adopt(client: Any, access: Access) -> Callable[[], None]:
    """Have ``client``, of the official SDK, talk to the sandbox from now on; what is returned puts it back.

    Its copies made meanwhile (``with_options``) talk to the sandbox as well, and go on doing so. The module ``openai``
    itself is a client too. Raises ``TypeError`` for anything else.
    """
    if getattr(client, "__name__", None) == "openai" and hasattr(client, "OpenAI"):
        return _adopt_module(client, access)
    if not hasattr(client, "base_url") or not hasattr(client, "api_key") or not hasattr(client, "with_options"):
        raise TypeError(
            f"{client!r:.200} is no client of the official SDK: adopt() takes OpenAI, AsyncOpenAI and Azure's"
        )
    changes: dict[str, Any] = {
        "api_key": access.api_key,
        "_api_key_provider": None,
        "workload_identity": None,
        "_workload_identity_auth": None,
        "organization": None,
        "project": None,
        "webhook_secret": access.webhook_secret,
        "admin_api_key": access.admin_key,
    }
    url = access.base_url
    if hasattr(client, "_azure_ad_token_provider"):
        changes |= {"_azure_ad_token": None, "_azure_ad_token_provider": None, "_azure_endpoint": None}
        way = str(client.base_url)
        url = access.shared_root + (way[way.index("/openai") :] if "/openai" in way else "/openai")
    return _changed(client, {name: value for name, value in changes.items() if hasattr(client, name)}, url)


def _changed(client: Any, changes: dict[str, Any], url: str) -> Callable[[], None]:
    before = {name: vars(client).get(name, _MISSING) for name in changes}
    old_url = client.base_url
    for name, value in changes.items():
        setattr(client, name, value)
    client.base_url = url

    def restore() -> None:
        client.base_url = old_url
        for name, value in before.items():
            if value is _MISSING:
                vars(client).pop(name, None)
            else:
                setattr(client, name, value)

    return restore


def _adopt_module(module: Any, access: Access) -> Callable[[], None]:
    changes = {
        "base_url": access.base_url + "/",  # the module's client joins paths to it as it stands
        "api_key": access.api_key,
        "organization": None,
        "project": None,
        "webhook_secret": access.webhook_secret,
        "admin_api_key": access.admin_key,
        "api_type": "openai",
    }
    before = {name: getattr(module, name) for name in changes if hasattr(module, name)}
    for name in before:
        setattr(module, name, changes[name])
    forget_module_client()

    def restore() -> None:
        for name, value in before.items():
            setattr(module, name, value)
        forget_module_client()

    return restore


MODULE_FIELDS = (
    "api_key", "admin_api_key", "organization", "project", "webhook_secret", "base_url", "timeout", "max_retries",
    "default_headers", "default_query", "http_client", "api_type", "api_version", "azure_endpoint", "azure_ad_token",
    "azure_ad_token_provider",
)  # fmt: skip
"""Where the module ``openai`` keeps what its own client, that of ``openai.files.list()``, is made of. Making it writes
what it found in the environment there, and importing the module does."""

_FROM_ENVIRONMENT = {
    "api_type": "OPENAI_API_TYPE",
    "api_version": "OPENAI_API_VERSION",
    "azure_endpoint": "AZURE_OPENAI_ENDPOINT",
}
_KEPT = ("timeout", "max_retries")


@contextmanager
def module_client_renewed() -> Iterator[None]:
    """Have the module's own client made anew by what the environment says in the block, and again after it."""
    module = sys.modules.get("openai")
    before = None if module is None else {name: getattr(module, name, None) for name in MODULE_FIELDS}
    if module is not None:
        forget_module_client()
        module.api_type = "openai"  # type: ignore[attr-defined]  # a module's variable
    try:
        yield
    finally:
        module = sys.modules.get("openai")
        if module is not None:
            forget_module_client()
            if before is None:  # imported meanwhile: as if that had been after the block
                before = {name: getattr(module, name, None) if name in _KEPT else None for name in MODULE_FIELDS}
                before |= {name: os.environ.get(variable) for name, variable in _FROM_ENVIRONMENT.items()}
            _close_other(getattr(module, "http_client", None), before["http_client"])
            for name, value in before.items():
                if hasattr(module, name):
                    setattr(module, name, value)


def _close_other(client: Any, kept: Any) -> None:
    if client is not None and client is not kept:
        client.close()


def forget_module_client() -> None:
    """``openai.chat`` and its like go through one client that is made at first use and kept: the next use makes one by
    what the environment says then."""
    reset = getattr(sys.modules.get("openai"), "_reset_client", None)
    if reset is not None:
        reset()
