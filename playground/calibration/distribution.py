"""Distribution, as ONNX Runtime does it: float8 gets the scale at which its values deviate as much as the tensor's.

For integers that tool takes the ends of its histogram, which are minus and plus the largest magnitude.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._histogram import HistogramState, ValueHistogram
from playground.number_formats import NumberFormat
from playground.quantization import Scheme


def _start(scheme: Scheme, num_bins: int = 2048, cubed: int = 0) -> HistogramState[ValueHistogram]:
    element = scheme.element
    few = element.family != "integer" and element.bits <= 8
    tell = partial(_alike, element=element, cubed=cubed) if few else _ends
    return HistogramState(scheme, partial(ValueHistogram, num_bins), tell)


def _ends(histogram: ValueHistogram) -> tuple[float, float]:
    return float(histogram.edges.min()), float(histogram.edges.max())


def _alike(histogram: ValueHistogram, element: NumberFormat, cubed: int) -> tuple[float, float]:
    codes = element.decode(np.arange(element.qmin, element.qmax + 1).astype(element.dtype))
    scale = _deviation(histogram, cubed) / np.std(codes[np.isfinite(codes)])
    reach = float(scale) * max(element.largest, -element.smallest)
    return -reach, reach


def _deviation(histogram: ValueHistogram, cubed: int) -> np.float32:
    """The standard deviation of the values, or of their cube roots, each bin at its middle."""
    middles = (histogram.edges[:-1] + histogram.edges[1:]) * np.float32(0.5)
    if cubed:
        middles = np.abs(middles) ** (1.0 / 3.0) * np.where(middles < 0, -1, 1).astype(np.float32)
    count = histogram.counts.sum()
    mean = (histogram.counts * middles).sum() / count
    return np.float32(((histogram.counts * middles**2).sum() / count - mean**2) ** 0.5)


CALIBRATOR = Calibrator(
    id="distribution",
    title="Distribution",
    summary="The scale at which the codes' values spread as much as the tensor's; integers: its largest magnitude.",
    source="onnxruntime DistributionCalibrater, 1.32, with quant_utils.compute_scale_zp_float8",
    start=_start,
    splits_alike=False,
    within_extremes=False,
    parameters=(
        Parameter("num_bins", 2048, 512, 1 << 20, True, "Bins of the first batch's histogram."),
        Parameter("cubed", 0, 0, 1, True, "1: float8 is taken for the cube of a normal distribution ('p3')."),
    ),
)
