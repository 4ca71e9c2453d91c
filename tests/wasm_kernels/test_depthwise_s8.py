"""k_depthwise_s8 against playground.engines.integer_ops: below, at and above eight channels."""

import numpy as np
import pytest

from playground.engines import integer_ops as ops

CASES = {  # batch, height, width, kernel, strides, dilations, pads (top, left), output
    "1x1": (1, 1, 1, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    "3x3 padded": (2, 5, 4, (3, 3), (1, 1), (1, 1), (1, 1), (5, 4)),
    "strided": (1, 7, 6, (3, 2), (2, 3), (1, 1), (0, 1), (3, 2)),
    "dilated": (1, 7, 7, (3, 3), (1, 1), (2, 3), (2, 3), (7, 7)),
    "window larger than the image": (1, 2, 2, (5, 5), (1, 1), (1, 1), (2, 2), (2, 2)),
    "windows that lie in the padding": (1, 2, 2, (2, 2), (1, 1), (2, 1), (4, 5), (8, 11)),
}


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("channels", [1, 7, 8, 9, 24])
@pytest.mark.parametrize("case", CASES)
def test_depthwise(guarded, out, rng, case, channels, dtype):
    n, height, width, kernel, strides, dilations, pads, size = CASES[case]
    window, limits = ops.Window(kernel, size, strides, dilations, pads), np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, (n, channels, height, width), endpoint=True).astype(dtype)
    weights = rng.integers(-255, 255, (channels, 1, *kernel), endpoint=True).astype(np.int16)
    zx, zy = (int(z) for z in rng.integers(limits.min, limits.max, 2, endpoint=True))
    bias = rng.integers(-5000, 5000, channels).astype(np.int32)
    multiplier = rng.uniform(1e-4, 1e-2, channels).astype(np.float32)
    to = ops.Target(dtype, zy, float(limits.min - zy), float(limits.max - zy))
    sums = ops.conv_integer(x, weights, window, groups=channels, x_zero_point=zx)
    expected = ops.requantize(ops.add_bias(sums, bias[:, None, None]), multiplier[:, None, None], to)
    result = guarded(
        "k_depthwise_s8",
        x.transpose(0, 2, 3, 1),
        *(n, height, width, channels, *kernel, *strides, *dilations, *pads, *size),
        *(int(dtype == "int8"), zx),
        weights[:, 0].transpose(1, 2, 0),
        *(bias, multiplier, to.lo, to.hi, zy, 0),
        out((n, *size, channels), dtype),
    )
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), expected)
