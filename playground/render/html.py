"""The few pieces of HTML that Python writes: cards of numbers, titles, notes. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bokeh.models import Div, InlineStyleSheet

SHEET = """
:host { font: 14px/1.45 var(--font); color: var(--text); font-variant-numeric: tabular-nums; }
.bk-clearfix { width: 100%; font: 14px/1.45 var(--font); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 12px; }
.cardlet { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 11px 14px 10px; min-width: 0; }
.cardlet dt { font-size: 12.5px; color: var(--muted); }
.cardlet dd { margin: 0; font-size: 22px; font-weight: 680; letter-spacing: -.015em; line-height: 1.35; white-space: nowrap; }
.cardlet .aside { font-size: 12.5px; font-weight: 400; letter-spacing: 0; color: var(--muted); white-space: normal; line-height: 1.4; }
.aside.worse { color: var(--quant); } .aside.better { color: var(--good); }
dl { margin: 0; }
.title { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 2px 16px; width: 100%; }
.title b { font-weight: 650; } .title span { color: var(--muted); font-size: 12.5px; }
code { font: 12.5px/1.5 var(--mono); color: var(--text); }
.formula { border-top: 1px solid var(--line); padding-top: 10px; color: var(--muted); font-size: 13px; }
.formula code { display: block; }
.split { display: flex; gap: 2px; height: 6px; margin-top: 6px; }
.split i { display: block; height: 6px; border-radius: 3px; min-width: 2px; }
.note { color: var(--muted); font-size: 13px; } .note.bad { color: var(--bad); }
ul { margin: 6px 0 0; padding-left: 18px; } li { margin: 2px 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; font-weight: 500; color: var(--muted); } th, td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; }
.scroll { overflow-x: auto; }
"""


@dataclass(frozen=True, slots=True)
class Number:
    """One card: what it is, its value with unit, and a remark that is ``"better"``, ``"worse"`` or neither."""

    label: str
    value: str
    remark: str = ""
    tone: str = ""


def block(name: str, text: str = "") -> Div:
    """A Div in the house style; its text is HTML that was escaped by the functions below."""
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


def split_bar(share: float) -> str:
    """A bar whose grey part is the given share."""
    return (
        f'<div class="split"><i style="background:var(--quant);flex:{1 - share:.4f}"></i>'
        f'<i style="background:var(--clip);flex:{share:.4f}"></i></div>'
    )


def formula(general: str, current: str) -> str:
    """A formula, and the same with the current numbers in it."""
    return f'<div class="formula">{escape(general)}<code>{escape(current)}</code></div>'


def note(text: str, *, bad: bool = False) -> str:
    """A quiet sentence, or a loud one."""
    return f'<p class="note{" bad" if bad else ""}" style="margin:0">{escape(text)}</p>'


def bullets(items: Sequence[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int = 1) -> str:
    """A small table; columns from ``numbers_from`` on are set flush right."""

    def line(cells: Sequence[str], tag: str) -> str:
        put = (
            f'<{tag}{" class=number" if i >= numbers_from else ""}>{escape(cell)}</{tag}>' for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(put)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table></div>'
