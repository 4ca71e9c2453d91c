"""Planning of dynamic quantization: scales and zero-points are values of the program.

Codes meet weights with their zero-point still in them, which is taken off the sums when these become float32
(``ScaleSums``); so weights are packed as ever. Where a convolution pads, the floats are padded: zeros are within every
range, and become the zero-point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import Kernel, fixed, floats, octets
from playground.model.graph import Node
from playground.operators.pad import Pad
from playground.programs import dynamic_ops
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.dynamic_ops import Columns
from playground.programs.integer_ops import Window
from playground.programs.planner import Deferred, Dynamic, Planner
from playground.programs.program import Step, Value
from playground.programs.steps import Quantize

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


DYNAMIC_RANGE = Kernel("k_dynamic_range", {"x": floats("n"), "range": fixed(8)})


DYNAMIC_QUANTIZE = Kernel("k_dynamic_quantize", {"x": floats("n"), "range": fixed(8), "codes": octets("n")})


SCALE_SUMS = Kernel(
    "k_scale_sums",
    {
        **{name: floats("rows", "columns") for name in ("sums", "out")},
        **{name: floats("columns") for name in ("column_sums", "scale", "bias")},
        "steps_of": floats("columns"),
        "range": fixed(8),
    },
    optional=frozenset({"steps_of"}),
)


@dataclass(frozen=True, slots=True, eq=False)
class DynamicRange(Step):
    """Scale and zero-point, float32 (2,), that a value's own range gives it."""

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """ONNX's DynamicQuantizeLinear: the range."""
        return dynamic_ops.dynamic_range(inputs[0])

    def lower(self, to: Lowering) -> None:
        """DynamicRange."""
        _, (x,) = to.alike(*self.inputs)
        to.call(DYNAMIC_RANGE, x=x, n=x.nbytes // 4, range=to.new(self.output))


@dataclass(frozen=True, slots=True, eq=False)
class DynamicQuantize(Step):
    """The first input as uint8 on the grid of the second, a range."""

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """ONNX's DynamicQuantizeLinear: the codes."""
        return dynamic_ops.dynamic_quantize(inputs[0], inputs[1])

    def lower(self, to: Lowering) -> None:
        """DynamicQuantize."""
        name, found = self.inputs
        image, (x,) = to.alike(name)
        codes = to.new(self.output, image=image)
        to.call(DYNAMIC_QUANTIZE, x=x, n=x.nbytes // 4, range=to.row(found), codes=codes)


@dataclass(frozen=True, slots=True, eq=False)
class ScaleSums(Step):
    """The first input, int32 sums of codes, to float32, by the second, the codes' range.

    Attributes:
        axis: of the columns: 1 in images, else the last.
        columns: of the weights, one number a column each.
        limits: lowest and highest result.
    """

    axis: int
    columns: Columns
    limits: tuple[float, float]

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Floats of sums whose zero-point was not taken off."""
        columns = self.columns.along(self.axis, len(out.shape))
        return dynamic_ops.scale_sums(inputs[0], inputs[1], columns, self.limits)

    def lower(self, to: Lowering) -> None:
        """ScaleSums."""
        name, found = self.inputs
        image, count = self.axis == 1, self.columns.scale.size
        sums = to.image(name) if image else to.row(name)
        to.call(
            SCALE_SUMS,
            sums=sums,
            **{"rows": sums.nbytes // 4 // max(count, 1), "columns": count},
            range=to.row(found),
            column_sums=to.constant(self.columns.sums),
            scale=to.constant(self.columns.scale),
            bias=to.constant(self.columns.bias),
            steps_of=None if self.columns.steps_of is None else to.constant(self.columns.steps_of),
            **dict(zip(("lo", "hi"), self.limits, strict=True)),
            out=to.new(self.output, image=image),
        )


def codes_of(planner: Planner, node: Node, place: int, point: int) -> Dynamic | None:
    """A product's input of codes and their zero-point, if both are of one DynamicQuantizeLinear."""
    codes = planner.symbol(node.inputs[place])
    if not isinstance(codes, Dynamic):
        return None
    given = planner.symbol(node.inputs[point]) if len(node.inputs) > point and node.inputs[point] else None
    if codes.part != "codes" or not isinstance(given, Dynamic) or (given.part, given.found) != ("point", codes.found):
        raise UnsupportedError("the codes and the zero-point come from different nodes")
    return codes


def padded(planner: Planner, codes: Dynamic, window: Window) -> tuple[str, Window]:
    """The codes of images with the padding that a window wants around them, and the window over these."""
    shape = planner.values[codes.source].shape
    reach = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    needed = [(o - 1) * s + r for o, s, r in zip(window.out, window.strides, reach, strict=True)]
    size = tuple(max(n, before + own) for n, before, own in zip(needed, window.pads, shape[2:], strict=True))
    if size == shape[2:]:
        return codes.value, window
    name = f"{codes.value}:{window.pads}:{size}"
    if name not in planner.values:
        full = (*shape[:2], *size)
        planner.emit(Pad((codes.source,), f"{name}:floats", (0, 0, *window.pads), 0), full, "float32")
        planner.emit(DynamicQuantize((f"{name}:floats", codes.found), name), full, "uint8")
    return name, replace(window, pads=(0, 0))


def per_column(array: NDArray[np.float32], axis: int, shape: tuple[int, ...], columns: int) -> NDArray[np.float32]:
    """One number a column, of an array that broadcasts against the sums and differs along their columns only."""
    wanted = tuple(n if i == axis % len(shape) else 1 for i, n in enumerate(shape))
    aligned = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    return np.ascontiguousarray(np.broadcast_to(aligned, wanted).reshape(columns), np.float32)


def float_sums(planner: Planner, sums: Dynamic, scale: NDArray[np.float32], bias: NDArray[np.float32]) -> Deferred:
    """Sums as float32: times a scale and plus a bias for each column."""
    shape = planner.values[sums.value].shape
    steps_of = per_column(sums.bias, sums.axis, shape, bias.size) if sums.bias.size else None

    def emit(output: str, by: np.float32, to: ops.Target) -> None:
        is_float = to.dtype == "float32"
        name, over = (output, by) if is_float else (f"{output}:floats", np.float32(1))
        limits = (to.lo, to.hi) if is_float else (float(np.float32(to.lo) * by), float(np.float32(to.hi) * by))
        columns = Columns(sums.column_sums, scale / over, bias / over, steps_of)
        step = ScaleSums((sums.value, sums.found), name, sums.axis, columns, limits)
        planner.emit(step, shape, "float32")
        if not is_float:
            planner.emit(Quantize((name,), output, by, to.zero_point), shape, to.dtype)

    def plus(real: NDArray[np.float32]) -> Deferred:
        return float_sums(planner, sums, scale, bias + per_column(real, sums.axis, shape, bias.size))

    # Divided by another scale the computed bias would be another one
    return Deferred(shape, emit, plus=plus, axis=sums.axis, scalable=steps_of is None)
