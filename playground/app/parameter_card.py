"""The Model view's folded parameters: those of the ticked algorithms, as the algorithms themselves declare them."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui

from playground.app.card import Card
from playground.app.workspace import Workspace
from playground.ptq.algorithms import algorithms
from playground.ptq.algorithms._algorithm import Parameter
from playground.render import html
from playground.settings import ids_of, parameters_of, parameters_text

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0, "size": "small"}
NONE_CHOSEN = "Tick an algorithm above to see its parameters here."


class ParameterCard(Card):
    """One group of controls an algorithm; the ticked ones' are shown."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        self.about = html.block("parameters-about")
        self.widgets: dict[tuple[str, str], Any] = {}
        self.groups: dict[str, Any] = {}
        for algorithm in algorithms().values():
            if not algorithm.parameters:
                continue
            rows: list[Any] = [html.block(f"parameters-{algorithm.id}", html.note(algorithm.name))]
            for parameter in algorithm.parameters:
                key = algorithm.id, parameter.name
                self.widgets[key] = widget = _widget(parameter)
                widget.param.watch(lambda event, key=key: self._moved(key, event.new), "value")
                rows.append(widget)
            self.groups[algorithm.id] = pmui.Column(
                *rows, sizing_mode="stretch_width", margin=0, visible=False, sx={"gap": "10px"}
            )
        workspace.param.watch(lambda *_: self.show(), "settings")
        self.show()

    def roots(self) -> dict[str, Any]:
        """Slot name -> what goes there."""
        shelves = pmui.Column(
            self.about, *self.groups.values(), sizing_mode="stretch_width", margin=0, sx={"gap": "14px"}
        )
        return {"parameters": shelves}

    def _moved(self, key: tuple[str, str], value: Any) -> None:
        held = parameters_of(self.workspace.settings.parameters)
        algorithm, name = key
        if value is None or value == _declared(key).default:
            held.get(algorithm, {}).pop(name, None)
        else:
            held.setdefault(algorithm, {})[name] = int(value) if _declared(key).integer else float(value)
        self.choose(lambda: self.workspace.change(parameters=parameters_text(held)))

    def show(self) -> None:
        """Bring the controls in line with the settings. What a link or a file got wrong is not shown in them."""
        settings = self.workspace.settings
        held, chosen = parameters_of(settings.parameters), ids_of(settings.algorithms)
        with self.showing():
            for (algorithm, name), widget in self.widgets.items():
                parameter = _declared((algorithm, name))
                value = held.get(algorithm, {}).get(name, parameter.default)
                if parameter.minimum <= value <= parameter.maximum:
                    widget.value = _shown(parameter, value)
            for name, group in self.groups.items():
                group.visible = name in chosen
        self.about.text = "" if any(group.visible for group in self.groups.values()) else html.note(NONE_CHOSEN)
        self.about.visible = bool(self.about.text)


def _declared(key: tuple[str, str]) -> Parameter:
    algorithm, name = key
    return next(parameter for parameter in algorithms()[algorithm].parameters if parameter.name == name)


def _is_switch(parameter: Parameter) -> bool:
    return parameter.integer and (parameter.minimum, parameter.maximum) == (0, 1)


def _shown(parameter: Parameter, value: float) -> Any:
    if _is_switch(parameter):
        return bool(value)
    return int(value) if parameter.integer else float(value)


def _widget(parameter: Parameter) -> Any:
    """A control that takes what the parameter may be, and says what it means."""
    if _is_switch(parameter):
        return pmui.Checkbox(label=parameter.name, description=parameter.summary, **WIDE)
    bounds = f"{parameter.minimum:g} to {parameter.maximum:g}, {parameter.default:g} if nothing is said"
    kind = pmui.IntInput if parameter.integer else pmui.FloatInput
    return kind(
        label=parameter.name,
        start=_shown(parameter, parameter.minimum),
        end=_shown(parameter, parameter.maximum),
        value=_shown(parameter, parameter.default),
        step=1 if parameter.integer else float(parameter.default) / 10 or 0.1,
        helper_text=f"{parameter.summary} {bounds}.",
        **WIDE,
    )
