"""What notebooks show of a value: a table, and bars as a small SVG, in plain HTML without script and style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_WIDTH, _HEIGHT = 240, 48
"""Size of the bars in CSS pixels."""

MOST_ROWS = 12
"""Rows of a table; of a longer one the number of those left out is said."""


def card(title: str, facts: Iterable[tuple[str, object]], *more: str) -> str:
    """A title, facts as a table of two columns, and what else there is (tables, bars)."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in facts
    )
    return f"<div><strong>{_text(title)}</strong><table>{rows}</table>{''.join(more)}</div>"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table with a line of headings; of more than ``MOST_ROWS`` rows the first ones."""
    head = "".join(f"<th style='text-align:left'>{_text(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows[:MOST_ROWS])
    left = len(rows) - MOST_ROWS
    more = f"<tr><td colspan='{len(columns)}'>and {left} more</td></tr>" if left > 0 else ""
    return f"<table><tr>{head}</tr>{body}{more}</table>"


def bars(values: Sequence[float], title: str) -> str:
    """Non-negative numbers as bars of a small SVG; ``title`` is what a screen reader says. Empty if there are none."""
    highest = max(values, default=0)
    if not highest > 0:
        return ""
    width = _WIDTH / len(values)
    drawn = "".join(
        f"<rect x='{i * width:.2f}' y='{_HEIGHT * (1 - value / highest):.2f}' width='{max(width - 0.5, 0.5):.2f}' "
        f"height='{_HEIGHT * value / highest:.2f}'/>"
        for i, value in enumerate(values)
    )
    return (
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' fill='#0072b2'>"
        f"<title>{_text(title)}</title>{drawn}</svg>"
    )


def _text(value: object) -> str:
    return escape(str(value))
