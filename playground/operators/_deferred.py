"""A product that is not rounded yet, and a constant: its bias, or a part of its scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Node
from playground.programs.planner import Deferred, Planner, Symbol


def with_constant(planner: Planner, node: Node) -> tuple[Deferred, NDArray[np.float32]] | None:
    """A product that is not rounded yet and the constant that it meets, in either order; None for other inputs."""
    for one, other in (node.inputs, node.inputs[::-1]):
        symbol = planner.symbol(one)
        if isinstance(symbol, Deferred) and planner.is_constant(other):
            constant = planner.known(other, "input")
            swapped = one != node.inputs[0]
            if np.broadcast_shapes(symbol.shape, constant.shape) == symbol.shape and not (swapped and node.op == "Div"):
                return symbol, constant
    return None


def biased(planner: Planner, node: Node) -> Symbol | None:
    """A deferred product plus a constant, as its bias; None if it cannot be that."""
    found = with_constant(planner, node)
    if found is None or found[0].plus is None:
        return None
    deferred, constant = found
    rank = len(deferred.shape)
    sizes = (*(1,) * (rank - constant.ndim), *constant.shape)
    if any(n != 1 and axis != deferred.axis % rank for axis, n in enumerate(sizes)):
        return None
    return deferred.plus(constant.astype(np.float32)) if deferred.plus else None


def scaled(planner: Planner, node: Node) -> Symbol | None:
    """A deferred product times one positive constant, or over it; None if it is not that."""
    found = with_constant(planner, node)
    if found is None or found[1].size != 1 or not found[0].scalable:
        return None
    factor = np.float32(found[1].reshape(()))
    with np.errstate(divide="ignore"):
        factor = np.float32(1) / factor if node.op == "Div" else factor
    return found[0].times(factor) if 0 < factor < np.inf else None
