"""Checks the arrays that the numerics accept, and converts them to float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, NDArray

from playground.calls import BadUseError
from playground.equality import Equality, compared
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


class _Shaped(Protocol):
    """What has a shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        ...


class RealValues(NDArrayOperatorsMixin):
    """Arithmetic and comparisons for what ``numpy.asarray`` makes an array of: what comes of them is an array.

    Such a value cannot be changed, nor indexed: each time all of it would have to be decoded, or read from a file.
    """

    __slots__ = ()

    _ARRAY = "numpy.asarray(x)"
    """The expression that gives the array."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """A function of NumPy on the real values (InvalidInputError for what it does not take)."""
        if any(isinstance(out, RealValues) for out in kwargs.get("out", ())):
            raise InvalidInputError(
                "the values cannot be changed", where=type(self).__name__, hint=f"Change those of {self._ARRAY}"
            )
        arrays = [np.asarray(each) if isinstance(each, RealValues) else each for each in inputs]
        try:
            return getattr(ufunc, method)(*arrays, **kwargs)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{ufunc.__name__} of NumPy cannot take these values ({error})",
                where=type(self).__name__,
                hint="Give a number, or an array whose shape fits",
            ) from error

    def __eq__(self, other: object) -> Any:
        """Where the real values are equal, as of arrays (InvalidInputError for a shape that does not fit)."""
        return compared(np.asarray(self), other, type(self).__name__)

    def __ne__(self, other: object) -> Any:
        """Where the real values differ, as of arrays (InvalidInputError for a shape that does not fit)."""
        return (~compared(np.asarray(self), other, type(self).__name__)).view(Equality)

    def __hash__(self) -> int:
        """As of objects that are equal to themselves alone."""
        return object.__hash__(self)

    def __bool__(self) -> bool:
        """True, as of all objects, whatever the values are."""
        return True

    def __len__(self: _Shaped) -> int:
        """Size of the first axis (InvalidInputError for a scalar)."""
        if not self.shape:
            raise BadUseError("a scalar has no length", where=type(self).__name__, hint="Use float(x)")
        return self.shape[0]

    def __float__(self) -> float:
        """The value, if there is only one (InvalidInputError)."""
        array = np.asarray(self)
        if array.size != 1:
            raise BadUseError(
                f"{array.size} values are not one number", where=type(self).__name__, hint=f"Use {self._ARRAY}"
            )
        return float(array.item())

    def __int__(self) -> int:
        """The value without its fraction, if there is only one (InvalidInputError)."""
        return int(float(self))

    def __round__(self, digits: int | None = None) -> NDArray[Any]:
        """The real values with so many digits behind the point."""
        return np.round(np.asarray(self), digits or 0)

    def __dlpack__(self, **options: Any) -> Any:
        """The real values for other packages' ``from_dlpack``, and for ``torch.tensor``."""
        array = np.asarray(self)
        return (array if array.flags.writeable else array.copy()).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[Any, int]:
        """Where they are: in the main memory."""
        return np.empty(0).__dlpack_device__()

    def __format__(self, spec: str) -> str:
        """The one value as ``spec`` says, or the text without one (InvalidInputError)."""
        return format(float(self), spec) if spec else str(self)

    def __getitem__(self, _: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_indexed("indexed", "[0]")

    def __setitem__(self, _: Any, __: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_changed()

    def __delitem__(self, _: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_changed()

    def __bytes__(self) -> bytes:
        """Raise BadUseError: the bytes of which type is not said."""
        raise self._not_indexed("made into bytes", ".tobytes()")

    def __contains__(self, _: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_indexed("searched", "")

    def __iter__(self) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_indexed("iterated over", "")

    def _not_changed(self) -> BadUseError:
        hint = f"Change an array: a = {self._ARRAY}.copy(), then a[0] = 1"
        return BadUseError("the values cannot be changed", where=type(self).__name__, hint=hint)

    def _not_indexed(self, word: str, index: str) -> BadUseError:
        return BadUseError(
            f"a value of type {type(self).__name__} cannot be {word}",
            where=type(self).__name__,
            hint=f"Use {self._ARRAY}{index}",
        )


def as_array(x: Any, where: str = "x") -> NDArray[Any]:
    """Anything that holds numbers as an array of NumPy: lists, ``__array__``, DLPack, tensors of other packages.

    A tensor that gradients flow through is cut off from them, one on another device is copied, and element types that
    NumPy has not (bfloat16 of PyTorch) become float32.

    Raises:
        InvalidInputError: the lists are ragged, or the object gives no array.
    """
    for prepare in ("detach", "cpu"):
        if not isinstance(x, np.ndarray) and callable(getattr(type(x), prepare, None)):
            x = getattr(x, prepare)()
    try:
        return _array_of(x)
    except ValueError as error:
        raise InvalidInputError(
            "the nested lists do not form an array", where=where, hint="Give rows of one length"
        ) from error
    except (TypeError, RuntimeError, BufferError) as error:
        raise InvalidInputError(
            f"a value of type {type(x).__name__} gives no array", where=where, hint="Give numpy.asarray(...) of it"
        ) from error


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
    if isinstance(x, str | Path | Mapping):
        raise _no_array(x, where)
    array = as_array(x, where)
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"values of type {array.dtype} are not real numbers",
            where=where,
            hint="Give integers or floats, as in numpy.array([0.5, -1.0])",
        )
    with np.errstate(over="ignore"):  # too large a float64 becomes infinite and is reported as such
        return np.asarray(array, dtype=np.float32, order="C")


def _no_array(x: str | Path | Mapping[Any, Any], where: str) -> InvalidInputError:
    """The error for names of files, and for models and other mappings, in the place of an array."""
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
