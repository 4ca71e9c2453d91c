"""Planning of operators as steps of float32: where inputs are not quantized, or have no integer form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._dynamic import per_column
from playground.operators._operator import Plan
from playground.programs import integer_ops as ops
from playground.programs.float_products import Finish
from playground.programs.planner import Deferred, Planner, Symbol
from playground.programs.program import Step
from playground.programs.steps import Quantize


def either(integer: Plan, floating: Plan) -> Plan:
    """The integer form of an operator, or where that is refused its float form, if the planner takes such."""

    def plan(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
        if not planner.floats:
            return integer(planner, node)
        try:
            return integer(planner, node)
        except UnsupportedError:
            return floating(planner, node)

    return plan


def float_constant(planner: Planner, name: str, what: str) -> NDArray[np.float32]:
    """A known tensor of float32; UnsupportedError if it is computed, of another type or empty."""
    array = planner.known(name, what)
    if array.dtype != np.float32 or not array.size:
        raise UnsupportedError(f"the {what} of shape {list(array.shape)} and type {array.dtype} is not supported")
    return array


Make = Callable[[str, Finish], Step]
"""The step of a product from its output and what becomes of its sums."""

Scaled = Callable[[NDArray[np.float32]], Make]
"""The same with weights that are multiplied by a number for each column."""


def float_result(
    planner: Planner,
    shape: tuple[int, ...],
    make: Make,
    finish: Finish,
    *,
    axis: int = -1,
    scaled: Scaled | None = None,
) -> Deferred:
    """The exact result of a float product, to which limits, a constant for each column and factors can be added.

    Args:
        planner: takes the step.
        shape: of the result.
        make: its step.
        finish: without limits.
        axis: of the columns.
        scaled: its step with a factor for each column, if its weights are constant.
    """

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        _emit(planner, make, finish, shape, (output, scale, to))

    def plus(real: NDArray[np.float32]) -> Deferred:
        added = per_column(real, axis, shape, finish.bias.size)
        return float_result(planner, shape, make, finish.plus(added), axis=axis, scaled=scaled)

    result = Deferred(shape, emit, plus=plus, axis=axis)
    if scaled is None:
        return result

    def by_column(real: NDArray[np.float32]) -> Deferred:
        factors = per_column(real, axis, shape, finish.bias.size)
        own = Finish(finish.bias * factors, finish.alpha)
        return float_result(planner, shape, scaled(factors), own, axis=axis)

    return replace(result, by_column=by_column)


def _emit(
    planner: Planner, make: Make, finish: Finish, shape: tuple[int, ...], result: tuple[str, np.float32, ops.Target]
) -> None:
    """Emit a product's step, and what makes codes of its result where these are wanted.

    Args:
        planner: takes the steps.
        make: the product's step.
        finish: what becomes of its sums.
        shape: of the result.
        result: its name, its scale, and what it becomes.
    """
    output, scale, to = result
    if to.dtype not in ("float32", "int8", "uint8"):
        raise UnsupportedError(f"a float product has no results of type {to.dtype}")
    is_float = to.dtype == "float32"
    name, over = (output, scale) if is_float else (f"{output}:floats", np.float32(1))
    with np.errstate(all="ignore"):
        limits = (to.lo, to.hi) if is_float else (float(np.float32(to.lo) * scale), float(np.float32(to.hi) * scale))
        own = finish.over(over, limits)
    if not (np.isfinite(own.alpha) and np.isfinite(scale) and scale > 0):
        raise UnsupportedError("the quotient of two of the scales is not a finite number")
    planner.emit(make(name, own), shape, "float32")
    if not is_float:
        planner.emit(Quantize((name,), output, scale, to.zero_point), shape, to.dtype)
