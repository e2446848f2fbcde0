"""Moderations: every input against the table of keywords in ``domain/moderation.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mocktune.domain import ids
from mocktune.domain.error_kinds.moderations import IMAGES_NEED_OMNI, UNKNOWN_MODEL
from mocktune.domain.moderation import Verdict, moderate
from mocktune.service.sandboxes import Visit

DEFAULT_MODEL = "omni-moderation-latest"

_SNAPSHOTS = {
    "omni-moderation-latest": "omni-moderation-latest",
    "omni-moderation-2024-09-26": "omni-moderation-2024-09-26",
    # Shut down on 2025-10-27; the profile "classic" keeps every model alive.
    "text-moderation-latest": "text-moderation-007",
    "text-moderation-stable": "text-moderation-007",
    "text-moderation-007": "text-moderation-007",
}


@dataclass(frozen=True, slots=True)
class ModerationInput:
    """One thing to judge: its texts, and how many images it holds. Each input gets one result."""

    texts: Sequence[str]
    images: int = 0


@dataclass(frozen=True, slots=True)
class ModerationView:
    id: str
    model: str
    results: tuple[Verdict, ...]


class ModerationService:
    """``POST /moderations``."""

    async def create(
        self, visit: Visit, inputs: Sequence[ModerationInput], model: str = DEFAULT_MODEL
    ) -> ModerationView:
        """Raises ``ParameterError`` for a model that moderates nothing, which ``--loose`` takes for the newest."""
        if model not in _SNAPSHOTS:
            if not visit.loose:
                raise UNKNOWN_MODEL(model=model)
            model = DEFAULT_MODEL
        if model.startswith("text-") and any(each.images for each in inputs) and not visit.loose:
            raise IMAGES_NEED_OMNI(model=model)
        sandbox = visit.sandbox
        id = ids.object_id("moderation", sandbox.seed, sandbox.next_ordinal("moderation"))
        results = tuple(
            moderate("\n".join(each.texts), has_text=bool(each.texts), has_image=each.images > 0) for each in inputs
        )
        return ModerationView(id, _SNAPSHOTS[model], results)
