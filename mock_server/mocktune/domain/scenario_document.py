"""A scenario as the document it could have been read from: what ``read_scenario`` reads back to the same scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from mocktune.domain.clock import SECOND, format_duration, parse_duration
from mocktune.domain.documents import Duration
from mocktune.domain.scenario import SCHEMA, Scenario

_TOLD_APART = ("name", "summary", "catches")
"""What a scenario is called and is for, which is no behaviour of it."""


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    """Every field, by part; durations to the microsecond."""
    return {"schema": SCHEMA, **part_document(scenario)}


def changed_fields(scenario: Scenario, base: Scenario) -> dict[str, Any]:
    """The fields in which two scenarios differ, by their dotted paths, as ``scenario`` has them. Of rules
    only what is not their default.
    """
    return dict(_changes(scenario, base, ""))


def _changes(part: Any, base: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for each in fields(part):
        value, was, path = getattr(part, each.name), getattr(base, each.name), prefix + each.name
        if value == was or path in _TOLD_APART:
            continue
        if is_dataclass(value) and not isinstance(value, Duration) and was is not None:
            yield from _changes(value, was, f"{path}.")
        elif isinstance(value, tuple):
            document = part_document if path == "signals" else sparse_document
            yield path, [document(item) if is_dataclass(item) else item for item in value]
        else:
            yield path, _written(each.name, value)


def sparse_document(part: Any) -> dict[str, Any]:
    """A frozen dataclass as the mapping that ``overlay`` reads, without what is its default."""
    usual = type(part)()
    document = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if value != getattr(usual, each.name):
            nested = is_dataclass(value) and not isinstance(value, Duration)
            document[each.name] = sparse_document(value) if nested else _written(each.name, value)
    return document


def part_document(part: Any) -> dict[str, Any]:
    """A frozen dataclass as the mapping that ``overlay`` reads."""
    return {each.name: _written(each.name, getattr(part, each.name)) for each in fields(part)}


def _written(name: str, value: Any) -> Any:
    if isinstance(value, Duration):
        return _duration(value)
    if is_dataclass(value):
        return part_document(value)
    if isinstance(value, tuple):
        return [_written("", each) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value / SECOND if name == "start" and value is not None else value


def _duration(duration: Duration) -> str | dict[str, Any]:
    if duration.sigma is not None:
        lognormal: dict[str, Any] = {"median": _text(duration.low), "sigma": duration.sigma}
        if duration.high is not None:
            lognormal["max"] = _text(duration.high)
        return {"lognormal": lognormal}
    if duration.high is not None:
        return {"uniform": [_text(duration.low), _text(duration.high)]}
    return _text(duration.low)


def _text(duration: int) -> str:
    if parse_duration(text := format_duration(duration)) == duration:
        return text
    seconds, fraction = divmod(duration, SECOND)
    return f"{seconds}.{fraction:06d}".rstrip("0") + "s" if fraction else f"{seconds}s"
