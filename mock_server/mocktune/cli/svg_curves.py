"""Curves of a job as SVG, to stand in a page: no script, nothing loaded, colours from the page's own variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from mocktune.cli.curve_chart import Panel
from mocktune.cli.curves import smoothed, thinned
from mocktune.cli.printing import printable

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 34, 34
MAX_POINTS = 2_000
"""Of a line; more are not to be told apart."""
GRID_LINES = 5

SVG_STYLE = """
svg { width: 100%; height: auto; display: block; margin: .8rem 0 }
svg text { font: 12px system-ui, sans-serif; fill: currentColor }
svg .title { font-weight: 600; font-size: 14px } svg .axis { stroke: currentColor; stroke-opacity: .5 }
svg .grid { stroke: currentColor; stroke-opacity: .12 } svg polyline { fill: none }
svg .step { stroke: currentColor; stroke-opacity: .3 } svg .mean { stroke: var(--mean); stroke-width: 2 }
svg .valid { stroke: var(--valid); stroke-width: 1.5 } svg .dot { fill: var(--valid) }
svg .ckpt { stroke: currentColor; stroke-opacity: .45; stroke-dasharray: 3 3 }
"""


def svg_of(panel: Panel, checkpoints: Mapping[int, str]) -> str:
    """The chart whole; ``checkpoints`` are marked at their steps, with their names for who points at them."""
    return "\n".join(_svg(panel, checkpoints))


def _svg(panel: Panel, checkpoints: Mapping[int, str]) -> Iterator[str]:
    low, high = panel.span
    total = max(2, panel.total_steps)

    def x(step: float) -> float:
        return LEFT + (step - 1) / (total - 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(points: Mapping[int, float], style: str) -> str:
        pairs = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in thinned(points, MAX_POINTS).items())
        return f'<polyline class="{style}" points="{pairs}"/>'

    about = f"{panel.title} of {panel.total_steps:,} steps"
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(about)}">'
    yield f'<text class="title" x="{LEFT}" y="18">{escape(panel.title)}</text>'
    yield from _legend(panel, bool(checkpoints))
    for part in range(GRID_LINES):
        value = low + (high - low) * part / (GRID_LINES - 1)
        style = "grid" if part else "axis"
        yield f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
    for step in sorted({1, *(round(total * part / 4) for part in range(1, 5))}):
        anchor = "end" if step == total else "start" if step == 1 else "middle"
        yield f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="{anchor}">{step:,}</text>'
    for step, name in checkpoints.items():
        if 0 < step <= total:
            place = f'x1="{x(step):.1f}" x2="{x(step):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
            yield f'<line class="ckpt" {place}><title>{escape(printable(name))}</title></line>'
    yield line(panel.training, "step")
    yield line(smoothed(panel.training), "mean")
    if panel.validation:
        yield line(panel.validation, "valid")
        for step, value in thinned(panel.validation, MAX_POINTS // 4).items():
            yield f'<circle class="dot" cx="{x(step):.1f}" cy="{y(value):.1f}" r="2.5"/>'
    yield "</svg>"


def _legend(panel: Panel, checkpoints: bool) -> Iterator[str]:
    shown = [("step", "each step"), ("mean", "running mean")]
    if panel.validation:
        shown.append(("valid", "validation"))
    if checkpoints:
        shown.append(("ckpt", "checkpoint"))
    left = WIDTH - RIGHT - 118 * len(shown)
    for index, (style, label) in enumerate(shown):
        at = left + 118 * index
        yield f'<line class="{style}" x1="{at}" x2="{at + 20}" y1="14" y2="14"/>'
        yield f'<text x="{at + 26}" y="18">{label}</text>'
