"""Float32 steps that many operators become: functions of single values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.host.kernel import Kernel, floats
from playground.programs import float_functions
from playground.programs.call import Array
from playground.programs.float_functions import FUNCTIONS
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


UNARY = Kernel(
    "k_unary_f32",
    {"x": floats("n"), "out": floats("n")},
    {"function": range(len(FUNCTIONS))},
)

_NUMBERS = {name: number for number, name in enumerate(FUNCTIONS)}


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Step):
    """A function of single float32 values.

    Attributes:
        function: its name, one of :data:`playground.programs.float_functions.FUNCTIONS`.
        alpha: the first of its two numbers.
        beta: the second.
    """

    function: str
    alpha: float = 0.0
    beta: float = 0.0

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The function of every value."""
        return float_functions.apply(self.function, inputs[0], self.alpha, self.beta)

    def lower(self, to: Lowering) -> None:
        """Unary."""
        image, (x,) = to.alike(*self.inputs)
        to.call(
            UNARY,
            x=x,
            n=x.nbytes // 4,
            function=_NUMBERS[self.function],
            alpha=self.alpha,
            beta=self.beta,
            out=to.new(self.output, image=image),
        )
