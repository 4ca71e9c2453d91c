"""Ranges, parameters, explicit zero-points and what cannot be computed from them."""

from typing import Any

import numpy as np
import pytest

from playground import QParams, Range, Scheme, choose_qparams
from playground.errors import InvalidInputError
from playground.quantization import clip_limits, levels


@pytest.mark.parametrize(
    ("lo", "hi", "message"),
    [
        (1, -1, r"^range: the lower bound lies above the upper bound\. Swap them$"),
        (np.nan, 1, r"^range\.lo: 1 of 1 values are NaN"),
        (0, np.inf, r"^range\.hi: 1 of 1 values are NaN"),
        ([0, 0], [1], r"^range: lo has shape \(2,\) but hi has shape \(1,\)"),
        (0, "one", r"^range\.hi: values of type .* are not real numbers"),
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


def test_a_symmetric_scale_covers_the_larger_side() -> None:
    for lo, hi in [(-3.0, 1.0), (-1.0, 3.0), (2.0, 3.0), (-3.0, -2.0)]:
        assert choose_qparams(Range(lo, hi), Scheme("int8")).scale == np.float32(3 / 127)
