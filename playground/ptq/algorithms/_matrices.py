"""Products as matrices: a weight as ``[groups, outputs, inputs]``, what it meets as columns ``[groups, inputs, n]``.

Always ``y[g] = w[g] @ x[g]``: Gemm and MatMul have one group, a convolution sees each window as a column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Trait, conv_transpose, find
from playground.programs.call import Call
from playground.programs.windows import windows

COLUMNS = 2**23
"""Values of columns that are laid out at once: windows overlap, so they take several times what they were cut from."""


@dataclass(frozen=True, slots=True)
class Matrices:
    """How the constant weight of a product and what it meets are seen as matrices.

    Attributes:
        node: the product.
        weight: the name of its constant.
        shape: the constant's shape.
        output_axis: the constant's axis along which outputs have a channel each.
        convolution: whether it sees windows.
        groups: 1, or a convolution's.
        alpha: what the product is multiplied by.
        beta: what the bias is multiplied by.
    """

    node: Node
    weight: str
    shape: tuple[int, ...]
    output_axis: int
    convolution: bool
    groups: int
    alpha: float = 1.0
    beta: float = 1.0

    @property
    def inputs(self) -> int:
        """Inputs of each output."""
        return math.prod(self.shape[1:]) if self.convolution else self.shape[self.input_axis]

    @property
    def channels(self) -> int:
        """Channels of what the product reads."""
        return self.shape[1] * self.groups if self.convolution else self.inputs

    @property
    def outputs(self) -> int:
        """Channels of what it gives, all groups together."""
        return self.shape[self.output_axis]

    @property
    def input_axis(self) -> int:
        """The constant's axis along which inputs have a channel each (of one group, if there are several)."""
        return 1 - self.output_axis

    @property
    def source(self) -> tuple[Any, ...]:
        """What decides the columns: weights of which this is equal meet the same ones."""
        if not self.convolution:
            return (self.node.inputs[0], 1)
        names = ("strides", "dilations", "pads", "auto_pad")
        geometry = (str(self.node.attributes.get(name)) for name in names)
        return (self.node.inputs[0], self.groups, self.shape[1:], *geometry)

    def of(self, x: NDArray[Any]) -> NDArray[Any]:
        """An array of the weight's shape as ``[groups, outputs / groups, inputs]``; a view where that is possible."""
        if self.convolution:
            return x.reshape(self.groups, self.shape[0] // self.groups, -1)
        return (x if self.input_axis else x.T)[np.newaxis]

    def back(self, matrices: NDArray[Any]) -> NDArray[Any]:
        """The inverse of :meth:`of`, C-contiguous."""
        if self.convolution:
            return np.ascontiguousarray(matrices).reshape(self.shape)
        return np.ascontiguousarray(matrices[0] if self.input_axis else matrices[0].T)

    def spread(self, channels: NDArray[Any]) -> NDArray[Any]:
        """A number for each channel of what the product reads, as ``[groups, 1, inputs]``."""
        return np.repeat(channels, self.inputs * self.groups // channels.size).reshape(self.groups, 1, self.inputs)

    def gather(self, columns: NDArray[Any], channels: int, function: np.ufunc) -> NDArray[Any]:
        """Numbers ``[groups, inputs]`` taken together by channel with ``function``, as ``[channels]``."""
        found: NDArray[Any] = function.reduce(columns.reshape(channels, -1), axis=1)
        return found

    def columns(self, x: Float32) -> Iterator[Float32]:
        """What the weight meets in ``x``, the product's first input, in parts ``[groups, inputs, n]``."""
        if not self.convolution:
            rows = x.reshape(-1, x.shape[-1])
            yield from self._parts(rows.T[np.newaxis])
            return
        geometry = windows(Call(self.node.attributes), x.shape[2:], self.shape[2:])
        taps, positions = math.prod(geometry.kernel), math.prod(geometry.out)
        step = max(1, COLUMNS // max(1, x.shape[1] * taps * positions))
        for at in range(0, len(x), step):
            padded = geometry.pad(x[at : at + step], 0)
            seen = np.stack(list(geometry.taps(padded)), axis=2)  # batch, channels, taps, *out
            split = seen.reshape(len(padded), self.groups, self.inputs, positions)
            yield from self._parts(np.moveaxis(split, 0, 2).reshape(self.groups, self.inputs, -1))

    def _parts(self, columns: Float32) -> Iterator[Float32]:
        """So few columns at a time that multiplying them with each other is a short step."""
        step = max(1, COLUMNS // max(1, self.groups * (self.inputs**2 // 16 + self.inputs)))
        return (columns[:, :, at : at + step] for at in range(0, columns.shape[2], step))


def matrices_of(node: Node, view: GraphView) -> Matrices | str:
    """How a product is seen as matrices, or why it is not."""
    weight, operator = view.weight(node), find(node)
    if weight is None or operator is None:
        return "its weight is no constant"
    if operator is conv_transpose.OPERATOR:
        return "transposed convolutions are not treated"
    convolution, shape, axis = (
        Trait.CONVOLUTION in operator.traits,
        view.constants[weight].shape,
        view.channel_axis(node),
    )
    if weight not in node.inputs[1:2] or axis is None or len(shape) < 2 or (not convolution and len(shape) != 2):
        place = node.inputs.index(weight) + 1
        return f"a weight of shape {list(shape)} as input {place} of {node.op} is not treated"
    if node.inputs[0] in view.constants:
        return "it is multiplied with a constant"
    if operator.get(node, "transA", 0):
        return f"{node.op} with transA is not treated"
    alpha, beta = (float(operator.get(node, name, 1.0)) for name in ("alpha", "beta"))
    groups = int(operator.get(node, "group", 1))
    return Matrices(node, weight, shape, axis, convolution, groups, alpha, beta)
