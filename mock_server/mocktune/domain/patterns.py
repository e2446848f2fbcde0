"""Regular expressions in their simplest form: texts that match one, and whether a text does, in bounded time.

Understood are literals, escapes, ``\\d \\w \\s`` and their opposites, classes, groups, ``|``, ``. ^ $`` and every
quantifier; no look-around, no back references, no properties. A client's pattern never reaches the standard library's
engine, which takes exponential time for some of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mocktune.domain import draws

MAX_PATTERN_CHARS = 500
MAX_TEXT_CHARS = 2_000
"""A longer text matches no pattern here."""

_MAX_REPEATS = 1_000
_MAX_WORK = 1_000  # steps at one position of a text: nested repetitions multiply
_MAX_LOOKS = 1_000_000  # steps at all of them: a tenth of a second or two
_MAX_NESTING = 20
_DIGITS, _WORDS, _SPACES = ((48, 57),), ((48, 57), (65, 90), (95, 95), (97, 122)), ((9, 13), (32, 32))
_SHORTHANDS = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_ .,:/@#!+*=()'\"&%$?;<>[]{}|~^`\\"
"""What a wide class is written with, the plainest characters first."""

_Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Chars:
    ranges: _Ranges
    negated: bool = False

    def holds(self, char: str) -> bool:
        return any(low <= ord(char) <= high for low, high in self.ranges) != self.negated


@dataclass(frozen=True, slots=True)
class _Edge:
    at_start: bool


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    of: _Node
    least: int
    most: int | None


_Node = _Chars | _Edge | _Sequence | _Choice | _Repeat


class UnsupportedPatternError(ValueError):
    """A pattern that is wrong, or beyond what this module understands."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was understood; as in JSON Schema it need not match a text from end to end."""

    _node: _Node
    _work: int

    def matches(self, text: str) -> bool:
        """Never for a text that would take too much work."""
        if len(text) > MAX_TEXT_CHARS or len(text) * self._work > _MAX_LOOKS:
            return False
        return bool(_ends(self._node, text, frozenset(range(len(text) + 1))))

    def example(self, seed: int, least: int = 0, most: int | None = None) -> str | None:
        """A text of ``least`` to ``most`` characters that matches, equal for equal arguments; None if none is found."""
        for attempt, stretch in enumerate((2, 0, 1, 4, 8, 16, 32, 64, 128, 256)):
            text = "".join(_pieces(self._node, seed, f"{attempt}", stretch))[: MAX_TEXT_CHARS + 1]
            for candidate in (text, text + "x" * (least - len(text)), "x" * (least - len(text)) + text):
                fits = least <= len(candidate) and (most is None or len(candidate) <= most)
                if fits and self.matches(candidate):
                    return candidate
        return None


@lru_cache(maxsize=256)
def pattern(source: str) -> Pattern:
    """Raises ``UnsupportedPatternError``."""
    if len(source) > MAX_PATTERN_CHARS:
        raise UnsupportedPatternError("too long")
    parser = _Parser(source)
    node = parser.choice(0)
    if parser.at < len(source):
        raise UnsupportedPatternError("an unbalanced parenthesis")
    work = _work(node)
    if work > _MAX_WORK:
        raise UnsupportedPatternError("too many repetitions")
    return Pattern(node, work)


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self.at = 0

    def _peek(self) -> str:
        return self._source[self.at : self.at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise UnsupportedPatternError("it ends too early")
        self.at += 1
        return char

    def choice(self, nesting: int) -> _Node:
        if nesting > _MAX_NESTING:
            raise UnsupportedPatternError("too many groups")
        options = [self._sequence(nesting)]
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence(nesting))
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def _sequence(self, nesting: int) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom(nesting)))
        return _Sequence(tuple(parts))

    def _repeated(self, node: _Node) -> _Node:
        while (sign := self._peek()) and sign in "*+?{":
            start = self.at
            self.at += 1
            if sign == "{":
                bounds = self._bounds()
                if bounds is None:  # a brace of its own, which the next atom reads as itself
                    self.at = start
                    return node
                least, most = bounds
            else:
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            if self._peek() == "?":  # lazy: the same texts
                self.at += 1
            node = _Repeat(node, least, most)
        return node

    def _bounds(self) -> tuple[int, int | None] | None:
        end = self._source.find("}", self.at)
        low, comma, high = self._source[self.at : max(end, 0)].partition(",")
        numbers = all(part.isascii() and part.isdigit() for part in (low, high or "0"))
        if end < 0 or not numbers or len(low) > 4 or len(high) > 4:
            return None
        self.at = end + 1
        least = int(low)
        most = int(high) if high else None if comma else least
        if most is not None and most < least:
            raise UnsupportedPatternError("bounds in the wrong order")
        return least, most

    def _atom(self, nesting: int) -> _Node:
        char = self._take()
        match char:
            case "^" | "$":
                return _Edge(char == "^")
            case ".":
                return _Chars(((10, 10), (13, 13)), negated=True)
            case "(":
                return self._group(nesting)
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise UnsupportedPatternError("nothing to repeat")
        return _Chars(((ord(char), ord(char)),))

    def _group(self, nesting: int) -> _Node:
        if self._peek() == "?":
            self.at += 1
            if self._source.startswith(("P<", "<"), self.at) and self._source[self.at + 1 : self.at + 2] not in "=!":
                self.at = self._source.find(">", self.at) + 1 or len(self._source)
            elif self._take() != ":":
                raise UnsupportedPatternError("a group of a kind that is not understood")
        node = self.choice(nesting + 1)
        if self._take() != ")":
            raise UnsupportedPatternError("an unbalanced parenthesis")
        return node

    def _escape(self) -> _Chars:
        char = self._take()
        if char.lower() in _SHORTHANDS:
            return _Chars(_SHORTHANDS[char.lower()], negated=char.isupper())
        if char in ("x", "u"):
            digits = self._source[self.at : self.at + (2 if char == "x" else 4)]
            self.at += len(digits)
            try:
                code = int(digits, 16)
            except ValueError:
                raise UnsupportedPatternError("a broken escape") from None
        elif char.isalnum() and char not in _CONTROLS:
            raise UnsupportedPatternError(f"the escape \\{char}")
        else:
            code = ord(_CONTROLS.get(char, char))
        return _Chars(((code, code),))

    def _class(self) -> _Node:
        negated = self._peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while (char := self._take()) != "]" or first:
            first = False
            chars = self._escape() if char == "\\" else _Chars(((ord(char), ord(char)),))
            if chars.negated:
                raise UnsupportedPatternError("a class within a class")
            (low, high), *more = chars.ranges
            if not more and low == high and self._peek() == "-" and self._source[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                end = self._take()
                ending = self._escape() if end == "\\" else _Chars(((ord(end), ord(end)),))
                high = ending.ranges[0][1]
                if len(ending.ranges) > 1 or ending.negated or high < low:
                    raise UnsupportedPatternError("a range in the wrong order")
            ranges += [(low, high), *more]
        return _Chars(tuple(ranges), negated)


def _work(node: _Node) -> int:
    """How many steps a look at one position may take: repetitions within repetitions multiply."""
    match node:
        case _Sequence(parts) | _Choice(parts):
            return sum(map(_work, parts)) + 1
        case _Repeat(of, least, most):
            if max(least, most or 0) > _MAX_REPEATS:
                raise UnsupportedPatternError("too many repetitions")
            return _work(of) * max(1, least, most or 8)
    return 1


def _ends(node: _Node, text: str, starts: frozenset[int]) -> frozenset[int]:
    """Where a match of ``node`` from any of ``starts`` may end: sets of positions, so never exponential."""
    if not starts:
        return starts
    match node:
        case _Chars():
            return frozenset(at + 1 for at in starts if at < len(text) and node.holds(text[at]))
        case _Edge(at_start):
            return starts & {0 if at_start else len(text)}
        case _Sequence(parts):
            for part in parts:
                starts = _ends(part, text, starts)
            return starts
        case _Choice(options):
            return frozenset[int]().union(*(_ends(option, text, starts) for option in options))
        case _Repeat(of, least, most):
            for _ in range(least):
                starts = _ends(of, text, starts)
            found, rounds = starts, least
            while starts and (most is None or rounds < most):
                starts = _ends(of, text, starts) - found
                found |= starts
                rounds += 1
            return found


def _pieces(node: _Node, seed: int, name: str, stretch: int) -> Iterator[str]:
    match node:
        case _Chars():
            yield _char(node, seed, name)
        case _Sequence(parts):
            for index, part in enumerate(parts):
                yield from _pieces(part, seed, f"{name}.{index}", stretch)
        case _Choice(options):
            chosen = draws.integer(seed, 0, len(options) - 1, "pattern", name)
            yield from _pieces(options[chosen], seed, f"{name}.{chosen}", stretch)
        case _Repeat(of, least, most):
            highest = least + stretch if most is None else min(most, least + stretch)
            for index in range(draws.integer(seed, min(least + stretch // 2, highest), highest, "pattern", name)):
                yield from _pieces(of, seed, f"{name}.{index}", stretch)


@lru_cache(maxsize=256)
def _plain(chars: _Chars) -> str:
    return "".join(char for char in _PLAIN if chars.holds(char))


def _char(chars: _Chars, seed: int, name: str) -> str:
    plain = _plain(chars)
    if plain:
        return plain[draws.integer(seed, 0, min(len(plain), 36) - 1, "pattern", name)]
    if chars.negated:
        return next((chr(code) for code in range(0xA1, 0x2FF) if chars.holds(chr(code))), "")
    low, high = chars.ranges[draws.integer(seed, 0, len(chars.ranges) - 1, "pattern", name)]
    code = draws.integer(seed, low, high, "pattern", name, "char")
    return "" if 0xD800 <= code <= 0xDFFF else chr(code)
