"""What a client finds in its environment: everything the official SDKs read, pointing at one sandbox."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

AZURE_API_VERSION = "2024-10-21"
"""The stable version of Azure's inference and authoring API that the SDK's examples name."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Access:
    """How a client gets into one sandbox.

    ``root`` is the server (``http://127.0.0.1:4141``), ``name`` the sandbox's name as of ``POST /_mocktune/sandboxes``.
    """

    root: str
    name: str

    @property
    def api_key(self) -> str:
        return f"sk-mt-{self.name}"

    @property
    def admin_key(self) -> str:
        """The organization's key of that API key, which checkpoint permissions ask for."""
        return f"sk-admin-mt-{self.name}"

    @property
    def shared_root(self) -> str:
        """Leads into the sandbox with any key: clients with a key of their own written into them get there too."""
        return f"{self.root}/s/{self.name}"

    @property
    def base_url(self) -> str:
        """``OPENAI_BASE_URL``."""
        return f"{self.shared_root}/v1"

    @property
    def webhook_secret(self) -> str:
        """``OPENAI_WEBHOOK_SECRET``: the same for the same name."""
        return "whsec_" + base64.b64encode(hashlib.sha256(f"webhooks of {self.name}".encode()).digest()[:24]).decode()


def variables(access: Access, inherited: Mapping[str, str]) -> dict[str, str | None]:
    """What to set, and (None) what to clear, for a client that is started with ``inherited`` as its environment.

    Names are those that openai-python and openai-node read. Proxies are for the world outside: loopback is put into
    ``NO_PROXY`` beside what stands there.
    """
    past = [each.strip() for each in (inherited.get("NO_PROXY") or inherited.get("no_proxy") or "").split(",")]
    no_proxy = ",".join(dict.fromkeys([each for each in past if each] + list(LOOPBACK)))
    return {
        "OPENAI_BASE_URL": access.base_url,
        "OPENAI_API_BASE": access.base_url,
        "OPENAI_API_KEY": access.api_key,
        "OPENAI_ADMIN_KEY": access.admin_key,
        "OPENAI_WEBHOOK_SECRET": access.webhook_secret,
        "OPENAI_ORG_ID": None,
        "OPENAI_ORGANIZATION": None,
        "OPENAI_PROJECT_ID": None,
        "OPENAI_CUSTOM_HEADERS": None,
        "OPENAI_API_TYPE": "openai",  # else the module-level client finds Azure's variables beside these ambiguous
        "OPENAI_API_VERSION": AZURE_API_VERSION,
        "AZURE_OPENAI_ENDPOINT": access.shared_root,
        "AZURE_OPENAI_API_KEY": access.api_key,
        "AZURE_OPENAI_AD_TOKEN": None,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "MOCKTUNE_URL": access.root,
    }
