"""Add: the sum of two values, a bias, or a mask before Softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import Kernel, octets
from playground.model.graph import Node
from playground.operators._broadcast import broadcast, signs
from playground.operators._deferred import biased
from playground.operators._dynamic_biases import added, or_dynamic
from playground.operators._elementwise import binary
from playground.operators._floats import combined, elementwise, float_value
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._planning import broadcast_shape, table
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.float_steps import Binary, Choice
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import coded, epilogue, operands
from playground.programs.planner import Codes, Constant, Deferred, Dequantized, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering

_LOWEST_STEPS = -(2.0**30)
"""No mask has to be lower than so many steps of the output's scale: -inf times a code of 0 would be NaN."""


ADD = Kernel(
    "k_add_s8",
    {"a": octets("n"), "b": octets("n")},
    parts=(coded("za", "a_signed"), coded("zb", "b_signed"), epilogue("n")),
)


ADD_BROADCAST = Kernel("k_add_broadcast_s8", parts=(operands(), epilogue("operands.sizes")))


@dataclass(frozen=True, slots=True, eq=False)
class Add(Step):
    """The sum of two values, which broadcast; a difference has a negative ratio."""

    zero_points: tuple[int, int]
    ratios: tuple[np.float32, np.float32]
    to: Target

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The sum, rounded."""
        a, b = inputs
        return np.asarray(ops.add(a, b, self.zero_points, self.ratios, self.to))

    def lower(self, to: Lowering) -> None:
        """Add: of equal shapes, or such as broadcast."""
        ra, rb = self.ratios
        if len({to.values[name].shape for name in self.inputs}) > 1:
            to.call(ADD_BROADCAST, ra=ra, rb=rb, **broadcast(self, to))
            return
        image, (a, b) = to.alike(*self.inputs)
        out = to.epilogue(self.to, to.new(self.output, image=image))
        to.call(ADD, a=a, b=b, n=a.nbytes, **signs(self, to), ra=ra, rb=rb, to=out)


def plan(planner: Planner, node: Node) -> Symbol:
    """A mask, a function, a bias, or the sum of two values."""
    hidden = _masked(planner, node)
    if hidden is not None:
        return hidden
    found = biased(planner, node) or table(planner, node) or _floats(planner, node)
    return found or elementwise(planner, node, "add", lambda: sum_of(planner, node, np.float32(1)))


def sum_of(planner: Planner, node: Node, sign: np.float32) -> Deferred:
    """The sum of two quantized values, or with sign -1 their difference; they broadcast."""
    shape = broadcast_shape(planner, node)
    a, b = (planner.codes(name) for name in node.inputs)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratios = (np.float32(a.scale / scale), np.float32(sign * b.scale / scale))
        step = Add((a.value, b.value), output, (a.zero_point, b.zero_point), ratios, to)
        planner.emit(step, shape, to.dtype)

    return Deferred(shape, emit)


def _masked(planner: Planner, node: Node) -> Symbol | None:
    """The sum of a value and a constant of zeros and one low number; None if it is not that."""
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
                return hidden_by(planner, node, x, mask.array != 0, numbers[0])
    return None


def hidden_by(
    planner: Planner, node: Node, x: Dequantized, hides: NDArray[np.bool_], low: np.float32, *, added: bool = True
) -> Deferred:
    """A sum with codes of 0 and 1, the latter standing for the low number.

    Args:
        planner: what is known.
        node: whose result it is.
        x: the value.
        hides: where it is hidden.
        low: so low that every sum with it is the lowest code of the result.
        added: whether it is added; else it is there in the place of the value, which floats tell apart.
    """
    shape = np.broadcast_shapes(planner.values[x.value].shape, hides.shape)
    if len(shape) > 4:
        raise UnsupportedError(f"values of {len(shape)} axes are not supported")
    hidden = planner.constant(f"{node.outputs[0]}:hidden", hides.astype(np.uint8))

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        if to.dtype == "float32" and planner.floats:
            real, other = f"{output}:real", np.where(hides, np.float32(low), np.float32(0))
            planner.deferred(x).emit(real, np.float32(1), ops.Target("float32"))
            if not added:
                lowest, where = (
                    planner.constant(f"{output}:{n}", v) for n, v in (("low", np.asarray(low)), ("where", hides))
                )
                planner.emit(Choice((where, lowest, real), f"{output}:chosen"), shape, to.dtype)
                real, other = f"{output}:chosen", np.zeros(1, np.float32)
            masked = planner.constant(f"{output}:mask", other)
            planner.emit(Binary((real, masked), output, "add", (to.lo, to.hi)), shape, to.dtype)
            return
        ratios = (np.float32(x.scale / scale), np.float32(max(float(low) / float(scale), _LOWEST_STEPS)))
        if ratios[1] + 255 * ratios[0] > to.lo:
            raise UnsupportedError(f"the constant {low} is not below every value of the output")
        step = Add((x.value, hidden), output, (x.zero_point, 0), ratios, to)
        planner.emit(step, shape, to.dtype)

    return Deferred(shape, emit)


def _floats(planner: Planner, node: Node) -> Symbol | None:
    """Add of two float values of one shape; None if they are not that."""
    if any(not isinstance(planner.symbol(name), (Codes, Deferred)) for name in node.inputs):
        return None
    if planner.shape(node.inputs[0]) != planner.shape(node.inputs[1]):
        return None
    a, b = (float_value(planner, name) for name in node.inputs)
    return None if a is None or b is None else combined(planner, "add", (a, b))


OPERATOR = Operator(
    name="Add",
    run=binary(np.add),
    scales=Scales.ELEMENTWISE,
    traits=Trait.FUNCTION_WITH_CONSTANT | Trait.MASKS | Trait.TAKES_DYNAMIC,
    forms=Form.DEFAULT,
    plan=or_dynamic(added, plan),
)
