"""What a number format is: a value that knows its codes, their limits, and how they lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError

Codes = NDArray[np.int8] | NDArray[np.uint8]
"""Unpacked codes: one byte each, int8 for a signed format, uint8 for an unsigned one."""

_CHUNK = 1 << 16
"""Codes per step of packing, which spreads each bit over a byte; whole bytes whatever the format."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """An integer grid of ``2 ** bits`` codes, two's complement when signed.

    Attributes:
        id: stable name, as in ``Scheme.format``.
        bits: bits per code as stored, 2 to 8.
        signed: whether codes run from ``-2 ** (bits - 1)`` instead of from 0.
        source: where the format is defined or used.
    """

    id: str
    bits: int
    signed: bool
    source: str

    @property
    def qmin(self) -> int:
        """The smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def qmax(self) -> int:
        """The largest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type of an unpacked code."""
        return np.dtype(np.int8 if self.signed else np.uint8)

    def limits(self, narrow_range: bool = False) -> tuple[int, int]:
        """Smallest and largest code in use; a narrow range gives up the smallest (-127 instead of -128, 1 for 0)."""
        return self.qmin + int(narrow_range), self.qmax

    def packed_nbytes(self, count: int) -> int:
        """Bytes that ``count`` packed codes take: whole bytes, the last one padded."""
        return -(-count * self.bits // 8)

    def pack(self, codes: NDArray[Any]) -> NDArray[np.uint8]:
        """Pack integer codes without gaps, in C order, the first code in the lowest bits, as ONNX packs INT4 and INT2.

        Args:
            codes: integers of any shape within ``qmin .. qmax``.

        Returns:
            uint8 array of shape ``(packed_nbytes(codes.size),)``; padding bits are zero.

        Raises:
            InvalidInputError: a code is not an integer or does not fit.
        """
        if codes.dtype.kind not in "iu":
            raise InvalidInputError(f"codes are integers, not {codes.dtype}", where="codes")
        if codes.size and (codes.min() < self.qmin or codes.max() > self.qmax):
            raise InvalidInputError(
                f"codes from {codes.min()} to {codes.max()} do not fit {self.id}",
                where="codes",
                hint=f"Its codes run from {self.qmin} to {self.qmax}",
            )
        octets = codes.astype(self.dtype).reshape(-1).view(np.uint8)
        if self.bits == 8:
            return octets
        packed = np.empty(self.packed_nbytes(octets.size), np.uint8)
        for start in range(0, octets.size, _CHUNK):
            bits = np.unpackbits(octets[start : start + _CHUNK, None], axis=1, count=self.bits, bitorder="little")
            some = np.packbits(bits.reshape(-1), bitorder="little")
            packed[self.packed_nbytes(start) :][: some.size] = some
        return packed

    def unpack(self, packed: NDArray[np.uint8], count: int) -> Codes:
        """The inverse of :meth:`pack`: ``count`` codes as a one-dimensional array of ``dtype``.

        Raises:
            InvalidInputError: ``packed`` has another length than ``packed_nbytes(count)``.
        """
        if packed.size != self.packed_nbytes(count):
            raise InvalidInputError(
                f"{count} {self.id} codes take {self.packed_nbytes(count)} bytes, not {packed.size}", where="packed"
            )
        octets = np.empty(count, np.uint8)
        for start in range(0, count, _CHUNK):
            some = octets[start : start + _CHUNK]
            stored = packed.reshape(-1)[self.packed_nbytes(start) :]
            bits = np.unpackbits(
                stored[: self.packed_nbytes(some.size)], count=some.size * self.bits, bitorder="little"
            )
            some[:] = np.packbits(bits.reshape(some.size, self.bits), axis=1, bitorder="little").reshape(-1)
        if not self.signed:
            return octets
        sign = 1 << (self.bits - 1)
        return ((octets.astype(np.int16) ^ sign) - sign).astype(np.int8)
