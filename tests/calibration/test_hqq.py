"""HQQ against the objective it minimises and against its update, written out; tests/oracles has the authors' solver."""

import numpy as np
import pytest
from numpy.typing import NDArray

import playground
from playground import Range, Scheme, calibration
from playground.errors import UnsupportedError

Values = NDArray[np.float64]

FREE = {"symmetric": False, "zero_point_type": "float", "zero_in_range": False}


def weights(seed: int, size: int = 64) -> Values:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.05, size).astype(np.float32)
    x[:2] *= 6
    return x.astype(np.float64)


def absolute_error(x: Values, scale: float, zero: float, codes: int) -> float:
    return float(np.abs((np.clip(np.rint(x / scale + zero), 0, codes - 1) - zero) * scale - x).mean())


def zero_of(x: Values, scheme: Scheme) -> tuple[float, float]:
    found = calibration.calibrate(x, scheme)
    qparams = playground.choose_qparams(found, scheme)
    return qparams.scale_values.item(), float(qparams.zero_point.item())


@pytest.mark.parametrize("fmt", ["uint2", "uint3", "uint4", "uint8"])
@pytest.mark.parametrize("seed", range(4))
def test_the_error_is_never_larger_than_where_it_starts(fmt: str, seed: int) -> None:
    x = weights(seed)
    codes = 1 << int(fmt[4:])
    scale, zero = zero_of(x, Scheme(fmt, calibrator="hqq", **FREE))
    start = (x.max() - x.min()) / (codes - 1)
    assert scale == pytest.approx(start, rel=1e-6)
    assert absolute_error(x, scale, zero, codes) <= absolute_error(x, start, -x.min() / start, codes) * (1 + 1e-5)


def test_one_step_is_the_published_update() -> None:
    """W_e = shrink(W - W_r), zero = mean(W_q - (W - W_e) / scale), with beta 10 and p 0.7."""
    x = weights(3) * 40  # errors so large that the shrinkage leaves some of them
    arguments = {"iterations": 1}
    scale, zero = zero_of(x, Scheme("uint2", calibrator="hqq", calibrator_args=arguments, **FREE))
    first = -x.min() / scale
    codes = np.clip(np.rint(x / scale + first), 0, 3)
    rest = x - (codes - first) * scale
    size = np.maximum(np.abs(rest), 1e-30)  # of no error nothing is left
    shrunk = np.sign(rest) * np.maximum(size - size**-0.3 / 10, 0)
    assert (shrunk != 0).any()
    assert zero == pytest.approx(np.mean(codes - (x - shrunk) / scale), rel=1e-5)
    assert absolute_error(x, scale, zero, 4) < absolute_error(x, scale, first, 4)


@pytest.mark.parametrize("fmt", ["int3", "int4", "uint4"])
def test_a_symmetric_scheme_moves_its_scale(fmt: str) -> None:
    x = weights(5)
    scheme = Scheme(fmt, calibrator="hqq")
    found = calibration.calibrate(x, scheme)
    errors = [
        np.abs(playground.quantize(x, scheme, r).dequantize() - x).mean()
        for r in (found, Range(-float(np.abs(x).max()), float(np.abs(x).max())))
    ]
    assert errors[0] < errors[1]


def test_blocks_are_solved_each_for_itself() -> None:
    x = np.stack([weights(6), weights(7)])
    scheme = Scheme("uint3", "block", -1, 24, calibrator="hqq", **FREE)
    found = calibration.calibrate(x, scheme)
    for row in range(2):
        for block in range(3):
            alone = calibration.calibrate(
                x[row, 24 * block : 24 * block + 24], Scheme("uint3", calibrator="hqq", **FREE)
            )
            assert found.lo[row, block] == pytest.approx(alone.lo.item(), rel=1e-6)
            assert found.hi[row, block] == pytest.approx(alone.hi.item(), rel=1e-6)


def test_uneven_codes_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="hqq is a rule for evenly spaced codes, and those of nf4 are not"):
        calibration.start(Scheme("nf4", calibrator="hqq"))
