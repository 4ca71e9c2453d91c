"""New values for tensors of a model: whether they fit, and in which type they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from playground.arrays import as_array
from playground.calls import no_entry
from playground.errors import InvalidInputError, UnsupportedError


class Replaceable(Protocol):
    """What is known of a tensor whose values are replaced."""

    @property
    def dtype(self) -> str:
        """Name of its type."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its axes."""

    @property
    def quantized(self) -> bool:
        """Whether it is stored as codes."""


def new_values(tensors: Mapping[str, Replaceable], arrays: Any) -> dict[str, NDArray[Any]]:
    """Name of a tensor -> its new values, in the tensor's type.

    Raises:
        MissingKeyError: there is no such tensor.
        InvalidInputError: the values have another shape, or are not numbers.
        UnsupportedError: the tensor is stored as codes, or in a type that NumPy does not have.
    """
    if not isinstance(arrays, Mapping):
        raise InvalidInputError(
            f"a value of type {type(arrays).__name__} is not a mapping of names to arrays",
            where="arrays",
            hint="Use model.with_tensors({'fc1.weight': array})",
        )
    return {name: _values(tensors, name, given) for name, given in arrays.items()}


def _values(tensors: Mapping[str, Replaceable], name: str, given: Any) -> NDArray[Any]:
    if name not in tensors:
        raise no_entry(name, tensors, "tensor")
    tensor = tensors[name]
    if tensor.quantized or not hasattr(np, tensor.dtype):
        what = "codes with scales" if tensor.quantized else f"{tensor.dtype}, which NumPy does not have"
        raise UnsupportedError(f"the tensor is stored as {what}", where=name, hint="Replace it in the float model")
    values = as_array(given, name)
    if values.dtype.kind not in "fiub":
        raise InvalidInputError(f"values of type {values.dtype} are not numbers", where=name, hint="Give an array")
    if values.shape != tensor.shape:
        raise InvalidInputError(
            f"shape {values.shape} is not the tensor's, {tensor.shape}", where=name, hint="Give values of that shape"
        )
    with np.errstate(invalid="ignore"):  # what an integer cannot hold is found below
        made = np.array(values, dtype=tensor.dtype, order="C")
    if made.dtype.kind in "iub" and not np.array_equal(made, values):
        raise InvalidInputError(
            f"the tensor has {tensor.dtype} values, and these would change in it",
            where=name,
            hint="Give whole numbers in its range",
        )
    return made
