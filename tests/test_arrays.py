"""Which arrays are accepted, and how the others are refused."""

from typing import Any

import numpy as np
import pytest

from playground.arrays import as_float32, require_finite, require_values
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
    with pytest.raises(InvalidInputError, match=r"^weights: (values of type .* are not real numbers|the nested lists)"):
        as_float32(x, "weights")


def test_values_that_are_not_finite_are_counted_and_located() -> None:
    x = np.zeros((3, 4), np.float32)
    x[1, 2], x[2, 0] = np.nan, -np.inf
    with pytest.raises(
        InvalidInputError, match=r"^w: 2 of 12 values are NaN or infinite .* the first at \[1, 2\]\. Rep"
    ):
        require_finite(x, "w")
    with pytest.raises(InvalidInputError, match=r"1 of 1 values .* the first at \[\]"):
        require_finite(as_float32(1e39))  # fits float64 only
    assert require_finite(x[:1]) is not None


def test_an_array_without_values_is_finite_but_not_usable() -> None:
    empty = np.zeros((2, 0), np.float32)
    assert require_finite(empty) is empty
    with pytest.raises(InvalidInputError, match=r"an array of shape \(2, 0\) has no values"):
        require_values(empty)
