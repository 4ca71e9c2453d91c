"""Pad: values around what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import UnsupportedError
from playground.host.kernel import ANY, Kernel, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axes_among, text_of
from playground.operators._moves import MOST_AXES
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, stated, without
from playground.programs import integer_ops as ops
from playground.programs.boxes import box, strides_of
from playground.programs.call import Array, Call
from playground.programs.kernel_parts import copied
from playground.programs.kernel_program import At
from playground.programs.planner import Dequantized, Planner
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, x: Array, pads: Array, *given: Array | None) -> Array:
    """Padding before and after axes: constant, edge, reflect or wrap; negative widths cut off.

    Inputs: widths, value, axes.
    """
    value, axes = (*given, None, None)[:2]
    widths = [int(n) for n in pads]
    places = [int(axis) for axis in axes] if axes is not None else list(range(x.ndim))
    mode = call.get("mode")
    index: list[Any] = [slice(None)] * x.ndim
    before_after = [(0, 0)] * x.ndim
    for axis, before, after in zip(places, widths[: len(places)], widths[len(places) :], strict=True):
        index[axis] = slice(max(0, -before), x.shape[axis] - max(0, -after))
        before_after[axis] = (max(0, before), max(0, after))
    kept = x[tuple(index)]
    call.room.value([n + sum(more) for n, more in zip(kept.shape, before_after, strict=True)], x.dtype)
    if mode != "constant":
        return np.pad(kept, before_after, mode)
    constant = 0 if value is None else value.reshape(-1)[0]
    return np.pad(kept, before_after, constant_values=constant)


PAD = Kernel("k_pad", {"out": octets("nbytes")}, {"value": ANY, "box.width": (1, 2, 4)}, parts=(copied("box."),))


@dataclass(frozen=True, slots=True, eq=False)
class Pad(Step):
    """The input with ``before[i]`` places of ``value`` before it along axis i, and as many behind as the output has."""

    before: tuple[int, ...]
    value: int

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The input with a border."""
        sizes = zip(self.before, inputs[0].shape, out.shape, strict=True)
        return np.pad(inputs[0], [(b, full - n - b) for b, n, full in sizes], constant_values=self.value)

    def lower(self, to: Lowering) -> None:
        """Pad: all of it the value, then the box."""
        (name,) = self.inputs
        image, (x,) = to.alike(name)
        shape, own = to.values[self.output].shape, to.values[name].shape
        out, out_strides = to.new(self.output, image=image), strides_of(shape, image=image)
        first, width = sum(n * stride for n, stride in zip(self.before, out_strides, strict=True)), to.width(name)
        copy = box(own, strides_of(own, image=image), out_strides, width)
        inner = {"x": x, "out": At(out, first * width), "table": None, **copy}
        to.call(PAD, out=out, nbytes=out.nbytes, value=self.value, box=inner)


def plan(planner: Planner, node: Node) -> Dequantized:
    """Pad with a constant, which is rounded to a code."""
    x = planner.real(node.inputs[0])
    shape, dtype = planner.values[x.value].shape, planner.values[x.value].dtype
    if text_of(node, "mode", "constant") != "constant":
        raise UnsupportedError("only padding with a constant is supported")
    pads = [int(n) for n in planner.known(node.inputs[1], "padding")]
    if len(node.inputs) > 3 and node.inputs[3]:
        pads = _spread(
            pads, axes_among(planner.known(node.inputs[3], "list of axes").reshape(-1), len(shape)), len(shape)
        )
    if min(pads, default=0) < 0 or len(shape) > MOST_AXES:
        raise UnsupportedError(f"padding of {pads} is not supported")
    value = np.float32(0)
    if len(node.inputs) > 2 and node.inputs[2]:
        value = np.float32(planner.known(node.inputs[2], "constant").reshape(()))
    code = int(ops.quantize(np.asarray(value), x.scale, x.zero_point, dtype))
    if abs((code - x.zero_point) * x.scale - value) > x.scale:
        raise UnsupportedError(f"the constant {value} lies outside of the range that the codes have")
    before = tuple(pads[: len(shape)])
    full = tuple(b + n + a for b, n, a in zip(before, shape, pads[len(shape) :], strict=True))
    planner.emit(Pad((x.value,), node.outputs[0], before, code), full, dtype)
    return Dequantized(node.outputs[0], x.scale, x.zero_point)


def _spread(pads: list[int], axes: list[int], rank: int) -> list[int]:
    full = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        full[axis], full[rank + axis] = pads[i], pads[len(axes) + i]
    return full


def _passes(node: Node) -> tuple[int, ...]:
    """A constant is rounded to a code; other borders are not passed on."""
    return (0,) if text_of(node, "mode", "constant") == "constant" else ()


def _upgrade(older: Older, node: Node) -> Node:
    """Widths and value were attributes before operator set 11."""
    if older.opset >= 11:
        return node
    inputs = [node.inputs[0], older.constant(node, "pads", np.array(stated(node, "pads", "ints") or [], np.int64))]
    value = stated(node, "value", "float")
    if value:
        inputs.append(older.number(node, "value", value, node.inputs[0]))
    return without(node, "pads", "value", inputs=inputs)


_MODES = ("constant", "edge", "reflect", "wrap")

OPERATOR = Operator(
    name="Pad",
    takes=(Takes.VALUES, Takes.WIDTHS, Takes.NUMBER, Takes.AXES),
    run=run,
    attributes=(Attribute("mode", "string", "constant", choices=_MODES, later={"wrap": 19}),),
    data=(0,),
    scales=Scales.PASSES,
    passes=_passes,
    inserts=lambda node: node.inputs[2:3],
    traits=Trait.MOVES,
    forms=Form.FURTHER,
    rank=as_input,
    since=(11, 11, 11, 18),
    upgrade=_upgrade,
    plan=plan,
)
