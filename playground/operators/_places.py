"""Places along axes, and single numbers, that are given as inputs: held against what there is before they are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.element_types import BY_ONNX
from playground.programs.call import Array


def places(given: Array, size: int) -> Array:
    """Indices counted from the first of ``size`` places, int64; negative ones count from the end.

    Raises:
        InvalidInputError: one is outside, or they are no integers.
    """
    if given.dtype.kind not in "iu":
        raise InvalidInputError(f"indices of type {given.dtype} are no integers", hint="Use int64")
    if given.size and (given.min() < -size or given.max() >= size):
        raise InvalidInputError(
            f"indices from {given.min()} to {given.max()} are outside of {size} places",
            hint=f"Use indices from {-size} to {size - 1}",
        )
    found = given.astype(np.int64)
    return np.where(found < 0, found + size, found)


def number_of(given: Array, what: str) -> int:
    """A single whole number. Raises InvalidInputError if the input holds none, or several."""
    if given.size != 1 or given.dtype.kind not in "iu":
        raise InvalidInputError(
            f"a value of shape {list(given.shape)} and type {given.dtype} is not a valid {what}",
            hint="Give one whole number",
        )
    return int(given.reshape(()))


def sizes_of(given: Array, count: int) -> list[int]:
    """Sizes of ``count`` axes. Raises InvalidInputError if there are more or fewer, or one is negative."""
    sizes = [int(n) for n in given.reshape(-1)]
    if len(sizes) != count or min(sizes, default=0) < 0:
        raise InvalidInputError(
            f"{sizes!r:.80} are not valid sizes of {count} axes", hint=f"Give {count} whole numbers from 0"
        )
    return sizes


def require_shape(x: Array, wanted: Sequence[int], what: str) -> None:
    """Raise InvalidInputError if an input does not have the shape that the others ask for."""
    if x.shape != tuple(wanted):
        raise InvalidInputError(f"{what} of shape {list(x.shape)} does not fit", hint=f"Give it shape {list(wanted)}")


def stored_type(number: int, operator: str) -> np.dtype[np.generic]:
    """NumPy's type for ONNX's number of an element type. Raises UnsupportedError for one that NumPy has not."""
    element = BY_ONNX.get(number)
    if element is None or not element.stored:
        raise UnsupportedError(
            f"{operator} to {element.name if element else 'text'} is not supported", hint="Use engine='onnxruntime'"
        )
    return np.dtype(element.stored)
