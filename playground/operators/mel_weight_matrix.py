"""MelWeightMatrix: triangular filters, from the bins of a spectrum to those of the mel scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.element_types import BY_ONNX
from playground.operators._attributes import Attribute, single
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call

_FLOAT32 = 1  # ONNX's number for it


def run(  # noqa: PLR0917 (inputs come by position)
    call: Call, bins: Array, length: Array, rate: Array, lower: Array, upper: Array
) -> Array:
    """Weights (length // 2 + 1, bins): multiplied with a spectrum they give mel bins.

    Args:
        call: has ``output_datatype``.
        bins: how many mel bins there are.
        length: of the transform.
        rate: samples in a second.
        lower: edge of the first filter in Hz.
        upper: edge of the last filter in Hz.

    Raises:
        InvalidInputError: a number is not positive, or an edge is outside of the spectrum.
        UnsupportedError: the output is of a type that NumPy has not.
    """
    element = BY_ONNX.get(call.get("output_datatype"))
    if element is None or not element.stored:
        raise UnsupportedError("MelWeightMatrix of this type is not supported", hint="Use engine='onnxruntime'")
    count, size, samples = (int(single(n, "number")) for n in (bins, length, rate))
    low, high = (float(single(n, "edge")) for n in (lower, upper))
    if min(count, size, samples) < 1 or not 0 <= low <= high <= samples:
        raise InvalidInputError(
            f"{count} bins of a spectrum of {size} at {samples} Hz, from {low:g} to {high:g} Hz, cannot be made",
            hint="Use positive numbers, and edges within the spectrum",
        )
    spectrum = size // 2 + 1
    call.room.value((spectrum, count + 2), np.float64)
    return _triangles(np.arange(spectrum), _edges(count, size, samples, low, high)).astype(element.stored)


def _edges(count: int, size: int, samples: int, low: float, high: float) -> NDArray[np.float64]:
    """Bins of the spectrum where filters begin, are highest, and end: (count + 2,)."""
    first, last = (2595 * np.log10(1 + edge / 700) for edge in (low, high))
    mels = first + np.arange(count + 2) * ((last - first) / (count + 2))
    hertz = 700 * (np.power(10, mels / 2595) - 1)
    return np.asarray(np.floor((size + 1) * hertz / samples))


def _triangles(places: NDArray[np.int64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    begin, top, end = edges[:-2], edges[1:-1], edges[2:]
    if edges.max() > len(places):
        raise InvalidInputError(
            f"a filter up to bin {edges.max():g} is outside of {len(places)} bins", hint="Use a lower upper edge"
        )
    at = places[:, None]
    rising = np.where((at >= begin) & (at <= top), (at - begin) / np.maximum(top - begin, 1), 0)
    # A filter that begins where it is highest has no side that rises
    rising = np.where((top == begin) & (at == top), 1, rising)
    falling = np.where((at >= top) & (at < end), (end - at) / np.maximum(end - top, 1), 0)
    return np.where((at >= top) & (end > top), falling, rising)


OPERATOR = Operator(
    name="MelWeightMatrix",
    versions=(17, None),
    run=run,
    attributes=(Attribute("output_datatype", "int", _FLOAT32),),
    data=(),
    takes=(Takes.NUMBER,),
    ranks=(0, 1),
)
