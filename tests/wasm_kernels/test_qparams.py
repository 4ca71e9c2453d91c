"""k_qparams against playground.quantization.choose_qparams, whose own oracles are ONNX Runtime and PyTorch."""

import itertools

import numpy as np
import pytest

from playground import host
from playground.convention_rules import CONVENTIONS
from playground.number_formats import FORMATS
from playground.quantization import Range, Scheme, choose_qparams
from playground.tensor_view.fast_path_kernels import QPARAMS

KERNEL_CONVENTIONS = ("onnxruntime", "pytorch", "pytorch_fake")
"""Those whose choices the kernel can be told; the others go through NumPy."""

KERNEL_FORMATS = [name for name, each in FORMATS.items() if each.family == "integer" and 2 <= each.bits <= 8]


def arguments(scheme):
    """What the kernel takes between the bounds and the results, from a scheme's convention."""
    convention, number_format = CONVENTIONS[scheme.convention], scheme.number_format
    narrow = scheme.narrow_range or scheme.format in convention.symmetric_narrow_formats
    span = np.subtract(*number_format.limits(narrow)[::-1])
    if number_format.signed:
        middle = 0
    elif not scheme.narrow_range and scheme.format in convention.symmetric_zero_points:
        middle = convention.symmetric_zero_points[scheme.format]
    else:
        middle = (sum(scheme.limits) + (convention.symmetric_midpoint == "up")) // 2
    return {
        "qmin": scheme.limits[0],
        "qmax": scheme.limits[1],
        "symmetric": scheme.symmetric,
        "symmetric_span": int(span),
        "symmetric_zero_point": middle,
        "single": convention.qparams_dtype == "float32",
        "min_scale": convention.min_scale,
        "below_is_one": convention.below_min_scale == "one",
        "quotient": convention.zero_point_rounding == "quotient",
    }


def ranges(rng, steps):
    """Ranges of every size, and some for which zero lies exactly between two codes of scale 1."""
    lo = np.concatenate([-np.abs(rng.normal(size=500)) * 10.0 ** rng.integers(-6, 6, 500), rng.uniform(0, 1, 50)])
    hi = lo + np.abs(rng.normal(size=lo.size)) * 10.0 ** rng.integers(-6, 6, lo.size)
    special = [
        (0, 0),
        (-1, 0),
        (0, 1),
        (2, 3),
        (-3, -2),
        (-1e-45, 1e-45),
        (-1e-9, 1e-9),
        (-1.5, 1.5),
        (-128, 127),
        (0, steps * 2.0**-126),
    ]
    ties = [(-(k + 0.5), steps - (k + 0.5)) for k in range(steps)]
    lows, highs = zip(*special, *ties, strict=True)
    return Range(np.append(lo, lows), np.append(hi, highs))


@pytest.mark.parametrize("number_format", KERNEL_FORMATS)
@pytest.mark.parametrize("convention", KERNEL_CONVENTIONS)
def test_equals_choose_qparams(guarded, out, rng, convention, number_format):
    for symmetric, narrow in itertools.product((False, True), repeat=2):
        compare_with_choose_qparams(guarded, out, rng, convention, number_format, symmetric, narrow)


def compare_with_choose_qparams(guarded, out, rng, convention, number_format, symmetric, narrow):
    scheme = Scheme(format=number_format, symmetric=symmetric, narrow_range=narrow, convention=convention)
    bounds = ranges(rng, int(np.ptp(scheme.limits)))
    n = bounds.lo.size
    places = {"scale": out((n,), "float32"), "zero_point": out((n,), "int32")}
    scale, zero_point = guarded("k_qparams", lo=bounds.lo, hi=bounds.hi, n=n, **arguments(scheme), **places)
    expected = choose_qparams(bounds, scheme)
    np.testing.assert_array_equal(scale, expected.scale, str(scheme))
    np.testing.assert_array_equal(zero_point, expected.zero_point, str(scheme))


@pytest.mark.parametrize("convention", KERNEL_CONVENTIONS)
def test_equals_choose_qparams_on_so_many_ranges_that_the_precision_shows(rng, convention):
    """One zero-point in 10^5 depends on whether the scale is rounded to float32 before it is used."""
    scheme = Scheme(format="uint8", symmetric=False, convention=convention)
    n, kernels = 1_000_000, host.kernels()
    bounds = Range(-rng.uniform(0, 1, n), rng.uniform(0, 1, n))
    lo, hi = kernels.resident(bounds.lo), kernels.resident(bounds.hi)
    scale, zero_point = kernels.empty(n, np.float32), kernels.empty(n, np.int32)
    kernels.call(QPARAMS, lo=lo, hi=hi, n=n, **arguments(scheme), scale=scale, zero_point=zero_point)
    expected = choose_qparams(bounds, scheme)
    np.testing.assert_array_equal(scale, expected.scale)
    np.testing.assert_array_equal(zero_point, expected.zero_point)
