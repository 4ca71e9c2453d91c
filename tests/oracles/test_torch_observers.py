"""Calibrators against PyTorch's observers: the same batches, the same scales and zero-points.

Needs torch, which is large: the module is skipped where it is not installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, calibration, choose_qparams
from playground.calibration.histogram import ObservedHistogram

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

Stream = list[NDArray[np.float32]]

DISTRIBUTIONS = {
    "normal": lambda rng, n: rng.normal(0.3, 1, n),
    "student": lambda rng, n: rng.standard_t(3, n),
    "laplace": lambda rng, n: rng.laplace(0, 0.01, n),
    "uniform": lambda rng, n: rng.uniform(-1, 2, n),
    "relu": lambda rng, n: np.maximum(rng.normal(0, 30, n), 0),
    "whole": lambda rng, n: rng.integers(-20, 300, n),
    "exponential": lambda rng, n: -rng.exponential(1, n),
    "far": lambda rng, n: rng.normal(50, 1, n),
    "lognormal": lambda rng, n: rng.lognormal(0, 2, n),
    "two": lambda rng, n: rng.choice([-1.5, 4], n),
    "constant": lambda rng, n: np.full(n, 3.7),
    "zeros": lambda rng, n: np.zeros(n),
}


def stream(name: str, size: int, parts: int) -> Stream:
    x = DISTRIBUTIONS[name](np.random.default_rng(size + parts), size).astype(np.float32)
    return np.array_split(x, parts)


def both(scheme: Scheme, observer: Any, batches: Stream) -> None:
    """Show the batches to both and compare what they make of them after each."""
    state = calibration.start(scheme)
    for batch in batches:
        observer(torch.from_numpy(batch))
        state.update(batch)
        scale, zero_point = observer.calculate_qparams()
        ours = choose_qparams(state.range(), scheme)
        np.testing.assert_array_equal(ours.scale_values.reshape(-1), scale.numpy())
        np.testing.assert_array_equal(ours.zero_point.reshape(-1), zero_point.numpy())


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("constant", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_moving_average(name: str, constant: float, symmetric: bool) -> None:
    scheme = Scheme(
        "uint8",
        symmetric=symmetric,
        convention="pytorch",
        calibrator="moving_average",
        calibrator_args={"averaging_constant": constant},
    )
    observer = torch.ao.quantization.MovingAverageMinMaxObserver(
        averaging_constant=constant,
        qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine,
    )
    both(scheme, observer, stream(name, 50_000, 7))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_moving_average_per_channel(axis: int, symmetric: bool) -> None:
    scheme = Scheme("int8", "channel", axis, symmetric=symmetric, convention="pytorch", calibrator="moving_average")
    observer = torch.ao.quantization.MovingAveragePerChannelMinMaxObserver(
        ch_axis=axis,
        dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric if symmetric else torch.per_channel_affine,
    )
    rng = np.random.default_rng(axis)
    both(scheme, observer, [rng.normal(0.1 * i, 1 + i, (30, 40, 50)).astype(np.float32) for i in range(5)])


def histogram_observer(symmetric: bool) -> Any:
    return torch.ao.quantization.HistogramObserver(
        dtype=torch.qint8 if symmetric else torch.quint8,
        qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine,
    )


def histogram_scheme(symmetric: bool) -> Scheme:
    fmt = "int8" if symmetric else "uint8"
    return Scheme(fmt, symmetric=symmetric, convention="pytorch", calibrator="histogram")


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("size", [1000, 30_011, 1_000_003])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_histogram_of_one_batch(name: str, size: int, symmetric: bool) -> None:
    both(histogram_scheme(symmetric), histogram_observer(symmetric), stream(name, size, 1))


@pytest.mark.parametrize("parts", [2, 3, 6])
@pytest.mark.parametrize("size", [1003, 60_011, 400_009])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_histogram_of_a_stream(name: str, size: int, parts: int) -> None:
    """The histograms are equal bit by bit.

    So are scale and zero-point, unless PyTorch's float32 sum of the counts is not the sum of the counts: that sum
    depends on the width of the machine's vectors, and PyTorch's own answer with it (try ATEN_CPU_CAPABILITY=default).
    """
    observer, ours = histogram_observer(False), ObservedHistogram(2048)
    state = calibration.start(histogram_scheme(False))
    for batch in stream(name, size, parts):
        observer(torch.from_numpy(batch))
        ours.update(batch)
        state.update(batch)
    np.testing.assert_array_equal(ours.counts, observer.histogram.numpy())
    assert (ours.lo, ours.hi) == (observer.min_val.item(), observer.max_val.item())
    if torch.sum(observer.histogram).item() == np.float32(ours.counts.sum(dtype=np.float64)):
        scale, zero_point = observer.calculate_qparams()
        found = choose_qparams(state.range(), histogram_scheme(False))
        assert (found.scale_values.item(), found.zero_point.item()) == (scale.item(), zero_point.item())


def test_most_sums_are_exact() -> None:
    """Otherwise the test above would compare histograms only."""
    exact = 0
    for name in DISTRIBUTIONS:
        observer = histogram_observer(False)
        for batch in stream(name, 60_011, 3):
            observer(torch.from_numpy(batch))
        exact += torch.sum(observer.histogram).item() == observer.histogram.numpy().sum(dtype=np.float64)
    assert exact >= 0.7 * len(DISTRIBUTIONS)
