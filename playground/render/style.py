"""What all figures share: a quiet frame, and colours that come from the page's style sheet.

A model is bound to named colours by tags (``css:line_color=quant``); the page resolves them (static/bind.mjs), now and
whenever the theme changes, so that no colour is written in two places.
"""

from __future__ import annotations

from typing import Any, TypeVar

from bokeh.models import BasicTickFormatter, LinearAxis, Model
from bokeh.plotting import figure

M = TypeVar("M", bound=Model)


def bound(model: M, **colours: str) -> M:
    """Bind properties to the style sheet's names, as in ``bound(span, line_color="handle")``. Returns the model."""
    model.tags = [*model.tags, *(f"css:{prop}={name}" for prop, name in colours.items())]
    return model


def plain_figure(
    name: str, *, height: int, description: str, sizing_mode: str = "stretch_width", **options: Any
) -> figure:
    """An empty figure in the house style: transparent, no toolbar, horizontal grid lines only.

    Args:
        name: the model's name, by which the page finds it.
        height: pixels; the width follows the card.
        description: one sentence for a screen reader.
        sizing_mode: Bokeh's; with ``"stretch_both"`` the page's slot says how high the plot is.
        options: further arguments of ``bokeh.plotting.figure``.
    """
    plot = figure(
        name=name,
        height=height,
        sizing_mode=sizing_mode,
        toolbar_location=None,
        tools="",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border=0,
        min_border_top=2,  # Bokeh does not clear the first row and column of pixels: nothing may be drawn there
        min_border_left=2,
        output_backend="canvas",
        **options,
    )
    plot.toolbar.active_drag = None
    plot.xgrid.visible = False
    bound(plot.ygrid[0], grid_line_color="grid")
    for axis in (plot.xaxis[0], plot.yaxis[0]):
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.major_label_text_font_size = "12px"
        axis.major_label_standoff = 4
        if isinstance(axis, LinearAxis):
            axis.ticker.desired_num_ticks = 6
            axis.formatter = BasicTickFormatter(precision="auto", power_limit_low=-4, power_limit_high=6)
        bound(axis, major_label_text_color="muted", major_label_text_font="font")
    plot.tags = [*plot.tags, f"describe:{description}"]
    return plot
