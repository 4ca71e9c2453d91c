"""The Model view's card "Fix it": remedies that were tried, with their measured gains; each can be chosen."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui
from bokeh.models import UIElement

from playground.analysis.improvement import Improvement, Trial
from playground.app import chosen_recipe
from playground.app.card import Card
from playground.app.workspace import Workspace
from playground.errors import plural
from playground.render import html
from playground.render.remedies_told import HEAD, failures, measured_on, rows, trials
from playground.render.verdict import tried

NOTHING = "Choose a remedy"
UNTRIED = (
    "Tries what may reduce the error: scales per channel, algorithms, other calibrators, layers in float. "
    "Each is measured and shown here with what it gains and costs."
)
UNLINKED = "The link cannot hold it, since the controls do not have all of the recipe: save the recipe as a file."


class RemedyCard(Card):
    """Table of a workspace's improvement, and what chooses one of its remedies."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        super().__init__(workspace)
        self.found, self.table = html.block("remedies"), html.block("trials")
        self.choice = pmui.Select(
            label="Use a remedy",
            options=[NOTHING],
            value=NOTHING,
            sizing_mode="stretch_width",
            margin=0,
            size="small",
        )
        self._trials: dict[str, Trial] = {}
        self.choice.param.watch(lambda event: self._choose(event.new), "value")
        workspace.param.watch(lambda *_: self.show(), ["improvement", "model", "earlier", "result", "settings"])
        self.show()

    def roots(self) -> dict[str, UIElement | Any]:
        """Slot name -> what goes there."""
        return {"remedies": self.found, "remedy": self.choice, "trials": self.table}

    def show(self) -> None:
        """The remedies that were tried, the best first, and which of them the recipe has."""
        found: Improvement | None = self.workspace.shown("improvement")
        self._trials = {} if found is None else trials(found)
        chosen = self._chosen()
        with self.showing():
            self.choice.param.update(options=[NOTHING, *self._trials], value=chosen)
        self.choice.visible = bool(self._trials)
        self.table.visible = found is not None
        self.table.text = "" if found is None else _table(found)
        if found is None:
            self.found.text = html.title("Fix it") + html.note(UNTRIED)
            return
        text = html.title("Fix it", f"measured on {plural(found.samples, 'sample')}") + html.lead(tried(found))
        if chosen != NOTHING:
            text += html.note(self._told(chosen))
        self.found.text = html.before(text) if self.workspace.is_before else text

    def _chosen(self) -> str:
        """The remedy that the recipe has."""
        settings, opened = self.workspace.settings, self.workspace.recipe
        of = chosen_recipe.is_chosen
        return next((name for name, trial in self._trials.items() if of(trial.recipe, settings, opened)), NOTHING)

    def _told(self, chosen: str) -> str:
        unlinked = f" {UNLINKED}" if self.workspace.recipe is not None else ""
        if self.workspace.result is not None:
            return f"The quantized model is with {chosen}.{unlinked}"
        return f"Chosen: {chosen}. Quantize the model to apply it.{unlinked}"

    def _choose(self, name: str) -> None:
        """Follow the recipe of a remedy. The others stay, since their gains are those of the recipe without any."""
        if self.is_showing or name not in self._trials:
            return
        found, recipe = self.workspace.shown("improvement"), self._trials[name].recipe
        changes = chosen_recipe.expressed(recipe, self.workspace.settings)

        def follow() -> None:
            if changes is not None:
                self.workspace.follow(None, "", **changes)
            else:
                self.workspace.follow(recipe, name, **chosen_recipe.changes_of(recipe))

        if self.choose(follow):
            self.workspace.improvement = found


def _table(found: Improvement) -> str:
    """What each remedy gains and costs, what the loss is, and what could not be tried."""
    tried_all, impossible = rows(found), failures(found)
    listed = f'<div class="trials">{html.table(HEAD, tried_all)}</div>' if tried_all else ""
    text = listed + html.note(measured_on(found))
    return text + (html.bullets(impossible) if impossible else "")
