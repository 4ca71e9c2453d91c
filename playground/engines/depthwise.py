"""How ``k_depthwise_s8`` takes its weights, and the memory that it works in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines.integer_ops import Window


def packed_depthwise(weights: NDArray[np.int16]) -> NDArray[np.int16]:
    """Weights (channels, height, width) as ``k_depthwise_s8`` takes them.

    That is (channels / 8, height, width / 2, 8, 2), rounded up and filled with zeros.
    """
    channels, height, width = weights.shape
    padded: NDArray[Any] = np.pad(weights, ((0, -channels % 8), (0, 0), (0, width % 2)))
    blocks = padded.reshape(-1, 8, height, (width + 1) // 2, 2)
    return np.ascontiguousarray(blocks.transpose(0, 2, 3, 1, 4))


def scratch_bytes(window: Window) -> int:
    """Bytes of the ring of lines that the kernel works in."""
    (height, width), stride, (down, across) = window.kernel, window.strides[1], window.dilations
    pairs, apart = (width + 1) // 2, 2 * across
    step = stride if pairs == 1 or apart % stride == 0 else 1
    places = ((window.out[1] - 1) * stride + (pairs - 1) * apart) // step + 1
    return (((height - 1) * down + 1) * places + 3 * stride // step) * 32
