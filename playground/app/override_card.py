"""The format of a single weight, chosen beside the inventory and kept in the settings."""

from __future__ import annotations

from glob import escape
from typing import Any

import panel_material_ui as pmui

from playground.app.card import Card
from playground.app.chosen_recipe import exclusions_of, exclusions_text
from playground.app.format_choices import offered
from playground.app.workspace import Workspace
from playground.render import html
from playground.settings import Settings, formats_of, formats_text

AS_OTHERS, FLOAT = "as the others", "left in float"


def override_of(settings: Settings, tensor: str) -> str:
    """The setting of one tensor: a format, :data:`FLOAT` or :data:`AS_OTHERS`."""
    if escape(tensor) in exclusions_of(settings.exclude):
        return FLOAT
    return formats_of(settings.formats).get(escape(tensor), AS_OTHERS)


def overriding(settings: Settings, tensor: str, choice: str) -> dict[str, Any]:
    """The changes that give one tensor its chosen format. Patterns stay, and apply to the other tensors."""
    name = escape(tensor)
    left = [pattern for pattern in exclusions_of(settings.exclude) if pattern != name]
    formats = {pattern: kept for pattern, kept in formats_of(settings.formats).items() if pattern != name}
    if choice == FLOAT:
        left.insert(0, name)
    elif choice != AS_OTHERS:
        formats = {name: choice, **formats}
    return {"exclude": exclusions_text(left), "formats": formats_text(formats)}


def overrides_text(settings: Settings) -> str:
    """All formats of single weights, in words. Names and patterns left in float have another control."""
    return ", ".join(f"{pattern} {chosen}" for pattern, chosen in formats_of(settings.formats).items())


class OverrideCard(Card):
    """The selection of a format for the clicked tensor, and the formats chosen for other tensors."""

    def __init__(self, workspace: Workspace) -> None:
        """Build it and watch ``workspace``."""
        super().__init__(workspace)
        options = [AS_OTHERS, FLOAT]
        self.choice = pmui.Select(
            label="The chosen tensor", options=options, sizing_mode="stretch_width", margin=0, size="small"
        )
        self.chosen = html.block("overrides")
        self.clear = pmui.Button(label="Remove all formats of their own", variant="outlined", size="small", margin=0)
        self.clear.on_click(lambda _event: self._change(formats=""))
        self.choice.param.watch(lambda event: self._chosen(event.new), "value")
        workspace.param.watch(lambda *_: self.show(), "settings")
        self.show()

    def roots(self) -> dict[str, Any]:
        """Slot name -> what goes there."""
        own = pmui.Column(self.chosen, self.clear, sizing_mode="stretch_width", margin=0, sx={"gap": "8px"})
        return {"override": self.choice, "overrides": own}

    def _chosen(self, choice: str) -> None:
        settings = self.workspace.settings
        self._change(**overriding(settings, settings.tensor, choice))

    def _change(self, **changes: Any) -> None:
        self.choose(lambda: self.workspace.change(**changes))

    def show(self) -> None:
        """Show the setting of the chosen tensor."""
        settings = self.workspace.settings
        chosen = override_of(settings, settings.tensor)
        with self.showing():
            self.choice.param.update(
                label=f"{settings.tensor} is quantized",
                options=list(dict.fromkeys([AS_OTHERS, FLOAT, *offered(settings, chosen)])),
                value=chosen,
            )
        text = overrides_text(settings)
        self.chosen.text = html.note(f"Formats of their own: {text}.") if text else ""
        self.chosen.visible = self.clear.visible = bool(text)
