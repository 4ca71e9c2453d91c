"""What a model's file says besides its tensors: notes of its reader, and its metadata folded away."""

from __future__ import annotations

from html import escape

from playground.errors import cut, plural
from playground.model.graph import Model
from playground.model.writers._writer import RECIPE, VERSION
from playground.render import html

MOST_ROWS = 100
MOST_CHARACTERS = 200
"""Of a value; chat templates have thousands."""


def about_file(model: Model) -> str:
    """The notes as a list, and the metadata as a table that is unfolded on demand; empty where there is nothing."""
    notes = [*model.notes, *_made_by(model)]
    told = html.part(html.bullets(notes)) if notes else ""
    if not model.metadata:
        return told
    rows = [(cut(key, MOST_CHARACTERS), cut(value, MOST_CHARACTERS)) for key, value in model.metadata.items()]
    more = len(rows) - MOST_ROWS
    rest = html.note(f"and {plural(more, 'entry', 'entries')} more") if more > 0 else ""
    summary = f"Metadata of the file, {plural(len(rows), 'entry', 'entries')}"
    table = html.table(("entry", "value"), rows[:MOST_ROWS], numbers_from=2)
    return f"{told}{html.part(f'<details><summary>{escape(summary)}</summary>{table}{rest}</details>')}"


def _made_by(model: Model) -> list[str]:
    """A sentence if the file says that a recipe made it."""
    if RECIPE not in model.metadata:
        return []
    version = cut(model.metadata.get(VERSION, ""), MOST_CHARACTERS)
    return [
        f"Quantized by Quantization Playground {version}".rstrip() + "; the recipe that made it is in its metadata."
    ]
