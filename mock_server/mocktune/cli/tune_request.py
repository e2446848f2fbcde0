"""What ``mocktune tune`` was asked for, read from its options."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, cast

from mocktune.cli.exits import fail
from mocktune.cli.pairs import metadata_of
from mocktune.domain.models import Method

METHODS: tuple[Method, ...] = ("supervised", "dpo", "reinforcement")
MAX_GRADER_BYTES = 1024 * 1024
MAX_SUFFIX = 64


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """Files are paths, or ids of files of the service. ``method`` is None where the training file decides it;
    ``hyperparameters`` holds what is not left to the service, ``details`` what else belongs to the method.
    """

    training_file: str
    model: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    method: Method | None = None
    hyperparameters: Mapping[str, int | float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] | None = None
    again: bool = False

    @property
    def epochs(self) -> int | None:
        return cast("int | None", self.hyperparameters.get("n_epochs"))

    def method_body(self, by_file: Method | None) -> dict[str, Any] | None:
        """The ``method`` of the create request. None where nothing has to be said: the service then trains supervised,
        and older ones do not know the field.
        """
        method = self.method or by_file or "supervised"
        said: dict[str, Any] = dict(self.details)
        if self.hyperparameters:
            said["hyperparameters"] = dict(self.hyperparameters)
        if method == "supervised" and not said and self.method is None:
            return None
        return {"type": method, method: said}


def read_request(
    training_file: str,
    *,
    model: str,
    valid: str | None,
    suffix: str | None,
    seed: int | None,
    method: str | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate_multiplier: float | None,
    beta: float | None,
    grader: Path | None,
    metadata: Sequence[str],
    again: bool,
) -> TuneRequest:
    """Ends the command for what cannot be."""
    for name, path in (("the training file", training_file), ("--valid", valid)):
        if path is not None and not is_file_id(path):
            _check_readable(name, path)
    if not model.strip():
        fail("--model: say what to tune, such as gpt-4o-mini-2024-07-18")
    if suffix is not None and not 0 < len(suffix) <= MAX_SUFFIX:
        fail(f"--suffix has 1 to {MAX_SUFFIX} characters")
    known = _method(method)
    if beta is not None and known is None:
        known = "dpo"
    if grader is not None and known is None:
        known = "reinforcement"
    if beta is not None and known != "dpo":
        fail("--beta belongs to --method dpo")
    if (grader is not None) != (known == "reinforcement"):
        fail("--method reinforcement needs a grader, and only it has one: --grader FILE")
    for name, value in (("--learning-rate-multiplier", learning_rate_multiplier), ("--beta", beta)):
        if value is not None and not isfinite(value):
            fail(f"{name} is a number")
    given: dict[str, int | float | None] = {
        "n_epochs": epochs,
        "batch_size": batch_size,
        "learning_rate_multiplier": learning_rate_multiplier,
        "beta": beta,
    }
    return TuneRequest(
        training_file=training_file,
        model=model.strip(),
        validation_file=valid,
        suffix=suffix,
        seed=seed,
        method=known,
        hyperparameters={key: value for key, value in given.items() if value is not None},
        details={} if grader is None else {"grader": _grader(grader)},
        metadata=metadata_of(metadata) or None,
        again=again,
    )


def is_file_id(text: str) -> bool:
    """Whether ``text`` is the id of a file of the service, and not a file that is here."""
    return text.startswith("file-") and not Path(text).exists()


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        fail(f"{name}: '{path}' cannot be read: {error.strerror or error}")


def _method(text: str | None) -> Method | None:
    if text is None:
        return None
    found = next((method for method in METHODS if method == text), None)
    if found is None:
        from mocktune.domain.documents import nearest

        fail(f"--method: there is no method '{text}'{nearest(text, METHODS)}; there are {', '.join(METHODS)}")
    return found


def _grader(path: Path) -> Any:
    try:
        with path.open("rb") as source:
            data = source.read(MAX_GRADER_BYTES + 1)
    except OSError as error:
        fail(f"--grader: '{path}' cannot be read: {error.strerror or error}")
    if len(data) > MAX_GRADER_BYTES:
        fail(f"--grader: '{path}' is larger than any grader, {MAX_GRADER_BYTES} bytes")
    try:
        grader = json.loads(data)
    except (ValueError, RecursionError) as error:
        fail(f"--grader: '{path}' is no JSON: {error}")
    if not isinstance(grader, dict):
        fail(f"--grader: '{path}' is no grader, which is a JSON object")
    return grader
