"""The distribution calibrator against onnxruntime's, for integers and for float8."""

import numpy as np
import pytest
from onnx import TensorProto
from onnxruntime.quantization.calibrate import HistogramCollector, TensorData
from onnxruntime.quantization.quant_utils import compute_scale_zp_float8

from playground import Scheme, calibration, choose_qparams
from tests.calibration.streams import Stream, more_streams, streams

STREAMS = {**streams(), **more_streams()}


def collected(stream: Stream, scenario: str) -> TensorData:
    collector = HistogramCollector("distribution", False, 2048, 128, 99.9, scenario)
    for batch in stream:
        collector.collect({"x": batch})
    return collector.compute_collection_result()["x"]


@pytest.mark.parametrize("stream", STREAMS)
def test_integers_get_the_ends_of_the_histogram(stream: str) -> None:
    state = calibration.start(Scheme("uint8", symmetric=False, calibrator="distribution"))
    for batch in STREAMS[stream]:
        state.update(batch)
    expected = collected(STREAMS[stream], "same")
    assert (state.range().lo.item(), state.range().hi.item()) == expected.range_value


@pytest.mark.parametrize("scenario", ["same", "p3"])
@pytest.mark.parametrize("stream", [name for name in STREAMS if name not in ("zeros_only", "constant")])
def test_float8_gets_the_scale_of_onnxruntime(stream: str, scenario: str) -> None:
    arguments = {"cubed": int(scenario == "p3")}
    scheme = Scheme("fp8_e4m3", scaled=True, calibrator="distribution", calibrator_args=arguments)
    state = calibration.start(scheme)
    for batch in STREAMS[stream]:
        state.update(batch)
    _, expected = compute_scale_zp_float8(TensorProto.FLOAT8E4M3FN, collected(STREAMS[stream], scenario).avg_std[1])
    found = choose_qparams(state.range(), scheme).scale_values.item()
    # Through a range, in which 448 times the scale is rounded once: at most one unit in the last place.
    assert abs(found - expected.item()) <= np.spacing(expected).item()
