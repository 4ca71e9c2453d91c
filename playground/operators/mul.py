"""Mul: the product of two values, element by element."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from playground.errors import UnsupportedError
from playground.host.kernel import Kernel
from playground.model.graph import Node
from playground.operators._broadcast import broadcast
from playground.operators._deferred import scaled
from playground.operators._dynamic import float_sums, per_column
from playground.operators._elementwise import binary
from playground.operators._floats import elementwise
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._planning import broadcast_shape, table
from playground.programs import integer_ops as ops
from playground.programs import row_ops
from playground.programs.call import Array
from playground.programs.float_steps import Unary
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import epilogue, operands
from playground.programs.planner import Codes, Constant, ConstantDequantized, Deferred, Dynamic, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


MUL = Kernel("k_mul_s8", parts=(operands(), epilogue("operands.sizes")))


@dataclass(frozen=True, slots=True, eq=False)
class Mul(Step):
    """The product of two values, element by element; they broadcast."""

    zero_points: tuple[int, int]
    ratio: np.float32
    to: Target

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The product, rounded."""
        return row_ops.multiply(inputs[0], inputs[1], self.zero_points, self.ratio, self.to)

    def lower(self, to: Lowering) -> None:
        """Mul."""
        to.call(MUL, ratio=self.ratio, **broadcast(self, to))


def plan(planner: Planner, node: Node) -> Symbol:
    """Mul: a scaled product, a function, or the product of two values."""
    found = _scaled_sums(planner, node) or scaled(planner, node) or table(planner, node) or _swish(planner, node)
    return found or elementwise(planner, node, "mul", lambda: _elementwise_product(planner, node))


def _swish(planner: Planner, node: Node) -> Symbol | None:
    """A float value times its own sigmoid, which is one step and has the same bits; None if it is not that."""
    for one, other in (node.inputs, node.inputs[::-1]):
        x, gate = planner.symbol(one), planner.symbol(other)
        if isinstance(x, Codes) and isinstance(gate, Codes):
            made = next((step for step in reversed(planner.steps) if step.output == gate.value), None)
            if isinstance(made, Unary) and (made.function, made.inputs) == ("sigmoid", (x.value,)):
                shape = planner.values[x.value].shape
                planner.emit(Unary((x.value,), node.outputs[0], "swish", (1.0, 0.0)), shape, "float32")
                return Codes(node.outputs[0])
    return None


def _elementwise_product(planner: Planner, node: Node) -> Deferred:
    shape = broadcast_shape(planner, node)
    a, b = (planner.codes(name) for name in node.inputs)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratio = np.float32(a.scale * b.scale / scale)
        planner.emit(Mul((a.value, b.value), output, (a.zero_point, b.zero_point), ratio, to), shape, to.dtype)

    return Deferred(shape, emit)


def _scaled_sums(planner: Planner, node: Node) -> Symbol | None:
    """Mul of the codes' scale by the weights', or of sums by both; None if it is neither."""
    symbols = [planner.symbol(name) for name in node.inputs]
    for one, other, name in ((symbols[0], symbols[1], node.inputs[1]), (symbols[1], symbols[0], node.inputs[0])):
        if not isinstance(one, Dynamic):
            continue
        if one.part == "scale" and isinstance(other, (Constant, ConstantDequantized)):
            if (one.factor == 1).all():
                return replace(one, factor=planner.known(name, "scale").astype(np.float32))
        elif one.part == "sums" and isinstance(other, Dynamic) and (other.part, other.found) == ("scale", one.found):
            return _times_scales(planner, one, other)
    if any(isinstance(symbol, Dynamic) for symbol in symbols):
        raise UnsupportedError("only sums times the scales of both sides are supported after DynamicQuantizeLinear")
    return None


def _times_scales(planner: Planner, sums: Dynamic, scale: Dynamic) -> Deferred:
    shape = planner.values[sums.value].shape
    columns = sums.column_sums.size
    factor = per_column(scale.factor, sums.axis, shape, columns)
    if sums.bias.size and not np.array_equal(factor, per_column(sums.factor, sums.axis, shape, columns)):
        raise UnsupportedError("the bias is in other steps than the sums")
    return float_sums(planner, sums, factor, np.full(columns, -0.0, np.float32))


OPERATOR = Operator(
    name="Mul",
    run=binary(np.multiply),
    scales=Scales.ELEMENTWISE,
    traits=Trait.FUNCTION_WITH_CONSTANT | Trait.TAKES_DYNAMIC,
    forms=Form.DEFAULT,
    plan=plan,
)
