"""Block formats: an element format, a block size, and how scales are stored, taken together under one name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.number_formats._format import Codes, NumberFormat, Reals
from playground.rounding import Rounding

Octets = NDArray[np.uint8]
Halves = NDArray[np.uint16]
"""Bit patterns of fp16 numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Blocks taken apart, a row a block: ``real = scale * scale_code * decode(code) + offset * offset_code``.

    Attributes:
        codes: of the element format, (blocks, values).
        scale: fp16 bits, (blocks,).
        scale_codes: one a sub-block, (blocks, sub-blocks); None where there is only ``scale``.
        offset: fp16 bits, (blocks,); None where nothing is added.
        offset_codes: likewise, one a sub-block.
    """

    codes: Codes
    scale: Halves
    scale_codes: Codes | None = None
    offset: Halves | None = None
    offset_codes: Codes | None = None

    def part(self, which: slice) -> Blocks:
        """Some of the blocks."""
        others = (None if part is None else part[which] for part in (self.scale_codes, self.offset, self.offset_codes))
        return Blocks(self.codes[which], self.scale[which], *others)


@dataclass(frozen=True, slots=True)
class Procedure:
    """A block format's own way from values to blocks, and how its blocks lie in memory.

    Attributes:
        values: values per stored block.
        nbytes: bytes per stored block.
        encode: from float32 (blocks, values) to blocks.
        to_bytes: from blocks to uint8 (blocks, nbytes).
        from_bytes: the inverse.
    """

    values: int
    nbytes: int
    encode: Callable[[Reals], Blocks]
    to_bytes: Callable[[Blocks], Octets]
    from_bytes: Callable[[Octets], Blocks]


@dataclass(frozen=True, kw_only=True)
class BlockFormat(NumberFormat):
    """Elements in blocks of fixed size, each with a scale of a fixed kind.

    Attributes:
        code: the format of a single code.
        block_size: values per scale.
        scale_fields: the fields of the scheme by which scales are stored.
        reach: what the largest absolute value of a block is brought to, before its scale is rounded; None: the largest
            number that the element format has.
        least_scale: scales are at least this, in units of the scales' own scale.
        procedure: its own way, where it is not "largest absolute value over ``reach``".
    """

    family: str = field(init=False, default="block")
    bits: int = field(init=False, default=0)
    code: NumberFormat
    block_size: int
    scale_fields: Mapping[str, Any] = field(hash=False)
    reach: float | None = None
    least_scale: float = 0.0
    procedure: Procedure | None = None

    def __post_init__(self) -> None:
        """Take the bits and the sign from the elements."""
        object.__setattr__(self, "bits", self.code.bits)
        object.__setattr__(self, "signed", self.code.signed)

    @property
    def element(self) -> NumberFormat:
        """The format of a single code."""
        return self.code

    @property
    def qmin(self) -> int:
        """The smallest code."""
        return self.code.qmin

    @property
    def qmax(self) -> int:
        """The largest code."""
        return self.code.qmax

    def decode(self, codes: Codes) -> Reals:
        """What codes stand for before scaling."""
        return self.code.decode(codes)

    def encode(
        self,
        values: Reals,
        rounding: Rounding,
        *,
        saturate: bool = True,
        random: np.random.Generator | None = None,
    ) -> Codes:
        """The codes of numbers that are scaled already."""
        return self.code.encode(values, rounding, saturate=saturate, random=random)
