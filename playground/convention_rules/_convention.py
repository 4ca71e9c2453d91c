"""What a convention is: the choices in which implementations of the same formula differ, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from playground.calls import public_part


@public_part(
    {
        **dict.fromkeys(("name", "key"), "convention.id, or convention.title"),
        **dict.fromkeys(("description", "summary"), "convention.source, and convention.url"),
        **dict.fromkeys(("quantize", "scheme"), "quantize(x, 'int8', convention='pytorch')"),
    },
    {"__call__": "Use quantize(x, 'int8', convention='pytorch')"},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How one implementation gets from a clip range to a scale and zero-point, and from a value to a code.

    All of them share ``scale = (hi - lo) / (qmax - qmin)`` and ``real = scale * (code - zero_point)``. What differs:

    Attributes:
        id: stable name, as in ``Scheme.convention``.
        title: the name people know it by.
        source: the implementation that is reproduced, and its version.
        url: where its source or specification stands.
        qparams_dtype: the precision in which scale and zero-point are formed; the scale is stored as float32.
        range_includes_zero: whether the range of an asymmetric scheme is stretched to hold zero; otherwise a zero-point
            outside the codes is only moved to the nearest code, and values saturate.
        min_range: a narrower range (symmetric: a smaller absolute value) counts as this one.
        range_epsilon: added to the range (symmetric: to the largest absolute value).
        scale_arithmetic: ``"divide"`` the range by the steps; ``"multiply_if_several"``: times ``1 / steps`` where
            there is more than one scale, as XLA rewrites a division by a constant.
        min_scale: the smallest scale the implementation accepts.
        min_scale_for: the formats it holds for: ``"integers"``, or ``"all"``; others have any normal scale.
        below_min_scale: what it does with a smaller one: ``"clamp"`` it, use ``"one"``, or the scale that a range of
            one has, ``"unit_range"``.
        zero_point_below_min: the zero-point where the scale was replaced: ``"zero"``, or ``"computed"`` as always.
        zero_point_rounding: ``"sum"`` is ``rint(qmin - lo / scale)``, ``"quotient"`` is ``qmin - rint(lo / scale)``;
            they differ on ties when ``qmin`` is odd.
        symmetric_reach: which step the largest absolute value is: ``"half_span"``, half of all steps (127.5 of int8),
            or the ``"largest_code"`` (127).
        symmetric_narrow_formats: formats whose half span is that of the narrow range (127 again), although codes may
            use the whole one.
        symmetric_narrow_from: signed symmetric formats of at least this many bits have no smallest code (-128).
        symmetric_midpoint: the zero-point of symmetric unsigned schemes: the middle of the codes, rounded so.
        symmetric_zero_points: format id -> zero-point of full-range symmetric schemes that break that rule.
        quotient: how a value is brought to steps: ``"divide"`` by the scale; times its ``"reciprocal"`` ``1 / scale``,
            or ``"nested"``, that formed as ``(1 / outer) / inner`` for a scale that is stored as ``outer * inner``. For
            symmetric schemes also straight from the range: times the ``"inverse"`` ``steps / absmax``, or times that
            formed as ``"inverse_product"`` ``steps * (1 / absmax)``; for asymmetric ones these mean ``"divide"`` and
            ``"reciprocal"``.
        min_inverted: the smallest ``absmax`` that is inverted; a smaller one counts as this, but is stored as it is.
        zero_point_before_rounding: ``rint(x / scale + zero_point)`` instead of ``rint(x / scale) + zero_point``.
        fused_granularities: granularities at which that multiply and add are one fused operation, rounded once.
        rounding: from a real number to an integer, unless the scheme names another; see ``playground.rounding``.
        codebook_boundaries: where neighbours in a codebook part: at the ``"midpoint"`` as float32 rounds it (which
            itself goes down), where the ``"distance"`` to the upper one begins to be the smaller one, or by
            ``"lookup"`` in the tool's own table, if the format has one.
        block_scale_formats: the formats that the scales of blocks go through one after the other, unless the scheme
            says how they are stored; the last one holds them. Empty: float32.
        codes_from: whether codes are computed from the scale as ``"stored"`` (rounded to its own format) or from the
            ``"exact"`` one, as bitsandbytes and ggml do.
    """

    id: str
    title: str
    source: str
    url: str
    qparams_dtype: Literal["float32", "float64"] = "float32"
    range_includes_zero: bool = True
    min_range: float = 0.0
    range_epsilon: float = 0.0
    scale_arithmetic: Literal["divide", "multiply_if_several"] = "divide"
    min_scale: float = 2.0**-126
    min_scale_for: Literal["integers", "all"] = "integers"
    below_min_scale: Literal["clamp", "one", "unit_range"] = "clamp"
    zero_point_below_min: Literal["zero", "computed"] = "computed"
    zero_point_rounding: Literal["sum", "quotient"] = "sum"
    symmetric_reach: Literal["half_span", "largest_code"] = "half_span"
    symmetric_narrow_formats: frozenset[str] = frozenset()
    symmetric_narrow_from: int | None = None
    symmetric_midpoint: Literal["up", "down"] = "up"
    symmetric_zero_points: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    quotient: Literal["divide", "reciprocal", "inverse", "inverse_product", "nested"] = "divide"
    min_inverted: float = 0.0
    zero_point_before_rounding: bool = False
    fused_granularities: frozenset[str] = frozenset()
    rounding: str = "half_even"
    codebook_boundaries: Literal["midpoint", "distance", "lookup"] = "midpoint"
    block_scale_formats: tuple[str, ...] = ()
    codes_from: Literal["stored", "exact"] = "stored"

    @property
    def divides(self) -> bool:
        """Whether values are divided by a scale that is given, instead of multiplied by its reciprocal."""
        return self.quotient in ("divide", "inverse")
