"""Which arrays are accepted, and how the others are refused."""

from typing import Any

import numpy as np
import pytest

from playground.arrays import as_float32, require_finite, require_values, strided_view, why_outside
from playground.errors import InvalidInputError


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.arange(6, dtype=np.float16).reshape(2, 3),
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2] / 2,
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.arange(5, -1, -1, dtype=np.float32)[::-1].reshape(2, 3),
        [[0, 1, 2], [3.0, 4, 5]],
    ],
    ids=["big-endian", "float64", "float16", "int64", "uint8", "strided", "fortran", "reversed", "lists"],
)
def test_any_real_array_becomes_contiguous_native_float32(x: Any) -> None:
    converted = as_float32(x)
    assert converted.dtype == np.dtype("=f4")
    assert converted.flags.c_contiguous
    assert converted.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_shape_is_kept_and_nothing_is_copied_without_need() -> None:
    x = np.zeros((2, 3), np.float32)
    assert as_float32(x) is x
    assert as_float32(3).shape == ()
    assert as_float32(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("x", [True, [1j], ["1.5"], None, [None], [[1, 2], [3]], np.zeros(2, "V4"), {"a": 1}])
def test_what_is_no_array_of_real_numbers_is_refused(x: Any) -> None:
    with pytest.raises(
        InvalidInputError,
        match=r"^weights: (values of type .* are not real numbers|the nested lists|a value of type (dict|NoneType))",
    ):
        as_float32(x, "weights")


def test_values_that_are_not_finite_are_counted_and_located() -> None:
    x = np.zeros((3, 4), np.float32)
    x[1, 2], x[2, 0] = np.nan, -np.inf
    with pytest.raises(
        InvalidInputError, match=r"^w: 2 of 12 values are NaN or infinite .* the first at \[1, 2\]\. Rep"
    ):
        require_finite(x, "w")
    with pytest.raises(InvalidInputError, match=r"1 of 1 values are NaN or infinite in float32\. Replace"):
        require_finite(as_float32(1e39))  # fits float64 only
    assert require_finite(x[:1]) is not None


def test_an_array_without_values_is_finite_but_not_usable() -> None:
    empty = np.zeros((2, 0), np.float32)
    assert require_finite(empty) is empty
    with pytest.raises(InvalidInputError, match=r"an array of shape \(2, 0\) has no values"):
        require_values(empty)


@pytest.mark.parametrize(
    ("shape", "along", "start", "view"),
    [
        ((3, 4), [(0, 1), (1, 1)], (0, 0), lambda x: x),
        ((4, 3), [(1, 1), (0, 1)], (0, 0), lambda x: x.T),
        ((2, 2), [(0, 2), (1, -3)], (0, 3), lambda x: x[::2, ::-3]),
        ((5, 2), [(-1, 1), (1, 1)], (2, 1), lambda x: np.broadcast_to(x[2, 1:3], (5, 2))),
        ((3,), [(0, 1)], (0, 3), lambda x: x[:, 3]),
        ((2, 2), [(0, 1), (0, 1)], (0, 1), lambda x: np.array([[x[0, 1], x[1, 1]], [x[1, 1], x[2, 1]]])),
        ((0, 4), [(0, 100), (1, 1)], (0, 0), lambda x: x[:0]),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_views_are_numpys(shape, along, start, view, turned):
    x = np.arange(12).reshape(3, 4)
    x = np.asfortranarray(x) if turned else x
    found = strided_view(x, shape, along, start)
    np.testing.assert_array_equal(found, view(x))
    assert found.size == 0 or (np.shares_memory(found, x) and not found.flags.writeable)


@pytest.mark.parametrize(
    ("shape", "along", "start", "told"),
    [
        ((4, 4), [(0, 1), (1, 1)], (0, 0), "from place 0 to 3 along axis 0, which has 3"),
        ((2, 4), [(0, 1), (1, 1)], (2, 0), "from place 2 to 3 along axis 0"),
        ((2, 4), [(0, -1), (1, 1)], (0, 0), "from place -1 to 0 along axis 0"),
        ((2, 2), [(0, 1), (1, 3)], (0, 1), "from place 1 to 4 along axis 1"),
        ((3, 2), [(0, 1), (0, 1)], (0, 0), "from place 0 to 3 along axis 0"),
        ((1,), [(-1, 1)], (3, 0), "from place 3 to 3 along axis 0"),
        ((1,), [(-1, 1)], (0, -1), "from place -1 to -1 along axis 1"),
        ((2**40,), [(1, 2**40)], (0, 0), "along axis 1"),
        ((-1, 4), [(0, 1), (1, 1)], (0, 0), "negative size"),
    ],
)
def test_views_beyond_an_array_are_refused(shape, along, start, told):
    x = np.arange(12).reshape(3, 4)
    assert told in why_outside(x.shape, shape, along, start)
    with pytest.raises(InvalidInputError, match=told):
        strided_view(x, shape, along, start)
