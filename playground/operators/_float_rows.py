"""Planning of float32 values over axes and rows: reductions and normalizations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._floats import combined, float_function_of, float_input
from playground.operators._moves import axes_of, turned, viewed
from playground.operators._operator import Plan
from playground.programs import integer_ops as ops
from playground.programs.float_row_steps import Normalize, Reduce
from playground.programs.float_steps import Unary
from playground.programs.planner import Codes, Deferred, Planner, Symbol
from playground.programs.steps import Reshape


def integers_or_floats(planner: Planner, node: Node, integers: Plan, floats: Plan) -> Symbol | tuple[Symbol, ...]:
    """An integer form where there is one, else steps of floats, where these become steps."""
    try:
        return integers(planner, node)
    except UnsupportedError:
        if not planner.floats:
            raise
    return floats(planner, node)


def reduction_of_floats(function: str, before: str = "", after: str = "", alone: str = "") -> Plan:
    """Planning of axes of float values taken together.

    Args:
        function: its name, one of :data:`playground.programs.float_rows.REDUCTIONS`.
        before: a function of single values that goes before it.
        after: one that goes after it.
        alone: what becomes of values if no axis is named and none is to be taken together.
    """

    def plan(planner: Planner, node: Node) -> Symbol:
        value, output = float_input(planner, node.inputs[0]), node.outputs[0]
        shape = planner.values[value].shape
        axes = sorted(axes_of(planner, node, len(shape)) or ())
        if not axes and node.attributes.get("noop_with_empty_axes"):
            return float_function_of(planner, node, alone) if alone else Codes(value)
        axes = axes or list(range(len(shape)))
        if before:
            planner.emit(Unary((value,), f"{output}:{before}", before), shape, "float32")
            value = f"{output}:{before}"
        wanted = tuple(
            1 if a in axes else n for a, n in enumerate(shape) if a not in axes or node.attributes["keepdims"]
        )
        reduced(planner, value, function, axes, (f"{output}:{function}" if after else output, wanted))
        if after:
            planner.emit(Unary((f"{output}:{function}",), output, after), wanted, "float32")
        return Codes(output)

    return plan


def reduced(
    planner: Planner, value: str, function: str, axes: Sequence[int], made: tuple[str, tuple[int, ...]]
) -> None:
    """Emit what takes axes of a float value together; ``made`` is the name of the result, and its shape."""
    shape, (name, wanted) = planner.values[value].shape, made
    kept = [a for a in range(len(shape)) if a not in axes]
    first = axes[0] if axes else 0
    if list(axes) != list(range(first, first + len(axes))):
        value = viewed(planner, Codes(value), f"{name}:turned", turned(shape, [*kept, *axes])).value
        first = len(kept)
    planner.emit(Reduce((value,), name, function, first, len(axes)), wanted, "float32")


def normalized_rows(
    planner: Planner,
    value: str,
    parameters: Sequence[str],
    output: str,
    *,
    axis: int,
    epsilon: float,
    centred: bool = True,
) -> Symbol:
    """All from an axis on brought to mean 0 and variance 1, times one parameter and plus another, if they are there."""
    shape = planner.values[value].shape
    sizes = [planner.values[name].shape for name in parameters]
    whole = all(size == shape[axis:] for size in sizes)
    name = output if whole or not parameters else f"{output}:normal"
    planner.emit(Normalize((value, *(parameters if whole else ())), name, axis, epsilon, centred), shape, "float32")
    return Codes(name) if whole else scaled_and_shifted(planner, name, parameters, output)


def scaled_and_shifted(planner: Planner, value: str, parameters: Sequence[str], output: str) -> Deferred:
    """A float value times a parameter, and plus another if there is one; both broadcast."""
    made = combined(planner, "mul", (value, parameters[0]))
    if len(parameters) == 1:
        return made
    made.emit(f"{output}:scaled", np.float32(1), ops.Target("float32"))
    return combined(planner, "add", (f"{output}:scaled", parameters[1]))


def by_channel(planner: Planner, name: str, like: Sequence[int]) -> str:
    """A parameter of one number a channel, so that it broadcasts against values of shape ``like``."""
    value = float_input(planner, name)
    # what does not fit is refused by the operator's function, in one way for all engines
    if planner.values[value].shape != (like[1],):
        raise UnsupportedError(f"a parameter of shape {planner.values[value].shape} does not fit {like[1]} channels")
    shape = (like[1], *(1,) * (len(like) - 2))
    if value in planner.constants:
        return planner.constant(f"{name}:{shape}", planner.constants[value].reshape(shape))
    wanted = f"{value}:{shape}"
    if wanted not in planner.values:
        planner.emit(Reshape((value,), wanted), shape, "float32")
    return wanted
