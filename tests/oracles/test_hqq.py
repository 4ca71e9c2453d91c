"""HQQ against torchao's solvers: the authors' for zero-points, and the one for symmetric scales.

Needs torchao, which is large: the module is skipped where it is not installed.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, calibration, choose_qparams, quantize

torch = pytest.importorskip("torch")
primitives = pytest.importorskip("torchao.quantization.quant_primitives")

Values = NDArray[np.float32]


def weights(seed: int, rows: int, size: int) -> Values:
    rng = np.random.default_rng(seed)
    x: Values = (rng.standard_t(4, (rows, size)) * 0.03).astype(np.float32)
    return x


def theirs(x: Values, bits: int, iterations: int) -> tuple[Values, Values]:
    """Scale and zero-point of the authors' solver for one row, from min and max without rounding the zero-point."""
    top = 2**bits - 1
    w = torch.from_numpy(x[None])
    inverse = top / (w.max() - w.min())
    options = {"lp_norm": 0.7, "beta": 1e1, "kappa": 1.01, "iters": iterations, "early_stop": True}
    _, inverse, zero = primitives.optimize_weights_proximal_legacy(
        w, inverse.reshape(1, 1), (-w.min() * inverse).reshape(1, 1), [0, top], axis=1, opt_params=options
    )
    return (1 / inverse).numpy(), zero.numpy()


def ours(x: Values, bits: int, iterations: int) -> tuple[Values, Values]:
    scheme = Scheme(
        f"uint{bits}",
        "channel",
        0,
        symmetric=False,
        zero_point_type="float",
        zero_in_range=False,
        calibrator="hqq",
        calibrator_args={"iterations": iterations},
    )
    qparams = choose_qparams(calibration.calibrate(x, scheme), scheme)
    return qparams.scale_values, np.asarray(qparams.zero_point, np.float32)


def error(x: Values, scale: Values, zero: Values, bits: int) -> NDArray[np.float64]:
    codes = np.clip(np.rint(x / scale.astype(np.float64) + zero), 0, 2**bits - 1)
    found: NDArray[np.float64] = np.abs((codes - zero) * scale.astype(np.float64) - x).mean(axis=1)
    return found


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_one_step_moves_the_zero_point_as_theirs_does(bits: int) -> None:
    """Where it makes the error smaller: theirs keeps the step in any case, ours only then."""
    x = weights(bits, 300, 64)
    scale, zero = ours(x, bits, 1)
    pairs = [theirs(row, bits, 1) for row in x]
    expected_scale, expected = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
    np.testing.assert_allclose(scale, expected_scale, rtol=1e-6)
    start = (-x.min(axis=1, keepdims=True) / scale).astype(np.float32)
    moved = np.abs(zero - start) > 1e-3
    assert moved.mean() > 0.3
    np.testing.assert_allclose(zero[moved], expected[moved], atol=2e-4)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_the_error_is_theirs_or_less(bits: int) -> None:
    """Theirs ends with a step that it does not measure, which now and then happens to be a good one."""
    x = weights(10 + bits, 300, 64)
    pairs = [theirs(row, bits, 20) for row in x]
    expected = error(x, *(np.concatenate([pair[i] for pair in pairs]) for i in (0, 1)), bits)
    found = error(x, *ours(x, bits, 20), bits)
    assert found.mean() <= expected.mean()
    assert (found <= expected * (1 + 1e-4)).mean() > 0.85
    assert (found <= expected * 1.1).all()


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_symmetric_scales_are_those_of_torchao_without_the_sparse_term(bits: int) -> None:
    """Theirs fits the scale to all values by least squares: ours with so small a beta that nothing is split off."""
    x = weights(20 + bits, 64, 128)
    qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    _, first = primitives._choose_qparams_and_quantize_scale_only_hqq(
        torch.from_numpy(x), [1, 128], qmin, qmax, iters=20
    )
    scheme = Scheme(
        f"int{bits}", "channel", 0, convention="qwix", calibrator="hqq", calibrator_args={"beta": 1e-6, "p": 1.0}
    )
    found = np.square(quantize(x, scheme).dequantize() - x).mean(axis=1)
    codes = np.clip(np.rint(x / first.numpy()), qmin, qmax)
    expected = np.square(codes * first.numpy() - x).mean(axis=1)
    assert found.mean() < 1.02 * expected.mean()
