"""k_mul_s8 against playground.programs.row_ops, for every way in which operands broadcast."""

import numpy as np
import pytest

from playground.programs import row_ops
from playground.programs.integer_ops import Target

EVERY_CODE = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("b_dtype", ["uint8", "int8"])
@pytest.mark.parametrize("a_dtype", ["uint8", "int8"])
def test_products(guarded, operands_of, epilogue, rng, broadcasting, a_dtype, b_dtype):
    (a_shape, b_shape), to = broadcasting, Target("int8", -5, -100.0, 132.0)
    a = rng.integers(0, 256, a_shape).astype(np.uint8).view(a_dtype)
    b = rng.integers(0, 256, b_shape).astype(np.uint8).view(b_dtype)
    points, ratio = (int(a.flat[0]), np.iinfo(b_dtype).max), np.float32(0.0173)
    size, operands = operands_of(a, b, points)
    result = guarded("k_mul_s8", operands=operands, ratio=ratio, to=epilogue(to, size))
    np.testing.assert_array_equal(result, np.broadcast_to(row_ops.multiply(a, b, points, ratio, to), size))


@pytest.mark.parametrize("to", [Target("float32", 0, -1e9, 1e9), Target("uint8", 255, -255.0, 0.0)])
def test_every_pair_of_codes(guarded, operands_of, epilogue, to):
    a, b = EVERY_CODE.view(np.int8)[:, None], EVERY_CODE
    for points in ((-128, 255), (127, 0)):
        size, operands = operands_of(a, b, points)
        result = guarded("k_mul_s8", operands=operands, ratio=np.float32(0.37), to=epilogue(to, size))
        np.testing.assert_array_equal(result[0, 0], row_ops.multiply(a, b, points, np.float32(0.37), to))
