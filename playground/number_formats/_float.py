"""Binary floating point of any exponent and mantissa width; every choice in which such formats differ is a field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from playground.number_formats._float_bits import FAST, WIDENED
from playground.number_formats._format import Codes, NumberFormat, Reals
from playground.number_formats._lookup import Lookup, over_keys
from playground.rounding import Rounding

_CHUNK = 1 << 15
_STICKY_MANTISSA = 5
"""Most mantissa bits that a table over bfloat16 keys can round to: the key has two more, and the last of them says
whether anything was below it ("round to odd"), which is all that any rounding asks."""


@dataclass(frozen=True, kw_only=True)
class FloatFormat(NumberFormat):
    """A sign, an exponent and a mantissa; codes are the bit patterns as unsigned integers.

    Attributes:
        exponent_bits: width of the exponent, 1 to 8.
        mantissa_bits: width of the mantissa, without the hidden bit; 0 to 23.
        bias: the exponent's bias.
        infinity: whether the all-ones exponent with mantissa 0 is infinite.
        nan: which codes are not a number: ``"none"``; ``"ieee"``: the all-ones exponent with any other mantissa;
            ``"all_ones"``: exponent and mantissa all ones ("FN"); ``"negative_zero"``: the code of -0, which is missing
            then ("FNUZ").
        subnormals: whether the smallest exponent has no hidden bit. Without, the numbers below the smallest normal one
            are missing, and a format without a mantissa has no zero either.
        overflow: what a number beyond the largest becomes when it does not saturate: ``"infinity"`` or ``"nan"``; in a
            format that has neither it always saturates.
        padding: unused low bits of a code as stored.
    """

    family: str = field(init=False, default="float")
    exponent_bits: int
    mantissa_bits: int
    bias: int
    infinity: bool = False
    nan: Literal["none", "ieee", "all_ones", "negative_zero"] = "none"
    subnormals: bool = True
    padding: int = 0

    @property
    def qmin(self) -> int:
        """0: codes are bit patterns."""
        return 0

    @property
    def qmax(self) -> int:
        """The largest bit pattern."""
        return (1 << self.bits) - 1

    @property
    def has_zero(self) -> bool:
        """Whether zero is one of its numbers."""
        return self.subnormals or self.mantissa_bits > 0

    @property
    def overflow(self) -> Literal["infinity", "nan", "saturate"]:
        """What a number beyond the largest becomes when it does not saturate."""
        if self.infinity:
            return "infinity"
        return "nan" if self.nan != "none" else "saturate"

    @cached_property
    def largest(self) -> float:
        """The largest finite number."""
        top = (1 << (self.exponent_bits + self.mantissa_bits)) - 1
        pattern = self._infinity - 1 if self.nan == "ieee" else top - (self.nan == "all_ones")
        return float(self._magnitudes(np.array([pattern], np.int64))[0])

    @cached_property
    def smallest(self) -> float:
        """The most negative number: minus the largest, or the smallest positive one if there are no signs."""
        if self.signed:
            return -self.largest
        return 0.0 if self.has_zero else 2.0**-self.bias

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0 ** ((1 if self.has_zero else 0) - self.bias)

    @property
    def top_exponent(self) -> int:
        """The exponent of the largest number, as in ``largest = 1.xx * 2 ** top_exponent``."""
        return int(np.frexp(self.largest)[1]) - 1

    def _magnitudes(self, patterns: NDArray[np.int64]) -> NDArray[np.float64]:
        """What patterns without sign and padding stand for."""
        exponent, mantissa = patterns >> self.mantissa_bits, patterns & ((1 << self.mantissa_bits) - 1)
        one = 1 << self.mantissa_bits
        smallest = exponent == 0 if self.has_zero else np.zeros(patterns.shape, bool)
        significand = np.where(smallest, mantissa * int(self.subnormals), mantissa + one)
        exponents = np.where(smallest, 1, exponent) - self.bias - self.mantissa_bits
        values: NDArray[np.float64] = np.ldexp(significand.astype(np.float64), exponents.astype(np.int32))
        top = (1 << self.exponent_bits) - 1
        if self.infinity:
            values[(exponent == top) & (mantissa == 0)] = np.inf
        if self.nan == "ieee":
            values[(exponent == top) & (mantissa != 0)] = np.nan
        if self.nan == "all_ones":
            values[(exponent == top) & (mantissa == one - 1)] = np.nan
        return values

    @cached_property
    def _table(self) -> Reals:
        """What every code stands for; for codes of at most 16 bits."""
        patterns = np.arange(1 << self.bits, dtype=np.int64) >> self.padding
        width = self.exponent_bits + self.mantissa_bits
        values = self._magnitudes(patterns & ((1 << width) - 1))
        if self.signed:
            values = np.where(patterns >> width, -values, values)
        if self.nan == "negative_zero":
            values[1 << width] = np.nan
        return values.astype(np.float32)

    def decode(self, codes: Codes) -> Reals:
        """The numbers that bit patterns stand for: float32 of the codes' shape."""
        widened = WIDENED.get(self.id)
        if widened is not None:
            return widened(codes)
        if self.bits <= 16:
            return self._table.take(codes)
        wide: Reals = codes.astype(np.uint32).view(np.float32)
        return wide

    def encode(
        self,
        values: Reals,
        rounding: Rounding,
        *,
        saturate: bool = True,
        random: np.random.Generator | None = None,
    ) -> Codes:
        """The bit patterns of numbers, NaN and infinities among them.

        Infinity is a number beyond the largest. NaN becomes NaN, or zero in a format without NaN. Without signs, what
        is negative becomes the smallest number if it saturates, else NaN.
        """
        fast = FAST.get((self.id, rounding.id))
        if fast is not None:
            if saturate:
                np.clip(values, np.float32(self.smallest), np.float32(self.largest), out=values)
            return fast(values)
        lookup = self.lookup(rounding, saturate)
        if lookup is not None:
            return lookup.codes(values)
        codes = np.empty(values.shape, self.dtype)
        flat, out = np.ascontiguousarray(values).reshape(-1), codes.reshape(-1)
        for start in range(0, flat.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            out[part] = self.round_exactly(flat[part].astype(np.float64), rounding, saturate, random)
        return codes

    def lookup(self, rounding: Rounding, saturate: bool = True) -> Lookup | None:
        """As :meth:`NumberFormat.lookup`, for formats of up to 8 bits."""
        if rounding.random or self.bits > 8 or self.mantissa_bits > _STICKY_MANTISSA:
            return None
        return over_keys(_code_of_keys(self, rounding, saturate))

    def round_exactly(
        self, values: NDArray[np.float64], rounding: Rounding, saturate: bool, random: np.random.Generator | None = None
    ) -> Codes:
        """The bit patterns of numbers by the definition: to the nearest multiples of the last place. Slow."""
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.where(np.isfinite(values), values, 0.0)
            _, exponents = np.frexp(finite)
            lowest = (1 if self.has_zero else 0) - self.bias
            places = np.maximum(exponents - 1, lowest) - self.mantissa_bits
            if not self.subnormals:
                places = np.where(exponents - 1 < lowest, lowest, places)
            steps = np.ldexp(finite, -places)
            rounding.apply(steps, random)
            rounded = np.ldexp(steps, places)
        rounded = np.where(np.isinf(values), values, rounded)
        beyond = np.abs(rounded) > self.largest
        codes = self._patterns(np.where(np.isnan(rounded), 0.0, np.minimum(np.abs(rounded), self.largest)))
        if not saturate and self.overflow != "saturate":
            codes = np.where(beyond, self._infinity if self.overflow == "infinity" else self._nan, codes)
        if not self.signed:
            return self._without_sign(codes, values, saturate)
        return self._with_sign(codes, np.signbit(values), np.isnan(values))

    def _patterns(self, magnitudes: NDArray[np.float64]) -> NDArray[np.int64]:
        """The patterns of magnitudes that the format has."""
        if not self.has_zero:
            magnitudes = np.maximum(magnitudes, 2.0**-self.bias)
        fractions, exponents = np.frexp(magnitudes)
        lowest = (1 if self.has_zero else 0) - self.bias
        normal = magnitudes >= self.tiny
        mantissa = np.ldexp(fractions, self.mantissa_bits + 1).astype(np.int64)
        patterns = ((exponents - 1 + self.bias).astype(np.int64) << self.mantissa_bits) + mantissa
        patterns -= 1 << self.mantissa_bits
        small = np.ldexp(np.where(normal, 0.0, magnitudes), self.mantissa_bits - lowest).astype(np.int64)
        return np.where(normal, patterns, small)

    def _without_sign(self, codes: NDArray[np.int64], values: NDArray[np.float64], saturate: bool) -> Codes:
        codes = np.where(values < 0, 0 if saturate else self._nan, codes)
        return np.where(np.isnan(values), self._nan, codes).astype(self.dtype)

    def _with_sign(self, codes: NDArray[np.int64], negative: NDArray[np.bool_], nan: NDArray[np.bool_]) -> Codes:
        codes = np.where(nan, 0 if self.nan == "none" else self._nan, codes)
        if self.nan == "negative_zero":
            negative = negative & (codes != 0) & ~nan
        sign = 1 << (self.exponent_bits + self.mantissa_bits)
        return (np.where(negative, codes | sign, codes) << self.padding).astype(self.dtype)

    @property
    def _infinity(self) -> int:
        return ((1 << self.exponent_bits) - 1) << self.mantissa_bits

    @property
    def _nan(self) -> int:
        if self.nan == "negative_zero":
            return 1 << (self.exponent_bits + self.mantissa_bits)
        if self.nan == "ieee":  # the quiet one
            return self._infinity | 1 << (self.mantissa_bits - 1)
        return (1 << (self.exponent_bits + self.mantissa_bits)) - 1


@lru_cache(maxsize=64)
def _code_of_keys(number_format: FloatFormat, rounding: Rounding, saturate: bool) -> Codes:
    """The code of every key."""
    keys = (np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)).view(np.float32)
    with np.errstate(invalid="ignore"):  # signalling NaN among them
        numbers = keys.astype(np.float64)
    return number_format.round_exactly(numbers, rounding, saturate)


_ID = re.compile(r"fp(\d+)_e(\d)m(\d+)(ieee|fnuz|fn)?")


def parse(name: str) -> FloatFormat | None:
    """Any format with an id like ``fp7_e3m3``: a sign, ``e`` exponent bits, ``m`` mantissa bits; None if it is none.

    All codes are finite, as in the OCP formats for 4 and 6 bits; with ``fn`` all ones are NaN (as in FP8 E4M3), with
    ``ieee`` the largest exponent holds infinity and NaN (as in FP8 E5M2), with ``fnuz`` the code of -0 is the only NaN
    and the bias is one larger.
    """
    match = _ID.fullmatch(name)
    if match is None:
        return None
    bits, exponent, mantissa = (int(part) for part in match.groups()[:3])
    ending = match.group(4) or ""
    usable = 1 <= exponent <= 8 and mantissa <= 16 and bits == 1 + exponent + mantissa and bits <= 16
    if not usable or (ending in ("fn", "ieee") and exponent + mantissa < 3) or (ending == "ieee" and mantissa < 1):
        return None
    nan: dict[str, Any] = {"": "none", "fn": "all_ones", "ieee": "ieee", "fnuz": "negative_zero"}
    return FloatFormat(
        id=name,
        title=f"E{exponent}M{mantissa}{ending.upper()}",
        bits=bits,
        exponent_bits=exponent,
        mantissa_bits=mantissa,
        bias=(1 << (exponent - 1)) - (0 if ending == "fnuz" else 1),
        infinity=ending == "ieee",
        nan=nan[ending],
        source="the general rule: sign, exponent, mantissa",
    )
