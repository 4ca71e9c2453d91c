"""Which schemes a recipe for ONNX files may have."""

from __future__ import annotations

from playground.errors import InvalidInputError, UnsupportedError, one_of
from playground.number_formats import FORMATS
from playground.quantization import Scheme

ONNX_FORMATS = tuple(name for name, fmt in FORMATS.items() if fmt.family == "integer" and 2 <= fmt.bits <= 8)
"""The formats of weights that integer operators of ONNX multiply activations with."""


CODEBOOK_BLOCK = 64
"""Values in a block of a codebook format, as bitsandbytes has them when nothing is said."""


def weight_scheme(number_format: str, granularity: str) -> Scheme:
    """How weights are quantized in a format; ``granularity`` is that of integers, other formats bring their own."""
    family = FORMATS[number_format].family
    if family == "integer":
        return Scheme(number_format, granularity)
    if family == "codebook":
        return Scheme(number_format, "block", axis=-1, block_size=CODEBOOK_BLOCK)
    return Scheme(number_format)


_ALONE = " Where activations stay float ('weight-only'), any format and granularity can be had"


def require_weight_scheme(scheme: Scheme, where: str) -> None:
    """Refuse a scheme that no integer operator of ONNX takes for a weight (UnsupportedError)."""
    if scheme.format not in ONNX_FORMATS:
        raise UnsupportedError(
            f"integer operators of ONNX take no weights of format {scheme.format!r}",
            where=where,
            hint=f"{one_of(scheme.format, ONNX_FORMATS)}.{_ALONE}",
        )
    if scheme.scale_scheme is not None or scheme.centre or scheme.zero_rule != "integer" or not scheme.zero_in_range:
        raise UnsupportedError(
            "DequantizeLinear needs float32 scales and zero-points that are codes",
            where=where,
            hint="Leave out scale_scheme, centre, zero_in_range and the convention",
        )
    if scheme.granularity not in ("tensor", "channel"):
        raise UnsupportedError(
            f"integer operators of ONNX take no weights of granularity {scheme.granularity!r}",
            where=where,
            hint=f"Use 'tensor' or 'channel'.{_ALONE}",
        )


def require_activation_scheme(scheme: Scheme, where: str) -> None:
    """Refuse a scheme that QuantizeLinear does not compute (InvalidInputError, UnsupportedError)."""
    if scheme.format not in ("int8", "uint8"):
        raise InvalidInputError(
            f"activations of format {scheme.format!r} cannot be written: QuantizeLinear has 8-bit codes",
            where=where,
            hint="Use int8 or uint8",
        )
    if scheme.granularity != "tensor":
        raise UnsupportedError(
            f"granularity {scheme.granularity!r} is not valid for activations, which have one scale per tensor",
            where=where,
            hint="Use 'tensor'",
        )
    if scheme.rounding_rule.id != "half_even":
        raise InvalidInputError(
            f"rounding {scheme.rounding_rule.id!r} is not valid for activations: QuantizeLinear rounds half to even",
            where=where,
            hint="Use 'half_even'",
        )
