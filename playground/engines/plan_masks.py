"""Planning of masks before Softmax: Where with a constant condition, Add of a constant of zeros and one low number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import plan_elementwise as elementwise
from playground.engines import program as p
from playground.engines.planner import Constant, Deferred, Dequantized, Planner, Symbol
from playground.errors import UnsupportedError
from playground.model.graph import Node

_LOWEST_STEPS = -(2.0**30)
"""No mask has to be lower than so many steps of the output's scale: -inf times a code of 0 would be NaN."""


def where(planner: Planner, node: Node) -> Symbol:
    """Where with a constant condition and a constant so low that it becomes the lowest code."""
    if all(elementwise.is_constant(planner, name) for name in node.inputs):
        return elementwise.folded(planner, node)
    keeps = planner.known(node.inputs[0], "condition").astype(bool)
    first_is_fixed = elementwise.is_constant(planner, node.inputs[1])
    kept, fixed = (node.inputs[2], node.inputs[1]) if first_is_fixed else node.inputs[1:3]
    low, x = planner.known(fixed, "other value"), planner.real(kept)
    if low.size != 1:
        raise UnsupportedError("only a choice between a value of up to 4 axes and one number is handled")
    return _hidden(planner, node, x, keeps if first_is_fixed else ~keeps, np.float32(low.reshape(())))


def add(planner: Planner, node: Node) -> Symbol:
    """Add of a mask, or what :func:`playground.engines.plan_elementwise.add` makes of it."""
    for one, other in (node.inputs, node.inputs[::-1]):
        x, mask = planner.symbol(one), planner.symbol(other)
        if (
            isinstance(x, Dequantized)
            and isinstance(mask, Constant)
            and mask.array.dtype == np.float32
            and mask.array.size > 1
        ):
            numbers = np.unique(mask.array)
            if numbers.size == 2 and numbers[1] == 0:
                return _hidden(planner, node, x, mask.array != 0, numbers[0])
    return elementwise.add(planner, node)


def _hidden(planner: Planner, node: Node, x: Dequantized, hides: NDArray[np.bool_], low: np.float32) -> Deferred:
    """A sum with codes of 0 and 1, the latter standing for the low number."""
    shape = np.broadcast_shapes(planner.values[x.value].shape, hides.shape)
    if len(shape) > 4:
        raise UnsupportedError(f"values of {len(shape)} axes are not handled")
    hidden = planner.constant(f"{node.outputs[0]}:hidden", hides.astype(np.uint8))

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratios = (np.float32(x.scale / scale), np.float32(max(float(low) / float(scale), _LOWEST_STEPS)))
        if ratios[1] + 255 * ratios[0] > to.lo:
            raise UnsupportedError(f"its constant {low} is not below all that its output can hold")
        step = p.Add((x.value, hidden), output, (x.zero_point, 0), ratios, to)
        planner.emit(step, shape, to.dtype)

    return Deferred(shape, emit)
