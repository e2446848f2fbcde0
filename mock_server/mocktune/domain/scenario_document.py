"""A scenario as the document it could have been read from: what ``read_scenario`` reads back to the same scenario."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from mocktune.domain.clock import SECOND
from mocktune.domain.scenario import SCHEMA, Duration, Scenario


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    """Every field, by part; durations to the microsecond."""
    return {"schema": SCHEMA, **_document(scenario)}


def _document(part: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if value is None:
            document[each.name] = None
        elif isinstance(value, Duration):
            document[each.name] = _duration(value)
        elif is_dataclass(value):
            document[each.name] = _document(value)
        elif each.name == "start":
            document[each.name] = value / SECOND
        else:
            document[each.name] = value
    return document


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
