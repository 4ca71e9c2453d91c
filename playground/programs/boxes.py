"""Sizes and strides of boxes, as k_copy and the kernels whose operands broadcast take them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from playground.host.kernel import Kernel
from playground.programs.kernel_parts import copied
from playground.programs.lowering import Given

COPY = Kernel("k_copy", parts=(copied(),))

_RANK = 6
"""Of k_copy."""


def strides_of(shape: tuple[int, ...], *, image: bool = False) -> list[int]:
    """Elements between neighbours along each axis, of an array or of one kept as an NHWC image (or NLC signal)."""
    if image:
        channels, size = shape[1], shape[2:]
        return [channels * math.prod(size), 1, *(channels * n for n in strides_of(size))]
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def repeating(shape: tuple[int, ...], strides: list[int]) -> list[int]:
    """The strides with 0 where there is one place, which broadcasting repeats."""
    return [0 if n == 1 else by for n, by in zip(shape, strides, strict=True)]


def filled(values: list[int], rank: int, fill: int) -> list[int]:
    """The values of axes, with those of axes before them that are not there."""
    return [fill] * (rank - len(values)) + values


def box(shape: tuple[int, ...], x_strides: list[int], out_strides: list[int], width: int) -> Given:
    """``width``, sizes and strides (in bytes) of ``struct copy_args``, the output's densest axis last.

    Args:
        shape: of what is copied.
        x_strides: in elements of the source.
        out_strides: in elements of the target.
        width: bytes of an element.
    """
    order = sorted(range(len(shape)), key=lambda i: -out_strides[i])
    axes = merged([(shape[i], x_strides[i] * width, out_strides[i] * width) for i in order])
    sizes, a, b = (filled([axis[i] for axis in axes], _RANK, 1 if i == 0 else 0) for i in range(3))
    return {"width": width, "sizes": sizes, "x_strides": a, "out_strides": b}


def merged(axes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The same box with fewer axes: neighbours that are dense in each other on all sides become one.

    Args:
        axes: size and strides of each, of one array after the other.
    """
    made: list[tuple[int, ...]] = []
    for size, *strides in (axis for axis in axes if axis[0] != 1):
        if made and made[-1][1:] == tuple(by * size for by in strides):
            made[-1] = (made[-1][0] * size, *strides)
        else:
            made.append((size, *strides))
    return made


def looks_like_image(shape: tuple[int, ...], axes: int = 4) -> bool:
    """Whether an array's bytes are those of an NHWC image of the same shape, one-sized axes before it left out.

    Images may have other numbers of axes than four.
    """
    channels, *size = (*(1,) * axes, *shape)[1 - axes :]
    return channels == 1 or math.prod(size) == 1
