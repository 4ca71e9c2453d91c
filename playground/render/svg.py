"""Small plots as SVG text for reports that stand alone: no script, colours from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from playground.render.numbers import digits

WIDTH, LEFT, ROW = 720, 170, 22
"""Of bars: width of the plot, room for labels, height of a row."""

HEIGHT, FOOT, EDGE = 320, 270, 70
"""Of scatter plots: height, where the x axis lies, where the y axis lies."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one colour: a CSS class of the report's style sheet, and a name for the legend.

    ``texts`` are the values as they are written, unit included; without them they get three digits and the plot's unit.
    """

    name: str
    css: str
    values: Sequence[float]
    texts: Sequence[str] = ()


def bars(labels: Sequence[str], series: Sequence[Series], unit: str, title: str) -> str:
    """Horizontal bars from zero, a group for each label; values that are not finite are left out.

    Args:
        labels: one for each group.
        series: as many values each as there are labels.
        unit: stands behind the numbers.
        title: what a screen reader says.
    """
    finite = [v for one in series for v in one.values if math.isfinite(v)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    scale = (WIDTH - LEFT - 80) / ((high - low) or 1)
    thick, zero = (ROW - 6) / len(series), LEFT - low * scale
    parts = []
    for row, label in enumerate(labels):
        top = row * ROW + 3
        parts.append(f'<text class="label" x="{LEFT - 8}" y="{top + ROW / 2}" text-anchor="end">{_short(label)}</text>')
        end = zero
        for at, one in enumerate(series):
            value = one.values[row]
            if math.isfinite(value):
                written = one.texts[row] if one.texts else f"{digits(value)} {unit}"
                about = f"{label}: {one.name} {written}"
                parts.append(_bar((zero, top + at * thick), value * scale, thick - 1, one.css, about))
                end, last = max(end, zero + value * scale), written
        if math.isfinite(one.values[row]):
            parts.append(f'<text class="tick" x="{end + 6:.1f}" y="{top + ROW / 2}">{escape(last)}</text>')
    return _svg(len(labels) * ROW + 8, parts, title) + _legend(series)


def _bar(corner: tuple[float, float], length: float, thick: float, css: str, about: str) -> str:
    """A bar to the right of its corner, or to the left for a negative length; at least a pixel of it is seen."""
    x, y, width = corner[0] + min(0.0, length), corner[1], max(1.0, abs(length))
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{thick:.1f}"'
    return f'<rect class="{css}" {place}><title>{escape(about)}</title></rect>'


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a scatter plot: its place, a CSS class, and what stands beside it and in its tooltip."""

    x: float
    y: float
    css: str
    label: str
    about: str


def scatter(dots: Sequence[Dot], line: Sequence[tuple[float, float]], x_title: str, y_title: str, title: str) -> str:
    """Points over a logarithmic y axis (values of zero at its foot), and a line through some of them."""
    axes = _Axes.around(dots)
    parts = axes.drawn(x_title, y_title)
    if line:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (axes.place(*point) for point in line))
        parts.append(f'<polyline class="front" points="{path}"/>')
    for dot in dots:
        x, y = axes.place(dot.x, dot.y)
        parts.append(
            f'<circle class="{dot.css}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(dot.about)}</title></circle>'
        )
        if dot.label:
            parts.append(f'<text class="tick" x="{x + 8:.1f}" y="{y - 6:.1f}">{escape(dot.label)}</text>')
    return _svg(HEIGHT, parts, title)


@dataclass(frozen=True, slots=True)
class _Axes:
    """From values to places: x linear, y by powers of ten."""

    x_low: float
    x_high: float
    low: int
    high: int

    @staticmethod
    def around(dots: Sequence[Dot]) -> _Axes:
        positive = [dot.y for dot in dots if dot.y > 0] or [1.0]
        low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
        x_low, x_high = min(dot.x for dot in dots), max(dot.x for dot in dots)
        margin = 0.04 * (x_high - x_low) or 1.0
        return _Axes(x_low - margin, x_high + margin, low, max(high, low + 1))

    def place(self, x: float, y: float) -> tuple[float, float]:
        share = (math.log10(y) - self.low) / (self.high - self.low) if y > 0 else 0.0
        across = (x - self.x_low) / (self.x_high - self.x_low)
        return EDGE + across * (WIDTH - EDGE - 20), FOOT - max(0.0, share) * (FOOT - 20)

    def drawn(self, x_title: str, y_title: str) -> list[str]:
        parts = []
        for power in range(self.low, self.high + 1):
            _, y = self.place(self.x_low, 10.0**power)
            number = digits(10.0**power, 1)
            parts.append(f'<line class="grid" x1="{EDGE}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{EDGE - 6}" y="{y:.1f}" text-anchor="end">{number}</text>')
        for step in range(1, 6):
            at = self.x_low + (self.x_high - self.x_low) * step / 6
            x, _ = self.place(at, 0)
            parts.append(f'<text class="tick" x="{x:.1f}" y="{FOOT + 18}" text-anchor="middle">{digits(at)}</text>')
        below = f'x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle"'
        turned = f'x="14" y="{FOOT / 2}" text-anchor="middle" transform="rotate(-90 14 {FOOT / 2})"'
        titles = ((below, x_title), (turned, y_title))
        return [*parts, *(f'<text class="axis" {where}>{escape(text)}</text>' for where, text in titles)]


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return f"{head}{''.join(parts)}</svg>"


def _legend(series: Sequence[Series]) -> str:
    if len(series) < 2:
        return ""
    items = "".join(f'<span><i class="{one.css}"></i>{escape(one.name)}</span>' for one in series)
    return f'<p class="legend">{items}</p>'


def _short(label: str, most: int = 24) -> str:
    """A label that fits: the end tells layers apart."""
    return escape(label if len(label) <= most else f"…{label[1 - most :]}")
