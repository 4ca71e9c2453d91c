"""OCTAV against its equation 6 and against the minimum of the error that it models, close to which that leads."""

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, calibration

SAMPLES = {
    "normal": lambda rng: rng.normal(0, 1.5, 40_000),
    "laplace": lambda rng: rng.laplace(0, 0.2, 40_000),
    "student": lambda rng: rng.standard_t(3, 40_000),
    "few": lambda rng: rng.normal(0, 1, 200),
}


def sample(name: str) -> NDArray[np.float32]:
    values: NDArray[np.float32] = SAMPLES[name](np.random.default_rng(3)).astype(np.float32)
    return values


def threshold(x: NDArray[np.float32], scheme: Scheme) -> float:
    found = calibration.calibrate(x, scheme)
    return max(abs(found.lo.item()), found.hi.item())


def modelled(magnitude: NDArray[np.float64], s: float, noise: float) -> float:
    beyond = magnitude > s
    return float(noise * s * s * np.mean(~beyond) + np.mean(np.square(magnitude - s) * beyond))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("bits", [2, 4, 6, 8])
def test_the_threshold_is_a_fixed_point_and_a_minimum(name: str, bits: int) -> None:
    x = sample(name)
    found = threshold(x, Scheme(f"int{bits}", calibrator="octav"))
    magnitude, noise = np.abs(x).astype(np.float64), 4.0**-bits / 3
    beyond = magnitude > found
    if not beyond.any():
        assert found == magnitude.max()
        return
    equation_6 = magnitude[beyond].sum() / (noise * np.sum(~beyond) + beyond.sum())
    assert found == pytest.approx(equation_6, rel=1e-3)
    best = min(modelled(magnitude, s, noise) for s in np.linspace(0.02, 1, 400) * magnitude.max())
    assert modelled(magnitude, found, noise) <= 1.005 * best  # 6 takes the share beyond s for fixed


def test_one_sided_values_use_all_codes_on_their_side() -> None:
    """Half the step for the same threshold: 4 ** -B / 12 instead of 4 ** -B / 3, as for one more bit."""
    x = np.abs(sample("normal"))
    unsigned = threshold(x, Scheme("uint4", symmetric=False, calibrator="octav"))
    signed = threshold(sample("normal"), Scheme("int5", calibrator="octav"))
    assert unsigned == pytest.approx(signed, rel=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("symmetric", "noise"), [(True, 1 / 3), (False, 1 / 12)])
def test_only_an_asymmetric_scheme_has_all_codes_on_one_side(symmetric: bool, noise: float, sign: int) -> None:
    """Symmetric codes lie on both sides even where all values are on one."""
    x = sign * np.abs(sample("few"))
    fmt = "int4" if symmetric or sign < 0 else "uint4"
    scheme = Scheme(fmt, symmetric=symmetric, calibrator="octav", calibrator_args={"iterations": 1})
    magnitude = np.abs(x).astype(np.float64)
    beyond = magnitude > magnitude.mean()
    expected = magnitude[beyond].sum() / (noise * 4.0**-4 * np.sum(~beyond) + beyond.sum())
    assert threshold(x, scheme) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("ends", [(0, 1), (-1, 0)])
def test_zero_belongs_to_either_side(ends: tuple[float, float]) -> None:
    x = np.random.default_rng(1).uniform(*ends, 5000).astype(np.float32)
    x[0] = 0
    scheme = Scheme("int4", symmetric=False, calibrator="octav", calibrator_args={"iterations": 1})
    magnitude = np.abs(x).astype(np.float64)
    beyond = magnitude > magnitude.mean()
    expected = magnitude[beyond].sum() / (4.0**-4 / 12 * np.sum(~beyond) + beyond.sum())
    assert threshold(x, scheme) == pytest.approx(expected, rel=1e-6)


def test_a_step_count_of_one_is_one_newton_step_from_the_mean_magnitude() -> None:
    x = sample("few")
    scheme = Scheme("int4", calibrator="octav", calibrator_args={"iterations": 1})
    magnitude = np.abs(x).astype(np.float64)
    beyond = magnitude > magnitude.mean()
    expected = magnitude[beyond].sum() / (4.0**-4 / 3 * np.sum(~beyond) + beyond.sum())
    assert threshold(x, scheme) == pytest.approx(expected, rel=1e-6)
