"""A scenario as the document it could have been read from: what ``read_scenario`` reads back to the same scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from mocktune.domain.clock import SECOND
from mocktune.domain.documents import Duration
from mocktune.domain.scenario import SCHEMA, Scenario


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    """Every field, by part; durations to the microsecond."""
    return {"schema": SCHEMA, **_document(scenario)}


def _document(part: Any) -> dict[str, Any]:
    """A frozen dataclass as the mapping that ``overlay`` reads."""
    return {each.name: _written(each.name, getattr(part, each.name)) for each in fields(part)}


def _written(name: str, value: Any) -> Any:
    if isinstance(value, Duration):
        return _duration(value)
    if is_dataclass(value):
        return _document(value)
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
    seconds, fraction = divmod(duration, SECOND)
    return f"{seconds}.{fraction:06d}".rstrip("0") + "s" if fraction else f"{seconds}s"
