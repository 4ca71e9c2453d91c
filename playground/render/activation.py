"""The histogram of an activation's values in calibration, with the range of its codes."""

from __future__ import annotations

from bokeh.models import BoxAnnotation, ColumnDataSource, LogAxis, Range1d, Span

from playground.histograms import Histogram
from playground.render.style import bound, plain_figure

GAP = 0.06
"""Of a bin's width, left free at each side of its bar."""

HEIGHT, LEAST = 200, 0.5
"""Pixels; and where bars stand on, since counts are drawn on a logarithmic axis: after a ReLU one bin holds most."""


class ActivationPlot:
    """Bars of the values; what lies beyond the range is shaded, since it is clipped."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "activation-plot", height=HEIGHT, description="Histogram of the chosen activation on the calibration data",
            x_range=Range1d(0, 1), y_range=Range1d(LEAST, 10), y_axis_type="log",
        )  # fmt: skip
        self.source = ColumnDataSource({"left": [], "right": [], "count": []}, name="activation-bars")
        bars = self.figure.quad(
            left="left", right="right", top="count", bottom=LEAST, source=self.source, line_color=None
        )
        bound(bars.glyph, fill_color="float")
        self.ends = [bound(Span(dimension="height", line_width=1.5), line_color="quant") for _ in range(2)]
        self.beyond = [bound(BoxAnnotation(fill_alpha=0.25, line_color=None), fill_color="clip") for _ in range(2)]
        for shown in (*self.beyond, *self.ends):
            self.figure.add_layout(shown)
        axis = self.figure.yaxis[0]
        if isinstance(axis, LogAxis):
            axis.ticker.desired_num_ticks = 4

    def show(self, counted: Histogram, lo: float, hi: float) -> None:
        """Draw one activation.

        Args:
            counted: its values.
            lo: the smallest value that has a code.
            hi: the largest.
        """
        edges, counts = counted.edges, counted.counts.astype(float)
        start, end = min(edges[0], lo), max(edges[-1], hi)
        margin = 0.03 * (end - start)
        self.figure.x_range.update(start=float(start - margin), end=float(end + margin))
        self.figure.y_range.update(start=LEAST, end=max(10.0, 2 * float(counts.max())))
        for span, place in zip(self.ends, (lo, hi), strict=True):
            span.location = float(place)
        self.beyond[0].update(left=None, right=float(lo))
        self.beyond[1].update(left=float(hi), right=None)
        gap = GAP * (edges[1] - edges[0])
        shown = counts > 0
        self.source.data = {"left": edges[:-1][shown] + gap, "right": edges[1:][shown] - gap, "count": counts[shown]}
