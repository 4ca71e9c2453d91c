"""Checks the arrays that the numerics accept, and converts them to float32."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.errors import InvalidInputError, shown

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


def as_array(x: Any, where: str = "x") -> NDArray[Any]:
    """Anything that holds numbers as an array of NumPy: lists, ``__array__``, DLPack, tensors of other packages.

    A tensor that gradients flow through is cut off from them, one on another device is copied, and element types that
    NumPy has not (bfloat16 of PyTorch) become float32.

    Raises:
        InvalidInputError: the lists are ragged, or the object gives no array.
    """
    try:
        return _array_of(_lent(x))
    except ValueError as error:
        raise InvalidInputError(
            "the nested lists do not form an array", where=where, hint="Give rows of one length"
        ) from error
    except (TypeError, RuntimeError, BufferError) as error:
        raise InvalidInputError(
            f"a value of type {type(x).__name__} gives no array", where=where, hint="Give numpy.asarray(...) of it"
        ) from error


def _lent(x: Any) -> Any:
    """A tensor of another package cut off from its gradients and in the main memory, also those in a list."""
    if isinstance(x, list | tuple) and x and callable(getattr(type(x[0]), "detach", None)):
        return [_array_of(_lent(each)) for each in x]
    for prepare in ("detach", "cpu"):
        if not isinstance(x, np.ndarray) and callable(getattr(type(x), prepare, None)):
            x = getattr(x, prepare)()
    return x


def _array_of(x: Any) -> NDArray[Any]:
    if not hasattr(x, "__array__") and hasattr(x, "__dlpack__"):
        return np.from_dlpack(x)
    try:
        return np.asarray(x)
    except TypeError:
        if not callable(getattr(x, "float", None)):
            raise
        return np.asarray(x.float())


def as_float32(x: ArrayLike, where: str = "x") -> Float32:
    """Any array of real numbers as C-contiguous native float32, its shape kept; no copy when it is that already.

    Raises:
        InvalidInputError: not real numbers (bool, complex, text, objects, ragged lists), a path or a model.
    """
    if isinstance(x, str | Path | Mapping) or hasattr(type(x), "state_dict"):
        raise _no_array(x, where)
    array = as_array(x, where)
    if array.dtype.kind == "V" and _NARROW.fullmatch(array.dtype.name):
        array = array.astype(np.float32)
    if array.dtype == object and not array.ndim and not isinstance(x, int):
        hint = (
            "Give a list: list(x)"
            if isinstance(x, Iterator | AbstractSet)
            else "Give integers or floats, as in numpy.array([0.5, -1.0])"
        )
        raise InvalidInputError(f"a value of type {type(x).__name__} is not an array", where=where, hint=hint)
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"values of type {array.dtype} are not real numbers",
            where=where,
            hint="Give integers or floats, as in numpy.array([0.5, -1.0])",
        )
    with np.errstate(over="ignore"):  # too large a float64 becomes infinite and is reported as such
        return np.asarray(array, dtype=np.float32, order="C")


_NARROW = re.compile(r"(bfloat|float|u?int)\d+(_\w+)?")
"""Types that NumPy has from the package ml_dtypes, as arrays of JAX have them."""


def _no_array(x: Any, where: str) -> InvalidInputError:
    """The error for names of files, and for models and other mappings, in the place of an array."""
    if hasattr(type(x), "state_dict"):
        what = f"a value of type {type(x).__name__} is not an array"
        return InvalidInputError(what, where=where, hint="Give one of its tensors: model.state_dict()['weight']")
    if isinstance(x, Mapping):
        what = f"a value of type {type(x).__name__} is not an array"
        hint = "Give one of its arrays: model['fc1.weight']. Whole models are for quantize_model and run"
    else:
        what = f"the text {shown(str(x))} is not an array of real numbers"
        hint = "Give integers or floats: numpy.load('x.npy') reads an array, load('model.onnx') a model"
    return InvalidInputError(what, where=where, hint=hint)


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
    first = f", the first at [{place}]" if place else ""
    raise InvalidInputError(
        f"{bad.size} of {x.size} values are NaN or infinite in float32{first}",
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


def why_outside(
    size: Sequence[int], shape: Sequence[int], along: Sequence[tuple[int, int]], start: Sequence[int]
) -> str | None:
    """Why :func:`strided_view` refuses such a view of an array whose shape is ``size``, or None if it does not."""
    if min(shape, default=0) < 0:
        return f"the view's shape {tuple(shape)} has a negative size"
    if 0 in shape:
        return None
    lowest, highest = list(start), list(start)
    for count, (axis, step) in zip(shape, along, strict=True):
        if axis >= 0:
            lowest[axis] += min(0, (count - 1) * step)
            highest[axis] += max(0, (count - 1) * step)
    for axis, (low, high, places) in enumerate(zip(lowest, highest, size, strict=True)):
        if low < 0 or high >= places:
            return f"the view goes from place {low} to {high} along axis {axis}, which has {places}"
    return None


def strided_view(
    x: NDArray[Any], shape: Sequence[int], along: Sequence[tuple[int, int]], start: Sequence[int]
) -> NDArray[Any]:
    """Elements of ``x`` at regular places, as a read-only view: slices, other orders of axes, repeated elements.

    Args:
        x: any array.
        shape: of the view.
        along: for every axis of the view the axis of ``x`` that it runs along, or -1 if it repeats one element, and how
            many elements it goes on from one place to the next.
        start: the element that the view begins with, one index for every axis of ``x``.

    Raises:
        InvalidInputError: a place of the view lies outside ``x``.
    """
    wrong = why_outside(x.shape, shape, along, start)
    if wrong is not None:
        raise InvalidInputError(wrong, where="view", hint="Use starts, sizes and steps that stay inside")
    if 0 in shape:
        return np.empty(shape, x.dtype)
    corner = x[tuple(slice(n, None) for n in start)]
    strides = [0 if axis < 0 else x.strides[axis] * step for axis, step in along]
    return np.lib.stride_tricks.as_strided(corner, shape, strides, writeable=False)
