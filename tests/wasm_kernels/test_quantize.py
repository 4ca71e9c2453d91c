"""k_quantize and k_dequantize against playground.quantization."""

import numpy as np
import pytest

from playground.convention_rules import CONVENTIONS
from playground.quantization import QParams, QTensor, Scheme, encode

ORDERS = {"round_then_add": 0, "add_then_round": 1, "fused": 2}
ROUNDING_NUMBERS = {"half_even": 0, "half_away": 1, "toward_zero": 2}


def order_of(scheme):
    convention = CONVENTIONS[scheme.convention]
    if not convention.zero_point_before_rounding:
        return ORDERS["round_then_add"]
    return ORDERS["fused" if scheme.granularity in convention.fused_granularities else "add_then_round"]


def sizes(shape):
    return dict(zip(("outer", "channels", "inner"), shape, strict=True))


def quantized(guarded, x, scale, zero_point, limits, place, *, reciprocal=0, order=0, rounding=0):
    """Codes of x (outer, channels, inner)."""
    grid = {"scale": scale, "zero_point": zero_point, "qmin": limits[0], "qmax": limits[1]}
    how = {"reciprocal": reciprocal, "order": order, "rounding": rounding}
    return guarded("k_quantize", x=x, **sizes(x.shape), **grid, **how, codes=place)


def values(rng, shape, scale):
    """Values around the range, with exact ties, their neighbours, infinities of effect and both zeros among them."""
    x = (rng.normal(size=shape) * 80 * scale).astype(np.float32)
    flat = x.reshape(-1)
    ties = ((np.arange(flat.size // 2) - flat.size // 4) + 0.5).astype(np.float32) * np.float32(scale)
    flat[: ties.size] = ties
    flat[ties.size :: 7] = np.nextafter(flat[ties.size :: 7], np.float32(0))
    flat[-3:] = [3e38, -3e38, -0.0][: flat[-3:].size]
    return x


SHAPES = [(1, 1, 15), (1, 1, 16), (1, 1, 17), (1, 1, 333), (2, 3, 19), (5, 4, 1), (3, 37, 1)]
ARITHMETICS = {
    (c.divides, c.zero_point_before_rounding, c.fused_granularities): name for name, c in CONVENTIONS.items()
}
"""What the kernel is told of a convention -> one of those that do it so."""


@pytest.mark.parametrize("rounding", ROUNDING_NUMBERS)
@pytest.mark.parametrize("convention", ARITHMETICS.values())
@pytest.mark.parametrize("number_format", ["int8", "uint8", "int3", "uint4"])
def test_quantize_equals_encode(guarded, out, rng, number_format, convention, rounding):
    for shape in SHAPES:
        compare_with_encode(guarded, out, rng, shape, number_format, convention, rounding)


def compare_with_encode(guarded, out, rng, shape, number_format, convention, rounding):
    per_channel = shape[1] > 1
    scheme = Scheme(
        format=number_format,
        granularity="channel" if per_channel else "tensor",
        axis=1 if per_channel else None,
        symmetric=False,
        convention=convention,
        rounding=rounding,
    )
    channels = (1, shape[1], 1)
    scale = rng.choice([0.125, 0.1, 0.037], channels).astype(np.float32)
    zero_point = rng.integers(*scheme.limits, channels, endpoint=True).astype(np.int32)
    x = values(rng, shape, 0.125)
    codes = quantized(
        *(guarded, x, scale, zero_point, scheme.limits, out(shape, scheme.number_format.dtype.name)),
        reciprocal=not CONVENTIONS[convention].divides,
        order=order_of(scheme),
        rounding=ROUNDING_NUMBERS[rounding],
    )
    np.testing.assert_array_equal(codes, encode(x, QParams(scale, zero_point), scheme), f"shape {shape}")


def test_nan_gives_the_smallest_code_and_infinities_saturate(guarded, out):
    x = np.array([np.nan, np.inf, -np.inf] * 7, np.float32)
    scale, zero_point = np.array([0.1], np.float32), np.array([3], np.int32)
    codes = quantized(guarded, x.reshape(1, 1, 21), scale, zero_point, (-8, 7), out((21,), "int8"))
    np.testing.assert_array_equal(codes, [-8, 7, -8] * 7)


@pytest.mark.parametrize("number_format", ["int8", "uint8"])
@pytest.mark.parametrize("shape", [(1, 1, 33), (2, 3, 5)])
def test_dequantize(guarded, out, rng, shape, number_format):
    scheme = Scheme(format=number_format, granularity="channel", axis=1, symmetric=False)
    codes = rng.integers(*scheme.limits, shape, endpoint=True).astype(number_format)
    channels = (1, shape[1], 1)
    qparams = QParams(rng.uniform(0.01, 2, channels), rng.integers(*scheme.limits, channels, endpoint=True))
    signed = int(number_format == "int8")
    grid = {"scale": qparams.scale, "zero_point": qparams.zero_point}
    x = guarded("k_dequantize", codes=codes, is_signed=signed, **sizes(shape), **grid, x=out(shape, "float32"))
    np.testing.assert_array_equal(x, QTensor(codes, qparams, scheme, shape).dequantize())
