"""k_depthwise_s8 against playground.engines.integer_ops: below, at and above eight channels and four columns."""

import numpy as np
import pytest

from playground.engines import integer_ops as ops
from playground.engines.depthwise import packed_depthwise, scratch_bytes

CASES = {  # batch, height, width, kernel, strides, dilations, pads (top, left), output
    "1x1": (1, 1, 1, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    "3x3 padded": (2, 5, 4, (3, 3), (1, 1), (1, 1), (1, 1), (5, 4)),
    "strided": (1, 7, 6, (3, 2), (2, 3), (1, 1), (0, 1), (3, 2)),
    "dilated": (1, 7, 7, (3, 3), (1, 1), (2, 3), (2, 3), (7, 7)),
    "strides that pairs are packed for": (1, 9, 10, (5, 5), (2, 2), (1, 1), (2, 2), (5, 5)),
    "strides that they are not": (1, 9, 13, (3, 3), (3, 3), (1, 1), (0, 2), (3, 5)),
    "pairs that lie apart": (1, 4, 19, (1, 4), (1, 2), (1, 2), (0, 3), (4, 8)),
    "one column": (1, 6, 5, (3, 1), (2, 2), (2, 1), (2, 0), (3, 3)),
    "more lines than are done at once": (1, 21, 72, (3, 3), (1, 1), (1, 1), (1, 1), (21, 72)),
    "the same, strided": (1, 39, 45, (3, 3), (2, 2), (1, 1), (1, 1), (20, 23)),
    "window larger than the image": (1, 2, 2, (5, 5), (1, 1), (1, 1), (2, 2), (2, 2)),
    "windows that lie in the padding": (1, 2, 2, (2, 2), (1, 1), (2, 1), (4, 5), (8, 11)),
}


@pytest.mark.parametrize("kind", ["codes", "floats"])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("channels", [1, 7, 8, 9, 24])
@pytest.mark.parametrize("case", CASES)
def test_depthwise(guarded, out, rng, case, channels, dtype, kind):
    n, height, width, kernel, strides, dilations, pads, size = CASES[case]
    window, limits = ops.Window(kernel, size, strides, dilations, pads), np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, (n, channels, height, width), endpoint=True).astype(dtype)
    weights = rng.integers(-255, 255, (channels, 1, *kernel), endpoint=True).astype(np.int16)
    zx, zy = (int(z) for z in rng.integers(limits.min, limits.max, 2, endpoint=True))
    bias = rng.integers(-5000, 5000, channels).astype(np.int32)
    multiplier = rng.uniform(1e-4, 1e-2, channels).astype(np.float32)
    to = ops.Target(dtype, zy, float(limits.min - zy), float(limits.max - zy))
    to = ops.Target("float32", 0, -1000.0, 900.0) if kind == "floats" else to
    sums = ops.conv_integer(x, weights, window, groups=channels, x_zero_point=zx)
    expected = ops.requantize(ops.add_bias(sums, bias[:, None, None]), multiplier[:, None, None], to)
    result, _ = guarded(
        "k_depthwise_s8",
        x.transpose(0, 2, 3, 1),
        *(n, height, width, channels, *kernel, *strides, *dilations, *pads, *size),
        *(int(dtype == "int8"), zx),
        packed_depthwise(weights[:, 0]),
        *(bias, multiplier, to.lo, to.hi, to.zero_point, int(kind == "floats")),
        out((n, *size, channels), to.dtype),
        out((scratch_bytes(window),), "uint8"),
    )
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), expected)


@pytest.mark.parametrize("zero_point", [-128, 127])
def test_extremes_do_not_overflow(guarded, out, zero_point):
    x = np.full((1, 5, 9, 8), -128 if zero_point == 127 else 127, np.int8)
    weights, window = np.full((8, 1, 3, 3), 255, np.int16), ops.Window((3, 3), (3, 7), (1, 1), (1, 1), (0, 0))
    sums, _ = guarded(
        *("k_depthwise_s8", x, 1, 5, 9, 8, 3, 3, 1, 1, 1, 1, 0, 0, 3, 7, 1, zero_point),
        *(packed_depthwise(weights[:, 0]), np.zeros(8, np.int32), np.ones(8, np.float32), 0.0, 0.0, 0, 2),
        *(out((1, 3, 7, 8), "int32"), out((scratch_bytes(window),), "uint8")),
    )
    np.testing.assert_array_equal(sums, 9 * 255 * (int(x[0, 0, 0, 0]) - zero_point))
