"""Softmax: exponentials of rows over their sum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import FLAG, Kernel, fixed, floats, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._elementwise import wide
from playground.operators._moves import turned, viewed
from playground.operators._operator import Form, Operator, Scales
from playground.operators._ranks import as_input
from playground.operators._upgrades import rows_from_axis
from playground.programs import float_rows, row_ops
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import epilogue
from playground.programs.planner import Codes, Deferred, Dequantized, Planner, Symbol
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


SOFTMAX_FLOATS = Kernel("k_softmax_f32", {name: floats("rows", "columns") for name in ("x", "out")}, {"is_log": FLAG})


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxFloats(Step):
    """Softmax of float32 values, or its logarithm, along the last axis or that of the channels of images."""

    axis: int
    is_log: bool

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Softmax of rows."""
        moved = np.moveaxis(inputs[0], self.axis, -1)
        made = float_rows.softmax(moved.reshape(-1, moved.shape[-1]), is_log=self.is_log)
        return np.moveaxis(made.reshape(moved.shape), -1, self.axis)

    def lower(self, to: Lowering) -> None:
        """SoftmaxFloats: channels are rows of images."""
        (name,) = self.inputs
        shape = to.values[name].shape
        image = self.axis != len(shape) - 1
        columns = shape[self.axis]
        counts = {"rows": math.prod(shape) // columns, "columns": columns}
        x = to.image(name) if image else to.row(name)
        to.call(SOFTMAX_FLOATS, x=x, **counts, is_log=self.is_log, out=to.new(self.output, image=image))


def of_floats(planner: Planner, node: Node, *, is_log: bool = False) -> Symbol:
    """Softmax of float32 values along any axis, or its logarithm."""
    name, output = planner.floating(node.inputs[0]), node.outputs[0]
    shape, dtype = planner.values[name].shape, planner.values[name].dtype
    if dtype != "float32":
        raise UnsupportedError(f"values of type {dtype} are not computed by the kernels")
    axis, last = axis_of(node.attributes["axis"], len(shape)), len(shape) - 1
    if axis == last or (len(shape) == 4 and axis == 1):
        planner.emit(SoftmaxFloats((name,), output, axis, is_log), shape, dtype)
        return Codes(output)
    order = [last if a == axis else axis if a == last else a for a in range(len(shape))]
    turned_to = viewed(planner, Codes(name), f"{output}:turned", turned(shape, order))
    inner = planner.values[turned_to.value].shape
    planner.emit(SoftmaxFloats((turned_to.value,), f"{output}:rows", last, is_log), inner, dtype)
    return viewed(planner, Codes(f"{output}:rows"), output, turned(inner, order))


def plan(planner: Planner, node: Node) -> Symbol:
    """Softmax of quantized values along the last axis; else of floats."""
    symbol = planner.symbol(node.inputs[0])
    rank = len(planner.shape(node.inputs[0]))
    axis = axis_of(node.attributes["axis"], rank)
    if not isinstance(symbol, Dequantized) or axis != rank - 1:
        return of_floats(planner, node)
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
