"""Documents that people write, read into frozen dataclasses: scenarios, their parts and rules of faults.

What a field may be follows from its type and its ``metadata``; unknown keys are refused with the nearest known name.
Every list, mapping and text is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from math import exp
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from rapidfuzz import process

from mocktune.domain.clock import ClockError, VirtualTime, parse_duration, parse_instant
from mocktune.domain.draws import normals, uniform

MAX_TEXT = 4096
"""Characters of one text."""

MAX_ITEMS = 64
"""Entries of one list or mapping."""

Part = TypeVar("Part")


class ScenarioError(ValueError):
    """A document that cannot be read; the text names the key, what is wrong with it, and the nearest known name.

    ``key`` is the dotted path of what is wrong, where one field is.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def wrong(key: str, problem: str) -> ScenarioError:
    """The error of one field."""
    return ScenarioError(f"{key}: {problem}", key=key)


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration in microseconds, fixed or drawn once per object.

    ``"45s"`` is fixed; ``{uniform = ["5s", "20s"]}`` and ``{lognormal = {median = "40s", sigma = 0.6, max = "10m"}}``
    are drawn with the object's own seed.
    """

    low: int
    high: int | None = None
    sigma: float | None = None

    def drawn(self, seed: int, name: str) -> int:
        if self.sigma is not None:
            value = round(self.low * exp(self.sigma * normals(seed, "duration", name)[0]))
            return value if self.high is None else min(value, self.high)
        if self.high is not None:
            return self.low + round((self.high - self.low) * uniform(seed, "duration", name))
        return self.low

    @classmethod
    def parse(cls, value: object) -> Duration:
        if isinstance(value, str):
            return cls(parse_duration(value))
        match value:
            case {"uniform": [str() as low, str() as high], **rest} if not rest:
                shortest, longest = parse_duration(low), parse_duration(high)
                if shortest > longest:
                    raise ClockError(f"uniform goes from the shorter to the longer duration, not from {low} to {high}")
                return cls(shortest, longest)
            case {"lognormal": {"median": str() as median, "sigma": int() | float() as sigma, **rest}, **others} if (
                not others and not isinstance(sigma, bool) and 0 <= sigma <= 5 and not set(rest) - {"max"}
            ):
                bound = parse_duration(str(rest["max"])) if "max" in rest else None
                return cls(parse_duration(median), bound, float(sigma))
        raise ClockError(
            'a duration is text such as "45s", {uniform = ["5s", "20s"]} or '
            '{lognormal = {median = "40s", sigma = 0.6, max = "10m"}} with sigma in 0..5'
        )


def seconds(text: str) -> Duration:
    """A fixed duration as people write it, for the defaults of fields."""
    return Duration(parse_duration(text))


def bounded(default: Any, low: float, high: float) -> Any:
    """A number's field that takes values from ``low`` to ``high``."""
    return field(default=default, metadata={"bounds": (low, high)})


def checked(default: Any, check: Callable[[Any], object], pattern: str | None = None) -> Any:
    """A field whose values ``check`` takes; for others it raises ``ClockError``. ``pattern`` is the form of a text, a
    regular expression for the published schema.
    """
    return field(default=default, metadata={"check": check, "pattern": pattern})


def at_most(default: str, longest: str) -> Any:
    """A duration's field whose values, drawn or not, are at most ``longest``."""
    most = parse_duration(longest)

    def check(duration: Duration) -> None:
        if (duration.high if duration.high is not None else duration.low) > most or (
            duration.sigma is not None and duration.high is None
        ):
            raise ClockError(f"a duration of at most {longest} is expected")

    return checked(seconds(default), check)


def overlay(base: Part, document: object, path: str = "") -> Part:
    """A copy of the frozen dataclass ``base`` with the fields that a mapping names replaced. Raises ``ScenarioError``.

    A field called ``name`` is not the document's to set.
    """
    if not isinstance(document, Mapping):
        raise wrong(path or "the document", f"expected a table, got {document!r:.80}")
    part: Any = base
    hints = _hints(part.__class__)
    known = {each.name: each for each in fields(part) if each.name != "name"}
    changes = {}
    for key, value in document.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in known:
            raise ScenarioError(
                f"unknown key '{where:.200}'{nearest(where, [f'{path}.{each}' if path else each for each in known])}",
                key=where,
            )
        metadata = known[key].metadata
        changes[key] = _value(getattr(part, key), hints[key], value, where, metadata.get("bounds", (0, 1)))
        if "check" in metadata:
            try:
                metadata["check"](changes[key])
            except ClockError as error:
                raise wrong(where, str(error)) from error
    changed: Part = replace(part, **changes)
    return changed


@cache
def _hints(part: type) -> dict[str, Any]:
    return get_type_hints(part)


def _value(current: Any, hint: Any, value: object, where: str, bounds: tuple[float, float]) -> Any:
    options = get_args(hint) if get_origin(hint) not in (Literal, tuple) else (hint,)
    if value is None and NoneType in options:
        return None
    options = tuple(each for each in options if each is not NoneType) or (hint,)
    kind = options[0] if len(options) == 1 else hint
    if is_dataclass(kind) and kind is not Duration:
        return overlay(current if current is not None else kind(), value, where)  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return _items(get_args(kind)[0], value, where, bounds)
    try:
        if kind is Duration:
            return Duration.parse(value)
        if VirtualTime in options:
            return _instant(value)
    except ClockError as error:
        raise wrong(where, str(error)) from error
    if get_origin(kind) is Literal:
        return _choice(get_args(kind), value, where)
    if kind is bool:
        if not isinstance(value, bool):
            raise wrong(where, f"expected true or false, got {value!r:.80}")
        return value
    if kind in (float, int):
        return _number(kind, value, where, bounds, nullable=hint is not kind)
    if kind == Mapping[str, Any]:
        return _mapping(value, where)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise wrong(where, f"expected a text of at most {MAX_TEXT} characters, got {value!r:.80}")
    return value


def _instant(value: object) -> VirtualTime:
    """TOML has dates of its own. Raises ``ClockError``."""
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, int | float | str):
        raise ClockError(f"expected Unix seconds or a text such as '2026-01-15T00:00:00Z', got {value!r:.80}")
    return parse_instant(value)


def _items(kind: Any, value: object, where: str, bounds: tuple[float, float]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS:
        raise wrong(where, f"expected a list of at most {MAX_ITEMS} entries, got {value!r:.80}")
    return tuple(_value(None, kind, each, f"{where}[{index}]", bounds) for index, each in enumerate(value))


def _choice(allowed: tuple[Any, ...], value: object, where: str) -> object:
    if value not in allowed or isinstance(value, bool):
        names = ", ".join(map(repr, allowed))
        raise wrong(where, f"{value!r:.80} is none of {names}{nearest(str(value), map(str, allowed))}")
    return value


def _number(kind: type, value: object, where: str, bounds: tuple[float, float], *, nullable: bool) -> float:
    low, high = bounds
    kinds = int if kind is int else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        name = "a whole number" if kind is int else "a number"
        null = ", or null" if nullable else ""
        shown = f"{high:.0e}" if high >= 1e9 else f"{high:g}"
        raise wrong(where, f"expected {name} from {low:g} to {shown}{null}, got {value!r:.80}")
    return kind(value)  # type: ignore[no-any-return]


def _mapping(value: object, where: str) -> dict[str, Any]:
    """Plain JSON, up to ``MAX_ITEMS`` values of texts, numbers, booleans and nulls."""
    if not isinstance(value, Mapping) or len(value) > MAX_ITEMS:
        raise wrong(where, f"expected a table of at most {MAX_ITEMS} entries, got {value!r:.80}")
    for key, each in value.items():
        if not isinstance(key, str) or not isinstance(each, str | int | float | bool | NoneType):
            raise wrong(f"{where}.{key!s:.80}", "expected a text, a number, true, false or null")
        if max(len(key), len(each) if isinstance(each, str) else 0) > MAX_TEXT:
            raise wrong(f"{where}.{key:.80}", f"longer than {MAX_TEXT} characters")
    return dict(value)


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where a known name is close, else the list of names."""
    names = sorted(known)
    best = process.extractOne(name[:MAX_TEXT], names, score_cutoff=60)
    return f"; did you mean '{best[0]}'?" if best else f"; known are {', '.join(names)}"
