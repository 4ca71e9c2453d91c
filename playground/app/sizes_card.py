"""The Model view's form for sizes that the open model leaves open: suggestions that were tried, and a field."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui
from bokeh.models import UIElement

from playground.app.card import Card
from playground.app.input_sizes import chosen_shapes, completed, described
from playground.app.page_words import in_page
from playground.app.workspace import Workspace
from playground.engines.batch_axes import open_sizes
from playground.errors import PlaygroundError
from playground.model.graph import Graph
from playground.render import html
from playground.settings import sizes_text

CHOOSE, OTHER = "Choose sizes", "Other sizes"
TRYING = "Sizes that the graph hints at are being tried."
NONE = "None of the sizes that were tried runs. Write them below."

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}


class SizesCard(Card):
    """Picker and field; hidden where the open model leaves nothing open."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        self.about = html.block("sizes-about")
        self.choice = pmui.Select(label="Sizes of inputs", options=[CHOOSE], value=CHOOSE, **WIDE)
        self.field = pmui.TextInput(label="Sizes, as 1x3x224x224", **WIDE)
        self.form = pmui.Column(
            self.choice, self.field, self.about, sizing_mode="stretch_width", margin=0, sx={"gap": "14px"}
        )
        self._refused: tuple[Any, str] | None = None
        self.choice.param.watch(lambda event: self._chosen(event.new), "value")
        self.field.param.watch(lambda event: self._written(event.new), "value")
        workspace.param.watch(lambda *_: self.show(), ["settings", "model", "suggestions"])
        self.show()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        return {"sizes": self.form}

    def _chosen(self, label: str) -> None:
        found = {described(entry): sizes_text(entry.shapes.values()) for entry in self.workspace.suggestions or ()}
        if label in found:
            self._moved(found[label])
        elif label == CHOOSE:
            self._moved("")

    def _moved(self, sizes: str) -> None:
        def change() -> None:
            if (graph := self._graph()) is not None:
                chosen_shapes(graph, sizes)
            self.workspace.change(sizes=sizes)

        self.choose(change)

    def _written(self, text: str) -> None:
        """Take what was written; what cannot be used stays in the field, with the reason below it."""
        if self.is_showing:
            return
        try:
            graph = self._graph()
            sizes = completed(graph, text) if graph is not None else text
            if graph is not None:
                chosen_shapes(graph, sizes)
            self.workspace.change(sizes=sizes)
        except PlaygroundError as error:
            self._refused = self._chosen_now()
            self.field.param.update(error_state=True, helper_text=in_page(str(error)))
        else:
            self._refused = None
            self.show()

    def _chosen_now(self) -> tuple[Any, str]:
        """What a refused text was held against: it stays in the field as long as this is the same."""
        return self.workspace.model, self.workspace.settings.sizes

    def _graph(self) -> Graph | None:
        model = self.workspace.model
        return model.graph if model is not None else None

    def show(self) -> None:
        """Bring the widgets in line with the workspace."""
        graph, sizes = self._graph(), self.workspace.settings.sizes
        wanted = open_sizes(graph) if graph is not None else {}
        self.form.visible = bool(wanted)
        if graph is None or not wanted:
            return
        found = {described(entry): sizes_text(entry.shapes.values()) for entry in self.workspace.suggestions or ()}
        label = next((label for label, text in found.items() if text == sizes), OTHER if sizes else CHOOSE)
        with self.showing():
            self.choice.param.update(options=[CHOOSE, *found, *([OTHER] if sizes else [])], value=label)
            self.field.label = f"Sizes of {', '.join(wanted)}, as {_example(graph)}"
            if self._refused != self._chosen_now():
                self._refused = None
                self.field.param.update(value=sizes, error_state=False, helper_text="")
        self.about.text = html.note(self._told(len(found)))

    def _told(self, count: int) -> str:
        told = "The model leaves sizes of its inputs open. Where inputs are made up, they have these."
        if self.workspace.suggestions is None:
            return f"{told} {TRYING}"
        return told if count else f"{told} {NONE}"


def _example(graph: Graph) -> str:
    """Sizes as they are written, for all inputs that leave some open."""
    axes = open_sizes(graph)
    shapes = {value.name: value.shape for value in graph.inputs if value.name in axes}
    return sizes_text(
        [dim if isinstance(dim, int) else 1 if at not in axes[name] else 64 for at, dim in enumerate(shape or (1, 64))]
        for name, shape in shapes.items()
    )
