"""What a file's bytes are for, as a treemap: an area a tensor, in proportion to what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from playground.render.numbers import percent
from playground.units import size

MOST = 40
"""Areas; what is smaller is one together."""

ASPECT = 4.0
"""Width over height for which the areas are made as square as can be."""

_TOLD = {"quant": "quantized", "float": "as it was", "rest": ""}


@dataclass(frozen=True, slots=True)
class Area:
    """One area: what it is, its bytes, and a class of the style sheet: quant, float or rest."""

    name: str
    nbytes: int
    css: str


Box = tuple[float, float, float, float]
"""Left, top, width and height, as shares of the whole."""


def areas_of(report: Mapping[str, Any]) -> list[Area]:
    """The areas of a report's file, the largest first, and last what belongs to none of the tensors."""
    found = [Area(tensor["name"], tensor["bytes_stored"], "quant") for tensor in report["tensors"]]
    found += [Area(name, nbytes, "float") for name, nbytes in report["kept"].items()]
    found = sorted((area for area in found if area.nbytes), key=lambda area: -area.nbytes)
    rest = report["file_bytes"] - sum(area.nbytes for area in found)
    if len(found) > MOST:
        others = found[MOST:]
        found = [*found[:MOST], Area(f"{len(others)} smaller tensors", sum(a.nbytes for a in others), "rest")]
    return [*found, *([Area("names, operators, metadata", rest, "rest")] if rest > 0 else [])]


def treemap(report: Mapping[str, Any]) -> str:
    """The treemap of a report's file as HTML."""
    areas = areas_of(report)
    total = sum(area.nbytes for area in areas)
    told = f"What the {size(total)} of the file are for"
    cells = (_cell(area, box, total) for area, box in zip(areas, boxes([a.nbytes for a in areas]), strict=True))
    return f'<div class="map" role="img" aria-label="{escape(told)}">{"".join(cells)}</div>'


def _cell(area: Area, box: Box, total: int) -> str:
    left, top, width, height = (f"{100 * share:.3f}%" for share in box)
    about = ", ".join(filter(None, (area.name, size(area.nbytes), percent(area.nbytes / total), _TOLD[area.css])))
    place = f"left:{left};top:{top};width:{width};height:{height}"
    return f'<span class="{area.css}" style="{place}" title="{escape(about)}">{escape(area.name)}</span>'


def boxes(sizes: Sequence[int]) -> Iterator[Box]:
    """Where areas lie that are in proportion to positive sizes, in their order: squarified (Bruls et al. 2000)."""
    left, top, width, height = 0.0, 0.0, ASPECT, 1.0
    rest, at = float(sum(sizes)), 0
    while at < len(sizes):
        per, side = width * height / rest, min(width, height)
        count = _row(sizes[at:], per, side)
        row = sizes[at : at + count]
        thick = sum(row) * per / side
        along = 0.0
        for number in row:
            length = number * per / thick
            x, y, w, h = (left, top + along, thick, length) if width >= height else (left + along, top, length, thick)
            yield x / ASPECT, y, w / ASPECT, h
            along += length
        if width >= height:
            left, width = left + thick, width - thick
        else:
            top, height = top + thick, height - thick
        rest, at = rest - sum(row), at + count


def _row(sizes: Sequence[int], per: float, side: float) -> int:
    """How many areas go into the next row: as many as make its worst one squarer."""
    best, count, total = float("inf"), 0, 0.0
    for number in sizes:
        total += number
        thick = total * per / side
        first, last = sizes[0] * per / thick, number * per / thick
        worst = max(max(length / thick, thick / length) for length in (first, last))
        if worst > best:
            break
        best, count = worst, count + 1
    return count
