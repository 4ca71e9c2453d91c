"""k_global_average_s8 against playground.programs.integer_ops: below, at and above eight channels and 257 pixels."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops

TARGETS = [ops.Target("uint8", 9, -9.0, 246.0), ops.Target("int8", -128, 0.0, 255.0), ops.Target("float32")]


@pytest.mark.parametrize("to", TARGETS, ids=lambda to: to.dtype)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("pixels", [1, 256, 257, 258, 700])
def test_means(guarded, epilogue, rng, pixels, dtype, to):
    for channels in (1, 7, 8, 9, 24):
        compare_with_average_pool(guarded, epilogue, rng, pixels, channels, dtype, to)


def compare_with_average_pool(guarded, epilogue, rng, pixels, channels, dtype, to):
    limits = np.iinfo(dtype)
    x = rng.integers(limits.max - 9, limits.max, (2, pixels, channels), endpoint=True).astype(dtype)
    x[..., 0] = limits.min
    for zero_point in (int(limits.min), int(limits.max)):
        ratio = np.float32(1.37)
        window = ops.Window((pixels, 1), (1, 1), (1, 1), (1, 1), (0, 0))
        images = x.transpose(0, 2, 1)[..., None]
        expected = ops.average_pool(images, window, to, zero_point=zero_point, ratio=ratio, count_padding=False)
        counts = {"batch": 2, "pixels": pixels, "channels": channels}
        how = {"is_signed": dtype == "int8", "zero_point": zero_point, "ratio": ratio}
        result = guarded("k_global_average_s8", codes=x, **counts, **how, to=epilogue(to, (2, channels)))
        np.testing.assert_array_equal(result, expected[..., 0, 0], f"{channels} channels")
