"""The loss curve of a job, drawn with characters."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import plotext

from mocktune.cli.curves import smoothed

TRAIN_COLOR, SMOOTH_COLOR, VALID_COLOR = 8, 6, 3
"""Of the terminal's own sixteen colours, so that they fit light and dark ones: grey, cyan, yellow."""


@dataclass(slots=True)
class LossCurve:
    """What the metric events of a job have told so far; losses in nats a token, by step."""

    total_steps: int = 0
    train: dict[int, float] = field(default_factory=dict)
    valid: dict[int, float] = field(default_factory=dict)
    accuracy: dict[int, float] = field(default_factory=dict)

    def add(self, data: dict[str, Any]) -> int:
        """Take in the ``data`` of one metric event; answers its step."""
        step = int(data["step"])
        self.total_steps = int(data["total_steps"])
        self.train[step] = data["train_loss"]
        self.accuracy[step] = data["train_mean_token_accuracy"]
        # The whole validation set at the end of an epoch says more than one batch of it.
        valid = data.get("full_valid_loss", data.get("valid_loss"))
        if valid is not None:
            self.valid[step] = valid
        return step

    @property
    def last_step(self) -> int:
        return max(self.train, default=0)


def draw(curve: LossCurve, width: int, height: int) -> str:
    """The curve as ``height`` lines of ``width`` cells with ANSI colours; empty before the second step.

    Dots are the steps, the line their running mean, diamonds the validation. The axes are those of the whole job, so
    that a curve that grows does not jump.
    """
    if len(curve.train) < 2:
        return ""
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    top = max(1, ceil(max([*curve.train.values(), *curve.valid.values()])))
    losses = range(0, top + 1, ceil(top / 5))
    plotext.ylim(0, top)
    plotext.yticks(list(losses), [str(loss) for loss in losses])
    steps = sorted({1, *(round(curve.total_steps * third / 3) for third in (1, 2, 3))})
    plotext.xlim(1, curve.total_steps)
    plotext.xticks(steps, [str(step) for step in steps])

    line = smoothed(curve.train)
    plotext.scatter(list(curve.train), list(curve.train.values()), marker="braille", color=TRAIN_COLOR)
    plotext.plot(list(line), list(line.values()), marker="braille", color=SMOOTH_COLOR)
    if curve.valid:
        plotext.scatter(list(curve.valid), list(curve.valid.values()), marker="◆", color=VALID_COLOR)
    return str(plotext.build()).rstrip("\n")
