"""What the tests of the quirks share: a sandbox under a named scenario, and the service's own verdict on the client.

One test for each row of contract section 10, named after it; ``docs/explanation/quirks.md`` is its table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mocktune_client import Tuned, TuningError
from mocktune_client.dataset import check_dataset
from mocktune_client.dataset.report import Finding
from mocktune_client.progress import EventSeen, JobSeen, Progress

from .lab import MARV, MODEL, ONE_EPOCH, Lab

CREATE, UPLOAD, RETRIEVE = "POST /fine_tuning/jobs", "POST /files", "GET /fine_tuning/jobs/[^/]*"
PROBE = "POST /chat/completions"
FILES = Path(__file__).parents[2] / "fixtures" / "training_files"


def play(lab: Lab, scenario: str, **settings: Any) -> None:
    """From now on the sandbox plays ``scenario``, with ``settings`` such as ``{"job.queued": "9h"}`` in it."""
    answer = lab.control.put("/_mocktune/scenario", json={"name": scenario, "set": settings})
    assert answer.status_code == 200, answer.text


def at_fault(lab: Lab) -> list[str]:
    """What the service's verdict finds wrong with the client, once it is done: codes such as ``MT04``."""
    verdict = lab.control.get("/_mocktune/verdict", params={"done": "true"}).raise_for_status().json()
    return [finding["code"] for finding in verdict["findings"]]


class Told(list[Progress]):
    """All that a tuning told."""

    @property
    def statuses(self) -> list[str]:
        found = [each.job.status for each in self if isinstance(each, JobSeen)]
        return [status for index, status in enumerate(found) if status not in found[index - 1 : index]]

    @property
    def messages(self) -> list[str]:
        return [each.event.message for each in self if isinstance(each, EventSeen)]


def tune(lab: Lab, told: Told | None = None, content: bytes = MARV, *, poll_s: float = 10, **request: Any) -> Tuned:
    request = {"model": MODEL, "method": ONE_EPOCH, "suffix": "marv"} | request
    return lab.tuner(poll_s=poll_s).tune(content, on=(told if told is not None else Told()).append, **request)


def failing(act: Callable[[], object]) -> TuningError:
    """The error of this package that ``act`` ends with."""
    with pytest.raises(TuningError) as caught:
        act()
    return caught.value


def findings(tmp_path: Path, content: bytes) -> list[Finding]:
    """What the check on this machine says of a training file."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    return [each for each in check_dataset(path, model=MODEL, processes=1).training.findings if each.code]
