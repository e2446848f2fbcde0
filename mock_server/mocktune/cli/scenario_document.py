"""What ``mocktune scenarios`` tells of a scenario, as JSON and in short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mocktune.cli.scenario_play import Life
from mocktune.domain.clock import SECOND, format_duration
from mocktune.domain.objects import EventView
from mocktune.domain.scenario import Scenario
from mocktune.domain.scenario_document import changed_fields, scenario_document
from mocktune.http.render.scenarios import packaged
from mocktune.storage.scenario_files import (
    document_in,
    is_path,
    packaged_document,
    packaged_scenario,
    parent_of,
    scenario_names,
    scenario_packs,
)

_STYLES = {"info": "", "warn": "yellow", "error": "red"}


def listed() -> dict[str, Any]:
    """All packaged scenarios and packs, as ``GET /_mocktune/scenarios`` has them."""
    return {
        "scenarios": [packaged(packaged_scenario(name)) for name in scenario_names()],
        "packs": [
            {"name": each.name, "summary": each.summary, "scenarios": list(each.scenarios)} for each in scenario_packs()
        ],
    }


def base_of(scenario: Scenario, asked: str) -> Scenario:
    """What the scenario that was asked for extends, or the defaults."""
    parent = parent_of(document_in(asked) if is_path(asked) else packaged_document(asked))
    return Scenario() if parent is None else packaged_scenario(parent)


def described(scenario: Scenario, base: Scenario, life: Life) -> dict[str, Any]:
    """One scenario, and the life of a job under it; times in seconds of virtual time since the upload."""
    refused = life.refused
    return {
        **packaged(scenario),
        "extends": base.name if base.summary else None,
        "changes": changed_fields(scenario, base),
        "document": scenario_document(scenario),
        "job": {
            "refused": refused and {"code": refused.code, "type": refused.type, "message": refused.message},
            "status": life.status or None,
            "phases": [
                {"name": each.row, "begins": each.begins / SECOND, "ends": None if each.open else each.ends / SECOND}
                for each in life.spans
            ],
            "marks": [{"name": each.row, "at": each.at / SECOND, "note": each.note} for each in life.marks],
            "events": [
                {"at": at / SECOND, "level": each.level, "message": each.message}
                for at, each in life.events
                if each.metrics is None
            ],
            "metric_events": sum(each.metrics is not None for _, each in life.events),
        },
    }


def told_events(life: Life) -> Iterator[tuple[str, str, str]]:
    """Each event as a time, a text and a style; a row of metric events as one."""
    metrics: list[tuple[int, EventView]] = []
    for at, event in life.events:
        if event.metrics is not None:
            metrics.append((at, event))
            continue
        yield from _summed_up(metrics)
        metrics.clear()
        yield _time(at), event.message, _STYLES[event.level]
    yield from _summed_up(metrics)


def _summed_up(metrics: list[tuple[int, EventView]]) -> Iterator[tuple[str, str, str]]:
    if metrics:
        (first, event), (_, last) = metrics[0], metrics[-1]
        yield _time(first), event.message, "dim"
        if len(metrics) > 2:
            yield "", f"… {len(metrics) - 2} more metric events …", "dim"
        if len(metrics) > 1:
            yield _time(metrics[-1][0]), last.message, "dim"


def _time(at: int) -> str:
    return format_duration(round(at / SECOND) * SECOND)
