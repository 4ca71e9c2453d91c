"""One tensor under one scheme as a picture that stands alone: SVG text, no script and no style sheet.

Colours are the page's custom properties where a page defines them, else those of the light theme.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from playground.render.numbers import digits
from playground.tensor_view.picture import Picture

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _FOOT = 16, 16, 44, 264
"""Edges of the plot."""

_MOST_LINES = 64
"""Levels that are drawn as lines; more would only be a coloured area."""

_FLOAT = "var(--float, #0072b2)"
_QUANT = "var(--quant, #c65300)"
_CLIP = "var(--clip-fill, #d5d8dd)"
_TEXT = "var(--muted, #5d6672)"
_FONT = "font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"


def poster(picture: Picture) -> str:
    """The histogram of a tensor with the levels of its scheme on it, and what the scheme costs.

    Args:
        picture: made by :func:`playground.tensor_view.picture.picture_of`.

    Returns:
        An ``<svg>`` element of 720 by 300 units that a screen reader announces with its title.
    """
    title = escape(title_of(picture))
    parts = [*_clipped(picture), *_bars(picture), *_levels(picture), *_axis(picture)]
    head = f'<text x="{_LEFT}" y="24" style="{_FONT};font-weight:600;fill:var(--text, #1b1f24)">{title}</text>'
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{head}{"".join(parts)}</svg>'


def title_of(picture: Picture) -> str:
    """Tensor, format, error and size on one line."""
    error = f"SQNR {digits(picture.metrics['sqnr_db'])} dB"
    bits = f"{picture.bits_per_weight:.2f} bits per weight"
    return f"{picture.settings.tensor} as {picture.settings.format}: {error}, {bits}"


def _x(picture: Picture, value: float) -> float:
    low, high = picture.edges[0], picture.edges[-1]
    share = (min(max(value, low), high) - low) / (high - low)
    return float(_LEFT + share * (WIDTH - _LEFT - _RIGHT))


def _clipped(picture: Picture) -> Iterator[str]:
    """What lies beyond the limits, shaded."""
    for begin, end in ((picture.edges[0], picture.limits[0]), (picture.limits[1], picture.edges[-1])):
        x, to = _x(picture, begin), _x(picture, end)
        if to > x:
            place = f'x="{x:.1f}" y="{_TOP}" width="{to - x:.1f}" height="{_FOOT - _TOP}"'
            yield f'<rect {place} style="fill:{_CLIP};fill-opacity:.6"/>'


def _bars(picture: Picture) -> Iterator[str]:
    """Counts, by their square root, so that the few far-out values are seen."""
    heights = np.sqrt(picture.counts)
    unit = (_FOOT - _TOP) / (heights.max() or 1)
    path = []
    for begin, end, height in zip(picture.edges, picture.edges[1:], heights * unit, strict=False):
        if height > 0:
            x, to = _x(picture, begin), _x(picture, end)
            path.append(f"M{x:.1f} {_FOOT}V{_FOOT - max(height, 1):.1f}H{to:.1f}V{_FOOT}Z")
    yield f'<path d="{"".join(path)}" style="fill:{_FLOAT};fill-opacity:.55"/>'


def _levels(picture: Picture) -> Iterator[str]:
    """A line for each level, where there are few enough."""
    inside = [v for v in picture.levels.tolist() if picture.edges[0] <= v <= picture.edges[-1]]
    if not 0 < len(inside) <= _MOST_LINES:
        return
    path = "".join(f"M{_x(picture, value):.1f} {_TOP}V{_FOOT}" for value in inside)
    yield f'<path d="{path}" style="stroke:{_QUANT};stroke-width:1.5"/>'


def _axis(picture: Picture) -> Iterator[str]:
    """The line at the foot with five numbers."""
    yield f'<path d="M{_LEFT} {_FOOT}H{WIDTH - _RIGHT}" style="stroke:{_TEXT}"/>'
    anchors = ("start", "middle", "middle", "middle", "end")
    for value, anchor in zip(np.linspace(picture.edges[0], picture.edges[-1], 5).tolist(), anchors, strict=True):
        place = f'x="{_x(picture, value):.1f}" y="{_FOOT + 20}" text-anchor="{anchor}"'
        yield f'<text {place} style="{_FONT};fill:{_TEXT}">{digits(value)}</text>'
