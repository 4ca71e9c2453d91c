"""The Model view's cards about layers: which one hurts and what to do about it, and formats for each layer."""

from __future__ import annotations

from glob import escape
from typing import Any

import panel_material_ui as pmui
from bokeh.layouts import column
from bokeh.models import UIElement

from playground.analysis.improvement import Improvement
from playground.analysis.precision_front import MixedPrecision, Point, undominated
from playground.app.card import Card
from playground.app.workspace import Workspace
from playground.errors import plural
from playground.render import html
from playground.render.layers import WORST, FrontPlot, HarmPlot, NoisePlot, named
from playground.render.numbers import digits, percent, size
from playground.render.verdict import verdict
from playground.settings import formats_text

NOTHING = "Choose a point"
UNMEASURED = (
    "Measures the error with each layer quantized alone, and with each left in float alone. The result is shown here."
)
UNSEARCHED = "Measures every layer at every width, then runs the best combinations and shows them here."

GAINS = html.title("Cost of quantizing each layer", "the answers' loss") + html.legend(
    ("float", "gained by leaving the layer in float"), ("quant", "lost by quantizing it alone")
)
NOISE = html.title("SQNR of each layer's output", "a longer bar is better") + html.legend(
    ("float", "fed by the float model"), ("quant", "with all layers quantized; 6 dB is one bit")
)
FRONT = html.legend(("quant", "a format for each layer"), ("clip", "one for all"))


class AnalysisCard(Card):
    """Sentence, plots and table of the analysis of a workspace's quantized model."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        self.sentence, self.legend = html.block("verdict"), html.block("layer-legend")
        self.key = html.block("noise-legend")
        self.heading, self.chosen = html.block("front-heading"), html.block("front-chosen")
        self.harm, self.noise, self.front = HarmPlot(), NoisePlot(), FrontPlot()
        self.choice = pmui.Select(
            label="Sizes and formats",
            options=[NOTHING],
            value=NOTHING,
            sizing_mode="stretch_width",
            margin=0,
            size="small",
        )
        self.plots = {
            name: column(legend, plot.figure, sizing_mode="stretch_width", spacing=6)
            for name, legend, plot in (("harm", self.legend, self.harm), ("noise", self.key, self.noise))
        }
        self.everything = pmui.Checkbox(label="All layers", size="small", margin=0, visible=False)
        self.everything.param.watch(lambda _event: self.show_layers(), "value")
        self._points: dict[str, Point] = {}
        self.front.points.selected.on_change("indices", lambda _attr, _old, new: self._tapped("points", new))
        self.front.uniform.selected.on_change("indices", lambda _attr, _old, new: self._tapped("uniform", new))
        self.choice.param.watch(lambda event: self._choose(event.new), "value")
        workspace.param.watch(
            lambda *_: self.show_layers(), ["sensitivity", "improvement", "model", "earlier", "result"]
        )
        workspace.param.watch(lambda *_: self.show_front(), ["mixed", "model"])
        self.show()

    def show(self) -> None:
        """Show what was measured last."""
        self.show_layers()
        self.show_front()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        return {
            "verdict": self.sentence,
            "everything": self.everything,
            **self.plots,
            "front": column(self.heading, self.front.figure, self.chosen, sizing_mode="stretch_width", spacing=6),
            "choice": self.choice,
        }

    def show_layers(self) -> None:
        """The most harmful layer, and the error of each layer."""
        found = self.workspace.shown("sensitivity")
        everything = bool(self.everything.value)
        self.harm.show(found, everything)
        self.noise.show(found, everything)
        layers = len(found.layers) if found is not None else 0
        self.everything.param.update(label=f"All {layers} layers", visible=layers > WORST)
        for shown in (self.harm.figure, self.noise.figure, *self.plots.values()):
            shown.visible = found is not None
        if found is None:
            self.sentence.text = html.title("Which layer hurts?") + html.note(UNMEASURED)
            self.legend.text = self.key.text = ""
            return
        made_up = plural(found.samples, "made-up input")
        count = made_up if found.generated else f"measured on {plural(found.samples, 'sample')}"
        text = html.title("Which layer hurts?", count) + html.lead(verdict(found, self._tried()))
        self.sentence.text = html.before(text) if self.workspace.is_before else text
        self.legend.text = GAINS
        self.key.text = NOISE

    def _tried(self) -> Improvement | None:
        """The remedies that were tried, if for this very model: not for one that has some of them."""
        found: Improvement | None = self.workspace.shown("improvement")
        result = self.workspace.shown("result")
        same = found is not None and result is not None and found.recipe.as_dict() == result.report.recipe
        return found if same else None

    def show_front(self) -> None:
        """The points that can be chosen."""
        mixed: MixedPrecision | None = self.workspace.mixed
        points, uniform = (undominated(mixed.points), mixed.uniform) if mixed else ((), ())
        self.front.show(points, uniform)
        self.front.figure.visible = self.choice.visible = mixed is not None
        self._points = {_label(point): point for point in (*points, *uniform)}
        self._sync([NOTHING, *self._points], NOTHING)
        self.chosen.update(text="", visible=False)
        remark = "click a point to choose it" if mixed else ""
        self.heading.text = html.title("Bits for each layer", remark) + (FRONT if mixed else html.note(UNSEARCHED))

    def _sync(self, options: list[str], value: str) -> None:
        with self.showing():
            self.choice.param.update(options=options, value=value)

    def _tapped(self, which: str, indices: list[int]) -> None:
        mixed: MixedPrecision | None = self.workspace.mixed
        if mixed is None or not indices:
            return
        points = undominated(mixed.points) if which == "points" else mixed.uniform
        if indices[0] < len(points):
            self._apply(points[indices[0]])

    def _choose(self, label: str) -> None:
        if not self.is_showing and label in self._points:
            self._apply(self._points[label])

    def _apply(self, point: Point) -> None:
        """Set the formats of a point in the recipe. The points stay valid, since only formats change."""
        formats = "" if point.uniform else formats_text({escape(k): v for k, v in point.formats.items()})
        weights = {"weights": point.uniform} if point.uniform else {}
        if self.choose(lambda: self.workspace.change(formats=formats, **weights)):
            self._sync(list(self.choice.options), _label(point))
        told = html.note(f"Chosen: {_label(point)}. Quantize the model to apply it.")
        self.chosen.update(text=told, visible=True)


def _label(point: Point) -> str:
    measured = point.measured
    right = f"{percent(measured.accuracy)} right" if measured.accuracy is not None else ""
    error = right or f"error {digits(measured.distance)}"
    return f"{size(point.bytes)} · {error} · {named(point)}"
