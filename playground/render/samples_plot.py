"""The plot of the error against the number of calibration samples."""

from __future__ import annotations

import math

from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d

from playground.analysis.samples_curve import CurvePoint, SamplesCurve
from playground.render.numbers import digits
from playground.render.style import bound, plain_figure

HEIGHT = 220


class SamplesPlot:
    """SQNR of the output, a point for each number of samples; their numbers double."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "samples-plot", height=HEIGHT, x_range=FactorRange(), y_range=Range1d(0, 1),
            description="Signal to quantization noise of the output against the number of calibration samples",
        )  # fmt: skip
        self.source = ColumnDataSource(_columns(()), name="samples-points")
        line = self.figure.line("samples", "sqnr", source=self.source, line_width=2)
        bound(line.glyph, line_color="quant")
        dots = self.figure.scatter("samples", "sqnr", source=self.source, size=11, line_width=2)
        bound(dots.glyph, fill_color="quant", line_color="card")
        tips = [("samples", "@samples"), ("SQNR", "@about")]
        self.figure.add_tools(HoverTool(renderers=[dots], tooltips=tips))
        for axis, text in ((self.figure.xaxis[0], "calibration samples"), (self.figure.yaxis[0], "SQNR, dB")):
            axis.update(axis_label=text, axis_label_text_font_size="12px", axis_label_text_font_style="normal")
            bound(axis, axis_label_text_color="muted", axis_label_text_font="font")

    def show(self, found: SamplesCurve | None) -> None:
        """Show what was measured; nothing without."""
        points = tuple(point for point in found.points if math.isfinite(point.sqnr_db)) if found else ()
        self.source.data = _columns(points)
        if not points:
            return
        values = [point.sqnr_db for point in points]
        margin = max(1.0, 0.1 * (max(values) - min(values)))
        self.figure.x_range.factors = self.source.data["samples"]
        self.figure.y_range.update(start=min(values) - margin, end=max(values) + margin)


def _columns(points: tuple[CurvePoint, ...]) -> dict[str, list[object]]:
    return {
        "samples": [str(point.samples) for point in points],
        "sqnr": [point.sqnr_db for point in points],
        "about": [f"{digits(point.sqnr_db)} dB" for point in points],
    }
