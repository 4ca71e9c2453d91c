"""What was measured of a quantized model, and what is kept of it when the settings change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.settings import Settings

NO_RESULTS: Mapping[str, Any] = {
    "result": None,
    "answer": None,
    "continuation": None,
    "compared": None,
    "ran": None,
    "race": None,
    "sensitivity": None,
    "curve": None,
}
"""What is left of the quantized model once another one, or another recipe, is chosen."""

SEARCHED: Mapping[str, Any] = {"mixed": None, "improvement": None}
"""What was searched for; it outlives the quantized model that it was found with while one chooses from it."""

MEASURED: Mapping[str, Any] = {"race": None, "sensitivity": None, "curve": None, **SEARCHED}
"""What was measured with the kind of answer that was chosen before."""

KEPT = (*NO_RESULTS, "improvement")
"""What is still shown, marked as earlier, until the model is quantized again."""

MOST_BYTES = 256 * 2**20
"""Files larger than this are not kept beside the next one: the browser's Python has two or four gigabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """The results of the open model with settings that are no longer chosen.

    Attributes:
        settings: those that the results hold for.
        recipe: the recipe of a file that they hold for; None: there was none.
        values: the results, by their names in the workspace.
        again: whether they are the present ones again once these settings are: not if samples have changed.
    """

    settings: Settings
    recipe: Any
    values: Mapping[str, Any]
    again: bool = True

    def holds(self, settings: Settings, recipe: Any) -> bool:
        """Whether the results are those of these settings and this recipe file."""
        same = (settings.recipe, settings.answer) == (self.settings.recipe, self.settings.answer)
        return self.again and same and recipe is self.recipe


def set_aside(present: Earlier, earlier: Earlier | None, settings: Settings, recipe: Any) -> dict[str, Any]:
    """What the workspace holds when other settings are chosen: nothing, or the earlier results if they fit them.

    Args:
        present: the results so far, with the settings they hold for; their ``"result"`` may be None.
        earlier: those that were set aside before.
        settings: what is chosen now.
        recipe: the file's recipe now.
    """
    result = present.values["result"]
    fits = result is not None and len(result.file) <= MOST_BYTES
    kept = present if fits else None
    if earlier is not None and earlier.holds(settings, recipe):
        return {**earlier.values, "earlier": kept}
    nothing = {**NO_RESULTS, "improvement": None}
    return {**nothing, "earlier": kept or (earlier if result is None else None)}
