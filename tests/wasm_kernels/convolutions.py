"""A convolution of codes with all that a kernel is given of it, and what it has to give."""

from dataclasses import dataclass

import numpy as np

from playground.programs import integer_ops as ops
from playground.programs.packing import Packed, Values, pack


@dataclass(frozen=True)
class Convolution:
    """Codes (N, C, H, W), filters (groups, kernel_h, kernel_w, depth, columns), and the codes that are expected."""

    x: np.ndarray
    filters: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    zero_point: int
    to: ops.Target
    expected: np.ndarray

    def values(self, dot) -> Values:
        """What the weights are multiplied by."""
        return Values(self.x.dtype == np.int8, self.zero_point, dot)

    def packed(self, matrices, dot) -> Packed:
        """Its weights, laid out as matrices (groups, depth, columns)."""
        return pack(matrices, self.bias, self.multiplier, self.values(dot))


def convolution(rng, any_codes, case, window, dtype, wide) -> Convolution:
    """Random codes and filters for the sizes of a case: images, filters and groups come first in it."""
    image, filters, groups, *_ = case
    x, weights = any_codes(rng, image, dtype), any_codes(rng, filters, "int8").astype(np.int16)
    if wide:  # as zero-points at the ends make them, others for each output channel
        weights += rng.choice(np.array([-127, 0, 128], np.int16), (filters[0], 1, 1, 1))
    zx, zy = int(any_codes(rng, 3, dtype)[2]), int(any_codes(rng, 3, dtype)[2])
    bias = rng.integers(-5000, 5000, filters[0]).astype(np.int32)
    multiplier = rng.uniform(1e-4, 1e-2, filters[0]).astype(np.float32)
    limits = np.iinfo(dtype)
    to = ops.Target(dtype, zy, float(limits.min - zy), float(limits.max - zy))
    sums = ops.add_bias(ops.conv_integer(x, weights, window, groups=groups, x_zero_point=zx), bias[:, None, None])
    by_group = weights.reshape(groups, filters[0] // groups, *filters[1:]).transpose(0, 3, 4, 2, 1)
    expected = ops.requantize(sums, multiplier[:, None, None], to)
    return Convolution(x, by_group, bias, multiplier, zx, to, expected)
