"""k_layer_norm_s8 against playground.programs.row_ops: columns below, at and above eight, and very many."""

import numpy as np
import pytest

from playground.programs import row_ops
from playground.programs.integer_ops import Target


def normalise(guarded, epilogue, rng, codes, zero_point, to, *, centred=True, epsilon=1e-3):
    n = codes.shape[1]
    gamma, beta = (rng.normal(size=n) * 20).astype(np.float32), (rng.normal(size=n) * 5).astype(np.float32)
    result = guarded(
        "k_layer_norm_s8",
        codes=codes,
        rows=codes.shape[0],
        columns=n,
        is_signed=codes.dtype == np.int8,
        zero_point=zero_point,
        centred=centred,
        epsilon=np.float32(epsilon),
        gamma=gamma,
        beta=beta,
        to=epilogue(to, codes.shape),
    )
    expected = row_ops.layer_norm(
        codes, to, zero_point=zero_point, epsilon=epsilon, gamma=gamma, beta=beta, centred=centred
    )
    np.testing.assert_array_equal(result, expected)
    return result, gamma, beta


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("to", [Target("uint8", 100, -100.0, 155.0), Target("int8", -3, 0.0, 130.0), Target("float32")])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 33])
def test_rows(guarded, epilogue, rng, columns, dtype, to, centred):
    limits = np.iinfo(dtype)
    codes = rng.integers(limits.min, limits.max, (3, columns), endpoint=True).astype(dtype)
    for zero_point in (limits.min, 3, limits.max):
        normalise(guarded, epilogue, rng, codes, zero_point, to, centred=centred)


@pytest.mark.parametrize("columns", [65535, 65536, 65545])
def test_sums_of_long_rows_do_not_overflow(guarded, epilogue, rng, columns):
    codes = np.full((1, columns), 255, np.uint8)
    codes[0, ::5] = 0
    normalise(guarded, epilogue, rng, codes, 0, Target("int8", 0, -128.0, 127.0))
    normalise(guarded, epilogue, rng, codes, 0, Target("int8", 0, -128.0, 127.0), centred=False)


def test_equal_codes_give_beta(guarded, epilogue, rng):
    codes = np.full((2, 24), -77, np.int8)
    result, _, beta = normalise(guarded, epilogue, rng, codes, 5, Target("float32"))
    np.testing.assert_array_equal(result, np.broadcast_to(beta, codes.shape))


@pytest.mark.parametrize("centred", [True, False])
def test_is_a_normalisation(guarded, epilogue, rng, centred):
    codes, scale, zero_point = rng.integers(-128, 128, (4, 100)).astype(np.int8), 0.031, 9
    result, gamma, beta = normalise(
        guarded, epilogue, rng, codes, zero_point, Target("float32"), centred=centred, epsilon=1e-5 / scale**2
    )
    x = (codes.astype(np.float64) - zero_point) * scale
    x = x - x.mean(axis=1, keepdims=True) if centred else x
    exact = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5) * gamma + beta
    np.testing.assert_allclose(result, exact, rtol=1e-4, atol=1e-4)
