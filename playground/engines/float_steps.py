"""Steps of a program whose values are float32: what lies between the integer products of dynamically quantized models.

What they compute is said in :mod:`playground.engines.dynamic_ops`.
"""

from __future__ import annotations

from dataclasses import dataclass

from playground.engines.dynamic_ops import Columns
from playground.engines.integer_ops import Window
from playground.engines.program import Step


@dataclass(frozen=True, slots=True, eq=False)
class DynamicRange(Step):
    """Scale and zero-point, float32 (2,), that a value's own range gives it."""


@dataclass(frozen=True, slots=True, eq=False)
class DynamicQuantize(Step):
    """The first input as uint8 on the grid of the second, a range."""


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


@dataclass(frozen=True, slots=True, eq=False)
class FloatAdd(Step):
    """The sum of two values of one shape, or one value, within limits."""

    limits: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class FloatPool(Step):
    """The largest under each window of images, or their mean."""

    window: Window
    mean: bool
    count_padding: bool
