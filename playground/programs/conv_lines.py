"""Convolutions whose windows are read where the lines of the image lie: see ``wasm_kernels/conv_lines_s8.c``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.host.kernel_module import Dot
from playground.programs.integer_ops import Window
from playground.programs.packing import STEP, steps

_OFFSET = 4
_NARROW = 8
_ROOM = 2**18


def pays_in_lines(window: Window, depth: int, dot: Dot) -> bool:
    """Whether that is faster than gathering windows.

    Windows that share no pixels are gathered as quickly as lines are copied. Rows of a tile lie in one line, so short
    lines make small tiles (measured in docs/kernels.md). What is kept of the image has to stay in the cache, and small
    beside the activations.

    Args:
        window: over images.
        depth: channels of a group.
        dot: how the kernels multiply.
    """
    overlap = window.dilations[1] == 1 and window.kernel[1] > window.strides[1]
    return overlap and window.out[1] >= _NARROW and lines_bytes(window, depth, dot) <= _ROOM


def depth_in_lines(kernel: tuple[int, int], depth: int, dot: Dot) -> int:
    """Values that a window sees, where each of its lines ends with whole steps."""
    return kernel[0] * _line(kernel[1] * depth, dot)


def _line(values: int, dot: Dot) -> int:
    per_step = STEP // (2 if dot == "int16" else 1)
    return steps(values, dot) * per_step


def lines_bytes(window: Window, depth: int, dot: Dot) -> int:
    """How much room the kernel needs: where a window's lines are, a line of padding, and those it reaches over."""
    kernel, stride = window.kernel, window.strides[1]
    value = 2 if dot == "int16" else 1
    line = (window.out[1] - 1) * stride * depth * value + steps(kernel[1] * depth, dot) * STEP
    span = (kernel[0] - 1) * window.dilations[0] + 1
    return _OFFSET * kernel[0] + (1 + span) * max(line, 0)


def in_lines(filters: NDArray[np.int16], dot: Dot) -> NDArray[np.int16]:
    """Filters (groups, kernel_h, kernel_w, depth, columns) as matrices (groups, :func:`depth_in_lines`, columns)."""
    groups, height, width, depth, columns = filters.shape
    lines = filters.reshape(groups, height, width * depth, columns)
    missing = _line(width * depth, dot) - width * depth
    return np.pad(lines, ((0, 0), (0, 0), (0, missing), (0, 0))).reshape(groups, -1, columns)
