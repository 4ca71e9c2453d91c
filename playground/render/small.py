"""The three small plots that explain the large one: the error, the staircase and the channels."""

from __future__ import annotations

from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d, Span

from playground.render.histogram import GAP
from playground.render.style import bound, plain_figure
from playground.tensor_view.picture import Picture

HEIGHT = 158


class ErrorPlot:
    """Histogram of what quantization added to the values."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "error", height=HEIGHT, description="Histogram of the error", sizing_mode="stretch_both",
            x_range=Range1d(-1, 1), y_range=Range1d(0, 1),
        )  # fmt: skip
        self.source = ColumnDataSource({"left": [], "right": [], "count": []}, name="error-bars")
        bars = self.figure.quad(left="left", right="right", top="count", bottom=0, source=self.source, line_color=None)
        bound(bars.glyph, fill_color="quant")
        self.figure.yaxis[0].visible = False
        self.figure.xaxis[0].ticker.desired_num_ticks = 4

    def show(self, report: Picture) -> None:
        """Put a report on the plot."""
        edges, counts = report.error_edges, report.error_counts
        self.figure.x_range.update(start=float(edges[0]), end=float(edges[-1]))
        self.figure.y_range.update(start=0, end=max(1.0, float(counts.max()) * 1.08))
        gap = GAP * (edges[1] - edges[0])
        self.source.data = {"left": edges[:-1] + gap, "right": edges[1:] - gap, "count": counts}


class TransferPlot:
    """What goes in, what comes out."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "transfer", height=HEIGHT, description="Quantized value for each original value",
            sizing_mode="stretch_both", x_range=Range1d(-1, 1), y_range=Range1d(-1, 1),
        )  # fmt: skip
        self.source = ColumnDataSource({"x": [], "y": []}, name="transfer-line")
        self.diagonal = ColumnDataSource({"x": [], "y": []}, name="transfer-diagonal")
        straight = self.figure.line("x", "y", source=self.diagonal, line_dash=[3, 3], line_width=1)
        bound(straight.glyph, line_color="clip")
        stairs = self.figure.line("x", "y", source=self.source, line_width=2, line_join="miter")
        bound(stairs.glyph, line_color="quant")
        for axis in (self.figure.xaxis[0], self.figure.yaxis[0]):
            axis.ticker.desired_num_ticks = 4

    def show(self, report: Picture) -> None:
        """Put a report on the plot."""
        x, y = report.transfer
        start, end = float(x[0]), float(x[-1])
        for extent in (self.figure.x_range, self.figure.y_range):
            extent.update(start=start, end=end)
        self.source.data = {"x": x, "y": y}
        self.diagonal.data = {"x": [start, end], "y": [start, end]}


class ChannelsPlot:
    """The range of each channel, the widest first, and the range or ranges that have to hold them."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "channels", height=HEIGHT, description="The range of each channel",
            sizing_mode="stretch_both", x_range=Range1d(-1, 1), y_range=Range1d(-1, 0),
        )  # fmt: skip
        self.source = ColumnDataSource({"left": [], "right": [], "y": []}, name="channel-bars")
        self.ranges = ColumnDataSource({"x": [], "y": []}, name="channel-ranges")
        self.figure.ygrid.visible = False
        bars = self.figure.hbar(left="left", right="right", y="y", height=0.7, source=self.source, line_color=None)
        bound(bars.glyph, fill_color="float-soft")
        ends = self.figure.scatter("x", "y", source=self.ranges, marker="dash", angle=1.5708, size=6, line_width=2)
        bound(ends.glyph, line_color="quant")
        self.spans = tuple(
            bound(Span(dimension="height", line_width=2, name=f"channel-span-{end}"), line_color="handle")
            for end in ("lo", "hi")
        )
        for span in self.spans:
            self.figure.add_layout(span)
        self.figure.yaxis[0].visible = False
        self.figure.xaxis[0].ticker.desired_num_ticks = 4
        self.figure.yaxis[0].formatter = NumeralTickFormatter(format="0")

    def show(self, report: Picture) -> None:
        """Put a report on the plot."""
        lo, hi = report.channel_lo, report.channel_hi
        rows = -1.0 * (1 + report.channel_rows)
        self.source.data = {"left": lo, "right": hi, "y": rows}
        start, end = min(float(lo.min()), report.asked[0]), max(float(hi.max()), report.asked[1])
        margin = 0.04 * (end - start or 1)
        self.figure.x_range.update(start=start - margin, end=end + margin)
        self.figure.y_range.update(start=-len(lo) - 0.8, end=-0.2)
        for span, value in zip(self.spans, report.asked, strict=True):
            span.update(location=value, visible=not report.per_channel)
        clip_lo, clip_hi = report.channel_clip
        both = [*clip_lo, *clip_hi] if report.per_channel else []
        self.ranges.data = {"x": both, "y": [*rows, *rows] if report.per_channel else []}
