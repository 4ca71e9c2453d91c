"""The Tensor view: its controls and figures, and what the page draws on them.

The page follows the controls, asks for settings (``set``) and draws the picture that is the answer, or one of its own
before that: static/fastpath/. So nothing here watches a widget, and no widget or figure changes once it is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.layouts import column
from bokeh.models import Div, UIElement

from playground import api, gallery
from playground.analysis.accuracy import Evaluator, Score
from playground.app import calibrator_choices, format_choices
from playground.app.fast_path import fast_path_tag
from playground.app.workspace import UPLOAD, Workspace
from playground.render import html
from playground.render.numbers import shape
from playground.render.tensor_figures import tensor_figures
from playground.tensor_view.content import picture_content
from playground.tensor_view.subject import quantizable

SEPARATOR = "\x1f"
"""Between a model's key and a tensor's name in the picker's values; in neither of them."""

GRANULARITIES = {"Tensor": "tensor", "Channel": "channel", "Row": "token", "Block": "block"}
BLOCK_SIZES = (8, 16, 32, 64, 128, 256)
"""The sizes to choose from; a link may have others."""

FORMULA_HEIGHT = 56
"""Pixels of its two lines: it is written after the controls are on screen, and nothing below may move."""

ERROR_HEIGHT = "calc(1.49em + 12px)"
"""Of the title of the errors, a line of text, and the bar below it."""

# An embed has less room than the page, and says so to the shadow roots by variables: static/styles/embed.css.
ROOM = {"gap": "var(--controls-gap, 14px)", "flexFlow": "var(--controls-flow, column nowrap)"}
"""The style of the column of controls: one below the other, unless a style sheet of the page says otherwise."""

NO_TENSOR = "The model has no floating-point tensor with at least one axis."


def _widgets() -> dict[str, Any]:
    wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}
    beside = {room: wide | {"styles": {"flex": f"var(--control-{room}, none)"}} for room in ("less", "half", "more")}
    less, half, more = beside.values()
    lowest, highest = format_choices.WIDTHS
    titles = {c.title: c.id for c in api.conventions().values()}
    help_text = {"& .MuiFormHelperText-root": {"display": "var(--control-help, block)"}}
    parameters = {
        f"parameter{i}": pmui.FloatInput(label=f"Parameter {i}", value=0.0, visible=False, sx=help_text, **less)
        for i in range(calibrator_choices.MOST_PARAMETERS)
    }
    return {
        "tensor": pmui.Select(label="Tensor", options={}, searchable=True, **wide),
        "convention": pmui.Select(label="As", options=titles, **half),
        "format": pmui.Select(label="Format", groups=format_choices.groups(), searchable=True, **half),
        "bits": pmui.IntSlider(label="Bits", start=lowest, end=highest, value=3, **less),
        "symmetric": pmui.RadioButtonGroup(
            label="Range", options={"Symmetric": True, "Asymmetric": False}, **more
        ),
        "granularity": pmui.RadioButtonGroup(label="One scale for each", options=dict(GRANULARITIES), **wide),
        "block_size": pmui.Select(label="Values in a block", options={str(n): n for n in BLOCK_SIZES}, **half),
        "axis": pmui.Select(label="Channel axis", options={"0": 0}, **half),
        "channel": pmui.IntSlider(label="Channel shown", start=0, end=1, value=0, **half),
        "calibrator": pmui.Select(label="Calibration", groups=calibrator_choices.groups(), **half),
        "percentile": pmui.FloatSlider(
            label="Percentile", start=95, end=100, step=0.01, value=99.9, format="0.00", **half
        ),
        **parameters,
        "zero_point": pmui.IntSlider(label="Zero-point", start=-4, end=3, value=0, **half),
        "clip": pmui.RangeSlider(
            label="Clip", start=-1, end=1, value=(-1, 1), step=0.001, format="0.000", **wide
        ),
        "narrow_range": pmui.Checkbox(label="Narrow range (no lowest code)", **half),
        "zoom": pmui.Checkbox(label="Zoom in on the bulk", **half),
    }  # fmt: skip


class TensorView:
    """Widgets, empty figures and empty texts; :meth:`content` is what the page puts into them."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        self.workspace = workspace
        self.widgets = _widgets()
        self.figures = tensor_figures()
        self.texts = {name: html.block(f"{name}-text") for name in ("numbers", *self.figures, "formula")}
        self.texts["formula"].styles = {"min-height": f"var(--formula-height, {FORMULA_HEIGHT}px)"}
        # Bokeh gives a plot the height that its title leaves while it is empty; below this one there is a bar
        self.texts["error"].styles = {"min-height": ERROR_HEIGHT}
        self.is_changed = False
        self._listed: list[int] | None = None
        workspace.param.watch(self._note, ["report", "problem"], onlychanged=False)
        figure = self.figures["histogram"]
        figure.tags = [*figure.tags, fast_path_tag(self.widgets)]

    def _note(self, *_: Any) -> None:
        self.is_changed = True

    def roots(self) -> dict[str, UIElement | pn.viewable.Viewable]:
        """Slot name -> what goes there."""
        formula = pn.pane.Bokeh(self.texts["formula"], sizing_mode="stretch_width", margin=0)
        controls = pmui.Column(*self.widgets.values(), formula, sizing_mode="stretch_width", margin=0, sx=ROOM)
        drawn = {name: _titled(self.texts[name], figure) for name, figure in self.figures.items()}
        return {"controls": controls, "numbers": self.texts["numbers"], **drawn}

    def content(self, *, whole: bool = False) -> dict[str, Any]:
        """What the page shows now; from here on the view counts as unchanged.

        Args:
            whole: say also what has been said before: the page is a new one.

        Returns:
            ``{"picture": see picture_content, or None, "answers": of the model, or None, "problem": a sentence or
            "", "refused": calibrator -> why the format does not take it}``, and ``"tensors"``, those that can be
            chosen, if they are others than before: label -> value.
        """
        workspace, self.is_changed = self.workspace, False
        picture, score, evaluator = workspace.report, workspace.score, workspace.evaluator
        found: dict[str, Any] = {
            "picture": picture_content(picture) if picture is not None else None,
            "answers": _answers(score, evaluator) if score is not None and evaluator is not None else None,
            "problem": workspace.problem if picture is not None else workspace.problem or NO_TENSOR,
            "refused": {}
            if picture is None
            else calibrator_choices.refusals(picture.settings.format, picture.scheme.symmetric),
        }
        models = self._models()
        if whole or self._listed != list(map(id, models.values())):
            self._listed = list(map(id, models.values()))
            found["tensors"] = _tensors(models)
        return found

    def _models(self) -> dict[str, Any]:
        """Those of the gallery that are listed, and the uploaded one, if there is one."""
        here = [key for key in gallery.entries() if self.workspace.is_listed(key)]
        keys = [*here, *([UPLOAD] if self.workspace.is_open(UPLOAD) else [])]
        return {key: self.workspace.model_named(key) for key in keys}


def _tensors(models: Mapping[str, Any]) -> dict[str, str]:
    """Label -> value of the tensor picker."""
    options: dict[str, str] = {}
    for key, model in models.items():
        title = model.name if key == UPLOAD else key
        for name in quantizable(model):
            options[f"{title} / {name} ({shape(model.tensors[name].shape)})"] = f"{key}{SEPARATOR}{name}"
    return options


def _answers(score: Score, evaluator: Evaluator) -> dict[str, Any]:
    """What the model makes of the quantized tensor, beside what it makes of the float one."""
    base = evaluator.float_score
    return {
        "accuracy": score.accuracy,
        "crossEntropy": score.cross_entropy,
        "floatAccuracy": base.accuracy,
        "floatCrossEntropy": base.cross_entropy,
        "count": evaluator.count,
        "noun": evaluator.noun,
    }


def _titled(text: Div, plot: UIElement) -> UIElement:
    """A plot below its title, as high as the page's slot is."""
    return column(text, plot, sizing_mode="stretch_both", spacing=4)
