"""Two continuations of a text, one above the other, and the characters each model thinks most likely."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from playground.render import html
from playground.render.numbers import percent

VISIBLE = {" ": "␣ space", "\n": "↵ new line"}
SHOWN = 80
"""Characters of the text that are shown before what was added."""

Likely = Sequence[tuple[str, float]]


def continued(name: str, prompt: str, added: str, field: str) -> str:
    """A text with what a model has added, in the colour of its kind (``"float"`` or ``"quant"``)."""
    shown = ("… " if len(prompt) > SHOWN else "") + prompt[-SHOWN:]
    return (
        f'<p class="continued"><span>{escape(name)}</span> {escape(shown)}'
        f'<mark class="{field}">{escape(added)}</mark></p>'
    )


def likely_table(original: Likely, quantized: Likely) -> str:
    """The most likely next characters of both, likeliest first."""
    rows = [
        (str(place), visible(a), percent(share), visible(b), percent(other))
        for place, ((a, share), (b, other)) in enumerate(zip(original, quantized, strict=True), 1)
    ]
    return html.table(("", "Float", "Probability", "Quantized", "Probability"), rows)


def visible(character: str) -> str:
    """A character as it can be seen in a table."""
    return VISIBLE.get(character, character)
