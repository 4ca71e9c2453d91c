"""k_depthwise_s8 against playground.programs.integer_ops: below, at and above eight channels and four columns."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops
from playground.programs.depthwise import pack_depthwise, scratch_bytes
from playground.programs.packing import Values

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


WEIGHTS = {"int8": (-127, 127), "uint8": (-255, 255)}  # offsets that fit one plane of int8, and such as do not


@pytest.fixture
def depthwise(multiplying, images_of, epilogue, out):
    """What the kernel makes of images (N, C, H, W) and offsets of weights (channels, height, width)."""

    def run(x, weights, window, *, values, bias, multiplier, to):
        packed = pack_depthwise(weights, bias, values)
        result, _ = multiplying(
            "k_depthwise_s8",
            images=images_of(x, window),
            source=values.source,
            weights=packed.weights,
            planes=packed.planes,
            bias=packed.bias,
            multiplier=multiplier,
            to=epilogue(to, (x.shape[0], *window.out, x.shape[1])),
            scratch=out((scratch_bytes(window, multiplying.dot),), "uint8"),
        )
        return result

    return run


@pytest.mark.parametrize("kind", ["codes", "floats"])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("case", CASES)
def test_depthwise(depthwise, multiplying, rng, case, dtype, kind):
    for weights_type in WEIGHTS:
        for channels in (1, 8, 9, 23):
            compare_with_integer_ops(depthwise, multiplying.dot, rng, case, weights_type, channels, dtype, kind)


def compare_with_integer_ops(depthwise, dot, rng, case, weights_type, channels, dtype, kind):
    n, height, width, kernel, strides, dilations, pads, size = CASES[case]
    window, limits = ops.Window(kernel, size, strides, dilations, pads), np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, (n, channels, height, width), endpoint=True).astype(dtype)
    weights = rng.integers(*WEIGHTS[weights_type], (channels, 1, *kernel), endpoint=True).astype(np.int16)
    zx, zy = (int(z) for z in rng.integers(limits.min, limits.max, 2, endpoint=True))
    bias = rng.integers(-5000, 5000, channels).astype(np.int32)
    multiplier = rng.uniform(1e-4, 1e-2, channels).astype(np.float32)
    to = ops.Target(dtype, zy, float(limits.min - zy), float(limits.max - zy))
    to = ops.Target("float32", 0, -1000.0, 900.0) if kind == "floats" else to
    sums = ops.conv_integer(x, weights, window, groups=channels, x_zero_point=zx)
    expected = ops.requantize(ops.add_bias(sums, bias[:, None, None]), multiplier[:, None, None], to)
    result = depthwise(
        *(x, weights[:, 0], window),
        values=Values(dtype == "int8", zx, dot),
        bias=bias,
        multiplier=multiplier,
        to=to,
    )
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), expected, f"{channels} channels, {weights_type}")


@pytest.mark.parametrize("weight", [-255, -128, 127, 255])
@pytest.mark.parametrize("zero_point", [-128, 127])
def test_extremes_do_not_overflow(depthwise, multiplying, zero_point, weight):
    x = np.full((1, 8, 5, 9), -128 if zero_point == 127 else 127, np.int8)
    sums = depthwise(
        *(x, np.full((8, 3, 3), weight, np.int16), ops.Window((3, 3), (3, 7), (1, 1), (1, 1), (0, 0))),
        values=Values(True, zero_point, multiplying.dot),
        bias=np.zeros(8, np.int32),
        multiplier=np.ones(8, np.float32),
        to=ops.Target("int32"),
    )
    np.testing.assert_array_equal(sums, 9 * weight * (int(x[0, 0, 0, 0]) - zero_point))
