"""A planned integer program: steps over named values of known shape and type. Plain frozen data; engines execute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines.float_ops._op import Call, FloatOp
from playground.engines.integer_ops import Box, Target, Window
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
class ActivationMatMul(Step):
    """The matrix product of two values of codes, leading axes broadcast as in ``numpy.matmul``.

    Attributes:
        zero_points: of the two.
        multiplier: of the sums.
        to: what the sums become.
    """

    zero_points: tuple[int, int]
    multiplier: np.float32
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class Add(Step):
    """The sum of two values, which broadcast; a difference has a negative ratio."""

    zero_points: tuple[int, int]
    ratios: tuple[np.float32, np.float32]
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class Mul(Step):
    """The product of two values, element by element; they broadcast."""

    zero_points: tuple[int, int]
    ratio: np.float32
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class Softmax(Step):
    """Softmax of rows along the last axis. ``exps[d]`` is ``exp(-d * scale)`` of the input's scale, float32 (256,)."""

    exps: NDArray[np.float32]
    ratio: np.float32
    to: Target


@dataclass(frozen=True, slots=True, eq=False)
class LayerNorm(Step):
    """Rows along the last axis brought to mean 0 and variance 1, then scaled and shifted.

    Attributes:
        x_zero_point: of the input.
        epsilon: over the square of the input's scale.
        gamma: float32, one a column, over the output's scale.
        beta: likewise.
        to: what the results become.
    """

    x_zero_point: int
    epsilon: np.float32
    gamma: NDArray[np.float32]
    beta: NDArray[np.float32]
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
class View(Step):
    """A box of the input with its axes in another order; codes stay what they are."""

    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Concat(Step):
    """Values one behind the other along an axis, all of one scale."""

    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Pad(Step):
    """The input with ``before[i]`` places of ``value`` before it along axis i, and as many behind as the output has."""

    before: tuple[int, ...]
    value: int


@dataclass(frozen=True, slots=True, eq=False)
class Resize(Step):
    """Pixels by their indices: output line y is line ``lines[y]``, and so on (int32)."""

    lines: NDArray[np.int32]
    columns: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Gather(Step):
    """Slices of the first input along an axis, chosen by the second (int32 or int64, negative from the end)."""

    axis: int


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
        self._check_indices(feeds)
        return dict(feeds)

    def _check_indices(self, feeds: Mapping[str, NDArray[Any]]) -> None:
        for step in self.steps:
            if isinstance(step, Gather) and step.inputs[1] in feeds:
                given, rows = feeds[step.inputs[1]], self.values[step.inputs[0]].shape[step.axis]
                if given.min() < -rows or given.max() >= rows:
                    raise InvalidInputError(
                        f"it holds an index that is not below {rows}",
                        where=step.inputs[1],
                        hint=f"Its smallest is {given.min()} and its largest {given.max()}",
                    )
