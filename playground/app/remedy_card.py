"""The Model view's card "Fix it": remedies that were tried, with their measured gains; each can be chosen."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui
from bokeh.models import UIElement

from playground.analysis.improvement import Improvement, Trial
from playground.app import chosen_recipe
from playground.app.workspace import Workspace
from playground.errors import PlaygroundError
from playground.render import html
from playground.render.numbers import digits, size
from playground.render.verdict import tried

NOTHING = "Choose a remedy"
UNTRIED = (
    "Tries what may reduce the error: scales per channel, algorithms, other calibrators, layers in float. "
    "Each is measured and shown here with what it gains and costs."
)
HEAD = ("Remedy", "Loss", "Gain", "More bytes", "Gain per kB")


class RemedyCard:
    """Table of a workspace's improvement, and what chooses one of its remedies."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        self.workspace = workspace
        self.found = html.block("remedies")
        self.choice = pmui.Select(
            label="Remedies",
            options=[NOTHING],
            value=NOTHING,
            sizing_mode="stretch_width",
            margin=0,
            size="small",
        )
        self._trials: dict[str, Trial] = {}
        self._syncing = False
        self.choice.param.watch(lambda event: self._choose(event.new), "value")
        workspace.param.watch(lambda *_: self.show(), ["improvement", "model"])
        self.show()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        return {"remedies": self.found, "remedy": self.choice}

    def show(self, chosen: str = NOTHING) -> None:
        """The remedies that gain, the best combination last; ``chosen``: the one that is in the recipe."""
        found: Improvement | None = self.workspace.improvement
        trials = [] if found is None else [*found.listed, *filter(None, [found.best])]
        self._trials = {trial.name: trial for trial in trials}
        self._syncing = True
        try:
            self.choice.param.update(options=[NOTHING, *self._trials], value=chosen)
        finally:
            self._syncing = False
        self.choice.visible = bool(self._trials)
        if found is None:
            self.found.text = html.title("Fix it") + html.note(UNTRIED)
            return
        rows = [_row(trial) for trial in self._trials.values()]
        told = f"The loss is {found.before.loss_name}: {digits(found.before.loss)} without a remedy. Measured on "
        told += f"{found.samples} samples: {found.told}."
        text = html.title("Fix it", f"measured on {found.samples} samples") + html.lead(tried(found))
        text += (html.table(HEAD, rows) if rows else "") + html.note(told)
        if chosen != NOTHING:
            text += html.note(f"Chosen: {chosen}. Quantize the model to apply it.")
        self.found.text = text

    def _choose(self, name: str) -> None:
        """Follow the recipe of a remedy. The others stay, since their gains are those of the recipe without any."""
        if self._syncing or name not in self._trials:
            return
        found, recipe = self.workspace.improvement, self._trials[name].recipe
        try:
            self.workspace.follow(recipe, name, **chosen_recipe.changes_of(recipe))
        except PlaygroundError as error:
            self.workspace.problem = str(error)
            return
        self.workspace.improvement = found
        self.show(name)


def _row(trial: Trial) -> tuple[str, ...]:
    per_kb = "free" if trial.gain_per_kb is None else digits(trial.gain_per_kb)
    more = f"{'−' if trial.bytes < 0 else ''}{size(abs(trial.bytes))}"
    return trial.name, digits(trial.measured.loss), digits(trial.gain), more, per_kb
