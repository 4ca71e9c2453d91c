"""k_binary_f32 against playground.programs.float_functions."""

import numpy as np
import pytest

from playground.programs.float_functions import COMBINATIONS, combine

AXES = 6


def strides_of(shape, size):
    full = (1,) * (AXES - len(shape)) + tuple(shape)
    steps = [int(np.prod(full[i + 1 :])) for i in range(AXES)]
    return [0 if n == 1 and to != 1 else step for n, to, step in zip(full, size, steps, strict=True)]


def run(guarded, out, name, a, b, limits):
    size = np.broadcast_shapes((1,) * AXES, a.shape, b.shape)
    made = guarded(
        "k_binary_f32",
        **{"a": a, "b": b, "sizes": size, "a_strides": strides_of(a.shape, size)},
        **{"b_strides": strides_of(b.shape, size), "function": list(COMBINATIONS).index(name)},
        **{"lo": limits[0], "hi": limits[1], "out": out(size, "float32")},
    )
    np.testing.assert_array_equal(made, combine(name, a, b, limits).reshape(size))


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (-0.5, 0.5)])
@pytest.mark.parametrize("name", COMBINATIONS)
def test_operands_that_broadcast(guarded, out, rng, broadcasting, name, limits):
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in broadcasting)
    run(guarded, out, name, a, b, limits)


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
def test_any_bits(guarded, out, rng, name, n):
    a, b = rng.integers(0, 2**32, (2, 3, n), dtype=np.uint32).view(np.float32)
    b[0, 0], a[-1, -1], a[0, 0] = np.nan, np.nan, 0
    run(guarded, out, name, a, b, (-np.inf, np.inf))


@pytest.mark.parametrize("shapes", [((2, 1, 3, 1, 2, 5), (2, 1, 3, 1, 5)), ((2, 1, 2, 1, 2, 1), (1, 3, 1, 2, 1, 3))])
def test_six_axes(guarded, out, rng, shapes):
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    run(guarded, out, "sub", a, b, (-np.inf, np.inf))


def test_nothing(guarded, out):
    run(guarded, out, "add", *np.ones((2, 0, 4), np.float32), (-1.0, 1.0))
