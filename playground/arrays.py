"""The one place that says which arrays the numerics accept, and turns them into what they work on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.errors import InvalidInputError

Float32 = NDArray[np.float32]


_CHUNK = 1 << 15


def reduced_rows(function: np.ufunc, rows: NDArray[Any]) -> NDArray[Any]:
    """``function.reduce(rows, axis=1)``, several times faster where rows are short.

    NumPy starts anew for each row; on a transposed copy of a chunk it works on many rows at once.
    """
    count, width = rows.shape
    if not 1 < width <= _CHUNK // 16:
        return np.asarray(function.reduce(rows, axis=1))
    out, step = np.empty(count, rows.dtype), _CHUNK // width
    for start in range(0, count, step):
        function.reduce(np.ascontiguousarray(rows[start : start + step].T), axis=0, out=out[start : start + step])
    return out


def as_float32(x: ArrayLike, where: str = "x") -> Float32:
    """Any array of real numbers as C-contiguous native float32, its shape kept; no copy when it is that already.

    Raises:
        InvalidInputError: not real numbers (bool, complex, text, objects, ragged lists).
    """
    try:
        array: NDArray[Any] = np.asarray(x)
    except ValueError as error:
        raise InvalidInputError(
            "the nested lists do not form an array", where=where, hint="Give rows of one length"
        ) from error
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"values of type {array.dtype} are not real numbers", where=where, hint="Give integers or floats"
        )
    with np.errstate(over="ignore"):  # too large a float64 becomes infinite and is reported as such
        return np.asarray(array, dtype=np.float32, order="C")


def require_finite(x: Float32, where: str = "x") -> Float32:
    """Return ``x`` if all its values are finite.

    Raises:
        InvalidInputError: it holds NaN or infinity; says how many, and where the first one is.
    """
    # A sum carries NaN and infinity along: one pass, without a mask of x's size. It may overflow by itself.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(x.sum()):
            return x
    bad = np.flatnonzero(~np.isfinite(x))
    if not bad.size:
        return x
    place = ", ".join(str(int(i)) for i in np.unravel_index(int(bad[0]), x.shape))
    raise InvalidInputError(
        f"{bad.size} of {x.size} values are NaN or infinite in float32, the first at [{place}]",
        where=where,
        hint="Replace these values, or leave the tensor in float",
    )


def require_values(x: Float32, where: str = "x") -> Float32:
    """Return ``x`` if it has at least one value and all are finite.

    Raises:
        InvalidInputError: it has no elements, or holds NaN or infinity.
    """
    if x.size == 0:
        raise InvalidInputError(
            f"an array of shape {x.shape} has no values", where=where, hint="Give at least one value"
        )
    return require_finite(x, where)
