"""A JSON value that conforms to a schema, drawn by a seed: what structured outputs and forced calls are answered with.

Equal schemas and seeds give equal values. Properties come in the schema's order, optional ones are mostly there, lists
are short, and recursion ends where it may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil, floor

from mocktune.domain import draws
from mocktune.domain.json_schemas import (
    Document,
    Schema,
    UnanswerableSchemaError,
    as_list,
    as_mapping,
    as_number,
    as_schema,
    same,
    types_of,
)
from mocktune.domain.patterns import UnsupportedPatternError, pattern

__all__ = ["UnanswerableSchemaError", "conforms", "json_answer"]

MAX_LEVELS = 24
"""Levels of objects and lists in an answer."""

MAX_CHARS = 5_000
"""Of a text that a schema asks for."""

_ATTEMPTS = 6
_SHALLOW = 3  # levels below which the shortest of several ways is taken
_OPTIONAL = 0.8
_WORDS = (
    "amber", "anchor", "autumn", "basil", "birch", "breeze", "canyon", "cedar", "cobalt", "copper", "coral", "dawn",
    "delta", "ember", "fern", "flint", "garden", "granite", "harbour", "hazel", "indigo", "island", "juniper",
    "lantern", "maple", "meadow", "nickel", "ocean", "orchard", "pebble", "river", "willow",
)  # fmt: skip


class _TooDeepError(UnanswerableSchemaError):
    """This way leads too deep; another may not."""


def json_answer(schema: Schema, seed: int) -> object:
    """A value that conforms to ``schema``. Raises ``UnanswerableSchemaError`` where none is found."""
    document = Document(schema)
    reason: UnanswerableSchemaError | None = None
    for attempt in range(_ATTEMPTS):
        try:
            value = _Maker(document, draws.derive_seed(seed, "json answer", attempt)).value(schema, "", 0)
            if document.conforms(value, schema):
                return value
        except UnanswerableSchemaError as error:
            reason = error
        except RecursionError:
            reason = UnanswerableSchemaError("it is nested too deeply")
    raise reason or UnanswerableSchemaError("no value was found that conforms to it")


def conforms(value: object, schema: Schema) -> bool:
    """Whether ``value`` is known to conform to ``schema``."""
    try:
        return Document(schema).conforms(value, schema)
    except (UnanswerableSchemaError, RecursionError):
        return False


class _Maker:
    """Makes the value at each ``path``, which is what its draws are named by."""

    def __init__(self, document: Document, seed: int) -> None:
        self._document = document
        self._seed = seed

    def _draw(self, low: int, high: int, *name: str) -> int:
        return draws.integer(self._seed, low, high, *name)

    def value(self, schema: Schema, path: str, level: int) -> object:
        if level > MAX_LEVELS:
            raise _TooDeepError("its recursion does not end")
        return self._value_of(self._document.flat(schema), path, level)

    def _value_of(self, flat: dict[str, object], path: str, level: int) -> object:
        self._document.count()
        for key in ("anyOf", "oneOf"):
            if options := as_list(flat.get(key)):
                return self._of_options(flat, key, options, path, level)
        if "const" in flat:
            return flat["const"]
        if "enum" in flat:
            rest = {key: value for key, value in flat.items() if key != "enum"}
            allowed = [each for each in as_list(flat["enum"]) if self._document.conforms(each, rest)]
            if not allowed:
                raise UnanswerableSchemaError("its enum allows nothing")
            return allowed[self._draw(0, len(allowed) - 1, path, "enum")]
        match self._type_of(flat, path):
            case "object":
                return self._object(flat, path, level)
            case "array":
                return self._array(flat, path, level)
            case "string":
                return self._string(flat, path)
            case "integer" | "number" as kind:
                return self._number(flat, path, whole=kind == "integer")
            case "boolean":
                return bool(self._draw(0, 1, path, "boolean"))
            case "null":
                return None
        raise UnanswerableSchemaError("its type is none that JSON has")

    def _of_options(self, flat: dict[str, object], key: str, options: list[object], path: str, level: int) -> object:
        rest = {name: value for name, value in flat.items() if name != key}
        order = sorted(range(len(options)), key=lambda index: draws.uniform(self._seed, path, key, index))
        if level > _SHALLOW:
            order.sort(key=lambda index: _size_of(as_schema(options[index])))
        reason = UnanswerableSchemaError("none of its options can be had")
        for index in order:
            try:
                option = self._document.flat(as_schema(options[index]))
                value = self._value_of(self._document.merged(rest, option), f"{path}|{index}", level)
            except UnanswerableSchemaError as error:
                self._document.count(10)
                reason = error
                continue
            if key == "anyOf" or self._document.conforms(value, {"oneOf": options}):
                return value
        raise reason

    def _type_of(self, flat: Mapping[str, object], path: str) -> str:
        names = types_of(flat)
        if not names:
            for name, keywords in _KEYWORDS_OF.items():
                if not keywords.isdisjoint(flat):
                    return name
            return "string"
        said = [name for name in names if name != "null"]
        if not said or (len(said) < len(names) and self._draw(0, 4, path, "null") == 0):
            return "null"
        return said[self._draw(0, len(said) - 1, path, "type")]

    # -- objects and lists -----------------------------------------------------------------------------------------

    def _object(self, flat: Mapping[str, object], path: str, level: int) -> dict[str, object]:
        properties = as_mapping(flat.get("properties"))
        required = [name for name in as_list(flat.get("required")) if isinstance(name, str)]
        other = as_schema(flat.get("additionalProperties", True))
        made: dict[str, object] = {}
        for name, subschema in properties.items():
            below = f"{path}.{name}"
            if name in required:
                made[name] = self.value(as_schema(subschema), below, level + 1)
            elif draws.uniform(self._seed, below, "optional") < _OPTIONAL and level < _SHALLOW:
                try:
                    made[name] = self.value(as_schema(subschema), below, level + 1)
                except UnanswerableSchemaError:
                    continue  # it is optional
        for name in required:
            if name not in made:
                made[name] = self.value(other, f"{path}.{name}", level + 1)
        least = _bound(flat, "minProperties") or 0
        for index in range(min(least, 1_000)):
            if len(made) >= least:
                break
            name = next((each for each in properties if each not in made), f"{_WORDS[index % 32]}_{index}")
            made[name] = self.value(as_schema(properties.get(name, other)), f"{path}.{name}", level + 1)
        return made

    def _array(self, flat: Mapping[str, object], path: str, level: int) -> list[object]:
        first = as_list(flat.get("prefixItems"))
        least, most = _bound(flat, "minItems") or 0, _bound(flat, "maxItems")
        wanted = max(least, self._draw(1, 3, path, "items") if level <= _SHALLOW else 0, len(first))
        size = wanted if most is None else min(wanted, most)
        if flat.get("items") is False:
            size = min(size, len(first))
        rest = as_schema(flat.get("items", {"type": "string"}))
        made: list[object] = []
        for index in range(size):
            schema = as_schema(first[index]) if index < len(first) else rest
            try:
                made.append(self._item(schema, f"{path}[{index}", level, made, flat.get("uniqueItems") is True))
            except UnanswerableSchemaError:
                if index < least:
                    raise
                break
        return made

    def _item(self, schema: Schema, path: str, level: int, others: list[object], differs: bool) -> object:
        for attempt in range(20 if differs else 1):
            item = self.value(schema, f"{path}/{attempt}", level + 1)
            if not differs or not any(same(item, other) for other in others):
                return item
        raise UnanswerableSchemaError("its items do not differ")

    # -- texts and numbers -----------------------------------------------------------------------------------------

    def _string(self, flat: Mapping[str, object], path: str) -> str:
        least, most = _bound(flat, "minLength") or 0, _bound(flat, "maxLength")
        if least > MAX_CHARS:
            raise UnanswerableSchemaError("it asks for too long a text")
        self._document.count(least // 16)
        if isinstance(source := flat.get("pattern"), str):
            try:
                text = pattern(source).example(draws.derive_seed(self._seed, path, "pattern"), least, most)
            except UnsupportedPatternError as error:
                raise UnanswerableSchemaError(f"its pattern is not understood: {error}") from error
            self._document.count(20 if text is None else 20 + len(text))
            if text is None:
                raise UnanswerableSchemaError("no text was found for its pattern")
            return text
        if isinstance(name := flat.get("format"), str) and (text := self._formatted(name, path)) is not None:
            return text
        words = " ".join(self._word(path, index) for index in range(self._draw(2, 4, path, "words")))
        while len(words) < least:
            words += " " + self._word(path, len(words))
        return words if most is None else words[: max(most, 0)].rstrip().ljust(least, "x")

    def _word(self, path: str, index: int) -> str:
        return _WORDS[self._draw(0, len(_WORDS) - 1, path, "word", str(index))]

    def _formatted(self, name: str, path: str) -> str | None:
        """A text of a format that Structured Outputs know, or of another common one; None for any other."""

        def number(low: int, high: int, what: str) -> int:
            return self._draw(low, high, path, name, what)

        date = f"{number(2020, 2029, 'y')}-{number(1, 12, 'm'):02}-{number(1, 28, 'd'):02}"
        time = f"{number(0, 23, 'H'):02}:{number(0, 59, 'M'):02}:{number(0, 59, 'S'):02}Z"
        host = f"{self._word(path, 0)}.example.com"
        match name:
            case "date-time":
                return f"{date}T{time}"
            case "date":
                return date
            case "time":
                return time
            case "duration":
                return f"P{number(1, 9, 'days')}DT{number(1, 23, 'hours')}H"
            case "email" | "idn-email":
                return f"{self._word(path, 1)}@example.com"
            case "hostname" | "idn-hostname":
                return host
            case "ipv4":
                return f"192.0.2.{number(1, 254, 'host')}"
            case "ipv6":
                return f"2001:db8::{number(1, 0xFFFF, 'host'):x}"
            case "uuid":
                digits = draws.digest(self._seed, path, "uuid", size_bytes=16).hex()
                return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
            case "uri" | "url" | "iri" | "uri-reference":
                return f"https://{host}/{self._word(path, 2)}"
        return None

    def _number(self, flat: Mapping[str, object], path: str, *, whole: bool) -> int | float:
        low, high = _range(flat)
        step = as_number(flat.get("multipleOf"))
        kind = {"type": "integer" if whole else "number"}
        for candidate in self._candidates(low, high, step, path, whole):
            self._document.count()
            if self._document.conforms(candidate, {**flat, **kind}):
                return candidate
        raise UnanswerableSchemaError("no number was found within its bounds")

    def _candidates(
        self, low: Fraction, high: Fraction, step: int | float | None, path: str, whole: bool
    ) -> Iterator[int | float]:
        if high < low:
            return
        if step is not None and step > 0:
            unit = Fraction(str(step))
            unit = Fraction(unit.numerator) if whole else unit
            first, last = ceil(low / unit), floor(high / unit)
            for attempt in range(64 if first <= last else 0):  # not every float divides without a rest
                yield _plain(self._draw(first, last, path, "multiple", str(attempt)) * unit, whole)
            yield from (_plain(number * unit, whole) for number in (first, last) if first <= last)
        elif whole:
            first, last = ceil(low), floor(high)
            if first <= last:
                yield self._draw(first, last, path, "integer")
                yield from (last, first, (first + last) // 2)
        else:
            drawn = low + (high - low) * Fraction(draws.uniform(self._seed, path, "number"))
            for number in (Fraction(round(drawn, 2)), drawn, (low + high) / 2, low, high):
                yield _plain(number, whole)


def _plain(number: Fraction, whole: bool) -> int | float:
    if whole:
        return int(number)
    try:
        return float(number)
    except OverflowError:
        return int(number)


def _range(flat: Mapping[str, object]) -> tuple[Fraction, Fraction]:
    """The bounds of a number, both included; those left open are 100 apart."""
    named = {key: as_number(flat.get(key)) for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")}
    lows = [Fraction(each) for key in ("minimum", "exclusiveMinimum") if (each := named[key]) is not None]
    highs = [Fraction(each) for key in ("maximum", "exclusiveMaximum") if (each := named[key]) is not None]
    step = as_number(flat.get("multipleOf"))
    width = max(Fraction(100), Fraction(step) * 10 if step is not None else Fraction(0))
    if not lows and not highs:
        return Fraction(0), width
    low = max(lows) if lows else min(highs) - width
    high = min(highs) if highs else low + width
    return low, high


def _bound(flat: Mapping[str, object], key: str) -> int | None:
    number = as_number(flat.get(key))
    return None if number is None or number > 10**9 else int(number)


def _size_of(schema: Schema) -> int:
    """How much a way promises to grow: 0 for what has no members, 2 for objects and references."""
    if isinstance(schema, bool) or "const" in schema or "enum" in schema:
        return 0
    names = types_of(schema)
    if "null" in names or (names and not {"object", "array"} & {*names}):
        return 0
    return 1 if names == ["array"] else 2


_KEYWORDS_OF: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "patternProperties", "minProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"pattern", "format", "minLength", "maxLength"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}
"""What a schema without a type is about, by the first of these that it speaks of."""
