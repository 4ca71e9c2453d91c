"""Two continuations of a text in two columns, and the characters each model thinks most likely."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from playground.render import html
from playground.render.numbers import percent

VISIBLE = {" ": "␣ space", "\n": "↵ new line"}
SHOWN = 80
"""Characters of the text that are shown before what was added."""

Likely = Sequence[tuple[str, float]]


def side_by_side(prompt: str, original: str, quantized: str) -> str:
    """A text with what each model has added, in two columns; the first character that differs is marked.

    Args:
        prompt: the text that both have read.
        original: what the float model has added.
        quantized: what the quantized model has added.
    """
    pairs = zip(original, quantized, strict=False)
    at = next((n for n, (a, b) in enumerate(pairs) if a != b), max(len(original), len(quantized)))
    columns = (("Float model", original, "float"), ("Quantized model", quantized, "quant"))
    return f'<div class="columns">{"".join(_column(*column, prompt, at) for column in columns)}</div>'


def _column(name: str, added: str, field: str, prompt: str, at: int) -> str:
    """One model's text, in the colour of its kind (``"float"`` or ``"quant"``)."""
    shown = ("… " if len(prompt) > SHOWN else "") + prompt[-SHOWN:]
    same, first, rest = escape(added[:at]), escape(added[at : at + 1]), escape(added[at + 1 :])
    differs = f'<b class="parts" title="The first character that differs">{first or ""}</b>' if first else ""
    text = f'{escape(shown)}<mark class="{field}">{same}{differs}{rest}</mark>'
    return f'<div><p class="note">{escape(name)}</p><p class="continued">{text}</p></div>'


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
