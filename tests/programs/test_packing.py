"""Packed weights, taken apart again by NumPy, give the sums of the plain definition."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops
from playground.programs.packing import Values, pack, packed_bytes, steps


def taken_apart(packed, depth, columns, dot):
    """The octets of one matrix as integers (depth, columns)."""
    together = 2 if dot == "int16" else 4
    blocks = packed.weights.reshape(-1, steps(depth, dot), 8, 4).view(np.int16 if dot == "int16" else np.int8)
    rows = blocks.transpose(1, 3, 0, 2).reshape(steps(depth, dot) * together, -1)
    assert not rows[depth:].any() and not rows[:, columns:].any()
    return rows[:depth, :columns].astype(np.int64)


def values_of(codes, by):
    """What the kernels make of codes: see struct source."""
    if by.dot == "int16":
        return codes.astype(np.int64) - by.zero_point
    return (codes.view(np.uint8) ^ np.uint8(by.flip)).view(np.int8 if by.dot == "signed" else np.uint8).astype(np.int64)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("dot", ["int16", "unsigned", "signed"])
@pytest.mark.parametrize("spread", [128, 255], ids=["int8 offsets", "offsets of 9 bits"])
def test_sums_stay_the_same(dot, dtype, spread):
    rng = np.random.default_rng(5)
    codes, offsets = rng.integers(0, 256, (4, 7)).astype(np.uint8).view(dtype), rng.integers(-9, 9, (1, 7, 11))
    offsets = (offsets + np.where(np.arange(11) % 2, spread - 10, 10 - spread)).astype(np.int16)
    bias, by = rng.integers(-(2**31), 2**31, 11).astype(np.int32), Values(dtype == "int8", 77, dot)
    packed = pack(offsets, bias, np.arange(11, dtype=np.float32), by)
    values = values_of(codes, by)
    shift = np.zeros((1, 16)) if packed.shift is None else packed.shift
    sums = values @ taken_apart(packed, 7, 11, dot) + packed.bias[0, :11]
    sums += values.sum(axis=1, keepdims=True) * shift[0, :11].astype(np.int64)
    np.testing.assert_array_equal(sums.astype(np.int32), ops.add_bias(ops.matmul_integer(codes, offsets[0], 77), bias))
    assert (packed.shift is not None) == (dot != "int16" and spread > 128)
    np.testing.assert_array_equal(packed.multiplier[0], [*range(11), 0, 0, 0, 0, 0])
    assert packed.weights.nbytes == packed_bytes(7, 11, dot)


@pytest.mark.parametrize(
    ("dot", "is_signed", "flip", "zero_point"),
    [("unsigned", True, 128, 138), ("unsigned", False, 0, 10), ("signed", False, 128, -118), ("int16", True, 0, 10)],
)
def test_codes_are_flipped_to_what_the_dot_product_takes(dot, is_signed, flip, zero_point):
    by = Values(is_signed, 10, dot)
    assert (by.flip, by.shifted_zero_point) == (flip, zero_point)
