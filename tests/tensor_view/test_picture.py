"""What the Tensor view shows, against NumPy and ONNX Runtime."""

import gc
import weakref

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from playground import gallery
from playground.errors import InvalidInputError
from playground.model.graph import Model, Tensor
from playground.settings import Settings
from playground.tensor_view.picture import picture_of
from playground.tensor_view.subject import BINS, largest_tensor, subject_of

RNG = np.random.default_rng(5)
OUTLIERS = np.concatenate([RNG.normal(size=997), [9.0, -7.5, 6.0]]).astype(np.float32).reshape(40, 25)


def model_of(**arrays):
    return Model("npz", "mine.npz", {name: Tensor.of(name, np.asarray(a)) for name, a in arrays.items()})


def subject(values=OUTLIERS, name="w"):
    return subject_of(model_of(**{name: values}), name)


def report_of(values=OUTLIERS, **changes):
    return picture_of(subject(values), Settings().with_(**changes))


ONNX_TYPES = {
    "int8": TensorProto.INT8, "uint8": TensorProto.UINT8, "int4": TensorProto.INT4, "uint4": TensorProto.UINT4,
}  # fmt: skip


def by_onnxruntime(x, scale, zero_point, number_format, axis=None):
    """QuantizeLinear, DequantizeLinear."""
    kind = ONNX_TYPES[number_format]
    options = {} if axis is None else {"axis": axis}
    scale, points = np.atleast_1d(scale), np.atleast_1d(zero_point)
    dims = [] if axis is None else [len(scale)]
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **options),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **options),
        ],
        "round_trip",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
        [
            helper.make_tensor("s", TensorProto.FLOAT, dims, scale.astype(np.float32).tolist()),
            helper.make_tensor("z", kind, dims, points.tolist()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("number_format", list(ONNX_TYPES))
@pytest.mark.parametrize("symmetric", [True, False])
def test_levels_are_all_that_onnxruntime_gives_over_a_fine_grid(number_format, symmetric):
    report, x_hat = report_of(format=number_format, symmetric=symmetric, lo=-2.0, hi=3.0)
    grid = np.linspace(-8, 8, 20_001, dtype=np.float32)
    given = by_onnxruntime(grid, report.scale, report.zero_point, number_format)
    np.testing.assert_array_equal(np.unique(given), report.levels)
    np.testing.assert_array_equal(x_hat, by_onnxruntime(OUTLIERS, report.scale, report.zero_point, number_format))
    assert (report.lo, report.hi) == (given.min(), given.max())


@pytest.mark.parametrize("number_format", ["int8", "uint4"])
def test_the_staircase_is_what_onnxruntime_does(number_format):
    report, _ = report_of(format=number_format, hi=1.5)
    x, y = report.transfer
    assert (x[0], x[-1]) == (np.float32(report.edges[0]), np.float32(report.edges[-1]))
    np.testing.assert_allclose(
        y, by_onnxruntime(x, report.scale, report.zero_point, number_format), atol=1e-6 * report.scale
    )


def test_beyond_the_limits_the_error_is_more_than_half_a_step():
    report, _ = report_of(format="int4", lo=-1.0, hi=2.0)
    grid = np.linspace(-4, 4, 40_001, dtype=np.float32)
    error = np.abs(by_onnxruntime(grid, report.scale, report.zero_point, "int4") - grid)
    beyond = (grid < report.limits[0]) | (grid > report.limits[1])
    np.testing.assert_array_equal(error > report.scale / 2 * (1 + 1e-4), beyond)


@pytest.mark.parametrize(
    "changes",
    [{}, {"format": "uint8"}, {"symmetric": True, "narrow_range": True}, {"granularity": "channel", "axis": 1},
     {"calibrator": "percentile", "percentile": 97}, {"convention": "pytorch"}, {"format": "int2", "hi": 0.5}],
)  # fmt: skip
def test_metrics_from_their_definitions(changes):
    report, x_hat = report_of(**changes)
    x, error = OUTLIERS.astype(np.float64), x_hat.astype(np.float64) - OUTLIERS
    assert report.metrics["mse"] == pytest.approx((error**2).mean())
    assert report.metrics["sqnr_db"] == pytest.approx(10 * np.log10((x**2).sum() / (error**2).sum()))
    assert report.metrics["max_error"] == pytest.approx(np.abs(error).max())
    assert report.metrics["mean_error"] == pytest.approx(error.mean())
    assert report.error_counts.sum() == OUTLIERS.size
    assert report.counts.sum() == (OUTLIERS.size if report.shown_channel is None else len(OUTLIERS))


def test_clipped_share_by_counting():
    report, x_hat = report_of(format="int5", lo=-1.5, hi=1.0)
    low, high = report.limits
    outside = ~((low <= OUTLIERS) & (high >= OUTLIERS))
    squares = (x_hat - OUTLIERS).astype(np.float64) ** 2
    assert 0.1 < outside.mean() < 0.5
    assert report.clipped_share == pytest.approx(outside.mean())
    assert report.clipping_error_share == pytest.approx(squares[outside].sum() / squares.sum())


def test_the_whole_range_clips_nothing_and_the_shares_say_so():
    report, _ = report_of(format="int8")
    assert (report.clipped_share, report.clipping_error_share) == (0, 0)


def test_levels_and_how_many_values_each_holds():
    report, x_hat = report_of(format="int3")
    for level, count in zip(report.levels, report.level_counts, strict=True):
        assert count == (x_hat == level).sum()


def test_histogram_counts_by_numpy():
    report, _ = report_of()
    expected, edges = np.histogram(OUTLIERS.astype(np.float64), BINS, (float(OUTLIERS.min()), float(OUTLIERS.max())))
    np.testing.assert_allclose(report.edges, edges)
    assert np.abs(report.counts - expected).sum() <= 4  # a value within rounding of an edge


def test_zoomed_histogram_shows_the_bulk():
    report, _ = report_of(zoom=True)
    low, high = np.percentile(OUTLIERS, [0.1, 99.9])
    assert report.edges[0] == pytest.approx(low - 0.2 * (high - low), rel=1e-6)
    inside = (report.edges[0] <= OUTLIERS) & (report.edges[-1] >= OUTLIERS)
    assert report.counts.sum() == inside.sum()
    assert report.span == (OUTLIERS.min(), OUTLIERS.max())


def test_error_histogram_keeps_far_errors_at_its_ends():
    report, x_hat = report_of(format="int4", hi=0.5)
    error = (x_hat - OUTLIERS).ravel()
    assert report.error_edges[0] == pytest.approx(-1.5 * report.scale, rel=1e-6)
    below_second = (error < report.error_edges[1]).sum()
    assert abs(int(report.error_counts[0]) - below_second) <= 2
    assert below_second > 50


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_per_channel_against_onnxruntime(axis):
    report, x_hat = report_of(format="int8", granularity="channel", axis=axis, symmetric=True)
    positive = axis % 2
    scales = np.abs(OUTLIERS).max(axis=1 - positive) / np.float32(127)  # its int8 is -127..127
    expected = by_onnxruntime(OUTLIERS, scales, np.zeros(len(scales), int), "int8", axis=positive)
    np.testing.assert_array_equal(x_hat, expected)
    assert report.scales == report.channels == OUTLIERS.shape[positive]
    assert report.axis == positive
    assert report.shown_channel == scales.argmax()
    assert report.scale == scales.max()
    rows = OUTLIERS if positive == 0 else OUTLIERS.T
    np.testing.assert_array_equal(report.level_counts.sum(), rows[scales.argmax()].size)


def test_channel_ranges_widest_first():
    report, _ = report_of(axis=1)
    lo, hi = OUTLIERS.min(axis=0), OUTLIERS.max(axis=0)
    order = np.argsort(lo - hi)
    np.testing.assert_array_equal(report.channel_lo, lo[order])
    np.testing.assert_array_equal(report.channel_hi, hi[order])
    clip_lo, clip_hi = report.channel_clip
    assert set(clip_lo) == {np.float32(report.lo)}
    assert set(clip_hi) == {np.float32(report.hi)}


def test_many_channels_are_thinned_out():
    values = RNG.normal(size=(300, 3)).astype(np.float32)
    report, _ = report_of(values, granularity="channel", axis=0)
    widths = report.channel_hi - report.channel_lo
    assert (report.channels, widths.size) == (300, 64)
    spread = np.ptp(values, axis=1)
    assert (widths[0], widths[-1]) == (spread.max(), spread.min())
    assert (np.diff(widths) <= 0).all()


def test_dragged_range_replaces_the_calibrated_one():
    report, _ = report_of(format="int8", lo=-0.75, hi=0.5)
    assert report.asked == (-0.75, 0.5)
    assert report.scale == pytest.approx(1.25 / 255)
    assert report_of(format="int8", lo=0.5, hi=-0.75)[0].asked == (-0.75, 0.5)
    one, _ = report_of(format="int8", hi=0.5)
    assert one.asked == (OUTLIERS.min(), 0.5)


def test_dragged_ends_limit_every_channel_and_widen_none():
    values = np.float32([[-1, 10], [-5, 5], [-0.25, 0.125], [6, 7]])
    report, x_hat = report_of(values, format="int8", granularity="channel", lo=-4.0, hi=4.0)
    assert report.asked == (-4, 4)
    limits = [(-1, 4), (-4, 4), (-0.25, 0.125), (0, 4)]
    for row, given, (lo, hi) in zip(values, x_hat, limits, strict=True):
        step = np.float32(hi - lo) / np.float32(255)
        np.testing.assert_allclose(given, np.clip(row, lo, hi), atol=1.01 * step)
    np.testing.assert_allclose(x_hat[2], values[2], atol=0.375 / 255)


def test_one_dragged_end_leaves_the_other_end_of_every_channel():
    values = np.float32([[-1, 10], [-5, 5]])
    report, x_hat = report_of(values, format="int8", granularity="channel", hi=9.0)
    assert report.asked == (-5, 9)
    np.testing.assert_allclose(x_hat[1], values[1], atol=10 / 255)


def test_zero_point_by_hand_shifts_what_is_covered():
    free, _ = report_of(format="int8", symmetric=False)
    moved, _ = report_of(format="int8", symmetric=False, zero_point=free.zero_point + 5)
    assert moved.scale == free.scale
    assert moved.lo == pytest.approx(free.lo - 5 * free.scale, rel=1e-5)


def test_a_symmetric_scheme_ignores_a_zero_point():
    assert report_of(symmetric=True, zero_point=2)[0].zero_point == 0


@pytest.mark.parametrize("number_format", ["int2", "int3", "uint6", "int8"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_sizes_as_stored(number_format, symmetric):
    report, _ = report_of(format=number_format, symmetric=symmetric, granularity="channel", axis=0)
    bits = int(number_format[-1])
    points = 0 if symmetric and not number_format.startswith("u") else -(-40 * bits // 8)
    assert report.bytes_after == -(-1000 * bits // 8) + 40 * 4 + points
    assert report.bytes_before == 4000
    assert report.bits_per_weight == 8 * report.bytes_after / 1000


def test_a_subject_is_let_go_with_all_that_was_worked_out():
    looked_at = subject(OUTLIERS.copy())
    picture_of(looked_at, Settings(granularity="channel", calibrator="percentile", zoom=True))
    values = weakref.ref(looked_at.values)
    del looked_at
    gc.collect()
    assert values() is None


def test_what_does_not_depend_on_the_settings_is_worked_out_once(monkeypatch):
    looked_at = subject()
    before = picture_of(looked_at, Settings(calibrator="percentile"))[0]
    monkeypatch.setattr(np, "percentile", None)
    after = picture_of(looked_at, Settings(calibrator="percentile", lo=-0.5))[0]
    assert after.counts is before.counts
    assert after.asked == (-0.5, before.asked[1])


def test_the_opening_view_is_the_gallerys():
    model = gallery.open_model(Settings().model)
    report, x_hat = picture_of(subject_of(model, Settings().tensor), Settings())
    assert report.shape == x_hat.shape == (128, 512)
    assert len(report.levels) == 8


def test_a_tensor_too_large_to_be_drawn_is_refused_before_it_is_read(monkeypatch):
    def read():
        pytest.fail("it was read")

    large = Tensor("large", "float32", (1001,), 4004, read)
    small = Tensor.of("small", np.arange(3, dtype=np.float32))
    model = Model("npz", "m.npz", {"large": large, "small": small})
    monkeypatch.setattr("playground.tensor_view.subject.MOST_SHOWN_VALUES", 1000)
    assert largest_tensor(model) == "small"
    with pytest.raises(InvalidInputError, match="tensor 'large' has 1001 values"):
        subject_of(model, "large")
