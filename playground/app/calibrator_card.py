"""The Model view's controls of the calibrator: how the ranges of static activations are found."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui

from playground.api import calibrators
from playground.app.card import Card
from playground.app.workspace import Workspace

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}


class CalibratorCard(Card):
    """A picker, and the percentile for the calibrator that has one; both are hidden where nothing is calibrated."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        found = {calibrator.title: calibrator.id for calibrator in calibrators().values()}
        self.widgets: dict[str, Any] = {
            "activation_calibrator": pmui.Select(label="Ranges of activations", options=found, **WIDE),
            "activation_percentile": pmui.FloatInput(label="Percentile", start=0.0, end=100.0, step=0.01, **WIDE),
        }
        for name, widget in self.widgets.items():
            widget.param.watch(lambda event, name=name: self._moved(name, event.new), "value")
        workspace.param.watch(lambda *_: self.show(), "settings")
        self.show()

    def _moved(self, name: str, value: Any) -> None:
        self.choose(lambda: self.workspace.change(**{name: value}))

    def show(self) -> None:
        """Bring the controls in line with the settings."""
        settings = self.workspace.settings
        static = settings.activations == "static"
        with self.showing():
            for name, widget in self.widgets.items():
                widget.value = getattr(settings, name)
            self.widgets["activation_calibrator"].visible = static
            self.widgets["activation_percentile"].visible = static and settings.activation_calibrator == "percentile"
