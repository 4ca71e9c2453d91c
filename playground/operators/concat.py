"""Concat: values one behind the other along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._floats import float_input
from playground.operators._operator import Form, Operator, Scales
from playground.operators._planning import folded
from playground.programs import integer_ops as ops
from playground.programs.boxes import COPY, box, strides_of
from playground.programs.call import Array, Call
from playground.programs.kernel_program import At
from playground.programs.planner import Codes, Constant, ConstantDequantized, Deferred, Dequantized, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, *inputs: Array) -> Array:
    """Inputs one after the other along ``axis``."""
    call.room.octets(sum(x.nbytes for x in inputs), inputs[0].shape)
    return np.concatenate(inputs, call.get("axis"))


@dataclass(frozen=True, slots=True, eq=False)
class Concat(Step):
    """Values one behind the other along an axis, all of one scale."""

    axis: int

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The values one behind the other."""
        return np.concatenate(inputs, axis=self.axis)

    def lower(self, to: Lowering) -> None:
        """Concat: one box after the other."""
        image, parts = to.alike(*self.inputs)
        shape, width = to.values[self.output].shape, to.width(self.output)
        out, out_strides = to.new(self.output, image=image), strides_of(shape, image=image)
        begin = 0
        for name, part in zip(self.inputs, parts, strict=True):
            own = to.values[name].shape
            copy = box(own, strides_of(own, image=image), out_strides, width)
            to.call(COPY, x=part, out=At(out, begin * out_strides[self.axis] * width), table=None, **copy)
            begin += own[self.axis]


def plan(planner: Planner, node: Node) -> Symbol:
    """Concat: every part is brought to the output's scale."""
    if all(planner.is_constant(name) for name in node.inputs):
        return folded(planner, node)
    symbols = [planner.symbol(name) for name in node.inputs]
    shapes = [planner.shape(name) for name in node.inputs]
    axis = axis_of(node.attributes["axis"], len(shapes[0]))
    shape = tuple(sum(s[axis] for s in shapes) if a == axis else n for a, n in enumerate(shapes[0]))
    if len({(*s[:axis], -1, *s[axis + 1 :]) for s in shapes}) > 1:
        raise UnsupportedError(f"values of shapes {', '.join(map(str, shapes))} do not fit each other")
    if any(isinstance(symbol, (Codes, Constant)) for symbol in symbols):
        if planner.floats:
            planner.emit(
                Concat(tuple(float_input(planner, n) for n in node.inputs), node.outputs[0], axis), shape, "float32"
            )
            return Codes(node.outputs[0])
        raise UnsupportedError("an input is neither quantized nor a quantized constant")
    parts = [
        planner.codes(n) if isinstance(s, ConstantDequantized) else s for n, s in zip(node.inputs, symbols, strict=True)
    ]

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        names = tuple(_part(planner, part, f"{output}:{i}", scale, to) for i, part in enumerate(parts))
        planner.emit(Concat(names, output, axis), shape, to.dtype)

    return Deferred(shape, emit)


def _part(planner: Planner, part: Symbol, name: str, scale: np.float32, to: ops.Target) -> str:
    if isinstance(part, Dequantized) and to.dtype != "float32":
        limits = np.iinfo(to.dtype)
        whole = (limits.min - to.zero_point, limits.max - to.zero_point) == (to.lo, to.hi)
        as_is = (part.scale, part.zero_point, planner.values[part.value].dtype) == (scale, to.zero_point, to.dtype)
        if whole and as_is:
            return part.value
    deferred = planner.deferred(part)
    deferred.emit(name, scale, deferred.limit(to, scale))
    return name


OPERATOR = Operator(
    name="Concat",
    run=run,
    attributes=(Attribute("axis", "int", 1),),
    scales=Scales.ELEMENTWISE,
    inserts=lambda node: node.inputs,
    forms=Form.DEFAULT,
    plan=plan,
)
