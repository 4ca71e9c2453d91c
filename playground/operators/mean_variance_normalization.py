"""MeanVarianceNormalization: values brought to mean 0 and variance 1 over any axes."""

from __future__ import annotations

import numpy as np

from playground.operators._attributes import Attribute, axes_among
from playground.operators._operator import Operator
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call

_EPSILON = 1e-9


def run(call: Call, x: Array) -> Array:
    """X minus its mean over the axes, over its deviation; as ONNX writes it out, from the mean of squares."""
    axes = tuple(axes_among(call.get("axes"), x.ndim))
    wide = x.astype(np.result_type(x.dtype, np.float32), copy=False)
    mean = wide.mean(axis=axes, keepdims=True)
    variance = np.square(wide).mean(axis=axes, keepdims=True) - np.square(mean)
    return np.asarray((wide - mean) / (np.sqrt(variance) + wide.dtype.type(_EPSILON)), x.dtype)


OPERATOR = Operator(
    name="MeanVarianceNormalization",
    versions=(9, None),
    run=run,
    attributes=(Attribute("axes", "ints", [0, 2, 3]),),
    rank=as_input,
)
