"""Ranges, parameters, explicit zero-points and what cannot be computed from them."""

from typing import Any

import numpy as np
import pytest

from playground import QParams, Range, Scheme, choose_qparams, quantize
from playground.errors import InvalidInputError
from playground.quantization import clip_limits, encode, levels


@pytest.mark.parametrize(
    ("lo", "hi", "message"),
    [
        (1, -1, r"^range: the lower bound lies above the upper bound\. Swap them$"),
        (np.nan, 1, r"^range\.lo: 1 of 1 values are NaN"),
        (0, np.inf, r"^range\.hi: 1 of 1 values are NaN"),
        ([0, 0], [1], r"^range: lo has shape \(2,\) but hi has shape \(1,\)"),
        (0, "one", r"^range\.hi: the text 'one' is not an array of real numbers"),
    ],
)
def test_bad_ranges_are_refused(lo: Any, hi: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Range(lo, hi)


def test_a_number_holds_for_every_channel_and_arrays_have_to_fit() -> None:
    scheme = Scheme(granularity="channel", axis=1)
    spread = Range(-1, 2).for_shape((4, 3), scheme)
    assert (spread.lo.tolist(), spread.hi.tolist()) == ([[-1, -1, -1]], [[2, 2, 2]])
    own = Range(np.array([[-1.0, -2, -3]]), np.array([[1.0, 2, 3]]))
    assert own.for_shape((4, 3), scheme).hi.tolist() == [[1, 2, 3]]
    with pytest.raises(
        InvalidInputError, match=r"range: a range of shape \(1, 3\) does not fit a tensor of shape \(4, 5\)"
    ):
        own.for_shape((4, 5), scheme)


@pytest.mark.parametrize(
    ("scale", "zero_point", "message"),
    [
        (0.0, 0, "^scale: 0.0 is not a valid scale"),
        (-0.5, 0, "^scale: -0.5 is not a valid scale"),
        (1e-40, 0, "^scale: .* is not a valid scale. Use a positive number of at least 1.18e-38"),
        (np.nan, 0, "^scale: 1 of 1 values are NaN"),
        (1.0, "5", "^zero_point: values of type <U1 are not zero-points"),
        (1.0, np.inf, "^zero_point: 1 of 1 values are NaN or infinite"),
        ([1.0, 2.0], 0, r"^zero_point: shape \(\) is not the shape of the scales, \(2,\)"),
    ],
)
def test_bad_parameters_are_refused(scale: Any, zero_point: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        QParams(scale, zero_point)


def test_types_of_the_parameters() -> None:
    qparams = choose_qparams(Range(np.zeros((3, 1)), np.ones((3, 1))), Scheme("uint8", "channel", 0, symmetric=False))
    assert (qparams.scale.dtype, qparams.zero_point.dtype) == (np.float32, np.int32)
    assert qparams.scale.shape == qparams.zero_point.shape == (3, 1)


def test_a_given_zero_point_shifts_what_is_covered_and_keeps_the_scale() -> None:
    scheme = Scheme("uint8", symmetric=False)
    chosen = choose_qparams(Range(-1, 1), scheme)
    shifted = choose_qparams(Range(-1, 1), scheme, zero_point=28)
    assert shifted.scale == chosen.scale
    assert (chosen.zero_point, shifted.zero_point) == (128, 28)
    moved_by = levels(shifted, scheme) - levels(chosen, scheme)
    np.testing.assert_allclose(moved_by, 100 * chosen.scale, rtol=1e-5)


def test_a_zero_point_has_to_be_a_code_and_to_agree_with_symmetry() -> None:
    for scheme, bad in [
        (Scheme("uint8", symmetric=False), 256),
        (Scheme("uint8", symmetric=False), -1),
        (Scheme("int4", symmetric=False, narrow_range=True), -8),
    ]:
        with pytest.raises(InvalidInputError, match=rf"^zero_point: {bad} is not a valid u?int\d zero-point\. Use "):
            choose_qparams(Range(-1, 1), scheme, zero_point=bad)
    with pytest.raises(InvalidInputError, match=r"^zero_point: a symmetric scheme cannot have the zero-point 3"):
        choose_qparams(Range(-1, 1), Scheme("int8"), zero_point=3)
    assert choose_qparams(Range(-1, 1), Scheme("int8"), zero_point=0).zero_point == 0


def test_levels_and_clip_limits_by_hand() -> None:
    scheme = Scheme("int3", symmetric=False)
    qparams = QParams(np.float32(0.5), -1)
    assert levels(qparams, scheme).tolist() == [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0]
    limits = clip_limits(qparams, scheme)
    assert (limits.lo.item(), limits.hi.item()) == (-1.75, 2.25)
    cast = clip_limits(qparams, Scheme("int3", symmetric=False, rounding="toward_zero"))
    assert (cast.lo.item(), cast.hi.item()) == (-2.0, 2.5)


def test_levels_of_every_channel() -> None:
    qparams = QParams(np.array([[1.0], [2.0]], np.float32), np.array([[0], [1]]))
    assert levels(qparams, Scheme("uint2", "channel", 0, symmetric=False)).tolist() == [[[0, 1, 2, 3]], [[-2, 0, 2, 4]]]


@pytest.mark.parametrize("name", ["nf4", "bnb_fp4", "fp8_e4m3", "fp4_e2m1", "fp6_e3m2"])
def test_clip_limits_reach_half_a_gap_beyond_the_outermost_levels(name: str) -> None:
    """At either end the gap to the neighbour there, which need not be the same."""
    scheme = Scheme(name, symmetric=False, zero_in_range=False)
    qparams = QParams(np.float32(0.5), 0, np.float32(3))
    row, limits = levels(qparams, scheme), clip_limits(qparams, scheme)
    assert limits.lo.item() == pytest.approx(row[0] - (row[1] - row[0]) / 2, rel=1e-6)
    assert limits.hi.item() == pytest.approx(row[-1] + (row[-1] - row[-2]) / 2, rel=1e-6)
    cast = clip_limits(qparams, Scheme(name, symmetric=False, zero_in_range=False, rounding="toward_zero"))
    assert cast.lo.item() == pytest.approx(row[0] - (row[1] - row[0]), rel=1e-6)


def test_clip_limits_of_a_codebook_of_their_own() -> None:
    """Both ends, whose gaps differ, for every scale."""
    x = np.float32([[-8, -1, 0, 1], [0, 1, 2, 100]])
    q = quantize(x, Scheme("kmeans2", "token"))
    assert q.qparams.codebook is not None
    book, limits = q.qparams.codebook, clip_limits(q.qparams, q.scheme)
    np.testing.assert_allclose(limits.lo, 1.5 * book[..., 0] - 0.5 * book[..., 1], rtol=1e-6)
    np.testing.assert_allclose(limits.hi, 1.5 * book[..., -1] - 0.5 * book[..., -2], rtol=1e-6)


@pytest.mark.parametrize("lo", [1e6, -1e6])
def test_a_zero_point_beyond_int32_is_its_end(lo: float) -> None:
    """A range far from zero and so narrow that zero is more than 2^31 steps away."""
    scheme = Scheme("uint8", symmetric=False, zero_in_range=False)
    hi = np.nextafter(np.float32(lo), np.float32(np.inf))
    assert abs(lo) / ((float(hi) - lo) / 255) > 2**31
    point = choose_qparams(Range(lo, hi), scheme).zero_point.item()
    limits = np.iinfo(np.int32)
    assert point == (limits.min if lo > 0 else np.float32(limits.max - 127))
    codes = encode(np.float32([lo, 0, hi]), choose_qparams(Range(lo, hi), scheme), scheme)
    assert set(codes.tolist()) <= set(range(256))


@pytest.mark.parametrize("steps", [2**31 - 1000, 2**31 + 1000])
def test_zero_points_around_the_end_of_int32(steps: int) -> None:
    scheme = Scheme("uint8", symmetric=False, zero_in_range=False)
    qparams = choose_qparams(Range(float(steps), steps + 255.0), scheme)
    exact = -round(steps / float(qparams.scale))
    assert qparams.zero_point.item() == pytest.approx(max(exact, -(2**31)), abs=256)


def test_scales_of_blocks_go_through_both_formats_of_the_convention() -> None:
    """TFLite: XNNPACK reads bfloat16, the file holds float16. Rounded twice, a scale is not the nearest float16."""
    absmax = np.linspace(1e-5, 2, 4001, dtype=np.float32)
    scheme = Scheme("int4", "block", -1, 1, convention="tflite")
    found = choose_qparams(Range(-absmax, absmax), scheme).scale_values
    exact = choose_qparams(Range(-absmax, absmax), Scheme("int4", "tensor", convention="tflite")).scale_values
    bits = exact.view(np.uint32).astype(np.uint64)
    brain = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(found, brain.astype(np.float16).astype(np.float32))
    assert (found != exact.astype(np.float16)).mean() > 0.5


def test_a_symmetric_scale_covers_the_larger_side() -> None:
    for lo, hi in [(-3.0, 1.0), (-1.0, 3.0), (2.0, 3.0), (-3.0, -2.0)]:
        assert choose_qparams(Range(lo, hi), Scheme("int8")).scale == np.float32(3 / 127)
