"""Steps that many operators become: codes of floats, tables, and what leaves codes as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.programs import integer_ops as ops
from playground.programs.call import Call
from playground.programs.integer_ops import Box
from playground.programs.program import Step, Value

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Quantize(Step):
    """Float32 to codes of the output's dtype."""

    scale: np.float32
    zero_point: int

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """ONNX's QuantizeLinear."""
        return ops.quantize(inputs[0], self.scale, self.zero_point, out.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Step):
    """Any function of one code; dequantizing is one. The table has 256 entries of the output's dtype."""

    table: Array

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The table's entry of every code."""
        return ops.lookup(inputs[0], self.table)


@dataclass(frozen=True, slots=True, eq=False)
class Reshape(Step):
    """The same elements in the shape of the output."""

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """A view."""
        return inputs[0].reshape(out.shape)


@dataclass(frozen=True, slots=True, eq=False)
class View(Step):
    """A box of the input with its axes in another order; codes stay what they are."""

    box: Box

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """A copy of the box."""
        return self.box.of(inputs[0])


@dataclass(frozen=True, slots=True, eq=False)
class Float(Step):
    """An operator of the float interpreter. It only stands in a program's tail.

    Attributes:
        operator: its id.
        run: its float function.
        call: what that is told.
    """

    operator: str
    run: Callable[..., Array | tuple[Array, ...]]
    call: Call

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The interpreter's result."""
        return np.asarray(self.run(self.call, *inputs))
