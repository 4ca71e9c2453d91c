"""k_softmax_f32 against playground.programs.float_rows, and that against float64."""

import numpy as np
import pytest

from playground.programs.float_rows import softmax


def run(guarded, out, x, is_log):
    counts = {"rows": x.shape[0], "columns": x.shape[1], "is_log": is_log}
    made = guarded("k_softmax_f32", x=x, **counts, out=out(x.shape, "float32"))
    np.testing.assert_array_equal(made, softmax(x, is_log=is_log))
    return made


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 15, 16, 17, 70])
def test_rows(guarded, out, rng, columns, is_log):
    x = rng.normal(0, 5, size=(3, columns)).astype(np.float32)
    made = run(guarded, out, x, is_log)
    shifted = x.astype(np.float64) - x.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    np.testing.assert_allclose(made, logs if is_log else np.exp(logs), rtol=2e-6, atol=2e-6 if is_log else 0)


@pytest.mark.parametrize("is_log", [False, True])
def test_masked_places_and_what_is_no_number(guarded, out, is_log):
    x = np.zeros((4, 6), np.float32)
    x[0, 2:], x[1], x[2, 3], x[3, 1] = -np.inf, -np.inf, np.nan, np.inf
    made = run(guarded, out, x, is_log)
    np.testing.assert_array_equal(np.exp(made[0]) if is_log else made[0], np.float32([0.5, 0.5, 0, 0, 0, 0]))
    assert np.isnan(made[1:3]).all()
