"""Scales, zero-points and element types of QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.programs.call import Array, Call
from playground.programs.planner import Planner

FLOATS = {
    "float8_e4m3fn": "fp8_e4m3",
    "float8_e4m3fnuz": "fp8_e4m3fnuz",
    "float8_e5m2": "fp8_e5m2",
    "float8_e5m2fnuz": "fp8_e5m2fnuz",
    "float4_e2m1fn": "fp4_e2m1",
}
"""ONNX's name of a small float -> the id of the number format."""

ATTRIBUTES = (Attribute("axis", "int", 1, since=13), Attribute("block_size", "int", 0, low=0, since=21))
DEFAULT_AXIS = 1


def along(call: Call, parameter: Array, x: Array) -> Array:
    """A scale or zero-point (for the tensor, a channel or a block) in a shape that broadcasts with x."""
    axis, block = call.get("axis"), call.get("block_size")
    if block:
        call.room.octets(parameter.nbytes * block, [*parameter.shape, block])
        return np.repeat(parameter, block, axis)[tuple(slice(n) for n in x.shape)]
    if parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim != 1 or not -x.ndim <= axis < x.ndim or parameter.size != x.shape[axis]:
        raise InvalidInputError(
            f"scales {list(parameter.shape)} on axis {axis} do not fit values {list(x.shape)}",
            hint="Give one scale, or one for each channel of the axis",
        )
    shape = [1] * x.ndim
    shape[axis] = -1
    return parameter.reshape(shape)


def by_channel(planner: Planner, node: Node) -> bool:
    """Whether a QuantizeLinear or DequantizeLinear has a scale for each channel of computed values."""
    known = all(planner.is_constant(name) for name in node.inputs[1:] if name)
    return known and not planner.is_constant(node.inputs[0]) and planner.known(node.inputs[1], "scale").size > 1


def of_channels(
    planner: Planner, node: Node, shape: tuple[int, ...], dtype: str
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Scales and zero-points of the channels of values of ``shape``, so that they broadcast against them.

    ``dtype`` is that of the codes when there is no zero-point to say it.
    """
    scales = planner.known(node.inputs[1], "scale")
    has_points = len(node.inputs) > 2 and node.inputs[2]
    points = planner.known(node.inputs[2], "zero-point") if has_points else np.zeros(scales.shape, dtype)
    axis = axis_of(node.attributes["axis"], len(shape))
    if node.attributes["block_size"] or scales.shape != (shape[axis],) or points.shape != scales.shape:
        raise UnsupportedError("scales that are not one for each channel are not supported for computed values")
    if scales.dtype != np.float32 or not ((scales > 0) & (scales < np.inf)).all():
        raise UnsupportedError("a scale is not a positive finite float32")
    if points.dtype.name not in ("int8", "uint8"):
        raise UnsupportedError(f"{points.dtype} codes are not supported for computed values")
    along_axis = [-1 if a == axis else 1 for a in range(len(shape))]
    return scales.reshape(along_axis), points.reshape(along_axis)


def one_scale(planner: Planner, node: Node, dtype: str) -> tuple[np.float32, int, str]:
    """Scale, zero-point and dtype of a QuantizeLinear or DequantizeLinear of computed values.

    ``dtype`` is that of the codes when there is no zero-point to say it.
    """
    scale = planner.known(node.inputs[1], "scale")
    has_point = len(node.inputs) > 2 and node.inputs[2]
    point = planner.known(node.inputs[2], "zero-point") if has_point else np.zeros((), dtype)
    if scale.size != 1 or node.attributes["block_size"]:
        raise UnsupportedError("computed values with more than one scale are not supported")
    if point.dtype.name not in ("int8", "uint8") or scale.dtype != np.float32:
        raise UnsupportedError(f"{point.dtype} codes with {scale.dtype} scales are not supported for computed values")
    if not 0 < scale.reshape(-1)[0] < np.inf:
        raise UnsupportedError(f"{scale.reshape(-1)[0]} is not a valid scale")
    return np.float32(scale.reshape(-1)[0]), int(point.reshape(-1)[0]), point.dtype.name
