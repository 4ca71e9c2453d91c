"""k_conv_lines_s8 against playground.programs.integer_ops, with weights packed as the engine packs them."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops
from playground.programs.conv_lines import in_lines, lines_bytes
from tests.wasm_kernels.convolutions import convolution

CASES = {  # images (N, C, H, W), filters (M, C / groups, kh, kw), groups, strides, dilation_h, pads (top, left), output
    "1x1": ((1, 1, 1, 1), (1, 1, 1, 1), 1, (1, 1), 1, (0, 0), (1, 1)),
    "one channel": ((1, 1, 6, 9), (8, 1, 3, 3), 1, (1, 1), 1, (1, 1), (6, 9)),
    "three channels, strided": ((2, 3, 11, 13), (9, 3, 3, 3), 1, (2, 2), 1, (1, 1), (6, 7)),
    "longer than a block": ((1, 4, 3, 60), (8, 4, 3, 3), 1, (1, 1), 1, (1, 1), (3, 60)),
    "two blocks, one of them shorter": ((1, 3, 2, 25), (8, 3, 1, 2), 1, (1, 1), 1, (0, 0), (2, 24)),
    "more lines than fit the ring, skipped": ((2, 3, 14, 9), (5, 3, 2, 3), 1, (5, 2), 1, (1, 0), (3, 4)),
    "dilated lines": ((1, 2, 12, 9), (3, 2, 3, 3), 1, (1, 1), 3, (2, 1), (9, 9)),
    "groups": ((2, 6, 4, 9), (9, 2, 3, 3), 3, (1, 1), 1, (1, 1), (4, 9)),
    "wide groups": ((1, 32, 3, 8), (32, 16, 3, 3), 2, (1, 1), 1, (1, 1), (3, 8)),
    "lines that lie in the padding": ((1, 3, 2, 2), (4, 3, 2, 2), 1, (1, 1), 1, (6, 7), (13, 15)),
    "an image wider than windows reach": ((1, 2, 5, 30), (3, 2, 2, 3), 1, (1, 3), 1, (0, 0), (4, 4)),
    "padding wider than windows reach": ((1, 2, 5, 4), (3, 2, 2, 3), 1, (1, 1), 1, (0, 9), (4, 3)),
}


@pytest.mark.parametrize("wide", [False, True], ids=["int8 weights", "offsets of 9 bits"])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("case", CASES)
def test_conv_in_lines(multiplying, images_of, epilogue, product, out, rng, any_codes, case, dtype, wide):
    image, filters, groups, strides, dilation, pads, size = CASES[case]
    window = ops.Window(filters[2:], size, strides, (dilation, 1), pads)
    made = convolution(rng, any_codes, CASES[case], window, dtype, wide)
    by, columns = made.values(multiplying.dot), filters[0] // groups
    packed = made.packed(in_lines(made.filters, multiplying.dot), multiplying.dot)
    result, _ = multiplying(
        "k_conv_lines_s8",
        images=images_of(made.x, window),
        groups=groups,
        source=by.source,
        product=product(packed, columns, epilogue(made.to, (image[0], *size, filters[0]))),
        scratch=out((lines_bytes(window, filters[1], multiplying.dot),), "uint8"),
    )
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), made.expected)
