"""Two bars for each category of a plot: the float model's and the quantized one's, in their colours."""

from __future__ import annotations

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from bokeh.transform import dodge

from playground.render.style import bound

THICKNESS, APART = 0.3, 0.18
"""Of a bar, and between its middle and the category's; in categories."""


def paired_bars(
    plot: figure, source: ColumnDataSource, category: str, values: tuple[str, str], *, sideways: bool = False
) -> None:
    """Draw them.

    Args:
        plot: has a ``FactorRange`` of the categories: along x, or along y if the bars are to lie ``sideways``.
        source: has the columns named next.
        category: the column of the categories.
        values: the columns of the bars: the first is blue, and stands left of the other or above it.
        sideways: bars go to the right instead of up.
    """
    for field, colour, offset in zip(values, ("float", "quant"), (-APART, APART), strict=True):
        if sideways:
            place = dodge(
                category, -offset, range=plot.y_range
            )  # the first category is on top, and so is the first bar
            bars = plot.hbar(y=place, right=field, height=THICKNESS, source=source, line_color=None)
        else:
            place = dodge(category, offset, range=plot.x_range)
            bars = plot.vbar(x=place, top=field, width=THICKNESS, source=source, line_color=None)
        bound(bars.glyph, fill_color=colour)
