"""Requests for jobs: those that are taken, and those with one thing wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

Json = dict[str, Any]
Method = Literal["supervised", "dpo", "reinforcement"]

METHODS: tuple[Method, ...] = ("supervised", "dpo", "reinforcement")
MODELS: dict[Method, str] = {
    "supervised": "gpt-4o-mini-2024-07-18",
    "dpo": "gpt-4o-mini-2024-07-18",
    "reinforcement": "o4-mini-2025-04-16",
}
GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "operation": "eq",
}

_WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)
_HYPERPARAMETERS: dict[str, st.SearchStrategy[Any]] = {
    "n_epochs": st.integers(1, 50),
    "batch_size": st.integers(1, 256),
    "learning_rate_multiplier": st.floats(0.01, 10),
}
_MORE: dict[Method, dict[str, st.SearchStrategy[Any]]] = {
    "supervised": {},
    "dpo": {"beta": st.floats(0.01, 2)},
    "reinforcement": {
        "compute_multiplier": st.floats(0.001, 10),
        "eval_interval": st.integers(1, 50),
        "eval_samples": st.integers(1, 50),
        "reasoning_effort": st.sampled_from(["low", "medium", "high"]),
    },
}


@dataclass(frozen=True, slots=True)
class BrokenJobRequest:
    """Keyword arguments that are refused with 400 before anything is made, and the ``param`` and ``code`` of that."""

    arguments: Json
    param: str | None
    code: str | None


def job_requests(
    training_file: str,
    *,
    validation_file: str | None = None,
    methods: Sequence[Method] = ("supervised",),
    model: str | None = None,
    max_epochs: int = 50,
) -> st.SearchStrategy[Json]:
    """Keyword arguments for ``client.fine_tuning.jobs.create`` that are taken: ``model`` and ``training_file``, and
    with or without ``validation_file``, ``suffix``, ``seed``, ``method`` or ``hyperparameters``, ``metadata`` and
    ``integrations``.

    The files are to be in the format of the method, of which one of ``methods`` is drawn; ``model`` is one that can
    be tuned by it unless it is given. Where no ``method`` is sent, it is the supervised one. Raises ``ValueError`` for
    no method at all.
    """
    if not methods:
        raise ValueError("give at least one method")
    return st.one_of([_of_method(method, training_file, validation_file, model, max_epochs) for method in methods])


def _of_method(
    method: Method, training_file: str, validation_file: str | None, model: str | None, max_epochs: int
) -> st.SearchStrategy[Json]:
    required: dict[str, st.SearchStrategy[Any]] = {
        "model": st.just(model or MODELS[method]),
        "training_file": st.just(training_file),
    }
    optional: dict[str, st.SearchStrategy[Any]] = {
        "suffix": _WORDS,
        "seed": st.integers(0, 2**31 - 1),
        "metadata": st.dictionaries(_WORDS, st.text(max_size=20), max_size=3),
        "integrations": st.lists(_wandb(), max_size=2),
    }
    if validation_file is not None:
        optional["validation_file"] = st.just(validation_file)
    epochs = {"n_epochs": st.integers(1, max_epochs)}
    numbers = {name: each | st.just("auto") for name, each in (_HYPERPARAMETERS | epochs).items()}
    parameters = st.fixed_dictionaries({}, optional=numbers | _MORE[method])
    chosen = st.builds(lambda given: _method(method, given), parameters)
    told: st.SearchStrategy[Json]
    if method == "supervised":
        either = st.fixed_dictionaries({"method": chosen}) | st.fixed_dictionaries({"hyperparameters": parameters})
        told = st.just({}) | either
    else:
        told = st.fixed_dictionaries({"method": chosen})
    return st.builds(lambda some, more: some | more, st.fixed_dictionaries(required, optional=optional), told)


def _method(method: Method, hyperparameters: Json) -> Json:
    grader = {"grader": GRADER} if method == "reinforcement" else {}
    return {"type": method, method: {**grader, "hyperparameters": hyperparameters}}


def _wandb() -> st.SearchStrategy[Json]:
    told = st.fixed_dictionaries({"project": _WORDS}, optional={"name": _WORDS, "tags": st.lists(_WORDS, max_size=2)})
    return st.builds(lambda wandb: {"type": "wandb", "wandb": wandb}, told)


def broken_job_requests(training_file: str) -> st.SearchStrategy[BrokenJobRequest]:
    """A supervised request with exactly one thing wrong, which is the first and only thing that is said of it."""

    def broken(arguments: Json, defect: tuple[str | None, str | None, Change]) -> BrokenJobRequest:
        param, code, change = defect
        arguments = copy.deepcopy(arguments)
        change(arguments)
        return BrokenJobRequest(arguments, param, code)

    return st.builds(broken, job_requests(training_file), st.sampled_from(_DEFECTS))


Change = Callable[[Json], object]


def _with(**changes: Any) -> Change:
    return lambda arguments: arguments.update(changes)


def _tuned(**hyperparameters: Any) -> Change:
    def change(arguments: Json) -> None:
        arguments.pop("method", None)
        arguments["hyperparameters"] = hyperparameters

    return change


def _by(**method: Any) -> Change:
    def change(arguments: Json) -> None:
        arguments.pop("hyperparameters", None)
        arguments["method"] = method

    return change


_STRONG = {"hyperparameters": {"beta": 3}}
_RUN = {"type": "wandb", "wandb": {"project": "sea"}}
_DEFECTS: list[tuple[str | None, str | None, Change]] = [
    ("model", "model_not_available", _with(model="gpt-none")),
    ("training_file", None, _with(training_file="file-none")),
    ("validation_file", None, _with(validation_file="file-none")),
    ("seed", "integer_below_min_value", _with(seed=-1)),
    ("seed", "integer_above_max_value", _with(seed=2**31)),
    ("seed", "invalid_type", _with(seed="seven")),
    ("suffix", "string_below_min_length", _with(suffix="")),
    ("suffix", "string_above_max_length", _with(suffix="s" * 65)),
    ("metadata", "object_above_max_properties", _with(metadata={str(n): "a" for n in range(17)})),
    ("metadata", "string_above_max_length", _with(metadata={"k" * 65: "a"})),
    ("metadata.note", "string_above_max_length", _with(metadata={"note": "a" * 513})),
    ("integrations", "array_above_max_length", _with(integrations=[_RUN] * 6)),
    ("integrations[0].wandb.project", "missing_required_parameter", _with(integrations=[_RUN | {"wandb": {}}])),
    ("hyperparameters.n_epochs", "integer_below_min_value", _tuned(n_epochs=0)),
    ("hyperparameters.n_epochs", "integer_above_max_value", _tuned(n_epochs=51)),
    ("hyperparameters.n_epochs", "invalid_type", _tuned(n_epochs="many")),
    ("hyperparameters.batch_size", "integer_above_max_value", _tuned(batch_size=257)),
    ("hyperparameters.learning_rate_multiplier", "decimal_below_min_value", _tuned(learning_rate_multiplier=0)),
    ("hyperparameters.beta", "unknown_parameter", _tuned(beta=0.1)),
    ("method.type", "invalid_value", _by(type="magic")),
    ("method.type", "missing_required_parameter", _by(supervised={})),
    ("method.dpo.hyperparameters.beta", "decimal_above_max_value", _by(type="dpo", dpo=_STRONG)),
    ("method.reinforcement.grader", "missing_required_parameter", _by(type="reinforcement")),
]
"""The ``param`` and ``code`` of each, and what makes it."""
