"""Graders: what scores an answer of a model, as data, and how each is written on the wire.

Kinds and fields: SPEC and GRADDOC. ``graders.py`` reads them from a request, ``grading.py`` has them grade.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from mocktune.domain.formulas import Formula
from mocktune.domain.templates import TemplateError, variables

Metric = Literal[
    "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l",
]  # fmt: skip

METRICS: tuple[Metric, ...] = (
    "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l",
)  # fmt: skip
OPERATIONS = ("eq", "ne", "like", "ilike")

# GRADDOC, "Model grader constraints".
REASONING_MODELS = ("o1-2024-12-17", "o3-mini-2025-01-31", "o3-2025-04-16", "o4-mini-2025-04-16")
GRADER_MODELS = (
    "gpt-4o-2024-08-06",
    "gpt-4o-mini-2024-07-18",
    "gpt-4.1-2025-04-14",
    "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano-2025-04-14",
    *REASONING_MODELS,
)

Json = dict[str, object]


class TextMetrics(Protocol):
    """How alike two texts are."""

    def similarity(self, metric: Metric, input: str, reference: str) -> float:
        """From 0 (nothing in common) to 1."""


@dataclass(frozen=True, slots=True)
class StringCheck:
    """1 if ``operation`` holds for the two templates, else 0. Under ``--loose`` the operation may be any word."""

    name: str
    input: str
    reference: str
    operation: str

    type = "string_check"


@dataclass(frozen=True, slots=True)
class TextSimilarity:
    """How alike the two templates are; ``evaluation_metric`` is a ``Metric`` (under ``--loose`` any word)."""

    name: str
    input: str
    reference: str
    evaluation_metric: str
    pass_threshold: float | None = None

    type = "text_similarity"


@dataclass(frozen=True, slots=True)
class Python:
    """A function of the client's, which is never run."""

    name: str
    source: str
    image_tag: str | None = None
    pass_threshold: float | None = None

    type = "python"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a grader model: its texts are templates, ``wire`` is how it was sent."""

    role: str
    texts: tuple[str, ...]
    images: int
    wire: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """A model that answers with a number in ``range``."""

    name: str
    model: str
    input: tuple[Message, ...]
    range: tuple[float, float] = (0, 1)
    sampling_params: Mapping[str, object] | None = None
    pass_threshold: float | None = None

    type = "score_model"


@dataclass(frozen=True, slots=True)
class LabelModel:
    """A model that answers with one of ``labels``: 1 if it is one of ``passing_labels``, else 0."""

    name: str
    model: str
    input: tuple[Message, ...]
    labels: tuple[str, ...]
    passing_labels: tuple[str, ...]

    type = "label_model"


SingleGrader = StringCheck | TextSimilarity | Python | ScoreModel | LabelModel


@dataclass(frozen=True, slots=True)
class Multi:
    """Several graders by the names their formula uses. ``formula`` is None only where --loose let a bad one pass."""

    name: str
    graders: Mapping[str, SingleGrader]
    calculate_output: str
    formula: Formula | None

    type = "multi"


Grader = SingleGrader | Multi


def grader_json(grader: Grader) -> Json:
    """The grader as validate answers it and as a job echoes it: ``neq`` is ``ne``, ``range`` is filled in, a list of
    graders is the map that the service works with. Reading it again makes an equal grader.

    An ``image_tag`` that was not given stays away: so it is in the recorded answers (EVALPROTOCOL).
    """
    json: Json = {"type": grader.type, "name": grader.name}
    match grader:
        case StringCheck():
            json |= {"input": grader.input, "reference": grader.reference, "operation": grader.operation}
        case TextSimilarity():
            json |= {"input": grader.input, "reference": grader.reference}
            json["evaluation_metric"] = grader.evaluation_metric
            _add(json, pass_threshold=grader.pass_threshold)
        case Python():
            json["source"] = grader.source
            _add(json, image_tag=grader.image_tag, pass_threshold=grader.pass_threshold)
        case ScoreModel():
            json |= {"input": [dict(each.wire) for each in grader.input], "model": grader.model}
            json["range"] = list(grader.range)
            _add(json, sampling_params=grader.sampling_params, pass_threshold=grader.pass_threshold)
        case LabelModel():
            json |= {"input": [dict(each.wire) for each in grader.input], "model": grader.model}
            json |= {"labels": list(grader.labels), "passing_labels": list(grader.passing_labels)}
        case Multi():
            json["graders"] = {key: grader_json(each) for key, each in grader.graders.items()}
            json["calculate_output"] = grader.calculate_output
    return json


def _add(json: Json, **optional: object) -> None:
    json.update((key, value) for key, value in optional.items() if value is not None)


def single_graders(grader: Grader) -> Mapping[str, SingleGrader]:
    """The graders that look at an answer, by their keys; that of a grader on its own is ""."""
    return grader.graders if isinstance(grader, Multi) else {"": grader}


def templates(grader: SingleGrader) -> Iterator[str]:
    """Every text of it that may hold variables."""
    match grader:
        case StringCheck() | TextSimilarity():
            yield grader.input
            yield grader.reference
        case ScoreModel() | LabelModel():
            for message in grader.input:
                yield from message.texts
        case Python():
            return


def grader_variables(grader: Grader) -> frozenset[str]:
    """What the grader's templates ask for, written as in a template: ``item.answer``,
    ``sample.output_tools[0].function.name``. A python grader may read anything and names nothing."""
    names: set[str] = set()
    for single in single_graders(grader).values():
        for template in templates(single):
            try:
                names.update(str(each) for each in variables(template))
            except TemplateError:  # only where --loose let it pass
                continue
    return frozenset(names)
