"""Float32 steps that many operators become: functions of single values and of two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.host.kernel import Kernel, floats
from playground.programs import float_functions
from playground.programs.boxes import filled, looks_like_image, merged, repeating, strides_of
from playground.programs.call import Array
from playground.programs.float_functions import COMBINATIONS, FUNCTIONS
from playground.programs.kernel_parts import FLOAT_AXES, float_operands
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Given, Lowering


UNARY = Kernel(
    "k_unary_f32",
    {"x": floats("n"), "out": floats("n")},
    {"function": range(len(FUNCTIONS))},
)

BINARY = Kernel(
    "k_binary_f32", {"out": floats("sizes")}, {"function": range(len(COMBINATIONS))}, parts=(float_operands(),)
)

_FUNCTIONS = {name: number for number, name in enumerate(FUNCTIONS)}
_COMBINATIONS = {name: number for number, name in enumerate(COMBINATIONS)}


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Step):
    """A function of single float32 values.

    Attributes:
        function: its name, one of :data:`playground.programs.float_functions.FUNCTIONS`.
        numbers: the two that it takes.
    """

    function: str
    numbers: tuple[float, float] = (0.0, 0.0)

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The function of every value."""
        return float_functions.apply(self.function, inputs[0], *self.numbers)

    def lower(self, to: Lowering) -> None:
        """Unary."""
        image, (x,) = to.alike(*self.inputs)
        to.call(
            UNARY,
            x=x,
            n=x.nbytes // 4,
            function=_FUNCTIONS[self.function],
            **dict(zip(("alpha", "beta"), self.numbers, strict=True)),
            out=to.new(self.output, image=image),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Step):
    """A function of two float32 values, which broadcast against each other.

    Attributes:
        function: its name, one of :data:`playground.programs.float_functions.COMBINATIONS`.
        limits: lowest and highest result.
    """

    function: str
    limits: tuple[float, float] = (-math.inf, math.inf)

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The function of both, within the limits."""
        return float_functions.combine(self.function, inputs[0], inputs[1], self.limits)

    def lower(self, to: Lowering) -> None:
        """Binary."""
        given = broadcast(self, to)
        lo, hi = self.limits
        to.call(BINARY, **given, function=_COMBINATIONS[self.function], lo=lo, hi=hi)


def broadcast(step: Step, to: Lowering) -> Given:
    """Operands, sizes, strides and the place of the result, of a step of two inputs that broadcast."""
    shape = to.values[step.output].shape
    names = step.inputs
    image = len(shape) == 4 and any(to.is_image(name) for name in names)
    image = image and all(len(to.values[n].shape) == 4 or looks_like_image(to.values[n].shape) for n in names)
    places, strides = [], []
    for name in names:
        own = (*(1,) * (len(shape) - len(to.values[name].shape)), *to.values[name].shape)
        as_rows = not image or (looks_like_image(own) and not to.is_image(name))
        places.append(to.row(name) if as_rows else to.image(name))
        strides.append(repeating(own, strides_of(own, image=image)))
    out = to.new(step.output, image=image)
    order = (0, 2, 3, 1) if image else range(len(shape))
    axes = merged([(shape[i], strides[0][i], strides[1][i]) for i in order]) or [(1, 1, 1)]
    sizes, a, b = (filled([axis[i] for axis in axes], FLOAT_AXES, 1 if i == 0 else 0) for i in range(3))
    return {"a": places[0], "b": places[1], "sizes": sizes, "a_strides": a, "b_strides": b, "out": out}
