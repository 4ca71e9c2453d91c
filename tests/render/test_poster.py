"""The picture of a tensor that stands alone: what is drawn where, and what is said of it."""

import re
from xml.etree import ElementTree

import pytest

from playground import gallery
from playground.render.poster import poster
from playground.settings import from_query
from playground.tensor_view.picture import picture_of
from playground.tensor_view.subject import subject_of


def drawn(query):
    settings, problems = from_query(query)
    assert problems == ()
    picture, _ = picture_of(subject_of(gallery.open_model(settings.model), settings.tensor), settings)
    return picture, ElementTree.fromstring(poster(picture))  # noqa: S314 (our own drawing)


def part(svg, tag, style):
    return [e for e in svg.iter() if e.tag.endswith(tag) and style in e.attrib.get("style", "")]


def xs(path):
    return [float(x) for x in re.findall(r"M([\d.]+)", path.attrib["d"])]


def test_levels_stand_where_their_values_are():
    picture, svg = drawn("format=int4&symmetric=1&lo=-0.3&hi=0.3")
    (lines,) = part(svg, "path", "stroke:var(--quant")
    low, high = picture.edges[0], picture.edges[-1]
    wanted = [16 + (level - low) / (high - low) * (720 - 32) for level in picture.levels.tolist()]
    assert xs(lines) == pytest.approx(wanted, abs=0.06)
    assert len(wanted) == 16


def test_what_is_clipped_is_shaded_at_both_ends():
    _, svg = drawn("format=int4&symmetric=1&lo=-0.3&hi=0.3")
    left, right = part(svg, "rect", "fill:var(--clip-fill")
    assert float(left.attrib["x"]) == 16
    assert float(right.attrib["x"]) + float(right.attrib["width"]) == pytest.approx(720 - 16, abs=0.11)


def test_a_bar_for_each_bin_that_has_values():
    picture, svg = drawn("format=int3")
    (bars,) = part(svg, "path", "fill:var(--float")
    assert len(xs(bars)) == (picture.counts > 0).sum()


@pytest.mark.parametrize("query", ["format=int8", "format=fp16"])
def test_levels_that_would_only_be_an_area_are_left_out(query):
    assert part(drawn(query)[1], "path", "stroke:var(--quant") == []


def test_the_title_says_tensor_format_error_and_size():
    picture, svg = drawn("format=int4&lo=-0.25&hi=0.25")
    title = f"fc2.weight as int4: SQNR {picture.metrics['sqnr_db']:.1f} dB, 4.00 bits per weight"
    assert svg.attrib["aria-label"] == title
    assert title in [e.text for e in svg.iter()]
