"""``0.5 * name + 0.5 * min(email, 1)``: the formula that makes one score of several.

GRADDOC: the variables are the keys of ``graders``; operators ``+ - * / ^``; functions ``min max abs floor ceil exp sqrt
log``. Assumed: ``^`` binds tightest and to the right, ``log`` is the natural one.

::

    sum      product (("+" | "-") product)*
    product  signed (("*" | "/") signed)*
    signed   ("+" | "-") signed | power
    power    atom ("^" signed)?
    atom     number | name | name "(" sum ("," sum)* ")" | "(" sum ")"

A formula becomes steps for a stack, so a long one takes no deeper recursion than its brackets are deep. Nothing of it
is ever handed to an interpreter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

MAX_FORMULA_CHARS = 4_096
_MAX_DEPTH = 50
_TOKEN = re.compile(r"\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([-+*/^(),]))", re.ASCII)

_OF_SEVERAL: dict[str, Callable[[list[float]], float]] = {"min": min, "max": max}
_OF_ONE: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": math.pow,
}


class FormulaSyntaxError(ValueError):
    """A text that is no formula, with where and why."""


class FormulaValueError(ValueError):
    """A formula that has no value for these scores: a division by zero, a root of -1, a number too large."""


@dataclass(frozen=True, slots=True)
class _Step:
    kind: Literal["number", "variable", "operator", "function", "minus"]
    name: str = ""
    value: float = 0.0
    arguments: int = 0


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read, and the names it asks for."""

    text: str
    variables: frozenset[str]
    steps: tuple[_Step, ...]

    def value(self, scores: Mapping[str, float]) -> float:
        """The finite value for ``scores``, which has every variable; ``FormulaValueError`` where there is none."""
        stack: list[float] = []
        for step in self.steps:
            try:
                result = _result(step, stack, scores)
            except (ArithmeticError, ValueError) as error:
                raise FormulaValueError(f"'{step.name}' has no value here: {error}") from error
            if not math.isfinite(result):
                raise FormulaValueError(f"'{step.name}' is not finite here")
            stack.append(result)
        return stack[0]


def _result(step: _Step, stack: list[float], scores: Mapping[str, float]) -> float:
    match step.kind:
        case "number":
            return step.value
        case "variable":
            return scores[step.name]
        case "minus":
            return -stack.pop()
        case "operator":
            right, left = stack.pop(), stack.pop()
            return _OPERATORS[step.name](left, right)
        case "function":
            arguments = stack[-step.arguments :]
            del stack[-step.arguments :]
            if step.name in _OF_SEVERAL:
                return _OF_SEVERAL[step.name](arguments)
            return float(_OF_ONE[step.name](arguments[0]))


def parse_formula(text: str) -> Formula:
    """Raises ``FormulaSyntaxError`` with what is wrong, and where."""
    if len(text) > MAX_FORMULA_CHARS:
        raise FormulaSyntaxError(f"it is longer than {MAX_FORMULA_CHARS} characters")
    reader = _Reader(_tokens(text))
    reader.sum(0)
    reader.end()
    names = frozenset(step.name for step in reader.steps if step.kind == "variable")
    return Formula(text, names, tuple(reader.steps))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "name", "sign", "end"]
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise FormulaSyntaxError(f"unexpected {text[at:].strip()[:1]!r} at position {at}")
        number, name, sign = found.groups()
        if number is not None:
            tokens.append(_Token("number", number, found.start(1)))
        elif name is not None:
            tokens.append(_Token("name", name, found.start(2)))
        else:
            tokens.append(_Token("sign", sign, found.start(3)))
        at = found.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens


class _Reader:
    """Reads the grammar above and writes steps; every bracket, sign and power deepens it by one."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self.steps: list[_Step] = []

    def sum(self, depth: int) -> None:
        self._product(depth)
        while sign := self._taken("+", "-"):
            self._product(depth)
            self.steps.append(_Step("operator", sign))

    def _product(self, depth: int) -> None:
        self._signed(depth)
        while sign := self._taken("*", "/"):
            self._signed(depth)
            self.steps.append(_Step("operator", sign))

    def _signed(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise FormulaSyntaxError(f"it is nested more than {_MAX_DEPTH} deep")
        sign = self._taken("+", "-")
        if not sign:
            self._power(depth)
            return
        self._signed(depth + 1)
        if sign == "-":
            self.steps.append(_Step("minus", "-"))

    def _power(self, depth: int) -> None:
        self._atom(depth)
        if self._taken("^"):
            self._signed(depth + 1)
            self.steps.append(_Step("operator", "^"))

    def _atom(self, depth: int) -> None:
        token = self._tokens[self._next]
        self._next += 1
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                raise FormulaSyntaxError(f"the number at position {token.at} is too large")
            self.steps.append(_Step("number", token.text, value))
        elif token.kind == "name" and self._taken("("):
            self._call(token, depth)
        elif token.kind == "name":
            self.steps.append(_Step("variable", token.text))
        elif token.text == "(":
            self.sum(depth + 1)
            self._closed(token)
        else:
            self._next -= 1
            raise self._unexpected()

    def _call(self, name: _Token, depth: int) -> None:
        if name.text not in _OF_ONE and name.text not in _OF_SEVERAL:
            raise FormulaSyntaxError(f"there is no function {name.text[:64]!r}")
        arguments = 1
        self.sum(depth + 1)
        while self._taken(","):
            self.sum(depth + 1)
            arguments += 1
        self._closed(name)
        if arguments > 1 and name.text in _OF_ONE:
            raise FormulaSyntaxError(f"{name.text!r} takes one argument, not {arguments}")
        self.steps.append(_Step("function", name.text, arguments=arguments))

    def end(self) -> None:
        if self._tokens[self._next].kind != "end":
            raise self._unexpected()

    def _closed(self, opened: _Token) -> None:
        if not self._taken(")"):
            raise FormulaSyntaxError(f"the bracket of {opened.text[:64]!r} at position {opened.at} is not closed")

    def _taken(self, *signs: str) -> str:
        """The sign that comes next, if it is one of ``signs``; nothing else."""
        token = self._tokens[self._next]
        if token.kind == "sign" and token.text in signs:
            self._next += 1
            return token.text
        return ""

    def _unexpected(self) -> FormulaSyntaxError:
        token = self._tokens[self._next]
        if token.kind == "end":
            return FormulaSyntaxError("it ends too early")
        return FormulaSyntaxError(f"unexpected {token.text[:64]!r} at position {token.at}")
