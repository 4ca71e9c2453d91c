"""Float32 steps that many operators become: functions of single values and of two, comparisons, choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.host.kernel import FLAG, Kernel, floats, octets
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

COMPARISONS: Mapping[str, Callable[[Array, Array], Array]] = {
    "equal": np.equal,
    "greater": np.greater,
    "greater_or_equal": np.greater_equal,
    "less": np.less,
    "less_or_equal": np.less_equal,
}
"""Name -> function, in the order of the numbers that k_compare takes."""


COMPARE = Kernel(
    "k_compare",
    {"out": octets("sizes")},
    {"function": range(len(COMPARISONS)), "is_integer": FLAG},
    parts=(float_operands(),),
)


WHERE = Kernel("k_where", {"out": floats("sizes")}, parts=(float_operands(condition=1),))

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


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Step):
    """Where two values of float32 or int32, which broadcast, compare in a way.

    Attributes:
        function: its name, one of :data:`COMPARISONS`.
    """

    function: str

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Yes or no for each place."""
        return np.asarray(COMPARISONS[self.function](*inputs))

    def lower(self, to: Lowering) -> None:
        """Compare."""
        is_integer = to.values[self.inputs[0]].dtype == "int32"
        number = list(COMPARISONS).index(self.function)
        to.call(COMPARE, **broadcast(self, to), function=number, is_integer=is_integer)


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Step):
    """The second input where the first holds, else the third; they broadcast."""

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """One of both values for each place."""
        return np.where(*inputs)

    def lower(self, to: Lowering) -> None:
        """Choice."""
        to.call(WHERE, **broadcast(self, to, ("condition", "a", "b")))


def broadcast(step: Step, to: Lowering, operands: tuple[str, ...] = ("a", "b")) -> Given:
    """Operands, sizes, strides and the place of the result, of a step whose inputs broadcast."""
    shape = to.values[step.output].shape
    names, rank = step.inputs, len(shape)
    image = rank > 2 and any(to.is_image(name, rank) for name in names)
    image = image and all(len(to.values[n].shape) == rank or looks_like_image(to.values[n].shape, rank) for n in names)
    places, strides = [], []
    for name in names:
        own = (*(1,) * (len(shape) - len(to.values[name].shape)), *to.values[name].shape)
        as_rows = not image or (looks_like_image(own, rank) and not to.is_image(name, rank))
        places.append(to.row(name) if as_rows else to.image(name))
        strides.append(repeating(own, strides_of(own, image=image)))
    out = to.new(step.output, image=image)
    order = (0, *range(2, rank), 1) if image else range(rank)
    axes = merged([(shape[i], *(by[i] for by in strides)) for i in order]) or [(1, *(1 for _ in names))]
    sizes, *by = (filled([axis[i] for axis in axes], FLOAT_AXES, 1 if i == 0 else 0) for i in range(len(axes[0])))
    given: Given = dict(zip(operands, places, strict=True))
    given |= {f"{name}_strides": own for name, own in zip(operands, by, strict=True)}
    return {**given, "sizes": sizes, "out": out}
