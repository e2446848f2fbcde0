"""The inputs of one life, for tests of timelines: twelve examples under ``realistic``, changed as a test wants."""

from __future__ import annotations

from dataclasses import replace

from support import scenario

from mocktune.domain.clock import FROZEN_START, SECOND, VirtualTime
from mocktune.domain.models import BASE_MODELS, TRAIN_CONTEXTS
from mocktune.domain.objects import JobRequest
from mocktune.domain.plan import PlanInputs
from mocktune.domain.report import FileReport
from mocktune.domain.validation import FileOutlook

T0 = FROZEN_START
GOOD = FileReport("chat", 12, None, None, 400, 200, dict.fromkeys(TRAIN_CONTEXTS, 500), 0.5)


def at(seconds: float) -> VirtualTime:
    return VirtualTime(T0 + round(seconds * SECOND))


def outlook(
    id: str = "file-A", *, ready: float = 2, report: FileReport | None = GOOD, **changes: object
) -> FileOutlook:
    return replace(FileOutlook(id, "fine-tune", at(ready), report), **changes)  # type: ignore[arg-type]


def inputs(*changes: str, name: str = "realistic", **others: object) -> PlanInputs:
    given = {
        "job_id": "ftjob-1",
        "seed": 7,
        "created_at": T0,
        "request": JobRequest("gpt-4o-mini-2024-07-18", "file-A", suffix="Marv"),
        "model": BASE_MODELS["gpt-4o-mini-2024-07-18"],
        "scenario": scenario(name, *changes),
        "training": outlook(),
        "validation": None,
    }
    return PlanInputs(**{**given, **others})  # type: ignore[arg-type]


# 12 examples -> 8 epochs -> 96 steps of 2.5 s: 2 (file) + 45 + 4 + 240 = 291 s.
FINISH = 291
