"""A grader as a client wrote it, read into ``grader_kinds.py`` or refused with the path of what is wrong in it.

Decided here, since sources differ or are silent (all ``assumed``):

- ``multi.graders`` is a map (GRADDOC). A list (SPEC's example) is taken too, and so is one grader alone (SDK's types),
  which the real service refuses (openai-java 647). Their key is the grader's name or, where the formula says so,
  ``<type>_score``.
- A ``name`` may be missing where GRADDOC's examples leave it out: inside ``multi`` it is the key, of ``python`` and
  ``multi`` it is ``grader-`` and twelve characters (recorded: EVALPROTOCOL), drawn from the grader itself.
- A placeholder that is no variable, and a name in a formula that is no grader, are refused when the grader is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from mocktune.domain import draws
from mocktune.domain.error_kinds import graders as kinds
from mocktune.domain.error_kinds.common import article_of
from mocktune.domain.formulas import Formula, FormulaSyntaxError, parse_formula
from mocktune.domain.grader_kinds import (
    GRADER_MODELS,
    METRICS,
    OPERATIONS,
    REASONING_MODELS,
    Grader,
    LabelModel,
    Message,
    Multi,
    Python,
    ScoreModel,
    SingleGrader,
    StringCheck,
    TextMetrics,
    TextSimilarity,
    grader_json,
    grader_variables,
)
from mocktune.domain.python_source import IMAGE_TAGS, source_defect, too_large
from mocktune.domain.templates import TemplateError, variables

__all__ = ["Grader", "TextMetrics", "grader_json", "grader_variables", "parse_grader"]

MAX_TEXT_CHARS = 256 * 1024
MAX_GRADERS = 32
MAX_MESSAGES = 128
MAX_PARTS = 128
MAX_LABELS = 256

_TYPES = ("string_check", "text_similarity", "python", "score_model", "label_model", "multi")
_ROLES = ("user", "assistant", "system", "developer")
_TEXT_PARTS = ("input_text", "output_text")
_PART_TYPES = (*_TEXT_PARTS, "input_image", "input_audio")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_MISSING = object()


def parse_grader(raw: Mapping[str, Any], *, param: str = "grader", loose: bool = False) -> Grader:
    """The grader in ``raw``, whose own path is ``param``.

    Raises ``ParameterError``s whose ``param`` is the path of what is wrong, such as ``grader.graders.x.operation``.
    ``loose`` lets pass what is wrong with values: ranges, enumerations, unknown parameters, templates, formulas.
    """
    return _Parser(loose).grader(raw, param)


class _Fields:
    """The fields of one object, taken one by one; ``done`` refuses what nobody took."""

    def __init__(self, raw: object, path: str, loose: bool) -> None:
        if not isinstance(raw, Mapping):
            raise _wrong_type(path, "an object", raw)
        self.raw = raw
        self.path = path
        self._loose = loose
        self._taken: set[object] = set()

    def below(self, name: str) -> str:
        return f"{self.path}.{name}"

    def optional(self, name: str) -> Any:
        """The value; None if it is missing or null."""
        self._taken.add(name)
        return self.raw.get(name)

    def required(self, name: str) -> Any:
        self._taken.add(name)
        value = self.raw.get(name, _MISSING)
        if value is _MISSING:
            raise kinds.MISSING(path=self.below(name), param=self.below(name))
        return value

    def text(self, name: str) -> str:
        return _text(self.required(name), self.below(name))

    def template(self, name: str) -> str:
        return _template(self.text(name), self.below(name), self._loose)

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        return _choice(self.text(name), allowed, self.below(name), self._loose)

    def array(self, name: str, most: int) -> list[Any]:
        return _array(self.required(name), self.below(name), most)

    def number(
        self, name: str, low: float | None = None, high: float | None = None, *, whole: bool = False
    ) -> float | None:
        """A number or None."""
        value = self.optional(name)
        if value is None:
            return None
        number = _number(value, self.below(name), whole=whole)
        if not self._loose and ((low is not None and number < low) or (high is not None and number > high)):
            bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
            raise _invalid(self.below(name), f"expected a value {bounds}, but got {value}")
        return number

    def done(self) -> None:
        if self._loose:
            return
        for name in self.raw:
            if name not in self._taken:
                path = self.below(str(name)[:64])
                raise kinds.UNKNOWN(path=path, param=path)


class _Parser:
    def __init__(self, loose: bool) -> None:
        self._loose = loose
        self._sources: list[str] = []

    def grader(self, raw: object, path: str) -> Grader:
        fields = self._fields(raw, path)
        if self._type(fields) == "multi":
            return self._multi(fields)
        if fields.raw["type"] == "label_model" and not self._loose:
            raise kinds.LABEL_MODEL_ALONE(path=fields.below("type"), param=fields.below("type"))
        return self._single(fields, None)

    def _fields(self, raw: object, path: str) -> _Fields:
        return _Fields(raw, path, self._loose)

    def _type(self, fields: _Fields) -> str:
        # Not even under --loose: nobody could tell what is meant.
        return _choice(fields.text("type"), _TYPES, fields.below("type"), loose=False)

    def _single(self, fields: _Fields, key: str | None) -> SingleGrader:
        type = self._type(fields)
        if type == "multi":
            raise kinds.NESTED_MULTI(path=fields.path, param=fields.path)
        read: dict[str, Callable[[_Fields, str], SingleGrader]] = {
            "string_check": self._string_check,
            "text_similarity": self._text_similarity,
            "python": self._python,
            "score_model": self._score_model,
            "label_model": self._label_model,
        }
        drawn_from = "source" if type == "python" else None
        grader = read[type](fields, self._name(fields, key, drawn_from))
        fields.done()
        return grader

    def _name(self, fields: _Fields, key: str | None, drawn_from: str | None) -> str:
        if fields.optional("name") is None:
            if key is not None:
                return key
            if drawn_from is not None:
                return "grader-" + draws.text(0, 12, "grader", fields.text(drawn_from))
        return fields.text("name")

    def _string_check(self, fields: _Fields, name: str) -> StringCheck:
        input, reference = fields.template("input"), fields.template("reference")
        # GRADDOC's text says neq where SPEC and the examples say ne.
        operation = "ne" if fields.text("operation") == "neq" else fields.choice("operation", OPERATIONS)
        return StringCheck(name, input, reference, operation)

    def _text_similarity(self, fields: _Fields, name: str) -> TextSimilarity:
        input, reference = fields.template("input"), fields.template("reference")
        if fields.text("evaluation_metric") == "cosine" and not self._loose:
            path = fields.below("evaluation_metric")
            raise kinds.ONLY_FOR_EVALS(path=path, value="cosine", param=path)
        metric = fields.choice("evaluation_metric", METRICS)
        return TextSimilarity(name, input, reference, metric, fields.number("pass_threshold"))

    def _python(self, fields: _Fields, name: str) -> Python:
        source = fields.text("source")
        self._sources.append(source)
        # The sources of a multi grader count together (assumed): reading one of the largest takes half a second.
        defect = too_large("".join(self._sources)) or source_defect(source)
        if defect is not None:
            raise _invalid(fields.below("source"), defect)
        image_tag = None
        if fields.optional("image_tag") is not None:
            image_tag = fields.choice("image_tag", IMAGE_TAGS)
        return Python(name, source, image_tag, fields.number("pass_threshold"))

    def _score_model(self, fields: _Fields, name: str) -> ScoreModel:
        model = fields.choice("model", GRADER_MODELS)
        return ScoreModel(
            name,
            model,
            self._messages(fields),
            self._range(fields),
            self._sampling(fields, model),
            fields.number("pass_threshold"),
        )

    def _label_model(self, fields: _Fields, name: str) -> LabelModel:
        model = fields.choice("model", GRADER_MODELS)
        labels, passing = self._labels(fields, "labels"), self._labels(fields, "passing_labels")
        if not self._loose:
            for index, label in enumerate(passing):
                _choice(label, labels, f"{fields.below('passing_labels')}[{index}]", loose=False)
        return LabelModel(name, model, self._messages(fields), labels, passing)

    def _labels(self, fields: _Fields, name: str) -> tuple[str, ...]:
        path = fields.below(name)
        return tuple(_text(label, f"{path}[{index}]") for index, label in enumerate(fields.array(name, MAX_LABELS)))

    def _range(self, fields: _Fields) -> tuple[float, float]:
        path, given = fields.below("range"), fields.optional("range")
        if given is None:
            return (0, 1)
        bounds = [_number(each, f"{path}[{index}]") for index, each in enumerate(_array(given, path, MAX_PARTS))]
        if len(bounds) != 2:
            raise _invalid(path, f"expected two numbers, but got {len(bounds)}")
        low, high = bounds
        if low > high:
            if not self._loose:
                raise _invalid(path, "expected the lower bound first")
            low, high = high, low
        return low, high

    def _sampling(self, fields: _Fields, model: str) -> Mapping[str, object] | None:
        given = fields.optional("sampling_params")
        if given is None:
            return None
        params = self._fields(given, fields.below("sampling_params"))
        params.number("seed", whole=True)
        params.number("top_p", 0, 1)
        temperature = params.number("temperature", 0, 2)
        params.number("max_completions_tokens", 1, whole=True)
        effort = params.optional("reasoning_effort")
        if effort is not None:
            params.choice("reasoning_effort", _EFFORTS)
        params.done()
        if not self._loose:
            # GRADDOC: no *changes* of temperature, so the default passes.
            if model in REASONING_MODELS and temperature not in (None, 1):
                raise _invalid(params.below("temperature"), f"'{model}' is a reasoning model and takes no temperature")
            if model not in REASONING_MODELS and effort is not None:
                raise _invalid(params.below("reasoning_effort"), f"'{model}' is not a reasoning model")
        return dict(given)

    def _messages(self, fields: _Fields) -> tuple[Message, ...]:
        path = fields.below("input")
        given = fields.array("input", MAX_MESSAGES)
        if not given:
            raise _invalid(path, "expected at least one message")
        return tuple(self._message(each, f"{path}[{index}]") for index, each in enumerate(given))

    def _message(self, raw: object, path: str) -> Message:
        fields = self._fields(raw, path)
        role = fields.choice("role", _ROLES)
        if fields.optional("type") is not None:
            fields.choice("type", ("message",))
        content, path = fields.required("content"), fields.below("content")
        parts = _array(content, path, MAX_PARTS) if isinstance(content, list) else [content]
        paths = [f"{path}[{index}]" for index in range(len(parts))] if isinstance(content, list) else [path]
        texts = [self._part(part, at) for part, at in zip(parts, paths, strict=True)]
        fields.done()
        told = tuple(text for text in texts if text is not None)
        images = sum(isinstance(part, Mapping) and part.get("type") == "input_image" for part in parts)
        return Message(role, told, images, dict(fields.raw))

    def _part(self, raw: object, path: str) -> str | None:
        """The text of a part of a message; None for one that has none."""
        if isinstance(raw, str):
            return _template(_text(raw, path), path, self._loose)
        if not isinstance(raw, Mapping):
            raise _wrong_type(path, "one of a string, array or object", raw)
        fields = self._fields(raw, path)
        type = _choice(fields.text("type"), _PART_TYPES, fields.below("type"), loose=False)
        text = None
        if type in _TEXT_PARTS:
            text = fields.template("text")
        elif type == "input_image":
            fields.text("image_url")
            fields.optional("detail")
        else:
            audio = self._fields(fields.required("input_audio"), fields.below("input_audio"))
            audio.text("data")
            audio.choice("format", ("mp3", "wav"))
        fields.done()
        return text

    def _multi(self, fields: _Fields) -> Multi:
        name = self._name(fields, None, "calculate_output")
        text = fields.text("calculate_output")
        formula = self._formula(text, fields.below("calculate_output"))
        asked = formula.variables if formula is not None else frozenset[str]()
        graders = self._graders(fields.required("graders"), fields.below("graders"), asked)
        unknown = min(asked - graders.keys(), default=None)
        if unknown is not None:
            if not self._loose:
                reason = f"unknown variable '{unknown[:64]}'. Expected keys of 'graders'"
                raise _invalid(fields.below("calculate_output"), reason)
            formula = None
        fields.done()
        return Multi(name, graders, text, formula)

    def _formula(self, text: str, path: str) -> Formula | None:
        try:
            return parse_formula(text)
        except FormulaSyntaxError as error:
            if self._loose:
                return None
            raise _invalid(path, f"the formula cannot be read: {error}") from error

    def _graders(self, raw: object, path: str, asked: frozenset[str]) -> dict[str, SingleGrader]:
        if isinstance(raw, Mapping) and not isinstance(raw.get("type"), str):
            given = {str(key): (value, f"{path}.{str(key)[:64]}") for key, value in raw.items()}
        elif isinstance(raw, Mapping):
            given = {_key(raw, [raw], asked): (raw, path)}
        elif isinstance(raw, list):
            given = {}
            for index, each in enumerate(_array(raw, path, MAX_GRADERS)):
                key, at = _key(each, raw, asked), f"{path}[{index}]"
                if key in given:
                    raise _invalid(at, f"a second grader is called '{key[:64]}'")
                given[key] = (each, at)
        else:
            raise _wrong_type(path, "an object", raw)
        if not 0 < len(given) <= MAX_GRADERS:
            raise _invalid(path, f"expected 1 to {MAX_GRADERS} graders, but got {len(given)}")
        return {key: self._single(self._fields(each, at), key) for key, (each, at) in given.items()}


def _key(raw: object, among: Sequence[object], asked: frozenset[str]) -> str:
    """The variable a grader of a list stands for: its name, or ``<type>_score`` where that is what the formula asks for
    and no other grader of the list has its type. A nameless one is ``<type>_score``."""
    if not isinstance(raw, Mapping):
        return ""  # refused when it is read
    name, type = raw.get("name"), str(raw.get("type"))
    alone = sum(isinstance(each, Mapping) and each.get("type") == type for each in among) == 1
    if isinstance(name, str) and (name in asked or not (alone and f"{type}_score" in asked)):
        return name
    return f"{type}_score"


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(path, "a string", value)
    if len(value) > MAX_TEXT_CHARS:
        raise kinds.STRING_TOO_LONG(path=path, most=MAX_TEXT_CHARS, length=len(value), param=path)
    return value


def _template(text: str, path: str, loose: bool) -> str:
    try:
        variables(text)
    except TemplateError as error:
        if not loose:
            raise _invalid(path, str(error)) from error
    return text


def _choice(value: str, allowed: Sequence[str], path: str, loose: bool) -> str:
    if value not in allowed and not loose:
        quoted = [f"'{each}'" for each in allowed]
        series = " and ".join(quoted) if len(quoted) < 3 else ", ".join(quoted[:-1]) + f", and {quoted[-1]}"
        raise kinds.NOT_SUPPORTED(value=value, allowed=series, param=path)
    return value


def _array(value: object, path: str, most: int) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong_type(path, "an array", value)
    if len(value) > most:
        raise kinds.ARRAY_TOO_LONG(path=path, most=most, length=len(value), param=path)
    return list(value)


def _number(value: object, path: str, *, whole: bool = False) -> float:
    expected = "an integer" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise _wrong_type(path, expected, value)
    try:
        if isfinite(value):
            return value
    except OverflowError:
        pass
    raise _invalid(path, f"expected {expected} within reason")


def _wrong_type(path: str, expected: str, value: object) -> Exception:
    return kinds.INVALID_TYPE(path=path, expected=expected, got=article_of(value), param=path)


def _invalid(path: str, reason: str) -> Exception:
    return kinds.INVALID(path=path, reason=reason, param=path)
