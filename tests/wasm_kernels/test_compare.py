"""k_compare against NumPy."""

import numpy as np
import pytest

from playground.programs.float_steps import COMPARISONS
from tests.wasm_kernels.test_binary_f32 import AXES, strides_of


def run(guarded, out, name, a, b):
    size = np.broadcast_shapes((1,) * AXES, a.shape, b.shape)
    made = guarded(
        "k_compare",
        **{"a": a, "b": b, "sizes": size, "a_strides": strides_of(a.shape, size)},
        **{"b_strides": strides_of(b.shape, size), "function": list(COMPARISONS).index(name)},
        **{"is_integer": a.dtype == np.int32, "out": out(size, "uint8")},
    )
    np.testing.assert_array_equal(made, COMPARISONS[name](a, b).astype(np.uint8).reshape(size))


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_operands_that_broadcast(guarded, out, rng, broadcasting, name, dtype):
    a, b = (rng.integers(-2, 2, shape).astype(dtype) for shape in broadcasting)
    run(guarded, out, name, a, b)


@pytest.mark.parametrize("name", COMPARISONS)
def test_what_is_no_number_and_large_integers(guarded, out, name):
    a = np.float32([np.nan, 0, -0.0, np.inf, -np.inf, 1e-45, np.nan])
    run(guarded, out, name, a, a[::-1].copy())
    ends = np.array([-(2**31), 2**31 - 1, 16777217, -1, 16777216], np.int32)
    run(guarded, out, name, ends, ends[::-1].copy())


def test_nothing(guarded, out):
    run(guarded, out, "equal", *np.ones((2, 0, 4), np.float32))
