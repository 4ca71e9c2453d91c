"""k_conv_f32 and k_depthwise_f32 against a convolution written as loops, in the order that they state."""

import itertools

import numpy as np
import pytest

from playground.operators._float_convs import band_bytes
from playground.programs import float_products
from playground.programs.float_products import Finish, conv_matrices, is_inside, pack_floats, padded_columns
from playground.programs.integer_ops import Window

# batch, (height, width), channels, filters, groups, window
CASES = {
    "one pixel": (1, (1, 1), 3, 5, 1, Window((1, 1), (1, 1))),
    "pointwise with a step": (2, (5, 7), 4, 9, 1, Window((1, 1), (3, 4), (2, 2))),
    "inside": (2, (6, 9), 3, 8, 1, Window((3, 3), (4, 7))),
    "many small ones": (41, (1, 8), 2, 3, 1, Window((1, 4), (1, 3), (1, 2))),
    "padded": (2, (5, 6), 2, 11, 1, Window((3, 3), (5, 6), pads=(1, 1))),
    "stride": (1, (9, 11), 5, 4, 1, Window((3, 5), (5, 6), (2, 2), pads=(1, 2))),
    "dilated": (1, (9, 10), 3, 8, 1, Window((3, 2), (5, 8), (1, 1), (2, 3), (0, 1))),
    "all padding": (1, (2, 2), 3, 4, 1, Window((2, 2), (6, 7), pads=(3, 3))),
    "a line": (1, (1, 40), 4, 6, 1, Window((1, 5), (1, 40), pads=(0, 2))),
    "wide": (1, (3, 70), 1, 3, 1, Window((2, 3), (3, 70), pads=(1, 1))),
    "groups": (2, (4, 5), 6, 10, 2, Window((3, 3), (4, 5), pads=(1, 1))),
    "groups inside": (3, (5, 5), 8, 4, 4, Window((2, 2), (4, 4))),
    "two filters a channel": (1, (4, 4), 3, 6, 3, Window((3, 3), (4, 4), pads=(1, 1))),
}
DEPTHWISE = {
    "padded": (2, (5, 9), 8, Window((3, 3), (5, 9), pads=(1, 1))),
    "few channels": (1, (6, 7), 3, Window((3, 3), (6, 7), pads=(1, 1))),
    "a rest": (1, (5, 12), 13, Window((3, 3), (5, 12), pads=(1, 1))),
    "five channels": (1, (4, 6), 5, Window((2, 2), (3, 5))),
    "stride": (1, (9, 17), 12, Window((5, 5), (5, 9), (2, 2), pads=(2, 2))),
    "dilated": (1, (8, 16), 4, Window((3, 3), (4, 12), (1, 1), (2, 2))),
    "all padding": (1, (2, 2), 8, Window((2, 2), (6, 7), pads=(3, 3))),
    "a line": (1, (1, 33), 16, Window((1, 7), (1, 33), pads=(0, 3))),
}
FINISHES = [(1.0, -np.inf, np.inf), (0.7, -0.5, 0.6)]


def floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def reference(x, weights, window, groups, bias, alpha, limits):
    """NHWC; one product after another."""
    n, height, width, _ = x.shape
    filters, depth = weights.shape[:2]
    out = np.zeros((n, *window.out, filters), np.float32)
    for y, column in np.ndindex(*window.out):
        total = np.zeros((n, filters), np.float32)
        for ky, kx, c in itertools.product(*map(range, window.kernel), range(depth)):
            at_y = y * window.strides[0] - window.pads[0] + ky * window.dilations[0]
            at_x = column * window.strides[1] - window.pads[1] + kx * window.dilations[1]
            if 0 <= at_y < height and 0 <= at_x < width:
                own = np.repeat(np.arange(groups) * depth + c, filters // groups)
                total += x[:, at_y, at_x][:, own] * weights[:, c, ky, kx]
        out[:, y, column] = np.clip(total * np.float32(alpha) + bias, *map(np.float32, limits))
    return out


def images_of(x, window):
    n, height, width, channels = x.shape
    names = ("kernel", "stride", "dilation")
    pairs = zip(names, (window.kernel, window.strides, window.dilations), strict=True)
    return {
        **{"x": x, "batch": n, "height": height, "width": width, "channels": channels},
        **{f"{name}_{axis}": value for name, pair in pairs for axis, value in zip("hw", pair, strict=True)},
        **{"pad_top": window.pads[0], "pad_left": window.pads[1]},
        **{"out_height": window.out[0], "out_width": window.out[1]},
    }


@pytest.mark.parametrize("band", [1, 3])
@pytest.mark.parametrize(("alpha", "lo", "hi"), FINISHES)
@pytest.mark.parametrize("case", CASES)
def test_conv_f32(guarded, out, rng, case, alpha, lo, hi, band):
    batch, size, channels, filters, groups, window = CASES[case]
    x, weights = floats(rng, batch, *size, channels), floats(rng, filters, channels // groups, *window.kernel)
    finish = Finish(floats(rng, filters), np.float32(alpha), (lo, hi))
    inside, band = is_inside(window, size), min(band, window.out[0])
    product = {
        "weights": pack_floats(conv_matrices(weights, groups)).weights,
        "bias": padded_columns(finish.bias, groups),
        "columns": filters // groups,
        **{"alpha": alpha, "lo": lo, "hi": hi, "out": out((batch, *window.out, filters), "float32")},
    }
    lines = None if inside else out((band_bytes(window, channels, band),), "uint8")
    found = guarded("k_conv_f32", images=images_of(x, window), groups=groups, product=product, band=band, lines=lines)
    found = found if inside else found[0]
    np.testing.assert_array_equal(found, reference(x, weights, window, groups, finish.bias, alpha, (lo, hi)))
    meant = float_products.conv(x.transpose(0, 3, 1, 2), weights, window, groups, finish)
    np.testing.assert_array_equal(found, meant.transpose(0, 2, 3, 1))


@pytest.mark.parametrize(("alpha", "lo", "hi"), FINISHES)
@pytest.mark.parametrize("case", DEPTHWISE)
def test_depthwise_f32(guarded, out, rng, case, alpha, lo, hi):
    batch, size, channels, window = DEPTHWISE[case]
    x, weights = floats(rng, batch, *size, channels), floats(rng, channels, 1, *window.kernel)
    finish = Finish(floats(rng, channels), np.float32(alpha), (lo, hi))
    found = guarded(
        "k_depthwise_f32",
        images=images_of(x, window),
        weights=np.ascontiguousarray(weights[:, 0].transpose(1, 2, 0)),
        bias=finish.bias,
        **{"alpha": alpha, "lo": lo, "hi": hi, "out": out((batch, *window.out, channels), "float32")},
    )
    np.testing.assert_array_equal(found, reference(x, weights, window, channels, finish.bias, alpha, (lo, hi)))
    meant = float_products.conv(x.transpose(0, 3, 1, 2), weights, window, channels, finish)
    np.testing.assert_array_equal(found, meant.transpose(0, 2, 3, 1))
