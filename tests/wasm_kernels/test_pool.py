"""k_maxpool_s8 and k_avgpool_s8 against playground.programs.integer_ops."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops

CASES = {  # images (N, C, H, W), kernel, strides, dilations, pads (top, left), output
    "1x1": ((1, 1, 1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    "2x2": ((2, 5, 4, 6), (2, 2), (2, 2), (1, 1), (0, 0), (2, 3)),
    "padded on all sides": ((1, 17, 5, 5), (3, 3), (2, 2), (1, 1), (1, 1), (3, 3)),
    "beyond the end": ((1, 3, 5, 5), (2, 2), (2, 2), (1, 1), (0, 0), (3, 3)),
    "dilated": ((1, 2, 7, 7), (2, 3), (1, 2), (3, 2), (1, 1), (6, 3)),
    "global": ((3, 9, 6, 5), (6, 5), (1, 1), (1, 1), (0, 0), (1, 1)),
}


def case_of(rng, case, dtype):
    image, kernel, strides, dilations, pads, size = CASES[case]
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, image, endpoint=True).astype(dtype)
    return x, ops.Window(kernel, size, strides, dilations, pads)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("case", CASES)
def test_maxpool(guarded, images_of, out, rng, case, dtype):
    x, window = case_of(rng, case, dtype)
    shape = (x.shape[0], *window.out, x.shape[1])
    given = {"images": images_of(x, window), "is_signed": dtype == "int8"}
    result = guarded("k_maxpool_s8", **given, out=out(shape, dtype))
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), ops.max_pool(x, window))


@pytest.mark.parametrize("to_dtype", ["uint8", "float32"])
@pytest.mark.parametrize("count_padding", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("case", CASES)
def test_avgpool(guarded, images_of, epilogue, rng, case, dtype, count_padding, to_dtype):
    x, window = case_of(rng, case, dtype)
    zero_point, ratio = int(x.reshape(-1)[0]), np.float32(1.37)
    to = ops.Target("uint8", 9, -9.0, 246.0) if to_dtype == "uint8" else ops.Target("float32", 0, -50.0, 60.0)
    expected = ops.average_pool(x, window, to, zero_point=zero_point, ratio=ratio, count_padding=count_padding)
    result = guarded(
        "k_avgpool_s8",
        images=images_of(x, window),
        is_signed=dtype == "int8",
        zero_point=zero_point,
        ratio=ratio,
        count_padding=count_padding,
        to=epilogue(to, (x.shape[0], *window.out, x.shape[1])),
    )
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), expected)
