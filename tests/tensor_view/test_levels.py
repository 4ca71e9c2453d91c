"""The scale that is drawn, for every number format, against the tensor it was taken from."""

import numpy as np
import pytest

import playground
from playground import Scheme, quantize
from playground.tensor_view.levels import MOST_LEVELS, places_of, scale_levels, transfer

FORMATS = [name for name in playground.formats() if name != "e8m0"]
X = (np.random.default_rng(3).normal(0.1, 1, (6, 96)) * np.array([[1], [2], [9], [1], [1], [3]])).astype(np.float32)


def scheme_of(name: str) -> Scheme:
    return Scheme(name) if playground.formats()[name].family == "block" else Scheme(name, "token")


@pytest.mark.parametrize("name", FORMATS)
def test_the_drawn_levels_hold_exactly_the_values_of_that_scale(name: str) -> None:
    q = quantize(X, scheme_of(name))
    drawn = scale_levels(q)
    values = q.scheme.grouping.members(q.dequantize(), drawn.number)
    assert drawn.lo <= values.min() <= values.max() <= drawn.hi
    if not drawn.levels.size:
        assert playground.formats()[name].bits > 8
        return
    assert (np.diff(drawn.levels) >= 0).all()
    assert drawn.levels.size == drawn.level_count <= MOST_LEVELS
    expected = [int((np.abs(values - level) <= 1e-6 * abs(level) + 1e-12).sum()) for level in drawn.levels]
    assert drawn.counts.tolist() == expected
    assert drawn.counts.sum() == values.size
    assert (drawn.levels[0], drawn.levels[-1]) == (drawn.lo, drawn.hi)


@pytest.mark.parametrize("name", [n for n in FORMATS if not Scheme(n).procedure])
def test_the_staircase_gives_what_the_tensor_got(name: str) -> None:
    """Away from ties: GGUF's blocks are left out, since their codes are made with scales that are stored rounded."""
    q = quantize(X, scheme_of(name))
    drawn = scale_levels(q)
    given = q.scheme.grouping.members(X, drawn.number)
    made = q.scheme.grouping.members(q.dequantize(), drawn.number)
    stairs = transfer(drawn, given, q.scheme)
    tolerance = 1e-5 * np.abs(made) + 1e-7
    assert (np.abs(stairs - made) <= tolerance).mean() > 0.99
    if drawn.levels.size:
        np.testing.assert_array_equal(drawn.levels[places_of(drawn, given, q.scheme)], stairs)


def test_it_is_the_scale_that_reaches_farthest() -> None:
    assert scale_levels(quantize(X, Scheme("int8", "token"))).number == 2
    assert scale_levels(quantize(X, Scheme("kmeans2", "token"))).number == 2
    turned = quantize(np.array([[8.0, 1, -3] + [0] * 29]), Scheme("q4_0"))  # its scale is negative
    drawn = scale_levels(turned)
    assert drawn.scale == -1.0
    assert (drawn.lo, drawn.hi) == (-7.0, 8.0)
    assert drawn.codes.tolist() == list(range(7, -9, -1))
    assert drawn.counts[[15, 8, 4]].tolist() == [1, 1, 1]


def test_by_hand() -> None:
    drawn = scale_levels(quantize([0.0, 1.0, 3.0, 3.0], Scheme("uint2", symmetric=False)))
    assert drawn.levels.tolist() == [0, 1, 2, 3]
    assert drawn.counts.tolist() == [1, 1, 0, 2]
    assert (drawn.step, drawn.level_count, drawn.code_range, drawn.zero_point) == (1.0, 4, (0, 3), 0)
    offset = scale_levels(
        quantize([5.0, 6.0, 8.0], Scheme("uint2", symmetric=False, zero_point_type="offset", zero_in_range=False))
    )
    assert (offset.levels.tolist(), offset.offset) == ([5, 6, 7, 8], 5.0)
