"""Pad: values around what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import UnsupportedError
from playground.host.kernel import ANY, Kernel, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axes_among, text_of
from playground.operators._float_rows import integers_or_floats
from playground.operators._floats import float_input
from playground.operators._moves import MOST_AXES, viewed
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._ranks import as_input
from playground.operators._upgrades import Older, stated, without
from playground.operators.concat import Concat
from playground.programs import integer_ops as ops
from playground.programs.boxes import box, strides_of
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Box
from playground.programs.kernel_parts import copied
from playground.programs.kernel_program import At
from playground.programs.planner import Codes, Dequantized, Planner, Symbol
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
    value: float

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
        is_float = to.values[name].dtype == "float32"
        value = int(np.float32(self.value).view(np.int32)) if is_float else int(self.value)
        to.call(PAD, out=out, nbytes=out.nbytes, value=value, box=inner)


def plan(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
    """Pad with a constant, which is rounded to a code; of floats with what is there, too."""
    return integers_or_floats(planner, node, _of_codes, _of_floats)


def _of_codes(planner: Planner, node: Node) -> Dequantized:
    x = planner.real(node.inputs[0])
    shape, dtype = planner.values[x.value].shape, planner.values[x.value].dtype
    if text_of(node, "mode", "constant") != "constant":
        raise UnsupportedError("only padding with a constant is supported")
    before, full, value = _around(planner, node, shape)
    code = int(ops.quantize(np.asarray(value), x.scale, x.zero_point, dtype))
    if abs((code - x.zero_point) * x.scale - value) > x.scale:
        raise UnsupportedError(f"the constant {value} lies outside of the range that the codes have")
    planner.emit(Pad((x.value,), node.outputs[0], before, code), full, dtype)
    return Dequantized(node.outputs[0], x.scale, x.zero_point)


def _of_floats(planner: Planner, node: Node) -> Symbol:
    value = float_input(planner, node.inputs[0])
    before, full, constant = _around(planner, node, planner.values[value].shape)
    mode = text_of(node, "mode", "constant")
    if mode == "constant":
        planner.emit(Pad((value,), node.outputs[0], before, float(constant)), full, "float32")
        return Codes(node.outputs[0])
    for axis, size in enumerate(full):
        value = _continued(planner, value, mode, (axis, before[axis], size), f"{node.outputs[0]}:{axis}")
    return Codes(value)


def _continued(planner: Planner, value: str, mode: str, where: tuple[int, int, int], name: str) -> str:
    """A float value with places before and behind it along an axis that show those that are there.

    Args:
        planner: what is known.
        value: the value.
        mode: ``edge``, ``reflect`` or ``wrap``.
        where: the axis, how many places there are before it, and how many there are in all.
        name: of the result.
    """
    shape, (axis, before, size) = planner.values[value].shape, where
    n = shape[axis]
    after = size - before - n
    if not before and not after:
        return value
    if max(before, after) > {"edge": before + after, "reflect": n - 1, "wrap": n}[mode]:
        raise UnsupportedError(f"padding of {before} and {after} around {n} places is not supported")
    step = {"edge": 0, "reflect": -1, "wrap": 1}[mode]
    first, last = {"edge": (0, n - 1), "reflect": (before, n - 2), "wrap": (n - before, 0)}[mode]

    def part(start: int, count: int, side: str) -> list[str]:
        if not count:
            return []
        starts = tuple(start if a == axis else 0 for a in range(len(shape)))
        steps = tuple(step if a == axis and count > 1 else 1 for a in range(len(shape)))
        box = Box(tuple(range(len(shape))), starts, steps, (*shape[:axis], count, *shape[axis + 1 :]))
        return [viewed(planner, Codes(value), f"{name}:{side}", box).value]

    parts = (*part(first, before, "before"), value, *part(last, after, "after"))
    planner.emit(Concat(parts, name, axis), (*shape[:axis], size, *shape[axis + 1 :]), "float32")
    return name


def _around(
    planner: Planner, node: Node, shape: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], np.float32]:
    """How many places there are before each axis, the sizes of the result, and the constant."""
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
    before = tuple(pads[: len(shape)])
    full = tuple(b + n + a for b, n, a in zip(before, shape, pads[len(shape) :], strict=True))
    return before, full, value


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
