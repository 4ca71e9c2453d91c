"""What a number format is: a value that knows its codes, what they mean, and how they lie in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.calls import public_part
from playground.errors import InvalidInputError, UnsupportedError
from playground.number_formats import _packing
from playground.rounding import Rounding

if TYPE_CHECKING:
    from playground.number_formats._lookup import Lookup

Codes = NDArray[Any]
"""Unpacked codes: integers of 8, 16 or 32 bits each, of the format's ``dtype``."""

Reals = NDArray[np.float32]

FAMILIES = ("integer", "float", "codebook", "block")


@public_part(
    {
        **dict.fromkeys(("name", "key"), "format.id, or format.title"),
        **dict.fromkeys(("min", "lo", "minimum"), "format.qmin, the smallest code"),
        **dict.fromkeys(("max", "hi", "maximum"), "format.qmax, the largest code"),
        **dict.fromkeys(("description", "summary", "url"), "format.source"),
        **dict.fromkeys(("quantize", "dequantize"), "quantize(x, 'int4')"),
        **dict.fromkeys(("size", "nbytes", "width", "nbits", "num_bits"), "format.bits"),
    },
    {"__call__": "Use quantize(x, 'int4')"},
)
@dataclass(frozen=True, kw_only=True)
class NumberFormat(ABC):
    """A set of codes and the numbers they stand for, before scaling.

    Attributes:
        id: stable name, as in ``Scheme.format``.
        title: the name people know it by.
        family: ``"integer"``, ``"float"``, ``"codebook"`` or ``"block"``.
        bits: bits per code as stored.
        signed: whether it has codes for negative numbers.
        source: where the format is defined or used.
    """

    id: str
    title: str = ""
    family: str = field(init=False)
    bits: int
    signed: bool = True
    source: str

    @property
    @abstractmethod
    def qmin(self) -> int:
        """The smallest code."""

    @property
    @abstractmethod
    def qmax(self) -> int:
        """The largest code."""

    @abstractmethod
    def decode(self, codes: Codes) -> Reals:
        """The numbers that codes stand for: float32 of the codes' shape."""

    @abstractmethod
    def encode(
        self,
        values: Reals,
        rounding: Rounding,
        *,
        saturate: bool = True,
        random: np.random.Generator | None = None,
    ) -> Codes:
        """The codes of numbers that are scaled already.

        Args:
            values: finite float32; may be overwritten.
            rounding: which of the two neighbours a number between them gets.
            saturate: numbers beyond the largest become the largest; otherwise infinity or NaN if the format has it.
            random: for a rounding that needs it.
        """

    def lookup(self, rounding: Rounding, saturate: bool = True) -> Lookup | None:
        """The table that it finds its codes in, and the kernel that can do so; None if it works them out."""
        return None

    @property
    def is_fitted(self) -> bool:
        """Whether its numbers are made for the data, and kept with them."""
        return False

    @property
    def element(self) -> NumberFormat:
        """The format of a single code: itself, unless it is a block format."""
        return self

    def with_boundaries(self, boundaries: str) -> NumberFormat:
        """The same numbers with other boundaries between them, see ``Convention``; only codebooks can have them."""
        return self

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type of an unpacked code."""
        width = 8 if self.bits <= 8 else 16 if self.bits <= 16 else 32
        return np.dtype(f"{'i' if self.qmin < 0 else 'u'}{width // 8}")

    @cached_property
    def grid(self) -> Reals:
        """Every finite number that it has, ascending, each once: float32.

        Raises:
            UnsupportedError: a format of more than 16 bits, which has too many.
        """
        if self.bits > 16:
            raise UnsupportedError(
                f"{self.id} has too many values to list", where="format", hint="Use a format of at most 16 bits"
            )
        everything = self.decode(np.arange(self.qmin, self.qmax + 1, dtype=np.int64).astype(self.dtype))
        return np.unique(everything[np.isfinite(everything)])

    @property
    def smallest(self) -> float:
        """The most negative number it has."""
        return float(self.grid[0])

    @property
    def largest(self) -> float:
        """The largest finite number it has."""
        return float(self.grid[-1])

    def limits(self, narrow_range: bool = False) -> tuple[int, int]:
        """Smallest and largest code in use; a narrow range gives up the smallest (-127 instead of -128, 1 for 0)."""
        return self.qmin + int(narrow_range), self.qmax

    def packed_nbytes(self, count: int) -> int:
        """Bytes that ``count`` packed codes take: whole bytes, the last one padded."""
        return _packing.packed_nbytes(count, self.bits)

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
            raise InvalidInputError(f"{codes.dtype} values are not codes", where="codes", hint="Give integers")
        if codes.size and (codes.min() < self.qmin or codes.max() > self.qmax):
            raise InvalidInputError(
                f"codes from {codes.min()} to {codes.max()} do not fit {self.id}",
                where="codes",
                hint=f"Use codes from {self.qmin} to {self.qmax}",
            )
        return _packing.pack(codes.astype(self.dtype, copy=False), self.bits)

    def unpack(self, packed: NDArray[np.uint8], count: int) -> Codes:
        """The inverse of :meth:`pack`: ``count`` codes as a one-dimensional array of ``dtype``.

        Raises:
            InvalidInputError: ``packed`` has another length than ``packed_nbytes(count)``.
        """
        if packed.size != self.packed_nbytes(count):
            raise InvalidInputError(
                f"{packed.size} bytes do not hold {count} {self.id} codes",
                where="packed",
                hint=f"Give {self.packed_nbytes(count)} bytes",
            )
        codes = _packing.unpack(packed, count, self.bits)
        if self.qmin >= 0:
            return codes
        sign = 1 << (self.bits - 1)
        return ((codes.astype(np.int32) ^ sign) - sign).astype(self.dtype)
