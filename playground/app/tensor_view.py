"""The Tensor view: how one tensor is quantized, and what that does to it and to its model."""

from __future__ import annotations

import math
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.layouts import column
from bokeh.models import Div, UIElement

from playground import api, gallery
from playground.analysis.accuracy import Evaluator, Score
from playground.app import format_choices
from playground.app.card import Card
from playground.app.fast_path import fast_path_tag
from playground.app.workspace import UPLOAD, Workspace
from playground.render import formula, html
from playground.render.histogram import HistogramPlot
from playground.render.numbers import digits, grouped, percent, points, shape, size
from playground.render.small import ChannelsPlot, ErrorPlot, TransferPlot
from playground.settings import Settings
from playground.tensor_view.picture import Picture
from playground.tensor_view.subject import quantizable

SEPARATOR = "\x1f"
"""Between a model's key and a tensor's name in the picker's values; in neither of them."""

GRANULARITIES = {"Tensor": "tensor", "Channel": "channel", "Row": "token", "Block": "block"}
BLOCK_SIZES = (8, 16, 32, 64, 128, 256)
"""The sizes to choose from; a link may have others."""


def _widgets() -> dict[str, Any]:
    wide = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}
    lowest, highest = format_choices.WIDTHS
    titles = {c.title: c.id for c in api.conventions().values()}
    calibrators = {c.title: c.id for c in api.calibrators().values()}
    return {
        "tensor": pmui.Select(label="Tensor", options={}, searchable=True, **wide),
        "convention": pmui.Select(label="As", options=titles, **wide),
        "format": pmui.Select(label="Format", groups=format_choices.groups(), **wide),
        "bits": pmui.IntSlider(label="Bits", start=lowest, end=highest, value=3, **wide),
        "granularity": pmui.RadioButtonGroup(label="One scale for each", options=dict(GRANULARITIES), **wide),
        "block_size": pmui.Select(label="Values in a block", options=[str(n) for n in BLOCK_SIZES], **wide),
        "axis": pmui.Select(label="Channel axis", options={"0": 0}, **wide),
        "symmetric": pmui.RadioButtonGroup(
            label="Range", options={"Symmetric": True, "Asymmetric": False}, **wide
        ),
        "narrow_range": pmui.Checkbox(label="Narrow range (no lowest code)", **wide),
        "calibrator": pmui.Select(label="Calibration", options=calibrators, **wide),
        "percentile": pmui.FloatSlider(
            label="Percentile", start=95, end=100, step=0.01, value=99.9, format="0.00", **wide
        ),
        "clip": pmui.RangeSlider(
            label="Clip", start=-1, end=1, value=(-1, 1), step=0.001, format="0.000", **wide
        ),
        "zoom": pmui.Checkbox(label="Zoom in on the bulk", **wide),
        "zero_point": pmui.IntSlider(label="Zero-point", start=-4, end=3, value=0, **wide),
    }  # fmt: skip


class TensorView(Card):
    """Widgets and plots of the view; :meth:`roots` are what the page's slots take."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        self._listed: tuple[list[int], dict[str, str]] | None = None
        self.widgets = _widgets()
        self.histogram, self.error = HistogramPlot(), ErrorPlot()
        self.transfer, self.channels = TransferPlot(), ChannelsPlot()
        self.texts = {
            name: html.block(f"{name}-text")
            for name in ("numbers", "histogram", "error", "transfer", "channels", "formula")
        }
        for name, widget in self.widgets.items():
            widget.param.watch(lambda event, name=name: self._moved(name, event.new), "value")
        for grip, end in zip(self.histogram.grips, ("lo", "hi"), strict=True):
            grip.on_change("location", lambda _attr, _old, new, end=end: self._moved(end, new))
        workspace.param.watch(lambda *_: self.show(), "report")
        self.show()
        self.histogram.figure.tags = [*self.histogram.figure.tags, fast_path_tag(self.widgets)]

    def roots(self) -> dict[str, UIElement | pn.viewable.Viewable]:
        """Slot name -> what goes there."""
        formula = pn.pane.Bokeh(self.texts["formula"], sizing_mode="stretch_width", margin=0)
        controls = pmui.Column(
            *self.widgets.values(), formula, sizing_mode="stretch_width", margin=0, sx={"gap": "14px"}
        )
        return {
            "controls": controls,
            "numbers": self.texts["numbers"],
            "histogram": _titled(self.texts["histogram"], self.histogram.figure),
            "error": _titled(self.texts["error"], self.error.figure),
            "transfer": _titled(self.texts["transfer"], self.transfer.figure),
            "channels": _titled(self.texts["channels"], self.channels.figure),
        }

    def _moved(self, name: str, value: Any) -> None:
        """A widget or a handle was moved by the visitor."""
        settings, report = self.workspace.settings, self.workspace.report
        if value is not None:
            self.choose(lambda: self.workspace.change(**_changes(name, value, settings, report)))

    def show(self) -> None:
        """Bring widgets, plots and numbers in line with the workspace."""
        report = self.workspace.report
        plots = (self.histogram, self.error, self.transfer, self.channels)
        with self.showing():
            for plot in plots:
                plot.figure.visible = report is not None
            if report is None:
                self._show_nothing()
                return
            self._show_widgets(report)
            for plot in plots:
                plot.show(report)
        self._show_texts(report)

    def _show_nothing(self) -> None:
        """The model has no tensor that can be shown: the picker has those of other models."""
        for text in self.texts.values():
            text.text = ""
        why = self.workspace.problem or "The model has no floating-point tensor with at least one axis."
        self.texts["numbers"].text = html.note(f"{why} The other views work with the model.")
        _set(self.widgets["tensor"], options=self._tensors(), value=None)

    def _show_widgets(self, report: Picture) -> None:
        settings, w = self.workspace.settings, self.widgets
        low, high = report.code_range
        axes = {f"{axis}: {n} channels": axis for axis, n in enumerate(report.shape)}
        tensors, named = self._tensors(), w["tensor"].options
        _set(w["tensor"], options=tensors, value=f"{settings.model}{SEPARATOR}{settings.tensor}")
        if named != tensors:
            w["tensor"].param.trigger("value")  # the page shows its text, which another file may have changed
        _set(w["convention"], value=settings.convention)
        self._show_format(report)
        listed = w["axis"].options
        _set(w["axis"], options=axes, value=report.axis, visible=report.scheme.granularity == "channel")
        if listed != axes:
            w["axis"].param.trigger("value")  # the page knows it by its text, which is another one now
        _set(w["zoom"], value=settings.zoom)
        _set(w["calibrator"], value=settings.calibrator)
        _set(w["percentile"], value=settings.percentile, visible=settings.calibrator == "percentile")
        start, end = min(report.span[0], report.asked[0]), max(report.span[1], report.asked[1])
        _set(w["clip"], start=start, end=end, step=(end - start) / 1000, value=report.asked)
        _set(
            w["zero_point"],
            start=low,
            end=high,
            value=report.zero_point,
            visible=not report.scheme.symmetric and not report.per_channel,
        )

    def _show_format(self, report: Picture) -> None:
        """What the format and its scales are; controls that mean nothing to it are hidden."""
        settings, w = self.workspace.settings, self.widgets
        choice, blocks = format_choices.choice_of(settings.format), report.scheme.number_format.family == "block"
        integer = choice in (format_choices.SIGNED, format_choices.UNSIGNED)
        _set(w["format"], value=choice)
        lowest, highest = format_choices.WIDTHS
        _set(
            w["bits"],
            value=settings.bits if integer else w["bits"].value,
            start=min(lowest, settings.bits) if integer else lowest,
            end=max(highest, settings.bits) if integer else highest,
            visible=integer,
        )
        _set(w["granularity"], value=settings.granularity, visible=not blocks)
        sizes = sorted({*BLOCK_SIZES, settings.block_size})
        shown = settings.granularity == "block" and not blocks
        _set(w["block_size"], options=[str(n) for n in sizes], value=str(settings.block_size), visible=shown)
        _set(w["symmetric"], value=settings.symmetric, visible=integer)
        _set(w["narrow_range"], value=settings.narrow_range, visible=integer)

    def _tensors(self) -> dict[str, str]:
        """Label -> value of the tensor picker: the gallery's models and, if there is one, the uploaded model."""
        here = [key for key in gallery.entries() if self.workspace.is_listed(key)]
        keys = [*here, *([UPLOAD] if self.workspace.is_open(UPLOAD) else [])]
        models = {key: self.workspace.model_named(key) for key in keys}
        if self._listed is not None and self._listed[0] == list(map(id, models.values())):
            return self._listed[1]
        options: dict[str, str] = {}
        for key, model in models.items():
            title = model.name if key == UPLOAD else key
            for name in quantizable(model):
                options[f"{title} / {name} ({shape(model.tensors[name].shape)})"] = f"{key}{SEPARATOR}{name}"
        self._listed = (list(map(id, models.values())), options)
        return options

    def _show_texts(self, report: Picture) -> None:
        texts = self.texts
        texts["numbers"].text = html.cards(self._numbers(report))
        count = math.prod(report.shape)
        one = report.scheme.granularity
        whose = f" a {one}, those of {one} {report.shown_channel} drawn" if report.per_channel else ""
        texts["histogram"].text = html.title(
            f"{grouped(count)} weights on {_levels(report)}{whose}",
            f"levels from {digits(report.lo)} to {digits(report.hi)} · "
            f"{percent(report.clipped_share)} clipped · drag the handles",
        )
        share = report.clipping_error_share
        texts["error"].text = html.title(
            "Error", f"rounding {100 - 100 * share:.0f} % · clipping {100 * share:.0f} %"
        ) + html.split_bar(share)
        texts["transfer"].text = html.title("Transfer", "what goes in, what comes out")
        remark = _whose_scales(report)
        texts["channels"].text = html.title("Channels", remark)
        texts["formula"].text = html.formula(formula.general(report), formula.example(report)) + (
            html.note(self.workspace.problem, bad=True) if self.workspace.problem else ""
        )

    def _numbers(self, report: Picture) -> list[html.Number]:
        """The cards that answer "is this good?"."""
        score, evaluator = self.workspace.score, self.workspace.evaluator
        model = [] if score is None or evaluator is None else _model_numbers(score, evaluator)
        sqnr, largest = report.metrics["sqnr_db"], report.metrics["max_error"]
        scales = f"{grouped(report.scales)} scale{'s' * (report.scales != 1)}"
        ratio = report.bytes_before / max(1, report.bytes_after)
        return [
            *model,
            html.Number("SQNR", f"{digits(sqnr)} dB", _about(sqnr), key="sqnr"),
            html.Number("Max error", digits(largest), _in_scales(largest, report), key="max-error"),
            html.Number("Bits per weight", digits(report.bits_per_weight), f"as stored, {scales}", key="bits"),
            html.Number(
                "Size",
                size(report.bytes_after),
                f"{size(report.bytes_before)} → ÷ {digits(ratio)}",
                "better" if ratio > 1 else "worse",
                key="size",
            ),
        ]


def _levels(report: Picture) -> str:
    return f"{grouped(report.level_count)} levels" if report.level_count else "more levels than one could count"


def _whose_scales(report: Picture) -> str:
    if not report.scheme.is_scaled:
        return "no scale"
    if report.scheme.granularity == "channel":
        return "each has its own scale"
    return f"a scale for each {report.scheme.granularity}" if report.per_channel else "one scale for all of them"


def _in_scales(error: float, report: Picture) -> str:
    return f"{digits(error / abs(report.scale), 2)} × scale" if report.scheme.is_scaled and report.scale else ""


def _about(sqnr: float) -> str:
    return "each bit adds about 6 dB" if math.isfinite(sqnr) else "no error at all"


def _model_numbers(score: Score, evaluator: Evaluator) -> list[html.Number]:
    base = evaluator.float_score
    worse = score.cross_entropy > base.cross_entropy * 1.005
    change, tone = points(score.accuracy - base.accuracy)
    return [
        html.Number(
            "Accuracy",
            percent(score.accuracy),
            f"{change} on {grouped(evaluator.count)} {evaluator.noun}",
            tone,
            key="accuracy",
        ),
        html.Number(
            "Cross-entropy",
            digits(score.cross_entropy),
            f"float {digits(base.cross_entropy)}",
            "worse" if worse else "",
            key="cross-entropy",
        ),
    ]


def _titled(text: Div, plot: UIElement) -> UIElement:
    """A plot below its title, as high as the page's slot is."""
    return column(text, plot, sizing_mode="stretch_both", spacing=4)


def _changes(name: str, value: Any, settings: Settings, report: Picture | None) -> dict[str, Any]:
    """What a moved control means for the settings."""
    if name == "tensor":
        model, _, tensor = str(value).partition(SEPARATOR)
        return {"model": model, "tensor": tensor}
    if name == "format":
        lowest, highest = format_choices.WIDTHS
        return {"format": format_choices.format_of(value, min(max(settings.bits, lowest), highest))}
    if name == "bits":
        return {"format": format_choices.format_of(format_choices.choice_of(settings.format), value)}
    if name == "block_size":
        return {"block_size": int(value)}
    if name == "clip" and report is not None:
        moved = 0 if value[0] != report.asked[0] else 1
        return _dragged(moved, value[moved], settings, report)
    if name in ("lo", "hi") and report is not None:
        return _dragged(int(name == "hi"), value, settings, report)
    if name == "zero_point" and report is not None and value == report.zero_point:
        return {}
    return {name: value}


def _dragged(end: int, value: float, settings: Settings, report: Picture) -> dict[str, Any]:
    """One end of the range was moved; of a symmetric range the other one goes with it."""
    other = -value if report.scheme.symmetric and report.scheme.is_scaled else report.asked[1 - end]
    return {"lo": min(value, other), "hi": max(value, other), "zero_point": None}


def _set(widget: Any, **values: Any) -> None:
    """Set what differs: Param takes milliseconds, in the browser, to find that a value is what it was."""
    changed = {name: value for name, value in values.items() if getattr(widget, name) != value}
    if changed:
        widget.param.update(**changed)
