"""The curves of a job as characters, as wide and high as the terminal allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log10

from mocktune.cli.curves import Curves, smoothed, thinned

STEP_COLOR, MEAN_COLOR, VALIDATION_COLOR = 8, 6, 3
"""Of the terminal's own sixteen colours, so that they fit light and dark ones: grey, cyan, yellow."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: steps of the training file, and the measurements on the validation file."""

    title: str
    training: Mapping[int, float]
    validation: Mapping[int, float]
    total_steps: int
    share: bool
    """Whether its values lie between 0 and 1."""

    @property
    def span(self) -> tuple[float, float]:
        """What the axis shows: it begins at 0 unless there is something below."""
        values = [*self.training.values(), *self.validation.values()]
        if self.share:
            return min(0.0, floor(min(values))), max(1.0, float(ceil(max(values))))
        return min(0.0, float(floor(min(values)))), nice_top(max(values))


def nice_top(value: float) -> float:
    """The next round number: of 1, 1.5, 2, 3, 4, 5, 6, 8 and 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(each * power for each in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 20) if each * power >= value)


def panels(curves: Curves) -> list[Panel]:
    """The charts that there is something for: loss and accuracy, or the reward."""
    wanted = (
        ("loss", "train_loss", "loss", False),
        ("accuracy", "train_mean_token_accuracy", "mean_token_accuracy", True),
        ("reward", "train_mean_reward", "mean_reward", True),
    )
    found = []
    for title, name, measure, share in wanted:
        training = curves.of(name)
        if len(training) > 1:
            found.append(Panel(title, training, curves.validation(measure), curves.total_steps, share))
    return found


def draw_panel(panel: Panel, width: int, height: int) -> str:
    """``height`` lines of at most ``width`` cells with ANSI colours: dots are the steps, the line their running mean,
    diamonds the validation. The horizontal axis is that of the whole job, so that a curve that grows does not jump.
    """
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    low, high = panel.span
    plotext.ylim(low, high)
    ticks = [low + (high - low) * part / 2 for part in range(3)] if height < 10 else _ticks(low, high)
    plotext.yticks(ticks, [f"{tick:.3g}" for tick in ticks])
    parts = 3 if width >= 50 else 2
    steps = sorted({1, *(round(panel.total_steps * part / parts) for part in range(1, parts + 1))})
    plotext.xlim(1, max(2, panel.total_steps))
    plotext.xticks(steps, [str(step) for step in steps])

    points = thinned(panel.training, 4 * width)
    line = thinned(smoothed(panel.training), 4 * width)
    plotext.scatter(list(points), list(points.values()), marker="braille", color=STEP_COLOR)
    plotext.plot(list(line), list(line.values()), marker="braille", color=MEAN_COLOR)
    if panel.validation:
        marks = thinned(panel.validation, 2 * width)
        plotext.scatter(list(marks), list(marks.values()), marker="◆", color=VALIDATION_COLOR)
    return str(plotext.build()).rstrip("\n")


def _ticks(low: float, high: float) -> list[float]:
    return [low + (high - low) * part / 4 for part in range(5)]
