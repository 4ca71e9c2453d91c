"""k_gemv_4bit: the sums of its stated order bit for bit, the true product closely, for the 4-bit formats there are."""

import numpy as np
import pytest

from playground.number_formats import FORMATS
from playground.programs.block_ops import float_block_product

BLOCK = 32
CODEBOOKS = {
    "int4": np.arange(16, dtype=np.uint8).astype(np.float32) - np.float32(16) * (np.arange(16) > 7).astype(np.float32),
    "q4_0": np.arange(16, dtype=np.float32) - 8,
    "uint4": np.arange(16, dtype=np.float32),
}
SHAPES = [(1, 32, 1), (1, 32, 2), (1, 64, 3), (2, 96, 5), (3, 32, 4), (1, 256, 9)]


def packed(codes):
    """Codes (columns, depth) as octets (columns, depth / 32, 16)."""
    blocks = codes.reshape(codes.shape[0], -1, 2, 16).astype(np.uint8)
    return blocks[:, :, 0] | blocks[:, :, 1] << 4


def planes(codebook):
    return np.ascontiguousarray(codebook.astype(np.float32).view(np.uint8).reshape(16, 4).T)


def in_order(x, values, scale):
    """The product as the kernel's C file says it is summed. x (rows, depth), values (columns, depth)."""
    products = x[:, None] * values
    lanes = products.reshape(*products.shape[:2], -1, BLOCK // 4, 4)
    block = lanes[..., 0, :]
    for i in range(1, BLOCK // 4):
        block = block + lanes[..., i, :]
    total = np.zeros((*products.shape[:2], 4), np.float32)
    for b in range(block.shape[2]):
        total = total + block[:, :, b] * scale[:, b, None]
    return (total[..., 0] + total[..., 1]) + (total[..., 2] + total[..., 3])


def case(rng, rows, depth, columns):
    x = rng.normal(0, 1, (rows, depth)).astype(np.float32)
    codes = rng.integers(0, 16, (columns, depth))
    codes.reshape(-1)[:16] = np.arange(16)
    scale = rng.uniform(0.01, 2, (columns, depth // BLOCK)).astype(np.float32)
    return x, codes, scale


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", [*CODEBOOKS, "nf4", "fp4_e2m1", "bnb_fp4"])
@pytest.mark.parametrize(("rows", "depth", "columns"), SHAPES)
def test_the_order_of_sums(multiplying, out, rng, rows, depth, columns, name, biased):
    x, codes, scale = case(rng, rows, depth, columns)
    codebook = CODEBOOKS[name] if name in CODEBOOKS else FORMATS[name].decode(np.arange(16)).astype(np.float32)
    given = {"x": x, "rows": rows, "depth": depth, "columns": columns, "codes": packed(codes), "scale": scale}
    bias = rng.normal(size=columns).astype(np.float32) if biased else None
    given |= {"codebook": planes(codebook), "bias": bias, "out": out((rows, columns), "float32")}
    result = multiplying("k_gemv_4bit", **given)
    added = np.float32(0) if bias is None else bias
    np.testing.assert_array_equal(result, in_order(x, codebook[codes], scale) + added)
    np.testing.assert_array_equal(result, float_block_product(x, codebook[codes], scale) + added)
    true = x.astype(np.float64) @ (codebook[codes] * np.repeat(scale.astype(np.float64), BLOCK, axis=1)).T
    np.testing.assert_allclose(result - added, true, atol=1e-6 * np.abs(x).sum() * np.abs(codebook).max() * 2)
