"""The Model view: the inventory of the model, how it will be quantized, and the result."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.models import ColumnDataSource, UIElement

from playground.analysis.inventory import inventory
from playground.analysis.report_json import report_data
from playground.app.card import Card
from playground.app.format_choices import offered
from playground.app.override_card import AS_OTHERS, OverrideCard, override_of
from playground.app.workspace import Workspace
from playground.errors import plural
from playground.model.recipe import ONNX_FORMATS
from playground.render import html
from playground.render.about_file import about_file
from playground.render.compared import NOTHING, one_number, read_as
from playground.render.file_told import after_number, before_number
from playground.render.numbers import grouped, shape
from playground.render.report_card import report_card

SEARCH = "Search the layers"
"""Label of the search field; the page finds the field by it (static/inventory.mjs)."""

ANSWERS = {
    "As the outputs look": "auto",
    "Class scores": "classes",
    "Classes per pixel": "pixels",
    "Sequences of classes (CTC)": "sequences",
    "A class for each position": "tokens",
    "Boxes with scores": "boxes",
    "Embeddings": "embeddings",
    "Values": "values",
}
"""Kinds of answers as the select has them (docs/answers.md)."""


class ModelView(Card):
    """Widgets, inventory and report of the view."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        from playground.app.activation_card import ActivationCard  # no first view needs these
        from playground.app.analysis_card import AnalysisCard
        from playground.app.calibrator_card import CalibratorCard
        from playground.app.parameter_card import ParameterCard
        from playground.app.recipe_card import RecipeCard
        from playground.app.remedy_card import RemedyCard
        from playground.app.samples_card import SamplesCard
        from playground.app.sizes_card import SizesCard

        super().__init__(workspace)
        self._overrides = ("", "")
        wide = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}
        self.widgets: dict[str, Any] = {
            "weights": pmui.Select(label="Weights", options=list(ONNX_FORMATS), **wide),
            "weights_granularity": pmui.RadioButtonGroup(
                label="One scale for each", options={"Tensor": "tensor", "Channel": "channel"}, **wide
            ),
            "activations": pmui.RadioButtonGroup(
                label="Activations in int8",
                options={"Static": "static", "Dynamic": "dynamic", "Stay float": "weight_only"},
                **wide,
            ),
            "answer": pmui.Select(label="Answers are", options=ANSWERS, **wide),
            "exclude": pmui.TextInput(
                label="Leave in float (names, * for any)", placeholder="conv1.weight, *.bias", **wide
            ),
        }
        self.search = pmui.TextInput(label=SEARCH, **wide)
        self._searched = workspace.model
        self.numbers, self.report = html.block("model-numbers"), html.block("model-report")
        self.heading = html.block("model-heading")
        self.analysis, self.recipe = AnalysisCard(workspace), RecipeCard(workspace)
        self.remedies = RemedyCard(workspace)
        self.parameters, self.sizes = ParameterCard(workspace), SizesCard(workspace)
        self.samples, self.calibrator = SamplesCard(workspace), CalibratorCard(workspace)
        self.override, self.activation = OverrideCard(workspace), ActivationCard(workspace)
        # The page draws the inventory (static/inventory.mjs); a tag has the rows in the document.
        self.source = ColumnDataSource(data={}, name="inventory")
        self.rows = html.block("inventory-rows")
        self.rows.tags = [self.source]
        for name, widget in self.widgets.items():
            widget.param.watch(lambda event, name=name: self._moved(name, event.new), "value")
        self.search.param.watch(lambda *_: self._show_rows(), "value_input")
        workspace.param.watch(lambda *_: self._show_settings(), "settings")
        workspace.param.watch(lambda *_: self.show(), ["model", "result", "earlier"])
        workspace.param.watch(lambda *_: self._show_numbers(), "compared")
        workspace.param.watch(lambda *_: self._show_rows(), "sensitivity")
        self.show()

    def roots(self) -> dict[str, UIElement | pn.viewable.Viewable]:
        """Slot name -> what goes there."""
        widgets = list(self.widgets.values())
        after = 1 + list(self.widgets).index("activations")
        widgets[after:after] = self.calibrator.widgets.values()
        controls = pmui.Column(*widgets, sizing_mode="stretch_width", margin=0, sx={"gap": "14px"})
        return {
            "controls": controls,
            "numbers": self.numbers,
            "heading": self.heading,
            "search": self.search,
            "table": self.rows,
            "report": self.report,
            **self.override.roots(),
            **self.recipe.roots(),
            **self.parameters.roots(),
            **self.sizes.roots(),
            **self.samples.roots(),
            **self.analysis.roots(),
            **self.remedies.roots(),
            **self.activation.roots(),
        }

    def _moved(self, name: str, value: Any) -> None:
        self.choose(lambda: self.workspace.change(**{name: value}))

    def show(self) -> None:
        """Bring widgets, table, numbers and report in line with the workspace."""
        if self.workspace.model is not self._searched:
            self._searched = self.workspace.model
            self.search.param.update(value="", value_input="")
        self._show_widgets()
        self._show_rows()
        self._show_numbers()
        self._show_report()

    def _show_settings(self) -> None:
        """The widgets, and the inventory if something else is chosen for single tensors."""
        self._show_widgets()
        overrides = (self.workspace.settings.exclude, self.workspace.settings.formats)
        if overrides != self._overrides:
            self._overrides = overrides
            self._show_rows()

    def _show_widgets(self) -> None:
        """The widgets alone: all that a step of a slider in another view can change here."""
        with self.showing():
            for name, widget in self.widgets.items():
                value = getattr(self.workspace.settings, name)
                if name == "weights":
                    widget.options = offered(self.workspace.settings, value)
                widget.value = value

    def _show_rows(self) -> None:
        model, result = self.workspace.model, self.workspace.shown("result")
        if model is None:
            return
        wanted = (self.search.value_input or "").lower()
        rows = [r for r in inventory(model) if wanted in f"{r.name} {r.op} {r.node} {r.dtype}".lower()]
        report = report_data(result) if result else {"tensors": [], "skipped": []}
        done = {entry["name"]: entry for entry in report["tensors"]}
        skipped = {entry["name"]: entry["reason"] for entry in report["skipped"]}
        self.source.data = {
            "name": [r.name for r in rows],
            "op": [r.op for r in rows],
            "shape": [shape(r.shape) for r in rows],
            "dtype": [r.dtype for r in rows],
            "parameters": [r.parameters for r in rows],
            "bytes": [r.bytes for r in rows],
            "format": [self._planned(r.name) or _how(done.get(r.name), r.name in skipped) for r in rows],
            "sqnr": [float(done[r.name]["sqnr_db"]) if r.name in done else float("nan") for r in rows],
            "after": [float(done[r.name]["bytes_after"]) if r.name in done else float("nan") for r in rows],
            **_layer_columns(self.workspace.shown("sensitivity"), [r.name for r in rows]),
        }
        before = " · what was quantized is from before the last change" if self.workspace.is_before else ""
        told = f"{plural(len(rows), 'tensor')}{before} · choose one for the Tensor view"
        self.heading.text = html.title(model.name, told)

    def _planned(self, name: str) -> str:
        """What is chosen for a tensor and has not been done yet."""
        chosen = override_of(self.workspace.settings, name)
        return "" if chosen == AS_OTHERS or self.workspace.result is not None else f"→ {chosen}"

    def _show_numbers(self) -> None:
        model, result = self.workspace.model, self.workspace.shown("result")
        if model is None:
            return
        rows, now = inventory(model), "before the last change" if self.workspace.is_before else ""
        numbers = [
            before_number(model.file_bytes, sum(r.bytes for r in rows)),
            html.Number("Parameters", grouped(sum(r.parameters for r in rows)), f"in {len(rows)} tensors"),
            html.Number("Operators", str(len(model.graph.nodes)) if model.graph else "—", f"of a .{model.format} file"),
        ]
        if result is not None:
            best = [_marked(self._since(number), now) for number in one_number(self.workspace.shown("compared"))]
            numbers = [*best, _marked(after_number(report_data(result)), now), *numbers]
        self.numbers.text = html.cards(numbers) + about_file(model) + self._told()

    def _since(self, number: html.Number) -> html.Number:
        """The number that says it best, with what it was before the last change of the settings."""
        earlier = self.workspace.earlier
        if earlier is None or self.workspace.is_before:
            return number
        was = {n.label: n.value for n in one_number(earlier.values["compared"])}.get(number.label, NOTHING)
        if NOTHING in (was, number.value):
            return number
        with_ = f"{earlier.settings.weights}, a scale for each {earlier.settings.weights_granularity}"
        return replace(number, remark=f"{number.remark}; before {was} ({with_})")

    def _told(self) -> str:
        """What was taken for the answers."""
        compared = self.workspace.shown("compared")
        return html.part(html.note(read_as(compared.quantized))) if compared is not None else ""

    def _show_report(self) -> None:
        result = self.workspace.shown("result")
        text = report_card(report_data(result) if result else None)
        self.report.text = html.before(text) if self.workspace.is_before else text


def _marked(number: html.Number, now: str) -> html.Number:
    """A number that says so if it is an earlier one."""
    return replace(number, remark=now, tone="") if now else number


def _layer_columns(found: Any, names: list[str]) -> dict[str, list[float]]:
    """Of the layer that each weight belongs to: SQNR of its output, alone and with all quantized, and its share."""
    layers = {result.layer.weight: result for result in found.layers} if found else {}
    none = float("nan")

    def of(name: str, field: str) -> float:
        value = float(getattr(layers[name], field)["sqnr_db"]) if name in layers else none
        return value if math.isfinite(value) else none

    return {
        "output": [of(name, "local") for name in names],
        "piled": [of(name, "accumulated") for name in names],
        "share": [100 * float(layers[name].share or 0) if name in layers else none for name in names],
    }


def _how(entry: dict[str, Any] | None, skipped: bool) -> str:
    if entry is None:
        return "skipped" if skipped else ""
    scheme = entry["scheme"]
    return f"{scheme['format']}, {scheme['granularity']}"
