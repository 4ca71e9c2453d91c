"""Weights and zero-points as the kernels of integer products take them: see ``wasm_kernels/gemm.h``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.host.kernel_module import Dot

BLOCK_ROWS = 24  # of wasm_kernels/gemm.h
STRIP, STEP = 8, 4  # columns that lie together; octets of a row that meet at once
_SIGN = 0x80


@dataclass(frozen=True, slots=True)
class Values:
    """The codes that weights are multiplied by.

    Attributes:
        is_signed: int8, else uint8.
        zero_point: of the codes.
        dot: how the kernels multiply.
    """

    is_signed: bool
    zero_point: int
    dot: Dot

    @property
    def flip(self) -> int:
        """What inverts the sign bit of codes that the dot product takes the other way."""
        return _SIGN if self.dot != "int16" and self.is_signed != (self.dot == "signed") else 0

    @property
    def source(self) -> dict[str, int]:
        """``struct source``."""
        return {"is_signed": int(self.is_signed), "zero_point": self.zero_point, "flip": self.flip}

    @property
    def shifted_zero_point(self) -> int:
        """The zero-point after :attr:`flip`."""
        return self.zero_point + (_SIGN if self.is_signed else -_SIGN) if self.flip else self.zero_point

    def scratch_bytes(self, depth: int) -> int:
        """How much room a block of rows takes."""
        return BLOCK_ROWS * steps(depth, self.dot) * STEP


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Constant weights of some groups: arguments of ``k_gemm_s8`` and ``k_conv_s8``.

    Attributes:
        weights: octets (groups, columns / 8, steps, 8, 4).
        bias: int32 (groups, columns rounded up to 8), with the share of the values' zero-point.
        shift: int32, likewise: what the sum of a row is multiplied by. None if that is 0 everywhere.
        multiplier: float32, likewise.
    """

    weights: NDArray[np.uint8]
    bias: NDArray[np.int32]
    shift: NDArray[np.int32] | None
    multiplier: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PackedCodes:
    """Codes of weights in blocks, as ``k_gemv_4bit`` and ``k_gemv_4bit_s8`` take them.

    Attributes:
        weights: octets (columns, depth / 32, 16).
    """

    weights: NDArray[np.uint8]


def steps(depth: int, dot: Dot) -> int:
    """How many times four octets of values there are in a row."""
    return -(-depth // (2 if dot == "int16" else 4))


def packed_bytes(depth: int, columns: int, dot: Dot) -> int:
    """How much room the packed weights of one matrix take."""
    return -(-columns // STRIP) * steps(depth, dot) * STRIP * STEP


def pack(offsets: NDArray[np.int16], bias: NDArray[np.int32], multiplier: NDArray[np.float32], by: Values) -> Packed:
    """Pack weights for the kernels.

    The relaxed dot product takes weights as int8. Offsets (-255..255) of a column lie within 255 of each other, so
    that a ``shift`` of the column makes them fit: ``sum(v * w) = sum(v * (w - shift)) + shift * sum(v)``. Values keep
    their zero-point; what it adds to the sums, ``-zero_point * sum(w)``, is known here and goes into the bias.

    Args:
        offsets: codes less zero-points (groups, depth, columns).
        bias: (groups * columns,).
        multiplier: (groups * columns,).
        by: what the weights are multiplied by.
    """
    groups, _, columns = offsets.shape
    shapes = (groups, columns)
    if by.dot == "int16":
        return Packed(
            _interleaved(offsets, by.dot),
            _rounded_up(bias.reshape(shapes)),
            None,
            _rounded_up(multiplier.reshape(shapes)),
        )
    shift = _shifts(offsets)
    sums = offsets.sum(axis=1, dtype=np.int64)
    folded = bias.reshape(shapes).astype(np.int64) - by.shifted_zero_point * sums
    narrow = (offsets - shift[:, None]).astype(np.int8)
    return Packed(
        _interleaved(narrow, by.dot),
        _rounded_up(folded.astype(np.int32)),
        _rounded_up(shift.astype(np.int32)) if shift.any() else None,
        _rounded_up(multiplier.reshape(shapes)),
    )


def _shifts(offsets: NDArray[np.int16]) -> NDArray[np.int16]:
    """Per column 0 if its offsets fit int8, else what makes the smallest of them -128."""
    low, high = offsets.min(axis=1), offsets.max(axis=1)
    shift: NDArray[np.int16] = np.where((low < -128) | (high > 127), low + np.int16(128), np.int16(0))
    return shift


def _rounded_up(array: NDArray[Any]) -> NDArray[Any]:
    """The last axis filled with zeros up to a multiple of the strip."""
    padded: NDArray[Any] = np.pad(array, ((0, 0), (0, -array.shape[1] % STRIP)))
    return np.ascontiguousarray(padded)


def _interleaved(weights: NDArray[Any], dot: Dot) -> NDArray[np.uint8]:
    """(groups, depth, columns) as octets (groups, columns / 8, steps, 8, 4), filled with zeros."""
    groups, depth, columns = weights.shape
    count = steps(depth, dot)
    together = STEP // weights.itemsize
    missing = count * together - depth
    padded: NDArray[Any] = np.pad(weights, ((0, 0), (0, missing), (0, -columns % STRIP)))
    blocks = padded.reshape(groups, count, together, -1, STRIP).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(blocks).view(np.uint8)
