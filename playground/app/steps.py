"""What undo and redo go between: the settings, the opened file and the recipe file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.errors import MissingError
from playground.host.sources import Source
from playground.settings import FIELDS, Settings

MOST = 100
"""Steps that are kept."""

GESTURE = 1.0
"""Seconds: changes of the same settings that follow each other faster are one step, as those of a slider."""

DRAGGED = frozenset({"lo", "hi", "zero_point", "percentile", "activation_percentile", "format"})
"""Settings that sliders and handles change, with many values in a gesture."""

FOLLOWS = ("lo", "hi", "zero_point")
"""Settings that often change because another one does."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One state to come back to.

    Attributes:
        settings: all of them; the view does not count.
        upload: the file that the visitor has opened last; None: there is none.
        recipe: that of a file, None if there is none; ``recipe_name``: the file's name.
    """

    settings: Settings
    upload: Source | None
    recipe: Any
    recipe_name: str

    def differs(self, other: Place) -> frozenset[str]:
        """Names of the settings that are others there, with ``"file"`` and ``"recipe"``; the view left out."""
        found = {name for name in FIELDS if name != "view"}
        found = {name for name in found if getattr(self.settings, name) != getattr(other.settings, name)}
        found |= {"file"} if self.upload is not other.upload else set()
        return frozenset(found | ({"recipe"} if self.recipe is not other.recipe else set()))


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A place that was left, and what then changed, in words."""

    place: Place
    about: str


class Steps:
    """The places before and after the present one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has been done yet; ``clock`` tells seconds."""
        self._clock = clock
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._last: frozenset[str] = frozenset()
        self._at = 0.0

    @property
    def undo_about(self) -> str:
        """What undo would take back; empty if there is nothing."""
        return self._undo[-1].about if self._undo else ""

    @property
    def redo_about(self) -> str:
        """What redo would do again; empty likewise."""
        return self._redo[-1].about if self._redo else ""

    def note(self, old: Place, new: Place) -> None:
        """The visitor went from one place to another; a gesture is one step."""
        changed = new.differs(old)
        if not changed:
            return
        now = self._clock()
        same = changed <= self._last or self._last <= changed
        gesture = same and now - self._at < GESTURE and changed <= DRAGGED
        if not (gesture and self._undo and not self._redo):
            self._undo.append(Step(old, _about(changed, new)))
            del self._undo[:-MOST]
        self._redo.clear()
        self._last, self._at = changed | (self._last if gesture else frozenset()), now

    def before(self) -> Place:
        """Where undo leads. Raises MissingError if there is nothing to undo."""
        return _last(self._undo, "undo").place

    def after(self) -> Place:
        """Where redo leads. Raises MissingError if there is nothing to do again."""
        return _last(self._redo, "redo").place

    def went_back(self, left: Place) -> None:
        """Undo has been done from ``left``."""
        self._redo.append(Step(left, self._undo.pop().about))
        self._last = frozenset()

    def went_on(self, left: Place) -> None:
        """Redo has been done from ``left``."""
        self._undo.append(Step(left, self._redo.pop().about))
        self._last = frozenset()

    def forget(self) -> None:
        """Begin anew from the present place."""
        self._undo.clear()
        self._redo.clear()
        self._last = frozenset()


def _last(steps: list[Step], what: str) -> Step:
    if not steps:
        raise MissingError(f"there is nothing to {what}", where=what, hint="Change something first")
    return steps[-1]


def _about(changed: frozenset[str], new: Place) -> str:
    """What changed, in a few words for a button's title."""
    if "file" in changed and new.upload is not None:
        return f"opening {new.upload.name}"
    if "recipe" in changed:
        return f"the recipe {new.recipe_name}" if new.recipe_name else "the recipe file"
    if "model" in changed:
        return "another model"
    named = [name for name in FIELDS if name in changed]
    telling = [name for name in named if name not in FOLLOWS] or named
    more = f" and {len(telling) - 2} more" if len(telling) > 2 else ""
    return ", ".join(name.replace("_", " ") for name in telling[:2]) + more
