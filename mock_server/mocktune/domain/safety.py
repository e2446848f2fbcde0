"""The safety phase: the finished model is sampled, and each category says pass or fail (SFTDOC, RFTDOC).

No payload of a ``moderation_checks`` event was ever recorded: its shape, when the events come, and that a model that
fails leaves its job ``failed``, are assumed.
"""

from __future__ import annotations

from typing import Any

from mocktune.domain.draws import integer

CATEGORIES = (
    "advice", "harassment/threatening", "hate", "hate/threatening", "highly-sensitive", "illicit", "propaganda",
    "self-harm/instructions", "self-harm/intent", "sensitive", "sexual/minors", "sexual", "violence",
)  # fmt: skip
"""SFTDOC, RFTDOC."""


def blocked_category(seed: int, message: str) -> str:
    """The one a model fails for: that of the failure's message, else drawn."""
    named = [each for each in CATEGORIES if each in message]
    if named:
        return max(named, key=len)
    return CATEGORIES[integer(seed, 0, len(CATEGORIES) - 1, "blocked category")]


def checks(blocked: str | None) -> dict[str, Any]:
    """The ``data`` of the event that tells how the checks ended."""
    results = [{"category": each, "flagged": each == blocked} for each in CATEGORIES]
    return {"blocked": blocked is not None, "results": results}
