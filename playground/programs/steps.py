"""Steps that many operators become: codes of floats, tables, and what leaves codes as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.host.kernel import FLAG, Kernel, Words, floats, octets
from playground.programs import integer_ops as ops
from playground.programs.boxes import COPY, box, strides_of
from playground.programs.integer_ops import Box
from playground.programs.kernel_parts import CODE
from playground.programs.kernel_program import At
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering

Array = NDArray[Any]


def _entries(w: Words) -> int:
    return 256 * int(w["width"])


QUANTIZE = Kernel(
    "k_quantize",
    {
        "x": floats("outer", "channels", "inner"),
        "scale": floats("channels"),
        "zero_point": floats("channels"),
        "codes": octets("outer", "channels", "inner"),
    },
    ranges={"qmin": CODE, "qmax": CODE, "reciprocal": FLAG, "order": range(3), "rounding": range(3)},
)


LOOKUP = Kernel(
    "k_lookup",
    {"octets": octets("n"), "table": _entries, "out": octets("n", "width")},
    ranges={"width": (1, 4)},
)


@dataclass(frozen=True, slots=True, eq=False)
class Quantize(Step):
    """Float32 to codes of the output's dtype."""

    scale: np.float32
    zero_point: int

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """ONNX's QuantizeLinear."""
        return ops.quantize(inputs[0], self.scale, self.zero_point, out.dtype)

    def lower(self, to: Lowering) -> None:
        """Quantize: one scale for all."""
        image, (x,) = to.alike(self.inputs[0])
        limits = np.iinfo(to.values[self.output].dtype)
        out = to.new(self.output, image=image)
        to.call(
            QUANTIZE,
            x=x,
            **{"outer": 1, "channels": 1, "inner": out.nbytes},
            scale=to.constant(np.array([self.scale], np.float32)),
            zero_point=to.constant(np.array([self.zero_point], np.int32)),
            **{"qmin": int(limits.min), "qmax": int(limits.max), "reciprocal": 0, "order": 0, "rounding": 0},
            codes=out,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Step):
    """Any function of one code; dequantizing is one. The table has 256 entries of the output's dtype."""

    table: Array

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The table's entry of every code."""
        return ops.lookup(inputs[0], self.table)

    def lower(self, to: Lowering) -> None:
        """Lookup."""
        image, (x,) = to.alike(self.inputs[0])
        out, table = to.new(self.output, image=image), to.constant(self.table)
        to.call(LOOKUP, octets=x, n=x.nbytes, table=table, width=self.table.itemsize, out=out)


@dataclass(frozen=True, slots=True, eq=False)
class Reshape(Step):
    """The same elements in the shape of the output."""

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """A view."""
        return inputs[0].reshape(out.shape)

    def lower(self, to: Lowering) -> None:
        """Reshape: the same bytes."""
        to.same_bytes(self.inputs[0], self.output)


@dataclass(frozen=True, slots=True, eq=False)
class View(Step):
    """A box of the input with its axes in another order; codes stay what they are."""

    box: Box

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """A copy of the box."""
        return self.box.of(inputs[0])

    def lower(self, to: Lowering) -> None:
        """View: slices, parts, transposition, repeated elements."""
        (name,) = self.inputs
        image, (x,) = to.alike(name)
        view, width = self.box, to.width(name)
        keeps_axes = image and view.axes == tuple(range(len(to.values[name].shape)))
        strides = strides_of(to.values[name].shape, image=image)
        first = sum(start * strides[axis] for axis, start in zip(view.axes, view.starts, strict=True) if axis >= 0)
        by = [0 if axis < 0 else strides[axis] * step for axis, step in zip(view.axes, view.steps, strict=True)]
        out = to.new(self.output, image=keeps_axes)
        copy = box(view.shape, by, strides_of(view.shape, image=keeps_axes), width)
        to.call(COPY, x=At(x, first * width), out=out, table=None, **copy)
