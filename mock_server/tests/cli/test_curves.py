"""What metric events tell, how it is drawn, and how long it still takes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from mocktune.cli.curve_chart import Panel, draw_panel, nice_top, panels
from mocktune.cli.curves import MAX_POINTS, Curves, smoothed, thinned
from mocktune.cli.eta import StepClock
from mocktune.cli.svg_curves import svg_of


def metrics(step: int, total: int = 100, **more: object) -> dict[str, object]:
    return {"step": step, "total_steps": total, "train_loss": 100.0 / step, "train_mean_token_accuracy": 0.5} | more


def test_only_finite_numbers_of_known_names_are_taken_in() -> None:
    curves = Curves()
    nothing: list[Any] = [None, "text", [], {}, *({"step": step} for step in (None, -1, True, "x", 1e300))]
    assert [curves.add(data) for data in nothing] == [None] * len(nothing)
    assert curves.add({"step": 2, "total_steps": 9, "unknown": 1.0}) is None
    assert curves.add({"step": 3, "total_steps": 9, "train_loss": float("nan")}) == 3
    assert curves.series == {}
    assert (curves.last_step, curves.lost_at) == (3, 3), "training goes on, without a loss"
    assert curves.add({"step": "4", "total_steps": None, "train_loss": "1.5", "valid_loss": None}) == 4
    assert curves.series == {"train_loss": {4: 1.5}}
    assert (curves.last_step, curves.total_steps, curves.lost_at) == (4, 9, None)


def test_steps_that_come_late_stand_in_their_place() -> None:
    curves = Curves()
    for step in (1, 3, 2):
        curves.add(metrics(step))
    assert list(curves.of("train_loss")) == [1, 2, 3]
    assert curves.last_step == 3


def test_the_whole_validation_file_says_more_than_one_batch_of_it() -> None:
    curves = Curves()
    curves.add(metrics(10, valid_loss=1.0))
    curves.add(metrics(20, valid_loss=2.0, full_valid_loss=3.0))
    assert curves.validation("loss") == {10: 1.0, 20: 3.0}


def test_points_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.cli.curves.MAX_POINTS", 10)
    assert MAX_POINTS > 10
    curves = Curves()
    for step in range(1, 100):
        curves.add(metrics(step))
    assert curves.points == sum(map(len, curves.series.values())) == 10
    assert curves.last_step == 99, "the progress goes on"


def test_a_long_series_is_thinned_to_its_extremes_and_keeps_both_ends() -> None:
    points = dict.fromkeys(range(1, 10001), 0.0) | {5_000: 9.0, 7_000: -9.0}
    few = thinned(points, 100)
    assert len(few) <= 104
    assert (few[5_000], few[7_000]) == (9.0, -9.0)
    assert list(few) == sorted(few)
    assert {1, 10_000} <= set(few)
    assert thinned({1: 1.0, 2: 2.0}, 100) == {1: 1.0, 2: 2.0}


def test_smoothing_a_long_series_takes_more_of_it() -> None:
    steps = {step: float(step % 2) for step in range(1, 2_001)}
    assert smoothed(steps)[1_000] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("value", "top"), [(0.0, 1), (0.7, 0.8), (1.0, 1), (3.76, 4), (12.3, 15), (999, 1000)])
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert nice_top(value) == pytest.approx(top)


def test_a_chart_keeps_its_size_and_the_axis_of_the_whole_job_while_it_grows() -> None:
    curves = Curves()
    drawn = []
    for step in range(1, 61):
        curves.add(metrics(step, total=60, **({"valid_loss": 2.0} if step % 10 == 0 else {})))
        if step in (30, 60):
            drawn.append(re.sub(r"\x1b\[[0-9;]*m", "", draw_panel(panels(curves)[0], 70, 12)).split("\n"))
    half, whole = drawn
    assert len(half) == len(whole) == 12
    assert {len(line) for line in half + whole} == {70}
    assert half[-1].split() == whole[-1].split() == ["1", "20", "40", "60"]
    assert "◆" in "".join(half)


def test_reinforcement_is_drawn_by_its_reward() -> None:
    curves = Curves()
    for step in (1, 2, 3):
        curves.add({"step": step, "total_steps": 3, "train_mean_reward": step / 4, "full_valid_mean_reward": 0.1})
    (panel,) = panels(curves)
    assert (panel.title, panel.validation) == ("reward", {1: 0.1, 2: 0.1, 3: 0.1})
    assert panel.span == (0.0, 1.0)


def test_the_svg_is_well_formed_and_bounded_and_marks_checkpoints() -> None:
    panel = Panel("loss", {step: 1 / step for step in range(1, 50_001)}, {50_000: 0.2}, 50_000, share=False)
    drawn = svg_of(panel, {25_000: '<script>"&', 99_999_999: "beyond"})
    root = ET.fromstring(drawn)
    assert len(drawn) < 200_000
    assert [mark.text for mark in root.iter("title")] == ['<script>"&']
    for line in root.iter("polyline"):
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 760
            assert 0 <= y <= 300


# -- how long it still takes -------------------------------------------------------------------------------------------


def test_the_tempo_is_that_of_arrivals_also_under_a_clock_that_runs_faster() -> None:
    clock = StepClock()
    for step in range(1, 11):
        clock.step(step, 100, arrived_s=step * 0.5, happened_s=1_000 + step * 60)
    assert clock.left_s(5.0) == pytest.approx(45.0)
    assert clock.left_s(10.0) == pytest.approx(40.0), "it counts down between two looks"
    assert clock.left_s(500.0) == 0.0


def test_all_steps_of_the_first_look_are_told_by_the_services_times() -> None:
    """As after attaching to a job that has run for an hour."""
    clock = StepClock()
    for step in range(1, 51):
        clock.step(step, 100, arrived_s=7.0 + step / 1e6, happened_s=1_000 + step * 3)
    assert clock.left_s(7.0) == pytest.approx(150.0)
    clock.step(60, 100, arrived_s=12.0, happened_s=1_190)
    assert clock.left_s(12.0) == pytest.approx(20.0), "ten steps in five seconds, since the second look"


def test_nothing_is_said_before_there_is_a_tempo_and_after_a_pause() -> None:
    clock = StepClock()
    assert clock.left_s(0.0) is None
    clock.step(1, 10, arrived_s=1.0, happened_s=None)
    assert clock.left_s(1.0) is None
    clock.step(2, 10, arrived_s=2.0, happened_s=None)
    assert clock.left_s(2.0) == pytest.approx(8.0)
    clock.interrupted()
    assert clock.left_s(3.0) is None
    clock.step(10, 10, arrived_s=4.0, happened_s=None)
    clock.step(9, 10, arrived_s=5.0, happened_s=None)
    assert clock.left_s(5.0) is None, "what comes late tells no tempo"
