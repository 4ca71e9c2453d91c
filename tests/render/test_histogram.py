"""The large plot holds what the report says."""

import numpy as np
import pytest

from playground.render.histogram import MOST_LEVEL_LINES, HistogramPlot
from playground.render.numbers import affine, digits


@pytest.fixture
def plot():
    return HistogramPlot()


def test_bars_and_what_their_tooltips_say(plot, report):
    shown = report(format="int4", symmetric=False)
    plot.show(shown)
    bars = plot.bars.data
    np.testing.assert_array_equal(bars["count"], shown.counts)
    centres = (shown.edges[1:] + shown.edges[:-1]) / 2
    np.testing.assert_allclose((bars["left"] + bars["right"]) / 2, centres)
    assert (bars["left"] > shown.edges[:-1]).all()
    assert (bars["right"] < shown.edges[1:]).all()
    assert bars["real"] == [digits(v) for v in centres]
    nearest = np.abs(shown.levels - centres[:, None]).argmin(axis=1)
    expected = [affine(shown.scale, int(shown.codes[i]), shown.zero_point) for i in nearest]
    assert sum(a != b for a, b in zip(bars["formula"], expected, strict=True)) <= 1  # a centre in the middle of two


def test_levels(plot, report):
    shown = report(format="int4")
    plot.show(shown)
    np.testing.assert_array_equal(plot.lines.data["x"], shown.levels)
    dots = plot.dots.data
    np.testing.assert_array_equal(dots["x"], shown.levels)
    np.testing.assert_array_equal(dots["code"], shown.codes)
    assert dots["share"].sum() == pytest.approx(1)
    assert dots["y"].max() < plot.figure.y_range.end


def test_too_many_levels_have_no_lines(plot, report):
    shown = report(format="int8")
    assert len(shown.levels) > MOST_LEVEL_LINES
    plot.show(shown)
    assert len(plot.lines.data["x"]) == 0
    assert len(plot.dots.data["x"]) == 256


def test_crowded_levels_stay_in_sight(plot, report):
    plot.show(report(format="int8", lo=-0.01, hi=0.01))
    assert plot.dots.data["y"].max() < plot.figure.y_range.end


def test_handles_stand_where_the_range_was_asked_for(plot, report):
    plot.show(report(lo=-0.5, hi=0.75))
    assert [grip.location for grip in plot.grips] == plot.handles.data["x"] == [-0.5, 0.75]
    assert [grip.name for grip in plot.grips] == ["grip-lo", "grip-hi"]


def test_what_is_clipped_is_shaded(plot, report):
    shown = report(lo=-0.5, hi=0.75)
    plot.show(shown)
    assert (plot.outside[0].right, plot.outside[1].left) == shown.limits


def test_a_wide_range_is_in_sight(plot, report):
    plot.show(report(lo=-50.0, hi=80.0))
    assert plot.figure.x_range.start < -50
    assert plot.figure.x_range.end > 80


def test_zoomed_in_the_handles_wait_at_the_edge(plot, report):
    shown = report(lo=-50.0, hi=80.0, zoom=True)
    plot.show(shown)
    lo, hi = (grip.location for grip in plot.grips)
    assert plot.figure.x_range.start < lo < shown.edges[0]
    assert shown.edges[-1] < hi < plot.figure.x_range.end


def test_the_same_tensor_is_not_formatted_again(plot, report, monkeypatch):
    first = report(format="int4")
    plot.show(first)
    labels = plot.bars.data["real"]
    plot.show(first)
    assert plot.bars.data["real"] is labels
    plot.show(report(values=np.float32([1, 2, 3, 10])))
    assert plot.bars.data["real"] != labels


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.full(5, 2.0), np.ones((1, 1, 1, 1))])
def test_constants_can_be_shown(plot, report, values):
    plot.show(report(values=values))
    assert plot.figure.x_range.start < plot.figure.x_range.end
