"""Float values between the integer products of dynamically quantized models: sums, limits, pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.errors import UnsupportedError
from playground.host.kernel import FLAG, Kernel, floats
from playground.model.graph import Node
from playground.programs import dynamic_ops
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.integer_ops import Window
from playground.programs.kernel_parts import PIXELS, images
from playground.programs.planner import Codes, Deferred, Planner, Symbol
from playground.programs.program import Step, Value
from playground.programs.steps import Quantize

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


ADD_FLOATS = Kernel("k_add_f32", {name: floats("n") for name in ("a", "b", "out")}, optional=frozenset({"b"}))


POOL_FLOATS = Kernel(
    "k_pool_f32", {"out": floats(*PIXELS)}, {"mean": FLAG, "count_padding": FLAG}, parts=(images(each=4),)
)


@dataclass(frozen=True, slots=True, eq=False)
class FloatAdd(Step):
    """The sum of two values of one shape, or one value, within limits."""

    limits: tuple[float, float]

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The sum, or the one value, within the limits."""
        return dynamic_ops.add_floats(inputs[0], inputs[1] if len(inputs) > 1 else None, self.limits)

    def lower(self, to: Lowering) -> None:
        """FloatAdd: of two values, or one value within limits."""
        image, (a, *more) = to.alike(*self.inputs)
        lo, hi = self.limits
        b = more[0] if more else None
        to.call(ADD_FLOATS, a=a, b=b, n=a.nbytes // 4, lo=lo, hi=hi, out=to.new(self.output, image=image))


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


def float_value(planner: Planner, name: str) -> str | None:
    """The value that holds a tensor as float32, if it is not codes with a meaning."""
    symbol = planner.symbol(name)
    if isinstance(symbol, Codes):
        return symbol.value if planner.values[symbol.value].dtype == "float32" else None
    return planner.floating(name) if isinstance(symbol, Deferred) else None


def within(planner: Planner, values: tuple[str, ...]) -> Deferred:
    """The sum of two float values, or one value, within limits."""
    shape = planner.values[values[0]].shape

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        name = output if to.dtype == "float32" and scale == 1 else f"{output}:floats"
        limits = (float(np.float32(to.lo) * scale), float(np.float32(to.hi) * scale))
        planner.emit(FloatAdd(values, name, limits), shape, "float32")
        if name == output:
            return
        if to.dtype == "float32":
            raise UnsupportedError("a sum of floats times a number is not supported")
        planner.emit(Quantize((name,), output, scale, to.zero_point), shape, to.dtype)

    return Deferred(shape, emit)


def pooled(planner: Planner, node: Node, window: Window, *, mean: bool, count_padding: bool = False) -> Symbol | None:
    """A pool of float images; None if its input is none."""
    if not isinstance(planner.symbol(node.inputs[0]), (Codes, Deferred)):
        return None
    value = float_value(planner, node.inputs[0])
    if value is None:
        return None
    shape = (*planner.values[value].shape[:2], *window.out)
    planner.emit(FloatPool((value,), node.outputs[0], window, mean, count_padding), shape, "float32")
    return Codes(node.outputs[0])
