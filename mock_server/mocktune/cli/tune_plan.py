"""What ``mocktune tune --dry-run`` tells: the steps, in order, and what they will cost."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocktune.cli.tune_request import TuneRequest, is_file_id

if TYPE_CHECKING:
    from mocktune_client.dataset.report import DatasetReport, FileReport, ModelPrice


@dataclass(frozen=True, slots=True)
class TunePlan:
    """``request`` is the body of the create request, with names in place of ids that are not there yet."""

    steps: tuple[str, ...]
    request: dict[str, Any]
    price: ModelPrice | None
    priced_on: str | None

    def lines(self, width: int | None = None) -> list[str]:
        """The steps in words, broken between words where they are longer than ``width``."""
        steps = [f"  {n}. {step}" for n, step in enumerate(self.steps, 1)]
        if width is not None:
            steps = [textwrap.fill(step, max(20, width), subsequent_indent=" " * 5) for step in steps]
        return ["what would be done:", *steps, "nothing was sent"]

    def document(self) -> dict[str, Any]:
        price = self.price
        return {
            "event": "plan",
            "steps": list(self.steps),
            "request": self.request,
            "tokens": None if price is None else price.trained_tokens,
            "epochs": None if price is None else price.n_epochs,
            "usd": None if price is None else price.usd,
            "usd_per_hour": None if price is None else price.usd_per_hour,
            "priced_on": self.priced_on,
        }


def plan_of(
    request: TuneRequest, report: DatasetReport | None, price: ModelPrice | None, *, wait_for_model: bool, detach: bool
) -> TunePlan:
    method = request.method_body(None if report is None else report.method)
    training = _file(request.training_file, None if report is None else report.training)
    body: dict[str, Any] = {"model": request.model, "training_file": training.name}
    steps = [training.step]
    if request.validation_file is not None:
        validation = _file(request.validation_file, None if report is None else report.validation)
        body["validation_file"] = validation.name
        steps.append(validation.step)
    for name in ("suffix", "seed"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if method is not None:
        body["method"] = method
    if request.metadata:
        body["metadata"] = dict(request.metadata)
    epochs = f", {price.n_epochs} epochs" if price is not None else ""
    made = (
        "a new job, though there be one of the same request" if request.again else "one job, or find the one there is"
    )
    steps.append(f"create {made}: {method['type'] if method else 'supervised'}, on {request.model}{epochs}")
    if not detach:
        steps += ["follow its events until it has ended", "read its results and checkpoints"]
        if wait_for_model:
            steps.append("wait until the new model answers: requests for one token each")
    return TunePlan(tuple(steps), body, price, None if report is None else report.priced_on)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    step: str


def _file(text: str, report: FileReport | None) -> _File:
    if is_file_id(text):
        return _File(text, f"wait until file {text} is processed")
    if report is None:
        return _File(Path(text).name, f"upload {text}, unless it is there")
    name = f"{Path(text).stem}-{report.statistics.sha256[:12]}.jsonl"
    return _File(name, f"upload {text}, {report.size_bytes:,} bytes, as {name}, unless it is there; wait for it")
