"""k_normalize_f32 against playground.programs.float_rows, and that against float64."""

import numpy as np
import pytest

from playground.programs.float_rows import normalize


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("parameters", [0, 1, 2])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 15, 16, 17, 70])
def test_rows(guarded, out, rng, columns, parameters, centred):
    x = rng.normal(3, 2, size=(3, columns)).astype(np.float32)
    gamma, beta = [*rng.normal(size=(parameters, columns)).astype(np.float32), None, None][:2]
    made = guarded(
        "k_normalize_f32",
        **{"x": x, "rows": 3, "columns": columns, "centred": centred, "epsilon": 1e-3, "gamma": gamma, "beta": beta},
        out=out(x.shape, "float32"),
    )
    np.testing.assert_array_equal(made, normalize(x, gamma, beta, epsilon=1e-3, centred=centred))
    exact = x.astype(np.float64)
    exact = exact - exact.mean(1, keepdims=True) if centred else exact
    exact = exact / np.sqrt((exact * exact).mean(1, keepdims=True) + 1e-3)
    exact = exact * (1 if gamma is None else gamma) + (0 if beta is None else beta)
    np.testing.assert_allclose(made, exact, rtol=2e-6, atol=2e-6)
