"""The tensor that is being looked at: which one, its values, and what does not depend on how it is quantized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from playground.arrays import as_float32, require_values
from playground.calibration import calibrate
from playground.errors import InvalidInputError, MissingError, shown
from playground.limits import MOST_SHOWN_VALUES
from playground.metrics import Histogram, histogram
from playground.model.graph import Model
from playground.quantization import Range, Scheme

BINS = 120

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A tensor that is being looked at, with what does not depend on the settings worked out once.

    Attributes:
        name: the tensor's name in its model.
        values: float32, contiguous, finite, at least one element.
        edges: float64 (BINS + 1,), the edges of the histogram's bins.
        counts: int64 (BINS,), values in each bin.
        calibrated: what a scheme's calibrator makes of the whole tensor.
        channel_ranges: the smallest and the largest value of every channel along an axis: two float32 (channels,).
        zoomed: edges and counts of the histogram of the bulk of the values; outliers are left out.

    The last three remember their answers, for as long as the subject is kept and no longer.
    """

    name: str
    values: Floats
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    calibrated: Callable[[Scheme], Range]
    channel_ranges: Callable[[int], tuple[Floats, Floats]]
    zoomed: Callable[[], tuple[NDArray[np.float64], NDArray[np.int64]]]


def largest_tensor(model: Model) -> str:
    """The name of the model's largest tensor that can be quantized, and shown if one is small enough.

    Raises:
        MissingError: the model has no tensor that could be quantized.
    """
    candidates = quantizable(model)
    if not candidates:
        raise MissingError(
            "the model has no floating-point tensor with at least one axis",
            where=model.name,
            hint="Open another model",
        )
    fitting = [name for name in candidates if model.tensors[name].size <= MOST_SHOWN_VALUES]
    return max(fitting or candidates, key=lambda n: model.tensors[n].size)


def first_subject(model: Model) -> tuple[Subject | None, str]:
    """The largest tensor that can be shown, and a sentence about larger ones that cannot.

    None of a model with a graph that has no such tensor: there is more to do with it.

    Raises:
        MissingError: the model has no graph, and no tensor that could be quantized.
        InvalidInputError: it has no graph, and no tensor of it can be shown.
    """
    names = sorted(quantizable(model), key=lambda name: model.tensors[name].size, reverse=True)
    refused: InvalidInputError | None = None
    for name in names:
        try:
            found = subject_of(model, name)
        except InvalidInputError as error:
            refused = refused or error
        else:
            return found, "" if refused is None else f"Another tensor is shown: {refused}"
    if model.graph is None:
        largest_tensor(model)
        if refused is not None:
            raise refused
    return None, "" if refused is None else str(refused)


def quantizable(model: Model) -> tuple[str, ...]:
    """Names of the tensors that the Tensor view can show: floating point, at least one axis, not empty."""
    return tuple(n for n, t in model.tensors.items() if t.real and t.shape and t.size)


def subject_of(model: Model, name: str) -> Subject:
    """Read a tensor and count its histogram.

    Raises:
        MissingError: the model has no tensor of that name that can be shown.
        InvalidInputError: it is empty or too large, or has a NaN or an infinity in it.
    """
    if name in model.tensors and model.tensors[name].size > MOST_SHOWN_VALUES:
        raise InvalidInputError(
            f"tensor {shown(name)} has {model.tensors[name].size} values",
            where=model.name,
            hint=f"Choose a tensor of at most {MOST_SHOWN_VALUES} values, or use the command line",
        )
    if name not in quantizable(model):
        what = f"there is no floating-point tensor {name!r} with at least one axis and one value"
        raise MissingError(what, where=model.name, hint="Choose another tensor")
    values = require_values(np.ascontiguousarray(as_float32(model.tensors[name].numpy(), name)), name)
    counted = counted_over_all(values)
    return Subject(
        name,
        values,
        counted.edges,
        counted.counts,
        calibrated=lru_cache(maxsize=16)(partial(calibrate, values)),
        channel_ranges=lru_cache(maxsize=8)(partial(_channel_ranges, values)),
        zoomed=lru_cache(maxsize=1)(partial(_zoomed, values, counted)),
    )


def counted_over_all(values: Floats) -> Histogram:
    """The histogram of values, at least one, from the smallest to the largest; of equal ones it is wider."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    return histogram(values, BINS, low, high)


BULK = (0.1, 99.9)
"""Percentiles between which "the bulk" of a tensor lies; a zoomed histogram shows it and a fifth more at each side."""


def _zoomed(values: Floats, whole: Histogram) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    low, high = (float(value) for value in np.percentile(values, BULK))
    margin = 0.2 * (high - low)
    counted = histogram(values, BINS, low - margin, high + margin) if margin else whole
    return counted.edges, counted.counts


def _channel_ranges(values: Floats, axis: int) -> tuple[Floats, Floats]:
    others = tuple(i for i in range(values.ndim) if i != axis)
    return values.min(axis=others), values.max(axis=others)
