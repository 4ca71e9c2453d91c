"""k_add_broadcast_s8 against playground.programs.integer_ops, for every way in which operands broadcast."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops


@pytest.mark.parametrize("b_dtype", ["uint8", "int8"])
@pytest.mark.parametrize("a_dtype", ["uint8", "int8"])
def test_sums(guarded, operands_of, epilogue, rng, broadcasting, a_dtype, b_dtype):
    (a_shape, b_shape), to = broadcasting, ops.Target("int8", -5, -100.0, 132.0)
    a = rng.integers(0, 256, a_shape).astype(np.uint8).view(a_dtype)
    b = rng.integers(0, 256, b_shape).astype(np.uint8).view(b_dtype)
    points, ratios = (int(a.flat[0]), np.iinfo(b_dtype).min), (np.float32(0.37), np.float32(-1.5))
    size, operands = operands_of(a, b, points)
    given = {"operands": operands, "ra": ratios[0], "rb": ratios[1], "to": epilogue(to, size)}
    result = guarded("k_add_broadcast_s8", **given)
    np.testing.assert_array_equal(result, np.broadcast_to(ops.add(a, b, points, ratios, to), size))


def test_every_pair_of_codes_to_floats(guarded, operands_of, epilogue):
    a, b = np.arange(256, dtype=np.uint8).view(np.int8)[:, None], np.arange(256, dtype=np.uint8)
    to, ratios = ops.Target("float32", 0, -30.0, 25.25), (np.float32(0.1), np.float32(0.3))
    size, operands = operands_of(a, b, (127, 0))
    given = {"operands": operands, "ra": ratios[0], "rb": ratios[1], "to": epilogue(to, size)}
    result = guarded("k_add_broadcast_s8", **given)
    np.testing.assert_array_equal(result[0, 0], ops.add(a, b, (127, 0), ratios, to))
