"""Plots about whole models: the effect of each layer on the output, and size against error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d, TapTool

from playground.analysis.precision_front import Point
from playground.analysis.sensitivity import LayerResult, Sensitivity
from playground.render.numbers import percent, size
from playground.render.paired import paired_bars
from playground.render.style import bound, plain_figure

ROW, FRAME = 26, 52
"""Pixels of a layer's row, and of the axis below."""

WORST = 10
"""Layers that are shown first."""


def ranked(found: Sensitivity | None, everything: bool) -> list[LayerResult]:
    """The layers, the one whose quantization costs most first: the worst :data:`WORST`, or all of them."""
    if found is None:
        return []
    layers = sorted(found.layers, key=lambda result: (-_order(found.gain(result)), float(result.local["sqnr_db"])))
    return layers if everything else layers[:WORST]


def _order(gain: float) -> float:
    """What has not been measured comes last."""
    return -math.inf if math.isnan(gain) else gain


class _LayerBars:
    """Two bars for each layer, one in each colour, the first layer on top."""

    name, description, label = "", "", ""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            f"layer-{self.name}", height=FRAME + ROW, description=self.description, x_range=Range1d(0, 1),
            y_range=FactorRange(),
        )  # fmt: skip
        self.source = ColumnDataSource({"layer": [], "upper": [], "lower": []}, name=f"layer-{self.name}-bars")
        paired_bars(self.figure, self.source, "layer", ("upper", "lower"), sideways=True)
        _sideways(self.figure)
        _label(self.figure.xaxis[0], self.label)
        self.figure.xaxis[0].ticker.desired_num_ticks = 4  # more of them run into each other on a phone

    def _put(self, names: list[str], upper: list[float], lower: list[float]) -> None:
        self.figure.y_range.factors = names[::-1]
        self.figure.height = FRAME + ROW * max(1, len(names))
        both = [value for value in (*upper, *lower) if not math.isnan(value)]
        low, high = min([0.0, *both]), max([0.0, *both])
        margin = 0.05 * ((high - low) or 1.0)
        self.figure.x_range.update(start=low - margin if low else 0.0, end=high + margin)
        self.source.data = {"layer": names, "upper": upper, "lower": lower}


class HarmPlot(_LayerBars):
    """What is gained by leaving a layer in float, and what is lost by quantizing it alone."""

    name, description = "harm", "Loss removed by leaving each layer in float, and loss added by quantizing it alone"

    def show(self, found: Sensitivity | None, everything: bool = True) -> None:
        """Show what was measured, of the worst layers or of all; nothing without."""
        layers = ranked(found, everything)
        upper = [found.gain(result) for result in layers] if found else []
        lower = [result.alone.loss - found.original.loss if result.alone else 0.0 for result in layers] if found else []
        self.figure.xaxis[0].axis_label = found.quantized.loss_name if found else ""
        self._put([result.layer.node for result in layers], upper, lower)


class NoisePlot(_LayerBars):
    """SQNR of each layer's output: its own error, and with everything quantized."""

    name = "noise"
    description = "Signal to quantization noise of each layer's output, alone and with all layers quantized"
    label = "SQNR of the output, dB"

    def show(self, found: Sensitivity | None, everything: bool = True) -> None:
        """Show what was measured, of the worst layers or of all; nothing without."""
        layers = ranked(found, everything)
        local, accumulated = (
            [_finite(getattr(result, which)["sqnr_db"]) for result in layers] for which in ("local", "accumulated")
        )
        self._put([result.layer.node for result in layers], local, accumulated)


def _label(axis: Any, text: str) -> None:
    axis.update(axis_label=text, axis_label_text_font_size="12px", axis_label_text_font_style="normal")
    bound(axis, axis_label_text_color="muted", axis_label_text_font="font")


def _sideways(plot: Any) -> None:
    plot.xaxis[0].ticker.desired_num_ticks = 4  # on a narrow screen names take half of the width
    plot.ygrid.visible = False
    plot.xgrid.visible = True
    bound(plot.xgrid[0], grid_line_color="grid")
    bound(plot.yaxis[0], major_label_text_color="text")


def _finite(value: float) -> float:
    """What is exact has no bar."""
    return value if math.isfinite(value) else float("nan")


class FrontPlot:
    """Size against error; a click on a point chooses it."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "front-plot", height=260, description="Size of the model against the error of its output",
            x_range=Range1d(0, 1), y_range=Range1d(0.001, 1), y_axis_type="log",
        )  # fmt: skip
        self.points = ColumnDataSource(_columns(()), name="front-points")
        self.uniform = ColumnDataSource(_columns(()), name="front-uniform")
        line = self.figure.line("size", "error", source=self.points, line_width=2)
        bound(line.glyph, line_color="quant")
        renderers = []
        for source, colour, dot in ((self.uniform, "clip", 9), (self.points, "quant", 11)):
            dots = self.figure.scatter("size", "error", source=source, size=dot, line_width=2)
            bound(dots.glyph, fill_color=colour, line_color="card")
            dots.nonselection_glyph = None
            dots.selection_glyph = bound(dots.glyph.clone(), line_color="handle")
            renderers.append(dots)
        tips = [("size", "@about"), ("accuracy", "@accuracy"), ("distance", "@error{0.0000}"), ("formats", "@formats")]
        self.figure.add_tools(TapTool(renderers=renderers), HoverTool(renderers=renderers, tooltips=tips))
        for axis, text in (
            (self.figure.xaxis[0], "size as stored, kB"),
            (self.figure.yaxis[0], "distance from float's answers"),
        ):
            _label(axis, text)

    def show(self, points: Sequence[Point], uniform: Sequence[Point]) -> None:
        """Show two sets of points; nothing is selected any more."""
        for source, shown in ((self.points, points), (self.uniform, uniform)):
            source.selected.indices = []
            source.data = _columns(shown)
        every = [*points, *uniform]
        if every:
            errors = [max(point.measured.distance, 1e-9) for point in every]
            self.figure.yaxis[0].axis_label = every[0].measured.distance_name
            sizes = [point.bytes / 1000 for point in every]
            margin = 0.05 * (max(sizes) - min(sizes)) or 1.0
            self.figure.x_range.update(start=min(sizes) - margin, end=max(sizes) + margin)
            self.figure.y_range.update(start=min(errors) / 1.6, end=max(errors) * 1.6)


def _columns(points: Sequence[Point]) -> dict[str, list[object]]:
    return {
        "size": [point.bytes / 1000 for point in points],
        "error": [max(point.measured.distance, 1e-9) for point in points],
        "about": [size(point.bytes) for point in points],
        "accuracy": ["—" if p.measured.accuracy is None else percent(p.measured.accuracy) for p in points],
        "formats": [named(point) for point in points],
    }


def named(point: Point) -> str:
    """A point's formats in few words, in the order of its layers."""
    return f"{point.uniform} for all" if point.uniform else " ".join(point.formats.values())
