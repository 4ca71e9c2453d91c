"""Float32 steps over axes and rows: sums, means, largest and smallest values, normalization."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.host.kernel import FLAG, POSITIVE, Kernel, floats
from playground.programs import float_rows
from playground.programs.call import Array
from playground.programs.float_rows import REDUCTIONS
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


REDUCE = Kernel(
    "k_reduce_f32",
    {"x": floats("outer", "n", "inner"), "out": floats("outer", "inner")},
    {"n": POSITIVE, "function": range(len(REDUCTIONS))},
)


NORMALIZE = Kernel(
    "k_normalize_f32",
    {
        **{name: floats("rows", "columns") for name in ("x", "out")},
        **{name: floats("columns") for name in ("gamma", "beta")},
    },
    {"centred": FLAG},
    optional=frozenset({"gamma", "beta"}),
)

_REDUCTIONS = {name: number for number, name in enumerate(REDUCTIONS)}


@dataclass(frozen=True, slots=True, eq=False)
class Reduce(Step):
    """Neighbouring axes taken together.

    Attributes:
        function: its name, one of :data:`playground.programs.float_rows.REDUCTIONS`.
        first: of the axes.
        count: how many there are.
    """

    function: str
    first: int
    count: int

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The function over the axes."""
        outer, n, inner = _apart(inputs[0].shape, self.first, self.count)
        return float_rows.reduce(self.function, inputs[0].reshape(outer, n, inner)).reshape(out.shape)

    def lower(self, to: Lowering) -> None:
        """Reduce: of images over their pixels or channels as they are."""
        (name,) = self.inputs
        shape = to.values[name].shape
        outer, n, inner = _apart(shape, self.first, self.count)
        over_channels, over_pixels = ((self.first, self.count) == axes for axes in ((1, 1), (2, len(shape) - 2)))
        by_pixels = to.is_image(name) and (over_channels or over_pixels)
        if by_pixels:
            pixels = math.prod(shape[2:])
            outer, n, inner = (shape[0] * pixels, shape[1], 1) if over_channels else (shape[0], pixels, shape[1])
        counts = {"outer": outer, "n": n, "inner": inner}
        x = to.image(name) if by_pixels else to.row(name)
        to.call(REDUCE, x=x, **counts, function=_REDUCTIONS[self.function], out=to.new(self.output))


def _apart(shape: tuple[int, ...], first: int, count: int) -> tuple[int, int, int]:
    """How many places there are before, along and behind some axes."""
    sizes = (shape[:first], shape[first : first + count], shape[first + count :])
    outer, n, inner = map(math.prod, sizes)
    return outer, n, inner


@dataclass(frozen=True, slots=True, eq=False)
class Normalize(Step):
    """All from an axis on brought to mean 0 and variance 1, then scaled by a second input and shifted by a third.

    Attributes:
        axis: the first one of a row.
        epsilon: added to the variance.
        centred: False for RMS normalization.
    """

    axis: int
    epsilon: float
    centred: bool = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The normalized rows."""
        rows = inputs[0].reshape(math.prod(out.shape[: self.axis]), -1)
        gamma, beta = ([x.reshape(-1) for x in inputs[1:]] + [None, None])[:2]
        made = float_rows.normalize(rows, gamma, beta, epsilon=self.epsilon, centred=self.centred)
        return made.reshape(out.shape)

    def lower(self, to: Lowering) -> None:
        """Normalize."""
        x, gamma, beta = ([to.row(name) for name in self.inputs] + [None, None])[:3]
        shape = to.values[self.output].shape
        to.call(
            NORMALIZE,
            x=x,
            **{"rows": math.prod(shape[: self.axis]), "columns": math.prod(shape[self.axis :])},
            **{"centred": self.centred, "epsilon": self.epsilon, "gamma": gamma, "beta": beta},
            out=to.new(self.output),
        )
