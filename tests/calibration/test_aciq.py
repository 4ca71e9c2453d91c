"""ACIQ against the tables of its authors, against the minimum of the expected error, and against real noise."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from playground import Scheme, calibration
from playground.calibration.aciq import gauss_multiple, laplace_multiple
from playground.errors import UnsupportedError

# Banner et al. 2018 (arXiv:1810.05723), section 3, print 2.83, 3.89, 5.03 for 2, 3, 4 bits (Laplace) and 1.71, 2.15,
# 2.55 (Gauss, cut off); with these digits, and up to 8 bits, in their code (pytorch_quantizer/.../int_quantizer.py).
LAPLACE = (2.83068299, 3.89722946, 5.02864014, 6.20476633, 7.41312622, 8.64561995, 9.89675982)
GAUSS = (1.71063519, 2.15159277, 2.55913646, 2.93620062, 3.28691474, 3.6151146, 3.92403714)


@pytest.mark.parametrize(("bits", "laplace", "gauss"), list(zip(range(2, 9), LAPLACE, GAUSS, strict=True)))
def test_multiples_are_those_of_the_authors(bits: int, laplace: float, gauss: float) -> None:
    assert laplace_multiple(2.0**bits) == pytest.approx(laplace, abs=2e-6)
    assert gauss_multiple(2.0**bits) == pytest.approx(gauss, abs=2e-6)


def test_one_sided_values_have_the_multiples_of_one_more_bit() -> None:
    """The authors' table for positive values ends with 11.16268502 for 8 bits."""
    assert laplace_multiple(2.0 * 2**8) == pytest.approx(11.16268502, abs=2e-6)


@pytest.mark.parametrize("codes", [3, 15, 255, 4096])
@pytest.mark.parametrize(
    ("multiple", "distribution"),
    [(laplace_multiple, stats.laplace), (gauss_multiple, stats.norm)],
    ids=["laplace", "gauss"],
)
def test_multiples_minimise_the_expected_error(codes: int, multiple, distribution) -> None:  # type: ignore[no-untyped-def]
    def error(alpha: float) -> float:
        def clipped(x: float) -> float:
            return (x - alpha) ** 2 * distribution.pdf(x)

        return 2 * integrate.quad(clipped, alpha, alpha + 40)[0] + alpha**2 / (3 * codes**2)

    found = optimize.minimize_scalar(error, bounds=(0.1, 25), method="bounded", options={"xatol": 1e-7})
    assert multiple(float(codes)) == pytest.approx(found.x, rel=1e-4)


def calibrated(x: NDArray[np.float32], kind: str, *, symmetric: bool, fmt: str = "int4") -> tuple[float, float]:
    found = calibration.calibrate(x, Scheme(fmt, symmetric=symmetric, calibrator=f"aciq_{kind}"))
    return found.lo.item(), found.hi.item()


def test_thresholds_of_samples() -> None:
    rng = np.random.default_rng(8)
    x = rng.laplace(2, 0.5, 300_000).astype(np.float32)
    y = rng.normal(2, 0.5, 300_000).astype(np.float32)
    reach = 0.5 * LAPLACE[2]
    assert calibrated(x, "laplace", symmetric=False) == pytest.approx((2 - reach, 2 + reach), abs=0.02)
    reach = 0.5 * GAUSS[2]
    assert calibrated(y, "gauss", symmetric=False) == pytest.approx((2 - reach, 2 + reach), abs=0.02)
    centred = (x - 2).astype(np.float32)
    assert calibrated(centred, "laplace", symmetric=True)[1] == pytest.approx(0.5 * LAPLACE[2], rel=0.01)


@pytest.mark.parametrize("sign", [1, -1])
def test_relu_is_half_a_distribution(sign: int) -> None:
    x = sign * np.maximum(np.random.default_rng(9).normal(0, 3, 300_000), 0).astype(np.float32)
    inner, outer = sorted(calibrated(x, "gauss", symmetric=False, fmt="uint4"), key=abs)
    assert inner == 0
    assert outer == pytest.approx(sign * 3 * GAUSS[3], rel=0.01)


def test_bounds_stay_where_values_are() -> None:
    x = np.random.default_rng(10).uniform(-1, 1, 10_000).astype(np.float32)
    assert calibrated(x, "laplace", symmetric=False, fmt="int8") == (x.min(), x.max())


def test_no_other_threshold_of_real_quantization_is_much_better() -> None:
    """The formula models rounding as noise; measured, its threshold is within three per cent of the best."""
    x = np.random.default_rng(11).laplace(size=100_000).astype(np.float32)

    def measured(threshold: float) -> float:
        step = 2 * threshold / 15
        return float(np.mean((np.clip(np.rint(x / step), -8, 7) * step - x) ** 2))

    best = min(measured(t) for t in np.linspace(2, 9, 200))
    assert measured(laplace_multiple(16.0)) < 1.03 * best
    assert math.isclose(calibrated(x, "laplace", symmetric=True)[1], LAPLACE[2], rel_tol=0.02)


def test_uneven_codes_are_refused() -> None:
    with pytest.raises(
        UnsupportedError, match="aciq_gauss is a rule for evenly spaced codes, and those of nf4 are not"
    ):
        calibration.start(Scheme("nf4", calibrator="aciq_gauss"))
