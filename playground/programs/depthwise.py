"""How ``k_depthwise_s8`` takes its weights, and the memory that it works in: see ``wasm_kernels/depthwise_s8.c``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.host.kernel_module import Dot
from playground.programs.integer_ops import Window
from playground.programs.packing import Values

_CHANNELS, _STEP, _LOWEST, _HIGHEST = 8, 4, -128, 127


@dataclass(frozen=True, slots=True, eq=False)
class PackedDepthwise:
    """Arguments of ``k_depthwise_s8``.

    Attributes:
        weights: octets (channels / 8, planes, height, groups, 8, 4).
        bias: int32 (channels,), with the share of the values' zero-point.
    """

    weights: NDArray[np.uint8]
    bias: NDArray[np.int32]

    @property
    def planes(self) -> int:
        """How many int8 a weight is the sum of; 1 where weights are int16."""
        return int(self.weights.shape[1])


def pack_depthwise(offsets: NDArray[np.int16], bias: NDArray[np.int32], by: Values) -> PackedDepthwise:
    """Pack weights for the kernel.

    Args:
        offsets: codes less zero-points (channels, height, width).
        bias: (channels,).
        by: what the weights are multiplied by.
    """
    if by.dot == "int16":
        return PackedDepthwise(_grouped(offsets[None], by.dot), bias)
    planes: list[NDArray[np.int8]] = []
    left = offsets
    while not planes or left.any():
        planes.append(left.clip(_LOWEST, _HIGHEST).astype(np.int8))
        left = left - planes[-1]
    sums = offsets.sum(axis=(1, 2), dtype=np.int64)
    folded = (bias.astype(np.int64) - by.shifted_zero_point * sums).astype(np.int32)
    return PackedDepthwise(_grouped(np.stack(planes), by.dot), folded)


def packed_bytes_of(channels: int, planes: int, kernel: tuple[int, int], dot: Dot) -> int:
    """How much room packed weights take."""
    height, width = kernel
    return -(-channels // _CHANNELS) * planes * height * -(-width // _taps(dot)) * _CHANNELS * _STEP


def _taps(dot: Dot) -> int:
    return 2 if dot == "int16" else 4


def _grouped(planes: NDArray[Any], dot: Dot) -> NDArray[np.uint8]:
    """(planes, channels, height, width) as octets (channels / 8, planes, height, groups, 8, 4), filled with zeros."""
    count, channels, height, width = planes.shape
    taps = _taps(dot)
    padded: NDArray[Any] = np.pad(planes, ((0, 0), (0, -channels % _CHANNELS), (0, 0), (0, -width % taps)))
    blocks = padded.reshape(count, -1, _CHANNELS, height, -(-width // taps), taps)
    return np.ascontiguousarray(blocks.transpose(1, 0, 3, 4, 2, 5)).view(np.uint8)


def scratch_bytes(window: Window, dot: Dot) -> int:
    """Bytes of the ring of lines that the kernel works in."""
    (height, width), stride, (down, across) = window.kernel, window.strides[1], window.dilations
    taps = _taps(dot)
    groups, apart = -(-width // taps), taps * across
    step = stride if groups == 1 or apart % stride == 0 else 1
    places = ((window.out[1] - 1) * stride + (groups - 1) * apart) // step + 1
    return (((height - 1) * down + 1) * places + 3 * stride // step) * _CHANNELS * _STEP
