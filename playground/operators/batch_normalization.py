"""BatchNormalization: channels scaled and shifted by what training has found."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Form, Operator, Scales, Takes
from playground.programs.call import Array, Call


def run(call: Call, x: Array, *parameters: Array) -> Array:
    """Inference with given scale, bias, mean, variance (each per channel). Raises UnsupportedError in training mode."""
    if call.get("training_mode") or call.outputs > 1:
        raise UnsupportedError(
            "BatchNormalization in training mode is not supported", hint="Export the model for inference"
        )
    scale, bias, mean, variance = parameters
    if x.ndim < 2 or any(given.shape != (x.shape[1],) for given in parameters):
        shapes = ", ".join(str(list(given.shape)) for given in parameters)
        raise InvalidInputError(
            f"parameters of shape {shapes} do not fit the channels of values {list(x.shape)}",
            hint="Give one number for each channel",
        )
    factor = scale / np.sqrt(variance + variance.dtype.type(call.get("epsilon")))
    shape = (-1, *(1,) * (x.ndim - 2))
    return np.asarray(x * factor.reshape(shape) + (bias - mean * factor).reshape(shape))


OPERATOR = Operator(
    name="BatchNormalization",
    ranks=(2, 5),
    takes=(Takes.VALUES, Takes.PARAMETER),
    run=run,
    attributes=(Attribute("epsilon", "float", 1e-5, low=0), Attribute("momentum", "float", 0.9), flag("training_mode")),
    data=(0,),
    bias=2,
    scales=Scales.NORMALIZATION,
    forms=Form.NAMED,
)
