"""The Model view's folded controls: algorithms besides rounding, and the runtime that the model is for."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui
from bokeh.models import UIElement

from playground.app.card import Card
from playground.app.chosen_recipe import call_troubles, fitting, obstacles
from playground.app.workspace import Workspace
from playground.render import html
from playground.settings import ids_of

STAGES = {
    "graph": "Before quantization: change the float model, keep its outputs",
    "weights": "Instead of rounding to nearest",
    "after": "After quantization: compensate the remaining error",
}
"""Headings for the stages of ``playground.ptq``."""

FORMS = {
    "QDQ: floats between pairs": "qdq",
    "QOperator: operators on codes": "qoperator",
}
"""Names of the forms that a file may have -> ids."""

PRUNING = ("magnitude_pruning", "structured_pruning")
"""Algorithms of the first stage that change the outputs."""

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}


class RecipeCard(Card):
    """Checkboxes of the algorithms, the runtime's picker, and what the runtime does not support."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        from playground.model.runtimes import runtimes  # no first view needs them
        from playground.ptq.algorithms import algorithms

        super().__init__(workspace)
        self._algorithms = algorithms()
        self.boxes = {
            found.id: pmui.Checkbox(label=found.name, description=found.summary, **WIDE)
            for found in self._algorithms.values()
        }
        self.runtime = pmui.Select(
            label="For the runtime", options={found.name: found.id for found in runtimes().values()}, **WIDE
        )
        self.about = html.block("runtime-about")
        self.representation = pmui.Select(label="Form of the ONNX file", options=FORMS, **WIDE)
        self.partial = pmui.Checkbox(label="Leave in float what cannot be quantized", **WIDE)
        self.troubles = html.block("recipe-troubles")
        self.fit = pmui.Button(label="Use what the runtime supports", variant="outlined", **WIDE)
        self._obstacles = pmui.Column(self.troubles, self.fit, sizing_mode="stretch_width", margin=0, sx={"gap": "8px"})
        for name, box in self.boxes.items():
            box.param.watch(lambda event, name=name: self._ticked(name, event.new), "value")
        self.runtime.param.watch(lambda event: self._moved(runtime=event.new), "value")
        self.representation.param.watch(lambda event: self._moved(representation=event.new), "value")
        self.partial.param.watch(lambda event: self._moved(partial=event.new), "value")
        self.fit.on_click(lambda _event: self._moved(**fitting(self.workspace.settings)))
        workspace.param.watch(lambda *_: self.show(), ["settings", "model", "recipe"])
        self.show()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        stack = {"sizing_mode": "stretch_width", "margin": 0}
        shelves = []
        for stage, title in STAGES.items():
            of_stage = [f for f in self._algorithms.values() if f.stage == stage and f.id not in PRUNING]
            shelves += [html.block(f"stage-{stage}", html.note(title)), *(self.boxes[found.id] for found in of_stage)]
        pruning = [html.block("stage-pruning", html.note("Pruning: remove weights with little effect"))]
        pruning += [self.boxes[name] for name in PRUNING if name in self.boxes]
        return {
            "algorithms": pmui.Column(*shelves, *pruning, **stack, sx={"gap": "2px"}),
            "runtime": pmui.Column(
                self.runtime, self.about, self.representation, self.partial, **stack, sx={"gap": "10px"}
            ),
            "troubles": self._obstacles,
        }

    def _ticked(self, name: str, wanted: bool) -> None:
        others = [kept for kept in ids_of(self.workspace.settings.algorithms) if kept != name]
        self._moved(algorithms=", ".join([*others, name] if wanted else others))

    def _moved(self, **changes: Any) -> None:
        self.choose(lambda: self.workspace.change(**changes))

    def show(self) -> None:
        """Bring the widgets in line with the settings, and say what the runtime does not take."""
        from playground.model.runtimes import runtimes

        settings, model = self.workspace.settings, self.workspace.model
        chosen = ids_of(settings.algorithms)
        with self.showing():
            for name, box in self.boxes.items():
                box.value = name in chosen
            self.partial.value = settings.partial
            self.representation.value = settings.representation
            if settings.runtime in runtimes():
                self.runtime.value = settings.runtime
        found = runtimes().get(settings.runtime)
        self.representation.visible = found is not None and found.file == "onnx"
        left_out = found is not None and model is not None and model.graph is not None and not found.reads_graphs
        told = " Its file has the weights, not the graph." if left_out else ""
        self.about.text = html.note(f"{found.summary}{told}" if found else "")
        troubles = obstacles(settings, model, self.workspace.recipe)
        troubles += call_troubles(settings)
        self.troubles.text = (
            html.note("The runtime cannot run this recipe:") + html.bullets(troubles) if troubles else ""
        )
        self._obstacles.visible = bool(troubles)
        self.fit.visible = found is not None and bool(fitting(settings))
