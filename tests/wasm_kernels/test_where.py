"""k_where against NumPy."""

import numpy as np
import pytest

from tests.wasm_kernels.test_binary_f32 import AXES, strides_of


def run(guarded, out, condition, a, b):
    size = np.broadcast_shapes((1,) * AXES, condition.shape, a.shape, b.shape)
    given = {"condition": condition.view(np.uint8), "a": a, "b": b}
    strides = {f"{name}_strides": strides_of(array.shape, size) for name, array in given.items()}
    made = guarded("k_where", **given, **strides, sizes=size, out=out(size, a.dtype.name))
    np.testing.assert_array_equal(made, np.where(condition, a, b).reshape(size))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
@pytest.mark.parametrize("third", [0, 1])
def test_operands_that_broadcast(guarded, out, rng, broadcasting, dtype, third):
    a, b = (rng.integers(-9, 9, shape).astype(dtype) for shape in broadcasting)
    run(guarded, out, rng.random(broadcasting[third]) < 0.5, a, b)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
def test_a_condition_of_its_own(guarded, out, rng, n):
    a, b = rng.normal(size=(2, 3, n)).astype(np.float32)
    a[0, 0] = np.nan
    for shape in ((3, n), (3, 1), (1, n), (1,), (2, 3, n)):
        run(guarded, out, rng.random(shape) < 0.5, a, b)


def test_nothing(guarded, out):
    run(guarded, out, np.ones((0, 4), bool), *np.ones((2, 0, 4), np.float32))
