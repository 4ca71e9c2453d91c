"""The sentence on top of a view: what is the case, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NextStep:
    """One sentence, and a link that does what is proposed.

    Attributes:
        text: what is the case.
        label: what the link says; empty: there is none.
        gain: what was measured of it.
        changes: settings that the link changes.
        press: or the control that it uses, by its name in the page.
        view: or the view that it opens.
    """

    text: str
    label: str = ""
    gain: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    press: str = ""
    view: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        names = ("text", "label", "gain", "press", "view")
        return {name: getattr(self, name) for name in names} | {"changes": dict(self.changes)}
