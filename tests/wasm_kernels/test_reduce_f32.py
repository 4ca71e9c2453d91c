"""k_reduce_f32 against playground.programs.float_rows."""

import numpy as np
import pytest

from playground.programs.float_rows import REDUCTIONS, reduce


def run(guarded, out, name, x):
    outer, n, inner = x.shape
    counts = {"outer": outer, "n": n, "inner": inner, "function": list(REDUCTIONS).index(name)}
    made = guarded("k_reduce_f32", x=x, **counts, out=out((outer, inner), "float32"))
    np.testing.assert_array_equal(made, reduce(name, x))
    return made


@pytest.mark.parametrize("inner", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("n", [1, 3, 4, 15, 16, 17, 50])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes(guarded, out, rng, name, n, inner):
    run(guarded, out, name, rng.normal(size=(3, n, inner)).astype(np.float32))


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("inner", [1, 5])
def test_what_is_no_number_stays(guarded, out, rng, name, inner):
    x = rng.normal(size=(4, 21, inner)).astype(np.float32)
    x[0, 4], x[1, 20], x[2, 0], x[2, 7] = np.nan, np.nan, np.inf, -np.inf
    made = run(guarded, out, name, x)
    assert np.isnan(made[:2]).all()
    assert np.isfinite(made[3]).all()


def test_the_order_of_sums_does_not_depend_on_the_layout(guarded, out, rng):
    x = (rng.normal(size=(5, 40)) * 10.0 ** rng.integers(-4, 4, (5, 40))).astype(np.float32)
    rows, columns = run(guarded, out, "sum", x[:, :, None]), run(guarded, out, "sum", x.T[None].copy())
    np.testing.assert_array_equal(rows[:, 0], columns[0])
    np.testing.assert_allclose(rows[:, 0], x.astype(np.float64).sum(1), rtol=1e-5, atol=1e-2)
