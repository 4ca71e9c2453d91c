"""What a convention is: the choices in which implementations of the same formula differ, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Convention:
    """How one implementation gets from a clip range to a scale and zero-point, and from a value to a code.

    All of them share ``scale = (hi - lo) / (qmax - qmin)``, with zero inside ``[lo, hi]``, and
    ``real = scale * (code - zero_point)``. What differs:

    Attributes:
        id: stable name, as in ``Scheme.convention``.
        title: the name people know it by.
        source: the implementation that is reproduced, and its version.
        qparams_dtype: the precision in which scale and zero-point are formed; the scale is stored as float32.
        min_scale: the smallest scale the implementation accepts.
        below_min_scale: what it does with a smaller one: ``"clamp"`` it, or use scale ``"one"`` and zero-point 0.
        zero_point_rounding: ``"sum"`` is ``rint(qmin - lo / scale)``, ``"quotient"`` is ``qmin - rint(lo / scale)``;
            they differ on ties when ``qmin`` is odd.
        symmetric_narrow_formats: formats whose symmetric scale is formed from the narrow range (-127 .. 127), although
            codes may use the whole one.
        symmetric_midpoint: the zero-point of symmetric unsigned schemes: the middle of the codes, rounded so.
        symmetric_zero_points: format id -> zero-point of full-range symmetric schemes that break that rule.
        zero_point_before_rounding: ``rint(x / scale + zero_point)`` instead of ``rint(x / scale) + zero_point``.
        rounding: from a real number to an integer, unless the scheme names another; see ``playground.rounding``.
        symmetric_divisors: format id -> what the largest absolute value is divided by to give a symmetric scale, where
            it is not half the number of steps (127.5 for int8 in Qwix).
        absmax_epsilon: added to the largest absolute value of symmetric schemes first (1e-7 in Keras).
        quotient: how a value is brought to steps: ``"divide"`` by the scale; times its ``"reciprocal"`` ``1 / scale``;
            times the ``"inverse"`` scale that is formed straight from the range, ``divisor / absmax``; or times the
            divisor first and then by the largest absolute value, ``"multiply_first"``.
        codes_from: whether codes are computed from the scale as ``"stored"`` (rounded to its own format) or from the
            ``"exact"`` one, as bitsandbytes and ggml do.
        fused_granularities: granularities at which that multiply and add are one fused operation, rounded once.
    """

    id: str
    title: str
    source: str
    qparams_dtype: Literal["float32", "float64"]
    min_scale: float
    below_min_scale: Literal["clamp", "one"]
    zero_point_rounding: Literal["sum", "quotient"]
    symmetric_midpoint: Literal["up", "down"]
    zero_point_before_rounding: bool
    quotient: Literal["divide", "reciprocal", "inverse", "multiply_first"] = "divide"
    rounding: str = "half_even"
    codes_from: Literal["stored", "exact"] = "stored"
    absmax_epsilon: float = 0.0
    fused_granularities: frozenset[str] = frozenset()
    symmetric_narrow_formats: frozenset[str] = frozenset()
    symmetric_divisors: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    symmetric_zero_points: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
