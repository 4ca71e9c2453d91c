"""k_quantize_blocks and k_gemv_4bit_s8 equal their NumPy specification bit for bit, for all 4-bit codebooks."""

import numpy as np
import pytest

from playground.number_formats import FORMATS
from playground.programs.block_ops import block_product, codebook_planes, grouped, quantize_blocks

CODEBOOKS = {
    "q4_0": np.arange(16) - 8,
    "int4": np.where(np.arange(16) > 7, np.arange(16) - 16, np.arange(16)),
    "uint4": np.arange(16),
    "mxfp4": FORMATS["fp4_e2m1"].decode(np.arange(16)) * 2,  # halves of 0.5, exact
    "nf4": np.rint(FORMATS["nf4"].decode(np.arange(16)) * 32767),  # to 16 bits
    "extremes": np.where(np.arange(16) % 2, 32767, -32767),
}
SHAPES = [(1, 32, 32, 1), (1, 32, 32, 4), (2, 64, 32, 5), (3, 96, 32, 3), (1, 128, 64, 9), (2, 256, 256, 6)]


def activations(rng, rows, depth):
    return (rng.normal(0, 1, (rows, depth)) * rng.choice([1e-3, 1, 1e3], (rows, 1))).astype(np.float32)


def quantized(guarded, out, x, block):
    """Scales and codes."""
    rows, depth = x.shape
    places = {"scale": out((rows, depth // block), "float32"), "codes": out((rows, depth), "int8")}
    return guarded("k_quantize_blocks", x=x, rows=rows, depth=depth, block=block, **places)


@pytest.mark.parametrize(("rows", "depth", "block", "columns"), SHAPES)
def test_blocks_are_quantized(guarded, out, rng, rows, depth, block, columns):
    x = activations(rng, rows, depth)
    scale, codes = quantized(guarded, out, x, block)
    expected, scales = quantize_blocks(x, block)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(scale, scales)
    assert np.abs(codes.reshape(rows, -1, block).astype(int)).max(axis=-1).min() == 127
    error = np.abs(codes.reshape(rows, -1, block) * scale[..., None].astype(np.float64) - x.reshape(rows, -1, block))
    assert (error <= 0.5001 * scale[..., None]).all()


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-45, 1e-38, 3e38, np.inf, np.nan])
def test_blocks_of_odd_numbers(guarded, out, value):
    x = np.zeros((1, 64), np.float32)
    x[0, 5] = value
    scale, codes = quantized(guarded, out, x, 32)
    expected, scales = quantize_blocks(x, 32)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(scale, scales)
    assert np.isfinite(scale[0, 0]) == np.isfinite(value)
    assert not codes[0, 32:].any()


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("name", "pointed"), [*((name, False) for name in CODEBOOKS), ("uint4", True), ("q4_0", True)])
@pytest.mark.parametrize(("rows", "depth", "block", "columns"), SHAPES)
def test_the_product(multiplying, out, rng, rows, depth, block, columns, name, pointed, biased):
    codebook = CODEBOOKS[name].astype(np.int16)
    x = rng.integers(-127, 128, (rows, depth)).astype(np.int8)
    x[0, :32], codes = -127, rng.integers(0, 16, (columns, depth)).astype(np.uint8)
    codes[0, :16] = np.arange(16)
    scale = rng.uniform(0.01, 2, (columns, depth // block)).astype(np.float32)
    x_scale = rng.uniform(0.01, 2, (rows, depth // block)).astype(np.float32)
    points = rng.integers(0, 16, scale.shape).astype(np.int16) if pointed else None
    values = codebook[codes].astype(np.int32)
    if points is not None:
        values -= np.repeat(points, block, axis=1)
    given = {"x": x, "x_scale": x_scale, "rows": rows, "depth": depth, "block": block, "columns": columns}
    given |= {"codes": grouped(codes), "scale": scale, "points": points, "codebook": codebook_planes(codebook)}
    bias = rng.normal(size=columns).astype(np.float32) if biased else None
    result = multiplying("k_gemv_4bit_s8", **given, bias=bias, out=out((rows, columns), "float32"))
    added = np.float32(0) if bias is None else bias
    np.testing.assert_array_equal(result, block_product(x, x_scale, values, scale) + added)
    left = x.astype(np.float64) * np.repeat(x_scale.astype(np.float64), block, axis=1)
    true = left @ (values * np.repeat(scale.astype(np.float64), block, axis=1)).T
    np.testing.assert_allclose(result - added, true, atol=1e-6 * np.abs(left).sum() * np.abs(values).max() * 2)
