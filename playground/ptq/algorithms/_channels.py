"""Places where a channel can be rescaled without changing what the graph computes.

A *site* is an operator that can absorb a factor for each channel of its output, and all products that read this output,
directly or through operators that let positive factors pass. Dividing the one and multiplying the others by the same
factors changes nothing but ranges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.operators import (
    Scales,
    Trait,
    add,
    batch_normalization,
    find,
    flatten,
    gemm,
    layer_normalization,
    mul,
)
from playground.ptq.algorithms._matrices import Matrices, matrices_of


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

    def __init__(self, view: GraphView, excluded: Container[str] = (), norms: bool = True) -> None:
        """Find them.

        Args:
            view: of a float graph.
            excluded: names of nodes that may not be touched.
            norms: whether normalisations and multiplications may absorb, not products only.
        """
        self._view, self._excluded = view, excluded
        self.found: list[Site] = []
        self.skipped: dict[str, str] = {}
        for node in view.graph.nodes:
            if node.domain or not self._is_candidate(node, norms):
                continue
            site = self._site(node)
            if isinstance(site, Site):
                self.found.append(site)
            else:
                self.skipped[node.name] = site

    def _is_candidate(self, node: Node, norms: bool) -> bool:
        if self._view.weight(node) is not None:
            return True
        operator = find(node)
        if operator in (layer_normalization.OPERATOR, batch_normalization.OPERATOR):
            return norms
        return norms and operator is mul.OPERATOR and self._vector(node) is not None

    def _vector(self, node: Node) -> str | None:
        """The constant of an elementwise operator that has one value for each entry of the last axis, if it has one."""
        for name in node.inputs[:2]:
            tensor = self._view.constants.get(name)
            if tensor is not None and tensor.size > 1 and tensor.size == tensor.shape[-1]:
                return name
        return None

    def _site(self, node: Node) -> Site | str:
        absorber = self._absorber(node)
        if isinstance(absorber, str):
            return absorber
        product, divided, channels, form = absorber
        walk = _Walk(self._view, channels)
        reason = walk.follow(node.outputs[0], form) or self._not_ours(node, walk, [*divided, *walk.divided])
        if reason:
            return reason
        constants = tuple(dict.fromkeys([*divided, *walk.divided]))
        return Site(node.name, node, product, constants, tuple(walk.products), channels, tuple(walk.made))

    def _absorber(self, node: Node) -> tuple[Matrices | None, list[str], int, str] | str:
        """The absorbing weight, other constants to divide, number of channels, and where they lie."""
        if self._view.weight(node) is not None:
            layer = matrices_of(node, self._view)
            if isinstance(layer, str):
                return layer
            biases = [name for name in node.inputs[2:] if name]
            if any(self._size(name) not in (None, layer.outputs) for name in biases):
                return "its bias is not one value a channel"
            form = "second" if layer.convolution else "both" if find(node) is gemm.OPERATOR else "last"
            return layer, biases, layer.outputs, form
        operator = find(node)
        if operator is mul.OPERATOR:
            name = self._vector(node) or ""
            return None, [name], self._size(name) or 0, "last"
        constants = [name for name in node.inputs[1:3] if name]
        if any(self._size(name) is None for name in constants):
            return "its scale is no constant"
        if operator is batch_normalization.OPERATOR:
            return None, constants, self._size(constants[0]) or 0, "second"
        if layer_normalization.OPERATOR.get(node, "axis") != -1:
            return "it does not normalise the last axis"
        return None, constants, self._size(constants[0]) or 0, "last"

    def _size(self, name: str) -> int | None:
        tensor = self._view.constants.get(name)
        return None if tensor is None else tensor.size

    def _not_ours(self, node: Node, walk: _Walk, divided: list[str]) -> str:
        """Why constants may not be changed."""
        if not walk.products:
            return "no product reads it"
        touched = [node, *(layer.node for layer in walk.products)]
        for one in touched:
            if one.name in self._excluded:
                return f"{one.name} stays as it is"
        weight = self._view.weight(node)
        constants = [*divided, *([weight] if weight else []), *(layer.weight for layer in walk.products)]
        for name, count in Counter(constants).items():
            tensor = self._view.constants.get(name)
            if tensor is None:
                return f"{name} is no constant"
            if tensor.dtype != "float32":
                return f"{name} is {tensor.dtype}, and only float32 is rescaled"
            if count > 1 or self._view.uses(name) > 1:
                return f"the constant {name} has several readers"
        return ""


class _Walk:
    """Follows a tensor to all products that read it."""

    def __init__(self, view: GraphView, channels: int) -> None:
        self._view, self._channels = view, channels
        self.products: list[Matrices] = []
        self.divided: list[str] = []
        self.made: list[str] = []

    def follow(self, tensor: str, form: str) -> str:
        """Why it does not end in products only; empty if it does."""
        self.made.append(tensor)
        if tensor in self._view.ends:
            return f"{tensor} is an output of the model"
        for node in self._view.readers(tensor):
            reason = self._through(node, tensor, form)
            if reason:
                return reason
        return ""

    def _through(self, node: Node, tensor: str, form: str) -> str:
        where = f"{node.op} {node.name!r}"
        if node.domain:
            return f"{where} reads it"
        operator = find(node)
        if operator is not None and operator.scales is Scales.PRODUCT:
            return self._ends_in(node, tensor, form)
        if operator is add.OPERATOR and form != "second":
            return self._added(node, form)
        passes = operator is not None and Trait.HOMOGENEOUS in operator.traits
        if not passes or node.inputs[0] != tensor or any(node.outputs[1:]):
            return f"{where} reads it, which does not let factors pass"
        if operator is flatten.OPERATOR:
            if flatten.OPERATOR.get(node, "axis") != 1 or form == "last":
                return f"{where} mixes channels"
            return self.follow(node.outputs[0], "flat")
        return self.follow(node.outputs[0], form)

    def _added(self, node: Node, form: str) -> str:
        other = [name for name in node.inputs if name in self._view.constants]
        if len(other) != 1 or self._view.constants[other[0]].size != self._channels:
            return f"{node.op} {node.name!r} reads it, which does not add one constant a channel"
        self.divided.append(other[0])
        return self.follow(node.outputs[0], form)

    def _ends_in(self, node: Node, tensor: str, form: str) -> str:
        if self._view.weight(node) is None or node.inputs[0] != tensor:
            return f"{node.op} {node.name!r} multiplies it with something that is no constant"
        layer = matrices_of(node, self._view)
        if isinstance(layer, str):
            return f"{node.name}: {layer}"
        takes = ("second",) if layer.convolution else ("last", "both", "flat")
        fits = layer.channels == self._channels or (form == "flat" and layer.channels % self._channels == 0)
        if form not in takes or not fits:
            return f"{node.op} {node.name!r} reads its channels in another order"
        self.products.append(layer)
        return ""
