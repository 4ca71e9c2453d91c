"""The percentile calibrator against onnxruntime's for streams, and against the definition for one array."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxruntime.quantization.calibrate import HistogramCollector

from playground import Scheme, calibration
from tests.calibration.streams import streams

both_symmetries = pytest.mark.parametrize("symmetric", [True, False])


STREAMS = streams()


def onnxruntime_range(
    stream: list[NDArray[np.float32]], symmetric: bool, percentile: float, bins: int
) -> tuple[float, float]:
    collector = HistogramCollector("percentile", symmetric, bins, 128, percentile, "same")
    for batch in stream:
        collector.collect({"x": batch})
    lo, hi, *_ = collector.compute_collection_result()["x"]
    return float(lo), float(hi)


@both_symmetries
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("percentile", "bins"), [(99.999, 2048), (99.9, 2048), (99, 101), (90, 512), (100, 2048)])
def test_a_stream_gives_the_range_of_onnxruntime(stream: str, symmetric: bool, percentile: float, bins: int) -> None:
    arguments = {"percentile": percentile, "num_bins": bins}
    scheme = Scheme(symmetric=symmetric, calibrator="percentile", calibrator_args=arguments)
    state = calibration.start(scheme)
    for batch in STREAMS[stream]:
        state.update(batch)
    found = state.range()
    lo, hi = onnxruntime_range(STREAMS[stream], symmetric, percentile, bins)
    if lo > hi:  # all in one bin: theirs cross, ours meet
        assert stream == "zeros_only"
        lo = hi = 0.0
    assert (found.lo.item(), found.hi.item()) == (lo, hi)


@both_symmetries
@pytest.mark.parametrize("percentile", [100, 99.9, 99, 60])
def test_one_array_gives_exact_order_statistics(symmetric: bool, percentile: float) -> None:
    """The definition by sorting: position p * (n - 1) of the sorted values, linear in between."""
    x = np.random.default_rng(1).standard_t(3, 2001).astype(np.float32)
    scheme = Scheme(symmetric=symmetric, calibrator="percentile", calibrator_args={"percentile": percentile})
    found = calibration.calibrate(x, scheme)

    def order_statistic(values: NDArray[np.float32], share: float) -> float:
        ranked, place = sorted(values.tolist()), share * (len(values) - 1)
        below = int(place)
        above = min(below + 1, len(ranked) - 1)
        return ranked[below] + (place - below) * (ranked[above] - ranked[below])

    if symmetric:
        threshold = order_statistic(np.abs(x), percentile / 100)
        expected = (-threshold, threshold)
    else:
        cut = (100 - percentile) / 200
        expected = (order_statistic(x, cut), order_statistic(x, 1 - cut))
    assert (found.lo.item(), found.hi.item()) == pytest.approx(expected, rel=1e-5)


@both_symmetries
def test_a_stream_that_grows_by_far_is_counted_again_instead_of_filling_the_memory(symmetric: bool) -> None:
    """Bins as narrow as the first batch's would be 2e14 here."""
    rng = np.random.default_rng(2)
    small, large = (rng.normal(0, sigma, 5000).astype(np.float32) for sigma in (1e-6, 1e5))
    state = calibration.start(
        Scheme(symmetric=symmetric, calibrator="percentile", calibrator_args={"percentile": 90.0})
    )
    for batch in (small, large, small, large * 1.5):
        state.update(batch)
    seen = np.concatenate([small, large, small, large * 1.5])
    bin_width = 2 * float(np.abs(seen).max()) / 2048
    found = state.range()
    exact = calibration.calibrate(
        seen, Scheme(symmetric=symmetric, calibrator="percentile", calibrator_args={"percentile": 90.0})
    )
    assert found.lo.item() == pytest.approx(exact.lo.item(), abs=2 * bin_width)
    assert found.hi.item() == pytest.approx(exact.hi.item(), abs=2 * bin_width)


@both_symmetries
def test_an_outlier_is_given_up_and_min_max_keeps_it(symmetric: bool) -> None:
    x = np.random.default_rng(4).uniform(-1, 1, 100_000).astype(np.float32)
    x[[17, 4711]] = 1000, -1000
    ranges = {
        c: calibration.calibrate(x, Scheme(symmetric=symmetric, calibrator=c, calibrator_args=a))
        for c, a in (("minmax", ()), ("percentile", (("percentile", 99.9),)))
    }
    assert (ranges["minmax"].lo.item(), ranges["minmax"].hi.item()) == (-1000, 1000)
    assert 0.99 < ranges["percentile"].hi.item() <= 1
    assert -1 <= ranges["percentile"].lo.item() < -0.99


def test_streams_differ_enough_to_tell_the_two_symmetries_apart() -> None:
    results = itertools.starmap(onnxruntime_range, ((STREAMS["shifted"], s, 99.0, 2048) for s in (True, False)))
    assert len(set(results)) == 2


@both_symmetries
@pytest.mark.parametrize("granularity", ["channel", "block"])
def test_channels_and_blocks_have_their_own_percentiles(symmetric: bool, granularity: str) -> None:
    x = np.random.default_rng(5).standard_t(3, (7, 90)).astype(np.float32)
    size = 20 if granularity == "block" else None  # the last block of a row has ten values
    scheme = Scheme(
        granularity=granularity,
        axis=1 if size else 0,
        block_size=size,
        symmetric=symmetric,
        calibrator="percentile",
        calibrator_args={"percentile": 90.0},
    )
    one = Scheme(symmetric=symmetric, calibrator="percentile", calibrator_args={"percentile": 90.0})
    found = calibration.calibrate(x, scheme)
    for row in range(7):
        for i, start in enumerate(range(0, 90, size or 90)):
            alone = calibration.calibrate(x[row, start : start + (size or 90)], one)
            assert (found.lo[row, i], found.hi[row, i]) == (alone.lo.item(), alone.hi.item())


@both_symmetries
def test_the_percentiles_of_a_large_first_batch_are_exact_though_it_is_not_kept(
    symmetric: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(6).standard_t(3, 5000).astype(np.float32)
    scheme = Scheme(symmetric=symmetric, calibrator="percentile", calibrator_args={"percentile": 99.0})

    def after(batches: int) -> tuple[float, float]:
        state = calibration.start(scheme)
        for _ in range(batches):
            state.update(x)
        return state.range().lo.item(), state.range().hi.item()

    kept = [after(1), after(2)]
    monkeypatch.setattr("playground.calibration.percentile._MOST_KEPT", 100)
    assert [after(1), after(2)] == kept
    assert kept[0] != kept[1]  # exact, and read off bins
