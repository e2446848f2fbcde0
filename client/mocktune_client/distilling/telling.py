"""What distilling tells while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mocktune_client.progress import Waiting


@dataclass(frozen=True, slots=True)
class Collected:
    """``seen`` stored completions were looked at so far, and ``examples`` came of them."""

    seen: int
    examples: int


@dataclass(frozen=True, slots=True)
class Asked:
    """``done`` of ``total`` prompts have an answer, ``reused`` of them one that was stored before; the others cost at
    most ``usd``, None where the price is not known.
    """

    done: int
    total: int
    reused: int
    usd: float | None


Distilling: TypeAlias = Collected | Asked | Waiting
