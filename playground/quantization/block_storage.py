"""How tensors in ggml's block formats lie in memory: rows of whole blocks along one axis, filled up with zeros."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from playground.number_formats import Blocks, Procedure

_CHUNK = 1 << 15
"""Values per step."""

T = TypeVar("T", bound=np.generic)
Octets = NDArray[np.uint8]
Part = tuple[NDArray[Any], NDArray[Any] | None]
"""fp16 bits, and codes of sub-blocks where there are any."""


def padded_rows(array: NDArray[T], axis: int, width: int) -> NDArray[T]:
    """The values along ``axis`` in rows of ``width``, the last one of each line filled up with zeros."""
    last = np.moveaxis(array, axis, -1)
    missing = -last.shape[-1] % width
    if missing:
        last = np.pad(last, [(0, 0)] * (last.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(last).reshape(-1, width)


def unrowed(rows: NDArray[T], shape: tuple[int, ...], axis: int) -> NDArray[T]:
    """The inverse of :func:`padded_rows`: an array of ``shape``, without what filled it up."""
    axis %= len(shape)
    lines = rows.reshape(*shape[:axis], *shape[axis + 1 :], -1)[..., : shape[axis]]
    return np.ascontiguousarray(np.moveaxis(lines, -1, axis))


def packed_blocks(
    procedure: Procedure, codes: NDArray[Any], axis: int, sub_size: int, parts: tuple[Part, Part | None]
) -> Octets:
    """The blocks as stored: uint8 (blocks * bytes per block,), line after line along ``axis``.

    Args:
        procedure: the format's.
        codes: of the tensor's shape.
        axis: along which the blocks lie.
        sub_size: values of a sub-block.
        parts: of the scales and of the offsets.
    """
    taken: list[NDArray[Any] | None] = []
    for part in parts:
        bits, subs = part if part is not None else (None, None)
        taken.append(None if bits is None else padded_rows(bits, axis, 1).reshape(-1))
        taken.append(None if subs is None else padded_rows(subs, axis, procedure.values // sub_size))
    rows = Blocks(padded_rows(codes, axis, procedure.values), taken[0], *taken[1:])  # type: ignore[arg-type]
    out, step = np.empty((len(rows.codes), procedure.nbytes), np.uint8), max(1, _CHUNK // procedure.values)
    for start in range(0, len(out), step):
        some = slice(start, start + step)
        out[some] = procedure.to_bytes(rows.part(some))
    return out.reshape(-1)


def stored_nbytes(procedure: Procedure, shape: tuple[int, ...], axis: int) -> int:
    """Bytes that a tensor of ``shape`` takes."""
    length = shape[axis]
    lines = math.prod(shape) // length if length else 0
    return lines * -(-length // procedure.values) * procedure.nbytes
