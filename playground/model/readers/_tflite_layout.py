"""Orders of an image's axes: TFLite has the channels last, ONNX has them first. And what has sizes in an order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.host.sources import Source
from playground.model.element_types import BY_NAME
from playground.model.graph import Tensor, ValueInfo
from playground.model.readers._tflite_file import Stored

FIRST = (0, 3, 1, 2)
"""From channels last to channels first."""

LAST = (0, 2, 3, 1)
"""And back."""


def as_first(axis: int) -> int:
    """Where an axis of an image is, with the channels first."""
    return FIRST.index(axis)


def ordered_values(tensor: Stored, source: Source, shape: tuple[int, ...], order: tuple[int, ...]) -> NDArray[Any]:
    """A constant's values with its axes in an order."""
    if tensor.place is None:
        return np.zeros([shape[axis] for axis in order] if order else shape, BY_NAME[tensor.element].stored or "i1")
    held = tensor.values(source)
    return np.ascontiguousarray(held.reshape(shape).transpose(order)) if order else held


def wide_bias(name: str, tensor: Stored, source: Source) -> Tensor:
    """A bias in int64 codes, beside activations of 16 bits, as floats: ONNX has no such codes."""

    def read() -> NDArray[Any]:
        scales = tensor.codes.scales if tensor.codes else 1
        return np.asarray(tensor.values(source) * scales, np.float32)

    return Tensor(name, "float32", tensor.shape, 4 * math.prod(tensor.shape), read)


def value_info(tensor: Stored, name: str) -> ValueInfo:
    """An input or output."""
    open_shape = tensor.signature or tensor.shape
    sizes = tuple(None if size < 0 else size for size in open_shape)
    return ValueInfo(name, tensor.element, sizes)
