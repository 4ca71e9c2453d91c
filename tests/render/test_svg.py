"""Plots as XML: where bars end and points lie."""

import math
from xml.etree import ElementTree

import pytest

from playground.render.svg import Dot, Series, bars, scatter


def elements(text: str, kind: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text[: text.index("</svg>") + 6]).iter(kind))  # noqa: S314 (ours)


def test_bars_are_as_long_as_their_values() -> None:
    text = bars(["a", "b"], [Series("s", "quant", [2.0, 4.0]), Series("t", "float", [-1.0, math.inf])], "dB", "T")
    found = elements(text, "rect")
    assert len(found) == 3  # what is not finite has none
    widths = {r.get("class"): [] for r in found}
    for r in found:
        widths[r.get("class")].append(float(r.get("width") or 0))
    assert widths["quant"][1] == pytest.approx(2 * widths["quant"][0], rel=0.01)
    assert widths["float"][0] == pytest.approx(widths["quant"][0] / 2, rel=0.01)
    by_class = {(r.get("class"), float(r.get("width") or 0)): float(r.get("x") or 0) for r in found}
    zero = min(x for (css, _), x in by_class.items() if css == "quant")
    assert all(x + w == pytest.approx(zero, abs=0.2) for (css, w), x in by_class.items() if css == "float")
    assert "<span><i" in text  # two series have a legend


def test_points_of_a_scatter_plot() -> None:
    dots = [Dot(1, 0.1, "quant", "", "a"), Dot(2, 0.01, "quant", "int4", "b"), Dot(3, 0.0, "clip", "", "c")]
    circles = elements(scatter(dots, [(1, 0.1), (2, 0.01)], "x", "y", "T"), "circle")
    places = [(float(c.get("cx") or 0), float(c.get("cy") or 0)) for c in circles]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[0][1] < places[1][1]  # a larger error is higher up
    assert places[1][0] - places[0][0] == pytest.approx(places[2][0] - places[1][0], abs=0.2)
    assert places[2][1] == places[1][1]  # none is at the foot, which is the smallest power of ten


def test_texts_are_escaped() -> None:
    text = bars(["<b>&"], [Series("s", "quant", [1.0])], "<", 'a"b') + scatter(
        [Dot(1, 1, "quant", "<i>", "<u>")], [], "<x>", "<y>", "t"
    )
    assert "<b>" not in text
    assert "&lt;i&gt;" in text
    for raw in ("<u>", "<x>", "<y>"):
        assert raw not in text
    assert 'aria-label="a&quot;b"' in text
