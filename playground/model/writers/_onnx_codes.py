"""What stands around a node of a QDQ graph: the codes that its inputs are made from, and those that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node, Tensor
from playground.model.naming import FreeNames

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
BYTES = ("uint8", "int8")

_TOLERANCE = 1e-6
"""Relative: two scales are products of the same float32 numbers, in another order."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes, and what they stand for.

    Attributes:
        name: of the codes.
        scale: name of the scale, a constant.
        zero_point: name of the zero-point, a constant.
        dtype: element type of the codes.
        scales: values of the scale.
        points: values of the zero-point.
        axis: along which there is a scale each; only where there are several.
        block: how many values share a scale along that axis; 0: it has one an element, or there is one in all.
    """

    name: str
    scale: str
    zero_point: str
    dtype: str
    scales: NDArray[Any]
    points: NDArray[Any]
    axis: int
    block: int

    @property
    def inputs(self) -> tuple[str, str, str]:
        """As operators on codes read them."""
        return self.name, self.scale, self.zero_point

    @property
    def parameters(self) -> tuple[str, str]:
        """As operators on codes read those of their result."""
        return self.scale, self.zero_point

    @property
    def has_one_scale(self) -> bool:
        """Whether all values share a scale."""
        return self.scales.size == 1 and not self.block

    def means_the_same(self, other: Codes) -> bool:
        """Whether a code stands for the same number in both."""
        equal = np.array_equal(self.scales, other.scales) and np.array_equal(self.points, other.points)
        return equal and self.dtype == other.dtype and self.has_one_scale and other.has_one_scale


class Surroundings:
    """Who makes and reads the values of one graph, and the constants that it sees."""

    def __init__(self, graph: Graph, around: Mapping[str, Tensor], names: FreeNames) -> None:
        """Walk the nodes once.

        Args:
            graph: in QDQ form.
            around: constants of the graphs that it is in.
            names: for new values.
        """
        self.graph, self.names = graph, names
        self.constants = {**around, **graph.initializers}
        self.made: dict[str, Tensor] = {}
        self._producers = {name: node for node in graph.nodes for name in node.outputs if name}
        self._uses: dict[str, list[Node | None]] = {value.name: [None] for value in graph.outputs}
        for node in graph.nodes:
            for name in node.reads:
                self._uses.setdefault(name, []).append(node)

    def uses(self, name: str) -> list[Node | None]:
        """The nodes that read a value, once for each time; None: it is an output of the graph."""
        return self._uses.get(name, [])

    def producer(self, name: str) -> Node | None:
        """The node of this graph that makes a value."""
        return self._producers.get(name)

    def source(self, name: str) -> Codes | None:
        """The codes that a value is dequantized from; None if it is not."""
        node = self._producers.get(name)
        return self._codes(node, node.inputs[0]) if node is not None and node.op == DEQUANTIZE else None

    def quantizer(self, name: str) -> Node | None:
        """The node that quantizes a value, if nothing else reads it."""
        uses = self.uses(name)
        alone = uses[0] if len(uses) == 1 else None
        return alone if alone is not None and alone.op == QUANTIZE and alone.inputs[0] == name else None

    def result(self, name: str) -> Codes | None:
        """The codes that a value becomes; None if something reads it as it is."""
        node = self.quantizer(name)
        return self._codes(node, node.outputs[0]) if node is not None else None

    def _codes(self, node: Node, name: str) -> Codes | None:
        scale, point = (self.constants.get(each) for each in (*node.inputs[1:], "", "")[:2])
        if scale is None or point is None or scale.dtype != "float32":
            return None
        axis, block = node.attributes.get("axis", 1), node.attributes.get("block_size", 0)
        return Codes(name, scale.name, point.name, point.dtype, scale.numpy(), point.numpy(), axis, block)

    def constant(self, wanted: str, values: NDArray[Any]) -> str:
        """The name of a new constant."""
        name = self.names.take(wanted)
        self.made[name] = Tensor.of(name, values)
        return name


def are_products(scale: NDArray[Any], one: NDArray[Any], other: NDArray[Any], factor: float = 1.0) -> bool:
    """Whether a bias's scale is that of the sums: the product of both inputs' scales."""
    wanted = one.reshape(-1).astype(np.float64) * other.reshape(-1) * factor
    if scale.size not in (1, wanted.size):
        return False
    return bool(np.allclose(scale.reshape(-1), wanted, rtol=_TOLERANCE, atol=0))
