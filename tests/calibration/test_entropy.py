"""The entropy calibrator against onnxruntime's."""

import numpy as np
import pytest
from onnxruntime.quantization.calibrate import HistogramCollector

from playground import Scheme, calibration
from playground.errors import InvalidInputError, UnsupportedError
from tests.calibration.streams import Stream, more_streams, streams

STREAMS = {**streams(), **more_streams()}
del STREAMS["growing"]  # to 74 times the bins, on which onnxruntime takes minutes


def onnxruntime_range(stream: Stream, bins: int, quantized: int) -> tuple[float, float]:
    collector = HistogramCollector("entropy", False, bins, quantized, 99.9, "same")
    for batch in stream:
        collector.collect({"x": batch})
    lo, hi, *_ = collector.compute_collection_result()["x"]
    return float(lo), float(hi)


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("bins", "quantized"), [(128, 128), (512, 128), (301, 64), (40, 15)])
def test_ranges_are_those_of_onnxruntime(stream: str, bins: int, quantized: int) -> None:
    arguments = {"num_bins": bins, "num_quantized_bins": quantized}
    state = calibration.start(Scheme(symmetric=False, calibrator="entropy", calibrator_args=arguments))
    for batch in STREAMS[stream]:
        state.update(batch)
    expected = onnxruntime_range(STREAMS[stream], bins, quantized)
    if expected[0] > expected[1]:  # all values in one bin, and theirs cross
        expected = (expected[1], expected[1])
    assert (state.range().lo.item(), state.range().hi.item()) == expected


def test_each_channel_is_a_stream_of_its_own() -> None:
    arguments = {"num_bins": 128, "num_quantized_bins": 64}
    scheme = Scheme(symmetric=False, granularity="channel", axis=0, calibrator="entropy", calibrator_args=arguments)
    state = calibration.start(scheme)
    for batch in STREAMS["growing_a_little"]:
        state.update(batch)
    found = state.range()
    for channel in range(4):
        rows = [batch[channel : channel + 1] for batch in STREAMS["growing_a_little"]]
        assert (found.lo[channel, 0], found.hi[channel, 0]) == onnxruntime_range(rows, 128, 64)


def test_the_search_clips_what_min_max_keeps() -> None:
    stream = more_streams()["student-1"]
    scheme = Scheme(symmetric=False, calibrator="entropy", calibrator_args={"num_bins": 2048})
    found = calibration.calibrate(stream[0], scheme)
    assert found.hi.item() < 0.9 * stream[0].max()


def test_more_codes_than_bins_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="num_quantized_bins: 128 is more than num_bins, 100"):
        calibration.start(Scheme(calibrator="entropy", calibrator_args={"num_bins": 100}))


def test_a_histogram_for_each_of_very_many_scales_is_refused() -> None:
    state = calibration.start(Scheme(granularity="channel", axis=0, calibrator="entropy"))
    with pytest.raises(
        UnsupportedError, match="calibrator: a histogram for each of 10000 scales takes too much memory"
    ):
        state.update(np.zeros((10_000, 2)))
