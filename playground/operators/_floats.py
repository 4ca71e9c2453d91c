"""Planning of float32 values: what is not quantized, or stands between the products of dynamically quantized models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from playground.errors import UnsupportedError
from playground.host.kernel import FLAG, Kernel, floats
from playground.model.graph import Node
from playground.operators._operator import Plan
from playground.operators._planning import fold, refuse_float, table
from playground.programs import dynamic_ops
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.float_steps import Binary, Unary
from playground.programs.integer_ops import Window
from playground.programs.kernel_parts import FLOAT_AXES, PIXELS, images
from playground.programs.planner import (
    CodeFunction,
    Codes,
    ConstantDequantized,
    Deferred,
    Dequantized,
    Dynamic,
    Planner,
    Symbol,
)
from playground.programs.program import Step, Value
from playground.programs.steps import Quantize

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


POOL_FLOATS = Kernel(
    "k_pool_f32", {"out": floats(*PIXELS)}, {"mean": FLAG, "count_padding": FLAG}, parts=(images(each=4),)
)


@dataclass(frozen=True, slots=True, eq=False)
class FloatPool(Step):
    """The largest under each window of images, or their mean."""

    window: Window
    mean: bool
    count_padding: bool

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The pool."""
        return dynamic_ops.pool_floats(inputs[0], self.window, mean=self.mean, count_padding=self.count_padding)

    def lower(self, to: Lowering) -> None:
        """FloatPool."""
        (name,) = self.inputs
        how = {"mean": self.mean, "count_padding": self.count_padding}
        to.call(POOL_FLOATS, images=to.images(name, self.window), **how, out=to.new(self.output, image=True))


NO_NUMBERS = (0.0, 0.0)


def float_value(planner: Planner, name: str) -> str | None:
    """The value that holds a tensor as float32, if it is not codes with a meaning."""
    symbol = planner.symbol(name)
    if isinstance(symbol, Codes):
        return symbol.value if planner.values[symbol.value].dtype == "float32" else None
    return planner.floating(name) if isinstance(symbol, Deferred) else None


def float_input(planner: Planner, name: str) -> str:
    """The value that holds a tensor as float32, whatever it is.

    Raises:
        UnsupportedError: it is of another type, or float32 values do not become steps in this program.
    """
    if not planner.floats or isinstance(planner.symbol(name), Dynamic):
        refuse_float()
    value = planner.floating(name)
    if planner.values[value].dtype != "float32":
        raise UnsupportedError(f"values of type {planner.values[value].dtype} are not computed by the kernels")
    return value


def pending(planner: Planner, shape: tuple[int, ...], make: Callable[[str, tuple[float, float]], Step]) -> Deferred:
    """A float32 result that can still be limited.

    Args:
        planner: what is known.
        shape: of the result.
        make: its name and limits -> the step.
    """

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        is_float = to.dtype == "float32"
        if is_float and scale != 1:
            raise UnsupportedError("a float result times a number is not supported")
        name = output if is_float else f"{output}:floats"
        limits = (float(np.float32(to.lo) * scale), float(np.float32(to.hi) * scale))
        planner.emit(make(name, limits), shape, "float32")
        if not is_float:
            planner.emit(Quantize((name,), output, scale, to.zero_point), shape, to.dtype)

    return Deferred(shape, emit, scalable=False)


def within(planner: Planner, value: str) -> Deferred:
    """A float value within limits that are still to be named."""
    shape = planner.values[value].shape
    return pending(planner, shape, lambda name, limits: Unary((value,), name, "clip", limits))


def broadcast_together(planner: Planner, values: Sequence[str], dtype: DTypeLike) -> tuple[int, ...]:
    """What values broadcast to; UnsupportedError if it has too many axes for the kernels, or is too large."""
    shape = np.broadcast_shapes(*(planner.values[value].shape for value in values))
    if len(shape) > FLOAT_AXES:
        raise UnsupportedError(f"values of {len(shape)} axes are not supported")
    planner.room.value(shape, dtype)
    return shape


def combined(planner: Planner, function: str, values: tuple[str, str]) -> Deferred:
    """A function of two float values, which broadcast: see :class:`Binary`."""
    shape = broadcast_together(planner, values, np.float32)
    return pending(planner, shape, lambda name, limits: Binary(values, name, function, limits))


def elementwise(planner: Planner, node: Node, function: str, integers: Callable[[], Symbol]) -> Symbol:
    """A function of two values: in integers where both are quantized, else of floats."""
    quantized = all(isinstance(planner.symbol(name), (Dequantized, ConstantDequantized)) for name in node.inputs)
    if not planner.floats or quantized:
        try:
            return integers()
        except UnsupportedError:
            if not planner.floats:
                raise
    a, b = (float_input(planner, name) for name in node.inputs)
    return combined(planner, function, (a, b))


def chained(planner: Planner, node: Node, function: str) -> Deferred:
    """A function of two values, of all float values that a node reads, one after the other."""
    first, *others = (float_input(planner, name) for name in node.inputs)
    if not others:
        return within(planner, first)
    for place, other in enumerate(others[:-1]):
        combined(planner, function, (first, other)).emit(
            name := f"{node.outputs[0]}:{place}", np.float32(1), ops.Target("float32")
        )
        first = name
    return combined(planner, function, (first, others[-1]))


def floats_only(plan: Plan) -> Plan:
    """Planning of an operator that has no integer form: of constants it is folded."""

    def planned(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
        if not planner.floats or all(planner.is_constant(name) for name in node.inputs if name):
            return fold(planner, node)
        return plan(planner, node)

    return planned


def float_function(function: str, numbers: Callable[[Node], tuple[float, float]] = lambda _: NO_NUMBERS) -> Plan:
    """Planning of a function of single values that has no integer form: as :func:`function_of_floats`."""
    return floats_only(lambda planner, node: float_function_of(planner, node, function, *numbers(node)))


def function_of_floats(function: str, numbers: Callable[[Node], tuple[float, float]] = lambda _: NO_NUMBERS) -> Plan:
    """Planning of a function of single values: a table for codes, a step for floats.

    Args:
        function: its name, one of :data:`playground.programs.float_functions.FUNCTIONS`.
        numbers: node -> the two numbers that the function takes.
    """

    def plan(planner: Planner, node: Node) -> Symbol:
        return table(planner, node) or float_function_of(planner, node, function, *numbers(node))

    return plan


def float_function_of(planner: Planner, node: Node, function: str, alpha: float = 0.0, beta: float = 0.0) -> Codes:
    """A function of single float values of a node's first input."""
    value = float_input(planner, node.inputs[0])
    planner.emit(Unary((value,), node.outputs[0], function, (alpha, beta)), planner.values[value].shape, "float32")
    return Codes(node.outputs[0])


def pooled(planner: Planner, node: Node, window: Window, *, mean: bool, count_padding: bool = False) -> Symbol | None:
    """A pool of float images; None if its input is none."""
    symbol = planner.symbol(node.inputs[0])
    of_codes = planner.floats and isinstance(symbol, CodeFunction)
    if not of_codes and not isinstance(symbol, (Codes, Deferred)):
        return None
    value = planner.floating(node.inputs[0]) if of_codes else float_value(planner, node.inputs[0])
    if value is None:
        return None
    shape = (*planner.values[value].shape[:2], *window.out)
    planner.emit(FloatPool((value,), node.outputs[0], window, mean, count_padding), shape, "float32")
    return Codes(node.outputs[0])
