"""k_conv_s8 against playground.programs.integer_ops, with weights packed as the engine packs them."""

import numpy as np
import pytest

from playground.programs import integer_ops as ops
from tests.wasm_kernels.convolutions import convolution

CASES = {  # images (N, C, H, W), filters (M, C / groups, kh, kw), groups, strides, dilations, pads (top, left), output
    "1x1": ((1, 1, 1, 1), (1, 1, 1, 1), 1, (1, 1), (1, 1), (0, 0), (1, 1)),
    "pointwise": ((2, 9, 5, 3), (17, 9, 1, 1), 1, (1, 1), (1, 1), (0, 0), (5, 3)),
    "3x3 padded": ((1, 3, 6, 6), (8, 3, 3, 3), 1, (1, 1), (1, 1), (1, 1), (6, 6)),
    "strided, odd pads": ((2, 4, 7, 5), (5, 4, 3, 2), 1, (2, 3), (1, 1), (2, 1), (4, 2)),
    "dilated": ((1, 2, 9, 9), (3, 2, 3, 3), 1, (1, 1), (2, 3), (1, 0), (6, 3)),
    "groups": ((2, 6, 4, 4), (9, 2, 3, 3), 3, (1, 1), (1, 1), (1, 1), (4, 4)),
    "wide groups": ((1, 32, 3, 3), (32, 16, 3, 3), 2, (1, 1), (1, 1), (1, 1), (3, 3)),
    "more pixels than a block": ((3, 8, 6, 6), (8, 8, 2, 2), 1, (1, 1), (1, 1), (0, 0), (5, 5)),
    "window larger than the image": ((1, 2, 2, 2), (3, 2, 5, 5), 1, (1, 1), (1, 1), (2, 2), (2, 2)),
    "pointwise, strided": ((2, 8, 5, 6), (9, 8, 1, 1), 1, (2, 2), (1, 1), (0, 0), (3, 3)),
    "four channels, dilated": ((1, 4, 8, 8), (6, 4, 3, 3), 1, (1, 1), (1, 2), (1, 2), (8, 8)),
    "wide lines": ((1, 12, 5, 5), (8, 12, 3, 3), 1, (1, 1), (1, 1), (1, 1), (5, 5)),
    "windows that lie in the padding": ((1, 3, 2, 2), (4, 3, 2, 2), 1, (1, 1), (1, 1), (6, 7), (13, 15)),
}


@pytest.mark.parametrize("wide", [False, True], ids=["int8 weights", "offsets of 9 bits"])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("case", CASES)
def test_conv(multiplying, images_of, epilogue, product, out, rng, any_codes, case, dtype, wide):
    image, filters, groups, strides, dilations, pads, size = CASES[case]
    window = ops.Window(filters[2:], size, strides, dilations, pads)
    made = convolution(rng, any_codes, CASES[case], window, dtype, wide)
    by, columns = made.values(multiplying.dot), filters[0] // groups
    packed = made.packed(made.filters.reshape(groups, -1, columns), multiplying.dot)
    result, _ = multiplying(
        "k_conv_s8",
        images=images_of(made.x, window),
        groups=groups,
        source=by.source,
        product=product(packed, columns, epilogue(made.to, (image[0], *size, filters[0]))),
        scratch=out((by.scratch_bytes(int(np.prod(filters[1:]))),), "uint8"),
    )
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), made.expected)
