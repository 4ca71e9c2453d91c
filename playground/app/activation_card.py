"""The Model view's card about activations: what values went through, and which range the codes got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import panel_material_ui as pmui
from bokeh.models import UIElement

from playground.app.card import Card
from playground.app.workspace import Workspace
from playground.histograms import Histogram
from playground.render import html
from playground.render.activation import ActivationPlot
from playground.render.numbers import digits, percent

if TYPE_CHECKING:
    from playground.ptq.report import QuantizedActivation

WAITING = "Quantize the model with static activations to see here each one's values in calibration, and its range."


class ActivationCard(Card):
    """Picker, plot and sentence."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        self.text, self.plot = html.block("activation-text"), ActivationPlot()
        self.choice = pmui.Select(
            label="Activation", options=[], searchable=True, sizing_mode="stretch_width", margin=0, size="small"
        )
        self.choice.param.watch(lambda _event: self._chosen(), "value")
        workspace.param.watch(lambda *_: self.show(), ["result", "model", "earlier"])
        self.show()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        return {"activation-text": self.text, "activation-choice": self.choice, "activation": self.plot.figure}

    def show(self) -> None:
        """List the activations of the last quantized model."""
        names = list(self._found())
        with self.showing():
            kept = self.choice.value if self.choice.value in names else next(iter(names), None)
            self.choice.param.update(options=names, value=kept)
        self.choice.visible = self.plot.figure.visible = bool(names)
        self._show_one()

    def _found(self) -> dict[str, tuple[QuantizedActivation, Histogram]]:
        """Those that have a range of their own and were counted."""
        result = self.workspace.shown("result")
        if result is None or not result.report.activations:
            return {}
        counted = result.histograms
        return {a.name: (a, counted[a.name]) for a in result.report.activations if a.name in counted}

    def _chosen(self) -> None:
        if not self.is_showing:
            self._show_one()

    def _show_one(self) -> None:
        found = self._found().get(self.choice.value or "")
        if found is None:
            self.text.text = html.title("Activations") + html.note(WAITING)
            return
        activation, counted = found
        self.plot.show(counted, activation.lo, activation.hi)
        share = clipped_share(counted, activation.lo, activation.hi)
        what = f"codes reach {digits(activation.lo)} to {digits(activation.hi)}"
        outside = f"{percent(share)} of the values are clipped" if share else "no value is clipped"
        how = f"scale {digits(activation.scale)}, zero-point {activation.zero_point}"
        told = f"{activation.name}: {what}, {outside}. Counts are drawn on a logarithmic axis."
        text = html.title("Activations", how) + html.note(told)
        self.text.text = html.before(text) if self.workspace.is_before else text


def clipped_share(counted: Histogram, lo: float, hi: float) -> float:
    """The share of values outside a range, as far as bins tell: one counts if its middle lies outside."""
    middles = (counted.edges[:-1] + counted.edges[1:]) / 2
    outside = int(counted.counts[(middles < lo) | (middles > hi)].sum()) + counted.below + counted.above
    return outside / max(1, int(counted.counts.sum()) + counted.below + counted.above)
