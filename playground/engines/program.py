"""A planned integer program: steps over named values of known shape and type. Plain frozen data; engines execute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines.float_ops._op import Call, FloatOp
from playground.engines.integer_ops import Target, Window
from playground.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Value:
    """Shape and NumPy dtype name of something a program computes."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Bytes it takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operation: which values it reads, and the one it makes. What it computes is said in ``integer_ops``."""

    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True, eq=False)
class Quantize(Step):
    """Float32 to codes of the output's dtype."""

    scale: np.float32
    zero_point: int


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Step):
    """Any function of one code; dequantizing is one. The table has 256 entries of the output's dtype."""

    table: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Product(Step):
    """Rows of codes (..., K) times constant weights, plus bias.

    Attributes:
        x_zero_point: of the input.
        weights: int16 (K, N), zero-points taken off.
        bias: int32 (N,).
        multiplier: float32 (N,).
        to: what the sums become.
    """

    x_zero_point: int
    weights: NDArray[np.int16]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32]
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class Conv(Step):
    """Grouped convolution; fields as :class:`Product`, weights int16 (M, C / groups, kernel_h, kernel_w)."""

    window: Window
    groups: int
    x_zero_point: int
    weights: NDArray[np.int16]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32]
    to: Target

    @property
    def depthwise(self) -> bool:
        """Whether each channel has one filter of its own."""
        return (self.groups, 1) == self.weights.shape[:2]


@dataclass(frozen=True, slots=True, eq=False)
class Add(Step):
    """The sum of two values of equal shape."""

    zero_points: tuple[int, int]
    ratios: tuple[np.float32, np.float32]
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool(Step):
    """Largest codes; scale and zero-point stay."""

    window: Window


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool(Step):
    """Mean under each window; a window of the image's size is global average pooling."""

    window: Window
    x_zero_point: int
    ratio: np.float32
    count_padding: bool
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class Reshape(Step):
    """The same elements in the shape of the output."""


@dataclass(frozen=True, slots=True, eq=False)
class Float(Step):
    """An operator of the float interpreter. It only stands in a program's tail."""

    operator: FloatOp
    call: Call


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What a graph became for one set of input shapes.

    Attributes:
        inputs: names of the values that are fed, all float32 or codes.
        outputs: graph output name -> name of the value it is.
        steps: integer steps in the order of execution.
        tail: what comes after them: float operators, and what needs their results.
        values: every value by name, constants included.
        constants: values that are known.
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    steps: tuple[Step, ...]
    tail: tuple[Step, ...]
    values: Mapping[str, Value]
    constants: Mapping[str, NDArray[Any]]

    def checked_feeds(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The feeds, if they are exactly what the program takes.

        Raises:
            InvalidInputError: one is missing, unknown, or of another shape or dtype.
        """
        if set(feeds) != set(self.inputs):
            raise InvalidInputError(
                f"inputs {sorted(feeds)} were given", where="feeds", hint=f"Give exactly {sorted(self.inputs)}"
            )
        for name in self.inputs:
            wanted, given = self.values[name], feeds[name]
            if given.shape != wanted.shape or given.dtype != wanted.dtype:
                raise InvalidInputError(
                    f"{given.dtype} of shape {given.shape} was given",
                    where=name,
                    hint=f"This program takes {wanted.dtype} of shape {wanted.shape}",
                )
        return dict(feeds)
