"""The Model view's card about calibration data: whether there are enough samples."""

from __future__ import annotations

from typing import Any

from bokeh.layouts import column
from bokeh.models import UIElement

from playground.analysis.samples_curve import SamplesCurve
from playground.app.workspace import Workspace
from playground.render import html
from playground.render.samples_plot import SamplesPlot
from playground.render.samples_told import about, sentence

UNMEASURED = "Calibrates on 1, 2, 4, 8 and more samples, and measures the error on others. The result is shown here."


class SamplesCard:
    """Sentence and plot of the last curve."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        self.workspace = workspace
        self.heading, self.plot = html.block("samples-heading"), SamplesPlot()
        workspace.param.watch(lambda *_: self.show(), ["curve", "model", "earlier", "result"])
        self.show()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        return {"samples": column(self.heading, self.plot.figure, sizing_mode="stretch_width", spacing=6)}

    def show(self) -> None:
        """What was measured, if anything was."""
        found: SamplesCurve | None = self.workspace.shown("curve")
        self.plot.show(found)
        self.plot.figure.visible = found is not None
        note = html.note(UNMEASURED) if found is None else html.lead(sentence(found)) + html.note(about(found))
        text = html.title("Are the samples enough?") + note
        self.heading.text = html.before(text) if found is not None and self.workspace.is_before else text
