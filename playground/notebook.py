"""What notebooks show of a value: a table, and bars as a small SVG, in plain HTML without script and style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_WIDTH, _HEIGHT = 240, 48
"""Size of the bars in CSS pixels."""

MOST_ROWS = 12
"""Rows of a table; of a longer one the number of those left out is said."""


_TABLE = "<table style='margin:0 0 6px;border-collapse:collapse'>"
_LEFT, _RIGHT = "padding:2px 14px 2px 0;text-align:left", "padding:2px 14px 2px 0;text-align:right"
"""Notebooks put tables into the middle and their cells to the right; here only numbers stand at the right."""


def card(title: str, facts: Iterable[tuple[str, object]], *more: str) -> str:
    """A title, facts as a table of two columns, and what else there is (tables, bars)."""
    rows = "".join(
        f"<tr><th style='{_LEFT};vertical-align:top;white-space:nowrap'>{_text(name)}</th>"
        f"<td style='{_LEFT};max-width:72ch;white-space:normal'>{_text(value)}</td></tr>"
        for name, value in facts
    )
    return f"<div><strong>{_text(title)}</strong>{_TABLE}{rows}</table>{''.join(more)}</div>"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table with a line of headings; of more than ``MOST_ROWS`` rows the first ones. Numbers stand at the right."""
    shown = [[str(cell) for cell in row] for row in rows[:MOST_ROWS]]
    styles = [_RIGHT if all(row[i][:1].isdigit() for row in shown) else _LEFT for i in range(len(columns))]
    head = "".join(f"<th style='{style}'>{_text(name)}</th>" for style, name in zip(styles, columns, strict=True))
    lines = (
        "".join(f"<td style='{style}'>{_text(cell)}</td>" for style, cell in zip(styles, row, strict=True))
        for row in shown
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    left = len(rows) - MOST_ROWS
    more = f"<tr><td style='{_LEFT}' colspan='{len(columns)}'>and {left} more</td></tr>" if left > 0 else ""
    return f"{_TABLE}<tr>{head}</tr>{body}{more}</table>"


def bars(values: Sequence[float], title: str) -> str:
    """Non-negative numbers as bars of a small SVG with their title below it. Empty if there are none."""
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
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' fill='#0080c6' "
        f"style='display:block'><title>{_text(title)}</title>{drawn}</svg>"
        f"<div style='font-size:smaller;opacity:.8;margin-bottom:6px'>{_text(title)}</div>"
    )


def _text(value: object) -> str:
    return escape(str(value))
