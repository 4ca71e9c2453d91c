"""The three small plots hold what the report says."""

import numpy as np
import pytest

from playground.render.small import ChannelsPlot, ErrorPlot, TransferPlot


def test_error(report):
    plot, shown = ErrorPlot(), report(format="int4")
    plot.show(shown)
    data = plot.source.data
    np.testing.assert_array_equal(data["count"], shown.error_counts)
    np.testing.assert_allclose((data["left"] + data["right"]) / 2, (shown.error_edges[1:] + shown.error_edges[:-1]) / 2)
    assert (plot.figure.x_range.start, plot.figure.x_range.end) == (shown.error_edges[0], shown.error_edges[-1])
    assert plot.figure.y_range.end > data["count"].max()


def test_transfer(report):
    plot, shown = TransferPlot(), report(format="int3")
    plot.show(shown)
    data = plot.source.data
    assert set(np.unique(data["y"])) <= set(shown.levels)
    clipped = np.clip(data["x"], shown.lo, shown.hi)
    assert np.abs(data["y"] - clipped).max() <= shown.scale / 2 * 1.001
    assert plot.diagonal.data["x"] == plot.diagonal.data["y"] == [data["x"][0], data["x"][-1]]


def test_one_range_for_all_channels(report):
    plot, shown = ChannelsPlot(), report(granularity="tensor")
    plot.show(shown)
    np.testing.assert_array_equal(plot.source.data["left"], shown.channel_lo)
    np.testing.assert_array_equal(plot.source.data["right"], shown.channel_hi)
    assert (np.diff(plot.source.data["y"]) == -1).all()
    assert [span.location for span in plot.spans] == list(shown.asked)
    assert all(span.visible for span in plot.spans)
    assert plot.ranges.data["x"] == []


def test_a_range_for_each_channel(report):
    plot, shown = ChannelsPlot(), report(granularity="channel", axis=1)
    plot.show(shown)
    assert not any(span.visible for span in plot.spans)
    assert len(plot.ranges.data["x"]) == len(plot.ranges.data["y"]) == 2 * 30
    np.testing.assert_allclose(plot.ranges.data["x"][:30], np.minimum(shown.channel_lo, 0), atol=shown.scale)
    np.testing.assert_allclose(plot.ranges.data["x"][30:], np.maximum(shown.channel_hi, 0), atol=shown.scale)
    assert plot.ranges.data["y"][:30] == pytest.approx(plot.source.data["y"])


def test_every_channel_is_in_sight(report):
    plot, shown = ChannelsPlot(), report(granularity="tensor", lo=-0.1, hi=0.1)
    plot.show(shown)
    assert plot.figure.x_range.start < shown.channel_lo.min()
    assert plot.figure.x_range.end > shown.channel_hi.max()
    assert plot.figure.y_range.start < plot.source.data["y"].min() < plot.source.data["y"].max() < 0
