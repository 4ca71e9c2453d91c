"""k_pool_f32 against playground.programs.dynamic_ops."""

import numpy as np
import pytest

from playground.programs.dynamic_ops import pool_floats
from playground.programs.integer_ops import Window

CASES = {  # images (N, C, H, W), kernel, strides, dilations, pads (top, left), output
    "1x1": ((1, 1, 1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    "2x2": ((2, 5, 4, 6), (2, 2), (2, 2), (1, 1), (0, 0), (2, 3)),
    "padded on all sides": ((1, 9, 5, 5), (3, 3), (2, 2), (1, 1), (1, 1), (3, 3)),
    "beyond the end": ((1, 3, 5, 5), (2, 2), (2, 2), (1, 1), (0, 0), (3, 3)),
    "dilated": ((1, 4, 7, 7), (2, 3), (1, 2), (3, 2), (1, 1), (6, 3)),
    "global": ((3, 7, 6, 5), (6, 5), (1, 1), (1, 1), (0, 0), (1, 1)),
}


@pytest.mark.parametrize(("mean", "count_padding"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("case", CASES)
def test_pools(guarded, images_of, out, rng, case, mean, count_padding):
    image, kernel, strides, dilations, pads, size = CASES[case]
    x, window = rng.normal(size=image).astype(np.float32), Window(kernel, size, strides, dilations, pads)
    given = {"images": images_of(x, window), "mean": mean, "count_padding": count_padding}
    result = guarded("k_pool_f32", **given, out=out((image[0], *size, image[1]), "float32"))
    expected = pool_floats(x, window, mean=mean, count_padding=count_padding)
    np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), expected)
