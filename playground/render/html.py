"""The few pieces of HTML that Python writes: cards of numbers, titles, notes. Every text is escaped here.

Those of the Tensor view are written by the page, in the same form: static/fastpath/text.mjs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bokeh.models import Div

SHEET = (Path(__file__).parent / "blocks.css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Number:
    """One card: what it is, its value with unit, and a remark that is ``"better"``, ``"worse"`` or neither."""

    label: str
    value: str
    remark: str = ""
    tone: str = ""


def block(name: str, text: str = "") -> Div:
    """A Div in the house style; its text is HTML that was escaped by the functions below."""
    # the command line writes reports with what is in this file, and need not have Bokeh
    from bokeh.models import Div, InlineStyleSheet

    return Div(
        text=text,
        name=name,
        sizing_mode="stretch_width",
        margin=0,
        disable_math=True,
        stylesheets=[InlineStyleSheet(css=SHEET)],
    )


def cards(numbers: Sequence[Number]) -> str:
    """A row of number cards."""
    items = (
        f'<dl class="cardlet"><dt>{escape(n.label)}</dt><dd>{escape(n.value)}'
        f'<div class="aside {n.tone}">{escape(n.remark)}</div></dd></dl>'
        for n in numbers
    )
    return f'<div class="cards">{"".join(items)}</div>'


def title(text: str, remark: str = "") -> str:
    """A card's title, with a quiet remark at its right."""
    return f'<div class="title"><b>{escape(text)}</b><span>{escape(remark)}</span></div>'


def note(text: str, *, bad: bool = False) -> str:
    """A quiet sentence, or a loud one."""
    return f'<p class="note{" bad" if bad else ""}" style="margin:0">{escape(text)}</p>'


def legend(*entries: tuple[str, str]) -> str:
    """What the colours of a plot mean: the style sheet's name of a colour and a few words, each."""
    return f'<p class="note key" style="margin:0">{"".join(_swatch(colour, text) for colour, text in entries)}</p>'


def _swatch(colour: str, text: str) -> str:
    return f'<span><i style="background:var(--{escape(colour)})"></i>{escape(text)}</span>'


def lead(text: str) -> str:
    """The one sentence that a card is there for."""
    return f'<p class="lead" style="margin:0">{escape(text)}</p>'


def part(content: str) -> str:
    """HTML that was made by these functions, with room above it."""
    return f'<div class="part">{content}</div>'


def before(content: str) -> str:
    """HTML that was made by these functions, marked as from before the last change of the settings."""
    return f'<div class="before"><p class="note">Before the last change</p>{content}</div>'


def bullets(items: Sequence[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int = 1) -> str:
    """A small table; columns from ``numbers_from`` on are set flush right."""

    def line(cells: Sequence[str], tag: str) -> str:
        put = (
            f"<{tag}{' class=number' if i >= numbers_from else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(put)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table></div>'
