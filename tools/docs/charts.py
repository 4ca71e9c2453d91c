"""Lines and points over two axes as SVG text; colours come from ``tools/docs/static/docs.css``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from playground.render.numbers import digits

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _FOOT = 90, 32, 16, 264


@dataclass(frozen=True, slots=True)
class Line:
    """Points that are joined, of one colour (``"float"``, ``"quant"``, ``"good"``, ``"muted"``).

    ``dashed`` draws a dashed line; ``dots`` a mark at each point.
    """

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows: its title, its ends, and whether it goes by powers of ten."""

    title: str
    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value is between the ends, 0 to 1; values outside are at the ends."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round numbers to be written at the axis."""
        if self.log:
            powers = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            return [10.0**power for power in powers]
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(times for times in (1, 2, 5, 10) if (self.high - self.low) / (step * times) <= 6)
        return [i * step for i in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def chart(lines: Sequence[Line], x: Axis, y: Axis, title: str) -> str:
    """Lines over two axes, with a legend; ``title`` is what a screen reader says."""
    parts = [*_drawn_axes(x, y), *(part for line in lines for part in _drawn_line(line, x, y))]
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
    return f"<svg {box}>{''.join(parts)}</svg>{_legend(lines)}"


def _place(x: Axis, y: Axis, point: tuple[float, float]) -> tuple[float, float]:
    across = _LEFT + x.share(point[0]) * (WIDTH - _LEFT - _RIGHT)
    return across, _FOOT - y.share(point[1]) * (_FOOT - _TOP)


def _drawn_line(line: Line, x: Axis, y: Axis) -> Iterator[str]:
    places = [_place(x, y, point) for point in line.points]
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
    dashed = ' stroke-dasharray="6 4"' if line.dashed else ""
    yield f'<polyline class="line {line.colour}" points="{path}"{dashed}/>'
    for (across, down), (at, value) in zip(places if line.dots else (), line.points, strict=False):
        about = escape(f"{line.name}: {digits(value)} at {digits(at)}")
        place = f'cx="{across:.1f}" cy="{down:.1f}" r="4"'
        yield f'<circle class="dot {line.colour}" {place}><title>{about}</title></circle>'


def _drawn_axes(x: Axis, y: Axis) -> Iterator[str]:
    for value in y.ticks():
        _, down = _place(x, y, (x.low, value))
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>'
        yield f'<text class="mark" x="{_LEFT - 8}" y="{down + 4:.1f}" text-anchor="end">{_written(value, y)}</text>'
    for value in x.ticks():
        across, _ = _place(x, y, (value, y.low))
        yield f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{_FOOT}" y2="{_FOOT + 5}"/>'
        yield f'<text class="mark" x="{across:.1f}" y="{_FOOT + 20}" text-anchor="middle">{_written(value, x)}</text>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text class="axis" x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x.title)}</text>'
    down = (_TOP + _FOOT) / 2
    turned = f'x="16" y="{down}" text-anchor="middle" transform="rotate(-90 16 {down})"'
    yield f'<text class="axis" {turned}>{escape(y.title)}</text>'


def _written(value: float, axis: Axis) -> str:
    if axis.log and not 1e-3 <= value < 1e5:
        power = str(round(math.log10(value))).replace("-", "−")
        return f'10<tspan dy="-5" font-size="70%">{power}</tspan>'
    return f"{value:.6g}".replace("-", "−")


def _legend(lines: Sequence[Line]) -> str:
    if len(lines) < 2:
        return ""
    items = "".join(f'<span><i class="{line.colour}"></i>{escape(line.name)}</span>' for line in lines)
    return f'<p class="legend">{items}</p>'
