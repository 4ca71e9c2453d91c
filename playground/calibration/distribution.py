"""Distribution, as ONNX Runtime does it: float8 gets the scale at which its values deviate as much as the tensor's.

For integers that tool takes the ends of its histogram, which are minus and plus the largest magnitude.
"""

from __future__ import annotations

from functools import partial

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import HistogramState, ValueHistogram
from playground.core import Scheme


def _start(scheme: Scheme, num_bins: int = 2048) -> HistogramState[ValueHistogram]:
    return HistogramState(scheme, partial(ValueHistogram, num_bins), _ends)


def _ends(histogram: ValueHistogram) -> tuple[float, float]:
    return float(histogram.edges.min()), float(histogram.edges.max())


CALIBRATOR = Calibrator(
    id="distribution",
    title="Distribution",
    summary="The scale at which the codes' values spread as much as the tensor's; integers: its largest magnitude.",
    source="onnxruntime DistributionCalibrater, 1.32, with quant_utils.compute_scale_zp_float8",
    start=_start,
    within_extremes=False,
    parameters=(Parameter("num_bins", 2048, 512, 1 << 20, True, "Bins of the first batch's histogram."),),
)
