"""The large plot: the histogram of the values, the levels, and the handles of the clip range."""

from __future__ import annotations

import numpy as np
from bokeh.models import BoxAnnotation, ColumnDataSource, HoverTool, NumeralTickFormatter, Range1d, Span
from numpy.typing import NDArray

from playground.render import formula
from playground.render.numbers import digits
from playground.render.style import bound, plain_figure
from playground.tensor_view.picture import Picture

TOOLTIP = """<div style="font: 12px var(--font); padding: 2px 4px">
<b>@count{0,0}</b> values near <b>@real</b><br>
<code>@formula</code></div>"""

GAP = 0.06
"""Of a bin's width, left free at each side of its bar."""

MOST_LEVEL_LINES = 64
"""With more levels than this their lines would be a solid block; only the dots are drawn."""


class HistogramPlot:
    """Owns the figure and its sources; ``show(report)`` puts a report on it."""

    def __init__(self) -> None:
        """An empty plot."""
        self._formatted: tuple[NDArray[np.float64], list[str]] | None = None
        self.figure = plain_figure(
            "histogram",
            height=330,
            sizing_mode="stretch_both",
            description="Histogram of the tensor's values with the quantization levels and the clip range",
            x_range=Range1d(-1, 1, name="histogram-x"),
            y_range=Range1d(0, 1, name="histogram-y"),
        )
        self.bars = ColumnDataSource(
            {"left": [], "right": [], "count": [], "real": [], "formula": []}, name="histogram-bars"
        )
        self.lines = ColumnDataSource({"x": []}, name="histogram-lines")
        self.dots = ColumnDataSource({"x": [], "y": [], "code": [], "real": [], "share": []}, name="histogram-levels")
        self.handles = ColumnDataSource({"x": [0, 0], "y": [0, 0]}, name="handles")
        self._draw_values()
        self._draw_handles()
        self.figure.yaxis[0].formatter = NumeralTickFormatter(format="0.[0]a")

    def _draw_values(self) -> None:
        plot = self.figure
        look = {"level": "underlay", "fill_alpha": 0.35, "line_color": None}
        self.outside = (
            bound(BoxAnnotation(right=0, name="outside-low", **look), fill_color="clip-fill"),
            bound(BoxAnnotation(left=0, name="outside-high", **look), fill_color="clip-fill"),
        )
        for box in self.outside:
            plot.add_layout(box)
        bars = plot.quad(left="left", right="right", top="count", bottom=0, source=self.bars, line_color=None)
        bound(bars.glyph, fill_color="float-soft")
        lines = plot.vspan(x="x", source=self.lines, line_dash=[2, 3], line_width=1.5)
        bound(lines.glyph, line_color="quant")
        dots = plot.scatter(x="x", y="y", source=self.dots, size=8, line_color=None)
        bound(dots.glyph, fill_color="quant")
        plot.add_tools(
            HoverTool(renderers=[bars], tooltips=TOOLTIP, mode="vline", point_policy="follow_mouse"),
        )

    def _draw_handles(self) -> None:
        plot = self.figure
        # The line one sees is thin; the one that is taken hold of is wide and invisible (Bokeh's hit test is half
        # a line width). static/handles.mjs keeps line, pill and label with the grip while it is being dragged.
        self.grips = tuple(
            Span(dimension="height", location=0, line_width=22, line_alpha=0, editable=True, name=f"grip-{side}")
            for side in ("lo", "hi")
        )
        seen = plot.vspan(x="x", source=self.handles, line_width=2)
        bound(seen.glyph, line_color="handle")
        pill = plot.rect(
            x="x", y="y", width=16, height=34, width_units="screen", height_units="screen",
            border_radius=8, source=self.handles, line_color=None,
        )  # fmt: skip
        bound(pill.glyph, fill_color="handle")
        for offset in (-3, 3):
            notch = plot.text(
                x="x", y="y", text={"value": "|"}, x_offset=offset, text_align="center", text_baseline="middle",
                text_font_size="11px", source=self.handles,
            )  # fmt: skip
            bound(notch.glyph, text_color="on-handle")
        for grip in self.grips:
            plot.add_layout(grip)

    def show(self, report: Picture) -> None:
        """Put a report on the plot."""
        edges, counts = report.edges, report.counts
        top = float(counts.max()) * 1.18 if counts.size else 1.0
        centres = (edges[:-1] + edges[1:]) / 2
        gap = GAP * (edges[1] - edges[0])
        margin = (edges[-1] - edges[0]) * 0.03
        start, end = float(edges[0]) - margin, float(edges[-1]) + margin
        if not report.settings.zoom:
            start, end = min(start, report.asked[0] - margin), max(end, report.asked[1] + margin)
        self.figure.x_range.update(start=start, end=end)
        # A handle that would be out of sight waits at the edge, where it can be taken hold of.
        lo, hi = (min(max(value, start + margin / 2), end - margin / 2) for value in report.asked)
        self.figure.y_range.update(start=-0.012 * top, end=top)
        self.bars.data = {
            "left": edges[:-1] + gap,
            "right": edges[1:] - gap,
            "count": counts,
            "real": self._centres(edges),
            "formula": formula.at(report, centres),
        }
        few = report.levels.size <= MOST_LEVEL_LINES
        self.lines.data = {"x": report.levels if few else np.zeros(0)}
        # As many values a level holds, spread over the width of the level: comparable with the bars' heights.
        width = (edges[1] - edges[0]) / report.step if report.step else 0
        share = report.level_counts / max(1, report.level_counts.sum())
        self.dots.data = {
            "x": report.levels, "y": np.minimum(report.level_counts * width, top * 0.97),
            "code": report.codes, "real": [digits(v) for v in report.levels.tolist()], "share": share,
        }  # fmt: skip
        self.handles.data = {"x": [lo, hi], "y": [top * 0.8] * 2}
        for grip, value in zip(self.grips, (lo, hi), strict=True):
            grip.location = value
        self.outside[0].right, self.outside[1].left = report.limits

    def _centres(self, edges: NDArray[np.float64]) -> list[str]:
        """The bins' centres as text; formatted once a tensor, not once a slider step."""
        if self._formatted is None or self._formatted[0] is not edges:
            self._formatted = (edges, [digits(v) for v in ((edges[:-1] + edges[1:]) / 2).tolist()])
        return self._formatted[1]
