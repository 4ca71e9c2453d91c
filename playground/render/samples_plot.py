"""The plot of the error against the number of calibration samples."""

from __future__ import annotations

import math
from typing import Any

from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d

from playground.analysis.answer_kinds import DECIBELS, NUMBER, SHARE
from playground.analysis.samples_curve import SamplesCurve
from playground.render.compared import shown
from playground.render.samples_told import drawn
from playground.render.style import bound, plain_figure

HEIGHT = 220

_LEAST = {DECIBELS: 1.0, SHARE: 1.0, NUMBER: 0.01}
"""By unit: what is left above and below equal values, as drawn."""


class SamplesPlot:
    """The answers' measure, a point for each number of samples; their numbers double."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "samples-plot", height=HEIGHT, x_range=FactorRange(), y_range=Range1d(0, 1),
            description="The quantized model's answers against the number of calibration samples",
        )  # fmt: skip
        self.source = ColumnDataSource(_columns(None), name="samples-points")
        line = self.figure.line("samples", "value", source=self.source, line_width=2)
        bound(line.glyph, line_color="quant")
        dots = self.figure.scatter("samples", "value", source=self.source, size=11, line_width=2)
        bound(dots.glyph, fill_color="quant", line_color="card")
        tips = [("samples", "@samples"), ("", "@about")]
        self.figure.add_tools(HoverTool(renderers=[dots], tooltips=tips))
        for axis, text in ((self.figure.xaxis[0], "calibration samples"), (self.figure.yaxis[0], "")):
            axis.update(axis_label=text, axis_label_text_font_size="12px", axis_label_text_font_style="normal")
            bound(axis, axis_label_text_color="muted", axis_label_text_font="font")

    def show(self, found: SamplesCurve | None) -> None:
        """Show what was measured; nothing without."""
        columns = _columns(found)
        self.source.data = columns
        values = columns["value"]
        if found is None or not values:
            return
        self.figure.yaxis[0].axis_label = drawn(found)[0]
        margin = max(_LEAST[found.values[-1].unit], 0.1 * (max(values) - min(values)))
        self.figure.x_range.factors = columns["samples"]
        self.figure.y_range.update(start=min(values) - margin, end=max(values) + margin)


def _columns(found: SamplesCurve | None) -> dict[str, list[Any]]:
    """Of the points that are finite: how many samples, the value as drawn, and in words."""
    columns: dict[str, list[Any]] = {"samples": [], "value": [], "about": []}
    for point, value, measure in zip(found.points, drawn(found)[1], found.values, strict=True) if found else ():
        if math.isfinite(value):
            columns["samples"].append(str(point.samples))
            columns["value"].append(value)
            columns["about"].append(f"{measure.name} {shown(measure)}")
    return columns
