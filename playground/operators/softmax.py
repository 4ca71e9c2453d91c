"""Softmax: exponentials of rows over their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.host.kernel import FLAG, Kernel, fixed, floats, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._elementwise import wide
from playground.operators._operator import Form, Operator, Scales
from playground.operators._planning import float_tail
from playground.operators._ranks import as_input
from playground.operators._upgrades import rows_from_axis
from playground.programs import integer_ops as ops
from playground.programs import row_ops
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import epilogue
from playground.programs.planner import Deferred, Dequantized, Planner, Symbol
from playground.programs.program import Step, Value
from playground.programs.row_ops import exp_table

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def log_softmax(call: Call, x: Array) -> Array:
    """Logarithms of what :func:`run` gives."""
    axis = axis_of(call.get("axis"), x.ndim)
    shifted = wide(x - x.max(axis=axis, keepdims=True))
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)), x.dtype)


def run(call: Call, x: Array) -> Array:
    """exp(x) / sum(exp(x)) along one axis, without overflow; float16 is rounded after each of the three steps."""
    if x.dtype != np.float16:
        return np.exp(log_softmax(call, x))
    axis = axis_of(call.get("axis"), x.ndim)
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(exps / exps.sum(axis=axis, keepdims=True, dtype=np.float32).astype(x.dtype))


SOFTMAX = Kernel(
    "k_softmax_s8",
    {"codes": octets("rows", "columns"), "exps": fixed(1024), "scratch": floats("columns")},
    ranges={"is_signed": FLAG},
    parts=(epilogue("rows", "columns"),),
)


@dataclass(frozen=True, slots=True, eq=False)
class Softmax(Step):
    """Softmax of rows along the last axis. ``exps[d]`` is ``exp(-d * scale)`` of the input's scale, float32 (256,)."""

    exps: NDArray[np.float32]
    ratio: np.float32
    to: Target

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Softmax of rows, rounded."""
        return row_ops.softmax(inputs[0], self.exps, float(self.ratio), self.to)

    def lower(self, to: Lowering) -> None:
        """Softmax."""
        (name,) = self.inputs
        shape, out = to.rows(name), to.new(self.output)
        to.call(
            SOFTMAX,
            codes=to.row(name),
            **shape,
            is_signed=to.is_signed(name),
            exps=to.constant(self.exps),
            ratio=self.ratio,
            to=to.epilogue(self.to, out),
            scratch=to.buffer(4 * shape["columns"]),
        )


def plan(planner: Planner, node: Node) -> Symbol:
    """Softmax of quantized values along the last axis; else a float operator at the end."""
    symbol = planner.symbol(node.inputs[0])
    rank = len(planner.shape(node.inputs[0]))
    axis = axis_of(node.attributes["axis"], rank)
    if not isinstance(symbol, Dequantized) or axis != rank - 1:
        return float_tail(planner, node)
    shape = planner.values[symbol.value].shape
    exps = exp_table(float(symbol.scale))

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratio = np.float32(1) / np.float32(scale)
        planner.emit(Softmax((symbol.value,), output, exps, np.float32(ratio), to), shape, to.dtype)

    return Deferred(shape, emit)


AXIS = Attribute("axis", "int", -1)

OPERATOR = Operator(
    name="Softmax",
    run=run,
    attributes=(AXIS,),
    scales=Scales.ROWS,
    output_range=(0.0, 1.0),
    forms=Form.FURTHER | Form.NAMED,
    rank=as_input,
    since=(13,),
    upgrade=rows_from_axis,
    plan=plan,
)
