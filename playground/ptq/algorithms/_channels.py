"""Places where a channel can be rescaled without changing what the graph computes.

A *site* is an operator that can absorb a factor for each channel of its output, and all products that read this output,
directly or through operators that let positive factors pass. Dividing the one and multiplying the others by the same
factors changes nothing but ranges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node
from playground.ptq.algorithms._matrices import Matrices, matrices_of
from playground.ptq.placement import PRODUCTS, reads, weight_of

PASSING = (
    "Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Identity", "Dropout",
    "Flatten",
)  # fmt: skip
"""Operators for which ``f(s x) = s f(x)`` channel by channel, for positive s."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where channels can be rescaled.

    Attributes:
        name: of the absorbing node.
        node: it: Conv, Gemm, MatMul, LayerNormalization, BatchNormalization or Mul.
        product: how its weight is seen, if it is a product.
        divided: constants of one value a channel that are divided by the factors.
        readers: the products that are multiplied, how their weights are seen.
        channels: how many there are.
        made: the names of the tensors between the two that change, the absorber's output first.
    """

    name: str
    node: Node
    product: Matrices | None
    divided: tuple[str, ...]
    readers: tuple[Matrices, ...]
    channels: int
    made: tuple[str, ...]

    def scaled(self, graph: Graph, factors: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """The changed constants: float32 by name.

        Args:
            graph: that the site is one of.
            factors: positive, one a channel: what readers' weights are multiplied with.
        """
        wide = factors.astype(np.float64)

        def old(name: str) -> NDArray[np.float64]:
            return graph.initializers[name].numpy().astype(np.float64)

        changed = {name: old(name) / wide.reshape(old(name).shape) for name in self.divided}
        if self.product is not None:
            matrices = self.product.of(old(self.product.weight))
            rows = wide.reshape(self.product.groups, -1, 1)
            changed[self.product.weight] = self.product.back(matrices / rows)
        for reader in self.readers:
            values = changed[reader.weight] if reader.weight in changed else old(reader.weight)
            changed[reader.weight] = reader.back(reader.of(values) * reader.spread(wide))
        return {name: values.astype(np.float32) for name, values in changed.items()}


class Sites:
    """All sites of a graph, and for the other candidates the reason why they are none."""

    def __init__(self, graph: Graph, excluded: frozenset[str] = frozenset(), norms: bool = True) -> None:
        """Find them.

        Args:
            graph: a float graph.
            excluded: names of nodes that may not be touched.
            norms: whether normalisations and multiplications may absorb, not products only.
        """
        self._graph, self._excluded = graph, excluded
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in reads(node):
                self._readers.setdefault(name, []).append(node)
        self._uses = Counter(name for node in graph.nodes for name in reads(node))
        self._ends = {value.name for value in graph.outputs}
        self.found: list[Site] = []
        self.skipped: dict[str, str] = {}
        for node in graph.nodes:
            if node.domain or not self._is_candidate(node, norms):
                continue
            site = self._site(node)
            if isinstance(site, Site):
                self.found.append(site)
            else:
                self.skipped[node.name] = site

    def _is_candidate(self, node: Node, norms: bool) -> bool:
        if node.op in PRODUCTS:
            return weight_of(node, self._graph) is not None
        if node.op in ("LayerNormalization", "BatchNormalization"):
            return norms
        return norms and node.op == "Mul" and self._vector(node) is not None

    def _vector(self, node: Node) -> str | None:
        """The constant of an elementwise operator that has one value for each entry of the last axis, if it has one."""
        for name in node.inputs[:2]:
            tensor = self._graph.initializers.get(name)
            if tensor is not None and tensor.size > 1 and tensor.size == tensor.shape[-1]:
                return name
        return None

    def _site(self, node: Node) -> Site | str:
        absorber = self._absorber(node)
        if isinstance(absorber, str):
            return absorber
        product, divided, channels, form = absorber
        walk = _Walk(self._graph, self._readers, self._ends, channels)
        reason = walk.follow(node.outputs[0], form) or self._not_ours(node, walk, [*divided, *walk.divided])
        if reason:
            return reason
        constants = tuple(dict.fromkeys([*divided, *walk.divided]))
        return Site(node.name, node, product, constants, tuple(walk.products), channels, tuple(walk.made))

    def _absorber(self, node: Node) -> tuple[Matrices | None, list[str], int, str] | str:
        """The absorbing weight, other constants to divide, number of channels, and where they lie."""
        if node.op in PRODUCTS:
            weight = weight_of(node, self._graph) or ""
            layer = matrices_of(node, weight, self._graph)
            if isinstance(layer, str):
                return layer
            biases = [name for name in node.inputs[2:] if name]
            if any(self._size(name) not in (None, layer.outputs) for name in biases):
                return "its bias is not one value a channel"
            form = {"Conv": "second", "Gemm": "both", "MatMul": "last"}[node.op]
            return layer, biases, layer.outputs, form
        if node.op == "Mul":
            name = self._vector(node) or ""
            return None, [name], self._size(name) or 0, "last"
        constants = [name for name in node.inputs[1:3] if name]
        if any(self._size(name) is None for name in constants):
            return "its scale is no constant"
        if node.op == "LayerNormalization" and node.attributes.get("axis", -1) != -1:
            return "it does not normalise the last axis"
        return None, constants, self._size(constants[0]) or 0, "last" if node.op == "LayerNormalization" else "second"

    def _size(self, name: str) -> int | None:
        tensor = self._graph.initializers.get(name)
        return None if tensor is None else tensor.size

    def _not_ours(self, node: Node, walk: _Walk, divided: list[str]) -> str:
        """Why constants may not be changed."""
        if not walk.products:
            return "no product reads it"
        touched = [node, *(layer.node for layer in walk.products)]
        for one in touched:
            if one.name in self._excluded:
                return f"{one.name} stays as it is"
        weight = weight_of(node, self._graph) if node.op in PRODUCTS else None
        constants = [*divided, *([weight] if weight else []), *(layer.weight for layer in walk.products)]
        for name, count in Counter(constants).items():
            tensor = self._graph.initializers.get(name)
            if tensor is None:
                return f"{name} is no constant"
            if tensor.dtype != "float32":
                return f"{name} is {tensor.dtype}, and only float32 is rescaled"
            if count > 1 or self._uses[name] > 1:
                return f"the constant {name} has several readers"
        return ""


class _Walk:
    """Follows a tensor to all products that read it."""

    def __init__(self, graph: Graph, readers: Mapping[str, list[Node]], ends: set[str], channels: int) -> None:
        self._graph, self._readers, self._ends, self._channels = graph, readers, ends, channels
        self.products: list[Matrices] = []
        self.divided: list[str] = []
        self.made: list[str] = []

    def follow(self, tensor: str, form: str) -> str:
        """Why it does not end in products only; empty if it does."""
        self.made.append(tensor)
        if tensor in self._ends:
            return f"{tensor} is an output of the model"
        for node in self._readers.get(tensor, []):
            reason = self._through(node, tensor, form)
            if reason:
                return reason
        return ""

    def _through(self, node: Node, tensor: str, form: str) -> str:
        where = f"{node.op} {node.name!r}"
        if node.domain:
            return f"{where} reads it"
        if node.op in PRODUCTS:
            return self._ends_in(node, tensor, form)
        if node.op == "Add" and form != "second":
            return self._added(node, form)
        if node.op not in PASSING or node.inputs[0] != tensor or any(node.outputs[1:]):
            return f"{where} reads it, which does not let factors pass"
        if node.op == "Flatten":
            if node.attributes.get("axis", 1) != 1 or form == "last":
                return f"{where} mixes channels"
            return self.follow(node.outputs[0], "flat")
        return self.follow(node.outputs[0], form)

    def _added(self, node: Node, form: str) -> str:
        other = [name for name in node.inputs if name in self._graph.initializers]
        if len(other) != 1 or self._graph.initializers[other[0]].size != self._channels:
            return f"Add {node.name!r} reads it, which does not add one constant a channel"
        self.divided.append(other[0])
        return self.follow(node.outputs[0], form)

    def _ends_in(self, node: Node, tensor: str, form: str) -> str:
        weight = weight_of(node, self._graph)
        if weight is None or node.inputs[0] != tensor:
            return f"{node.op} {node.name!r} multiplies it with something that is no constant"
        layer = matrices_of(node, weight, self._graph)
        if isinstance(layer, str):
            return f"{node.name}: {layer}"
        takes = ("second",) if node.op == "Conv" else ("last", "both", "flat")
        fits = layer.channels == self._channels or (form == "flat" and layer.channels % self._channels == 0)
        if form not in takes or not fits:
            return f"{node.op} {node.name!r} reads its channels in another order"
        self.products.append(layer)
        return ""
