"""Names of tuned models, taken apart and made fit for a file system.

::

    ft:gpt-4o-mini-2024-07-18:acme:marv:AbC123              base, organization, suffix, id
    ft:gpt-4o-mini-2024-07-18:acme::AbC123                  without a suffix: two colons in a row [OBS]
    ft:gpt-4o-mini-2024-07-18:acme:marv:XyZ789:ckpt-step-60 a checkpoint; its id is its own
    gpt-4o-mini-2024-07-18.ft-<32 hex>-marv                 Azure
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mocktune.domain.models import BaseModel, resolve_base_model

_AZURE = re.compile(r"(?P<base>.+)\.ft-(?P<id>[0-9a-f]{32})(?:-(?P<suffix>.+))?")
_STEP = re.compile(r"ckpt-step-(\d{1,15})")
_UNSAFE = re.compile(r'[<>:"/\\|?*%\x00-\x1f]')


@dataclass(frozen=True, slots=True)
class TunedName:
    """The parts of a tuned model's name; ``organization``, ``suffix`` and ``step`` are None where it has none."""

    base: str
    organization: str | None
    suffix: str | None
    id: str
    step: int | None = None


def tuned_name(name: str) -> TunedName | None:
    """The parts of ``name``; None for a base model, a deployment, or any other name."""
    if found := _AZURE.fullmatch(name):
        return TunedName(found["base"], None, found["suffix"], found["id"])
    parts = name.split(":")
    step = None
    if len(parts) == 6 and (ends := _STEP.fullmatch(parts[5])):
        step = int(ends[1])
        parts.pop()
    if len(parts) != 5 or parts[0] != "ft" or not parts[1] or not parts[4]:
        return None
    return TunedName(parts[1], parts[2] or None, parts[3] or None, parts[4], step)


def base_name(name: str) -> str:
    """The base model in a tuned one's name, or in what begins like one; another name as it is."""
    return name.split(":")[1] if name.startswith("ft:") else name.partition(".ft-")[0]


def base_model_of(name: str) -> BaseModel | None:
    """The base model behind any name: its own, an alias, a tuned model, a checkpoint; None for others."""
    return resolve_base_model(base_name(name))


def base_of(name: str) -> str:
    """The dated name of the base model behind ``name``; where it is not known, the name in ``name``."""
    known = base_model_of(name)
    return known.id if known else base_name(name)


def file_name_of(name: str) -> str:
    """``name`` as part of a file's name that every system takes, and that can be read back.

    Windows takes no colons; each such sign becomes ``%`` and its two hexadecimal digits, as in URLs.
    """
    return _UNSAFE.sub(lambda sign: f"%{ord(sign[0]):02X}", name).rstrip(". ") or "%"
