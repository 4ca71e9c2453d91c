"""k_spread_f32 against loops over the output, and with products before it against the specification."""

import itertools

import numpy as np
import pytest

from playground.programs import float_products
from playground.programs.float_products import Finish, Spread, ordered_sums, spread_matrix

# batch, (height, width), channels of the result, spread
CASES = {
    "one pixel": (1, (1, 1), 1, Spread((1, 1), (1, 1), (1, 1), (1, 1), (0, 0))),
    "no overlap": (2, (3, 4), 8, Spread((2, 2), (6, 8), (2, 2), (1, 1), (0, 0))),
    "overlap": (1, (3, 4), 5, Spread((3, 4), (5, 7), (1, 1), (1, 1), (0, 0))),
    "gaps": (1, (3, 2), 3, Spread((2, 1), (9, 5), (4, 3), (1, 1), (0, 0))),
    "cut": (2, (4, 4), 4, Spread((3, 3), (6, 7), (2, 2), (1, 1), (1, 2))),
    "dilated": (1, (3, 3), 9, Spread((3, 2), (9, 6), (2, 1), (2, 3), (0, 0))),
    "one pixel of many": (1, (3, 3), 2, Spread((2, 2), (1, 1), (2, 2), (1, 1), (3, 2))),
}


def floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def reference(parts, spread, finish):
    """Parts (batch, height, width, kernel_h, kernel_w, channels)."""
    n, height, width, *_, channels = parts.shape
    total = np.zeros((n, *spread.out, channels), np.float32)
    for y, x in np.ndindex(*spread.out):
        for ky, kx in itertools.product(*map(range, spread.kernel)):
            at_y, at_x = (
                place + begin - tap * dilation
                for place, begin, tap, dilation in zip((y, x), spread.begins, (ky, kx), spread.dilations, strict=True)
            )
            (row, down), (column, across) = divmod(at_y, spread.strides[0]), divmod(at_x, spread.strides[1])
            if down == across == 0 and 0 <= row < height and 0 <= column < width:
                total[:, y, x] += parts[:, row, column, ky, kx]
    return np.clip(total * finish.alpha + finish.bias, *map(np.float32, finish.limits))


@pytest.mark.parametrize(("alpha", "lo", "hi"), [(1.0, -np.inf, np.inf), (0.7, -0.5, 0.6)])
@pytest.mark.parametrize("case", CASES)
def test_spread_f32(guarded, out, rng, case, alpha, lo, hi):
    batch, size, channels, spread = CASES[case]
    x, weights = floats(rng, batch, 3, *size), floats(rng, 3, channels, *spread.kernel)
    finish = Finish(floats(rng, channels), np.float32(alpha), (lo, hi))
    rows = ordered_sums(x.transpose(0, 2, 3, 1).reshape(-1, 3), spread_matrix(weights))
    parts = rows.reshape(batch, *size, *spread.kernel, channels)
    pairs = {"kernel": spread.kernel, "stride": spread.strides, "dilation": spread.dilations}
    images = {
        **{f"{what}_{axis}": n for what, pair in pairs.items() for axis, n in zip("hw", pair, strict=True)},
        **{"x": parts, "batch": batch, "height": size[0], "width": size[1], "channels": channels},
        **{"pad_top": spread.begins[0], "pad_left": spread.begins[1]},
        **{"out_height": spread.out[0], "out_width": spread.out[1]},
    }
    given = {"bias": finish.bias, "alpha": alpha, "lo": lo, "hi": hi}
    found = guarded("k_spread_f32", images=images, **given, out=out((batch, *spread.out, channels), "float32"))
    np.testing.assert_array_equal(found, reference(parts, spread, finish))
    meant = float_products.conv_transpose(x, weights, spread, finish)
    np.testing.assert_array_equal(found, meant.transpose(0, 2, 3, 1))
