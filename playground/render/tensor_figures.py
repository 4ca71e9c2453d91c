"""The Tensor view's four figures, empty: the page draws on them, and above the large one (static/fastpath/)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d, Span
from bokeh.plotting import figure

from playground.render.style import bound, plain_figure

LARGE, SMALL = 330, 158
"""Heights in pixels."""


def tensor_figures() -> Mapping[str, figure]:
    """Slot name -> figure."""
    return {"histogram": _histogram(), "error": _error(), "transfer": _transfer(), "channels": _channels()}


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _options() -> Mapping[str, Any]:
    """The page's slots say how high plots are; axes follow the picture."""
    return {"x_range": Range1d(-1, 1), "y_range": Range1d(0, 1), "sizing_mode": "stretch_both"}


def _histogram() -> figure:
    """The values. Levels, handles and what is clipped are drawn by the page on a canvas above: they move."""
    plot = plain_figure(
        "histogram",
        height=LARGE,
        description="Histogram of the tensor's values with the quantization levels and the clip range",
        **_options(),
    )
    source = _source("histogram-bars", "left", "right", "count")
    bars = plot.quad(left="left", right="right", top="count", bottom=0, source=source, line_color=None)
    bound(bars.glyph, fill_color="float-soft")
    plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[0]a")
    return plot


def _error() -> figure:
    """What quantization added to the values, and, as an outline, what it added before the last change."""
    plot = plain_figure("error", height=SMALL, description="Histogram of the error", **_options())
    source = _source("error-bars", "left", "right", "count")
    bars = plot.quad(left="left", right="right", top="count", bottom=0, source=source, line_color=None)
    bound(bars.glyph, fill_color="quant")
    _ghost(plot, "error-before")
    plot.yaxis[0].visible = False
    plot.xaxis[0].ticker.desired_num_ticks = 4
    return plot


def _transfer() -> figure:
    """What goes in, what comes out."""
    plot = plain_figure("transfer", height=SMALL, description="Quantized value for each original value", **_options())
    diagonal, stairs = _source("transfer-diagonal", "x", "y"), _source("transfer-line", "x", "y")
    straight = plot.line("x", "y", source=diagonal, line_dash=[3, 3], line_width=1)
    bound(straight.glyph, line_color="clip")
    _ghost(plot, "transfer-before")
    line = plot.line("x", "y", source=stairs, line_width=2, line_join="miter")
    bound(line.glyph, line_color="quant")
    for axis in (plot.xaxis[0], plot.yaxis[0]):
        axis.ticker.desired_num_ticks = 4
    return plot


def _channels() -> figure:
    """The range of each channel, the widest first, and the range or ranges that have to hold them."""
    plot = plain_figure("channels", height=SMALL, description="The range of each channel", **_options())
    ranges = _source("channel-ranges", "x", "y")
    plot.ygrid.visible = False
    for name, colour in (("channel-bars", "float-soft"), ("channel-shown", "float")):
        bars = plot.hbar(
            left="left", right="right", y="y", height=0.7, source=_source(name, "left", "right", "y"), line_color=None
        )
        bound(bars.glyph, fill_color=colour)
    ends = plot.scatter("x", "y", source=ranges, marker="dash", angle=1.5708, size=6, line_width=2)
    bound(ends.glyph, line_color="quant")
    for end in ("lo", "hi"):
        plot.add_layout(bound(Span(dimension="height", line_width=2, name=f"channel-span-{end}"), line_color="handle"))
    plot.yaxis[0].visible = False
    plot.xaxis[0].ticker.desired_num_ticks = 4
    return plot


def _ghost(plot: figure, name: str) -> None:
    line = plot.line("x", "y", source=_source(name, "x", "y"), line_width=1.5, line_alpha=0.7)
    bound(line.glyph, line_color="muted")
