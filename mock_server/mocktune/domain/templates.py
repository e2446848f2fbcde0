"""``{{ item.answer }}`` and ``{{ sample.output_text }}``: the templates of graders.

GRADDOC: a variable has a namespace, ``item`` (a row of the data) or ``sample`` (what the model said), and is reached as
JSON path does: ``sample.output_tools[0].function.name``, ``item["my key"]``. Spaces inside the braces do not matter.

Assumed: a text is filled in as it is and anything else as JSON writes it, so that ``true`` in a row equals ``true`` in
an answer; braces without a partner are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

MAX_VARIABLES = 1_000
MAX_RENDERED_CHARS = 262_144
"""Of a template that was filled in; what is longer is cut, and ``truncated_observation_error`` says so (assumed)."""

_MAX_DEPTH = 32
_MAX_PLACEHOLDER_CHARS = 500
_HEAD = re.compile(r"(item|sample)(?=[.\[])")
_STEP = re.compile(r"""\.([^\s.\[\]{}'"|()]+)|\[(\d{1,6})\]|\[(?:"([^"\]]*)"|'([^'\]]*)')\]""")

RenderFlag = Literal["invalid_variable_error", "sample_parse_error"]


class TemplateError(ValueError):
    """A placeholder that names no variable: ``{{ answer }}``, ``{{ item }}``, ``{{ item.x | upper }}``."""


class RenderError(ValueError):
    """A variable that has no value. ``flag`` is the error it is answered as."""

    def __init__(self, flag: RenderFlag, details: str) -> None:
        super().__init__(details)
        self.flag = flag
        self.details = details


@dataclass(frozen=True, slots=True)
class Variable:
    """A placeholder's path: ``steps`` are keys of objects and indexes of arrays. ``str`` writes it as in a template."""

    namespace: Literal["item", "sample"]
    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        return self.namespace + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)


@dataclass(frozen=True, slots=True)
class Scope:
    """What variables stand for: a row of the data, and what the model said."""

    item: Mapping[str, object]
    sample: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template filled in, the values it took from each namespace, and whether it had to be cut."""

    text: str
    item_values: tuple[str, ...] = ()
    sample_values: tuple[str, ...] = ()
    truncated: bool = False


def scope_of(item: Mapping[str, object], model_sample: str) -> Scope:
    """The namespaces of one answer of a model.

    SPEC: ``output_json`` is there if the answer is valid JSON. Assumed: an object with ``tool_calls`` fills
    ``output_tools``, which is empty else; ``choices`` has the answer as its only message; there is no audio.
    """
    sample: dict[str, object] = {"output_text": model_sample}
    tools: object = []
    try:
        sample["output_json"] = parsed = msgspec.json.decode(model_sample)
        if isinstance(parsed, dict) and isinstance(parsed.get("tool_calls"), list):
            tools = parsed["tool_calls"]
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    sample["output_tools"] = tools
    message = {"role": "assistant", "content": model_sample} | ({"tool_calls": tools} if tools else {})
    sample["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return Scope(item, sample)


def variables(template: str) -> tuple[Variable, ...]:
    """The variables of ``template`` in order. Raises ``TemplateError`` for a placeholder that names none."""
    return tuple(part for part in _parts(template) if isinstance(part, Variable))


def render(template: str, scope: Scope) -> Rendered:
    """``template`` filled in. Raises ``RenderError`` for the first variable that has no value."""
    pieces: list[str] = []
    values: dict[str, list[str]] = {"item": [], "sample": []}
    left = MAX_RENDERED_CHARS
    try:
        for part in _parts(template):
            if left < 0:
                break
            piece = part
            if isinstance(part, Variable):
                piece = _text(part, scope)
                values[part.namespace].append(piece[:MAX_RENDERED_CHARS])
            assert isinstance(piece, str)
            pieces.append(piece)
            left -= len(piece)
    except TemplateError as error:  # only where --loose let it pass
        raise RenderError("invalid_variable_error", str(error)) from error
    text = "".join(pieces)
    return Rendered(text[:MAX_RENDERED_CHARS], tuple(values["item"]), tuple(values["sample"]), left < 0)


def _parts(template: str) -> Iterator[str | Variable]:
    """Texts and variables in turn. The innermost braces count: ``{{{ item.x }}}`` is a variable in braces."""
    start = count = 0
    while (closing := template.find("}}", start)) >= 0:
        opening = template.rfind("{{", start, closing)
        if opening < 0 or closing - opening > _MAX_PLACEHOLDER_CHARS:
            yield template[start : closing + 2]
        else:
            count += 1
            if count > MAX_VARIABLES:
                raise TemplateError(f"more than {MAX_VARIABLES} variables")
            yield template[start:opening]
            yield _variable(template[opening + 2 : closing].strip())
        start = closing + 2
    yield template[start:]


def _variable(path: str) -> Variable:
    head = _HEAD.match(path)
    if head is None:
        raise TemplateError(
            f"'{{{{ {path[:100]} }}}}' names no variable. Expected a namespace, 'item' or 'sample', and a variable"
        )
    steps: list[str | int] = []
    at = head.end()
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or len(steps) == _MAX_DEPTH:
            raise TemplateError(f"'{{{{ {path[:100]} }}}}' is not a path to a variable")
        key, index, double, single = step.groups()
        steps.append(
            int(index) if index is not None else next(each for each in (key, double, single) if each is not None)
        )
        at = step.end()
    return Variable("item" if head[1] == "item" else "sample", tuple(steps))


def _text(variable: Variable, scope: Scope) -> str:
    value = _value(variable, scope)
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RenderError("invalid_variable_error", f"'{variable}' cannot be written as text") from error


def _has(value: object, step: str | int) -> bool:
    if isinstance(step, str):
        return isinstance(value, Mapping) and step in value
    return isinstance(value, Sequence) and not isinstance(value, str) and step < len(value)


def _value(variable: Variable, scope: Scope) -> object:
    value: object = scope.item if variable.namespace == "item" else scope.sample
    for depth, step in enumerate(variable.steps):
        if _has(value, step):
            value = value[step]  # type: ignore[index]  # it has it
        elif depth == 0 and variable.namespace == "sample" and step == "output_json":
            raise RenderError("sample_parse_error", "the model sample is not valid JSON")
        else:
            raise RenderError("invalid_variable_error", f"there is no '{str(variable)[:200]}'")
    return value
