"""Integer grids."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from playground.number_formats._format import Codes, NumberFormat, Reals
from playground.rounding import Rounding


@dataclass(frozen=True, kw_only=True)
class IntegerFormat(NumberFormat):
    """An integer grid of ``2 ** bits`` codes, two's complement when signed.

    Attributes:
        step: what a code of 1 stands for before scaling: 1, or a power of two for fixed point.
    """

    family: str = field(init=False, default="integer")
    step: float = 1.0

    @property
    def qmin(self) -> int:
        """The smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def qmax(self) -> int:
        """The largest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def smallest(self) -> float:
        """The most negative number it has."""
        return self.qmin * self.step

    @property
    def largest(self) -> float:
        """The largest number it has."""
        return self.qmax * self.step

    def decode(self, codes: Codes) -> Reals:
        """The codes themselves as float32, times ``step``."""
        values: Reals = codes.astype(np.float32)
        return values if self.step == 1 else np.multiply(values, np.float32(self.step), out=values)

    def encode(
        self,
        values: Reals,
        rounding: Rounding,
        *,
        saturate: bool = True,
        random: np.random.Generator | None = None,
    ) -> Codes:
        """As :meth:`NumberFormat.encode`; always saturates."""
        if self.step != 1:
            np.multiply(values, np.float32(1 / self.step), out=values)
        rounding.apply(values, random)
        return np.clip(values, self.qmin, self.qmax, out=values).astype(self.dtype)
