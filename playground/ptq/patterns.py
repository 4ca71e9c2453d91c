"""Placement beyond ONNX Runtime's own: what else has an integer form in ``playground.engines``.

A function of one tensor is quantized before and after it, whatever operators it is written with: Gelu by Erf, or x *
Clip(x + 3) / 6. So is a product of two activations that a constant scales, as in attention. What nothing quantized
leads to stays in float.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from playground.model.graph import Graph, Node
from playground.quantization import Range

if TYPE_CHECKING:
    from playground.ptq.placement import Placement

FUNCTIONS = (
    "Abs", "Ceil", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Log", "Neg", "Reciprocal",
    "Round", "Softplus", "Sqrt", "Tanh",
)  # fmt: skip
"""Functions of one value; Sigmoid and LeakyRelu are ONNX Runtime's too."""
WITH_CONSTANT = ("Add", "Sub", "Mul", "Div", "Pow")
ROWS = ("Softmax", "LayerNormalization", "ReduceMean")
MOVES = ("Split", "Pad", "Resize", "Expand")
FURTHER = (*FUNCTIONS, *ROWS, *MOVES, "Sub", "Div", "Pow", "Gather", "Where")
"""Every operator that is quantized here and not by ONNX Runtime's rules."""
PASSING = ("MaxPool", "AveragePool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice")
REMOVABLE = ("Relu", "Clip")

_IN_GROUPS = (*FUNCTIONS, *WITH_CONSTANT, "Sigmoid", "LeakyRelu", "Relu", "Clip")


class Groups:
    """Which tensors of a graph are functions of one other tensor, and which of them nobody else reads.

    Attributes:
        roots: tensor -> the tensor that it is a function of.
        inner: tensors that stay unquantized: between the operators of one function, or between a product of two
            activations and the constant that scales it.
        nodes: names of the nodes that read or write an inner tensor.
        numbers: constants that only these nodes read: they keep their value.
    """

    def __init__(self, graph: Graph, excluded: Collection[str]) -> None:
        """Look at the whole graph once; excluded nodes belong to no function."""
        self._graph = graph
        self.roots: dict[str, str] = {}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)
            if node.op in _IN_GROUPS and not node.domain and node.name not in excluded:
                self._join(node)
        ends = {value.name for value in graph.outputs}
        new = {
            self.roots[node.outputs[0]] for node in graph.nodes if node.op in FURTHER and node.outputs[0] in self.roots
        }
        self.inner = {
            t for t, root in self.roots.items() if root in new and t not in ends and self._only_read_in(t, root)
        }
        self.inner |= {node.outputs[0] for node in graph.nodes if self._is_scaled_product(node, ends)}
        touched = (node for node in graph.nodes if self.inner.intersection((*node.inputs, *node.outputs)))
        self.nodes = {node.name for node in touched}
        self.numbers = {
            name
            for name in graph.initializers
            if name in self._readers and all(node.name in self.nodes for node in self._readers[name])
        }

    def _join(self, node: Node) -> None:
        held = self._graph.initializers
        live = [name for name in node.inputs if name and name not in held]
        roots = {self.roots.get(name, name) for name in live}
        if len(roots) != 1 or any(held[name].size != 1 for name in node.inputs if name in held):
            return
        if node.op in ("Relu", "Clip") and live[0] not in self.roots:
            return  # it follows what is no function: its limits become the range of that
        self.roots[node.outputs[0]] = roots.pop()

    def _only_read_in(self, name: str, root: str) -> bool:
        readers = self._readers.get(name, [])
        return bool(readers) and all(self.roots.get(node.outputs[0]) == root for node in readers)

    def _is_scaled_product(self, node: Node, ends: Collection[str]) -> bool:
        readers = self._readers.get(node.outputs[0], [])
        constant = any(name in self._graph.initializers for name in node.inputs)
        if node.op != "MatMul" or constant or node.outputs[0] in ends:
            return False
        if len(readers) != 1 or readers[0].op not in ("Mul", "Div"):
            return False
        first, second = readers[0].inputs
        factor = self._graph.initializers.get(second if first == node.outputs[0] else first)
        in_order = readers[0].op == "Mul" or first == node.outputs[0]
        return in_order and factor is not None and factor.size == 1 and bool(factor.numpy().reshape(()) > 0)


class PlacementOps(NamedTuple):
    """What the placement of ONNX Runtime's rules is done with.

    Attributes:
        mark: gives tensors that are computed a scale of their own, unless they have one.
        elementwise: marks all inputs and outputs of a node, and its constants.
        constants: quantizes a node's constants like activations.
        pass_on: gives a node's outputs the scale of its input, if that has one.
        remove: lets a Relu or Clip vanish into the range of what it follows.
    """

    mark: Callable[..., None]
    elementwise: Callable[[Node], None]
    constants: Callable[[Node], None]
    pass_on: Callable[[Node], None]
    remove: Callable[[Node], None]


def extend(graph: Graph, placement: Placement, hands: PlacementOps) -> None:
    """Place what ONNX Runtime's rules leave in float, after they have placed the rest."""
    groups = Groups(graph, placement.excluded)
    for node in graph.nodes:
        if not node.domain and node.name not in placement.excluded:
            if node.op in FURTHER:
                _place(graph, placement, node, hands)
            elif node.op in PASSING:
                hands.pass_on(node)
            elif node.op in REMOVABLE and node.name not in (groups.nodes | placement.removed):
                hands.remove(node)
    for name in groups.inner:
        placement.activations.pop(name, None)
    placement.removed -= groups.nodes
    for name in groups.numbers:
        placement.weights.pop(name, None)


MASKED = -1000.0
"""What is added to scores that Softmax is to ignore lies below this."""
MARGIN = 12.0
"""How far below the lowest score an ignored one is kept: ``exp(-12)`` is nothing in 8 bits."""


def unmasked(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Ranges in which masked scores do not count: a mask of -10000 would leave no codes for the others.

    They are cut off a little below the lowest of the scores, where Softmax makes zero of them all the same.
    """
    adjusted = dict(ranges)
    read_by_softmax = {node.inputs[0] for node in graph.nodes if node.op == "Softmax"}
    for node in graph.nodes:
        found = ranges.get(node.outputs[0])
        if (
            node.op not in ("Add", "Where")
            or node.outputs[0] not in read_by_softmax
            or found is None
            or found.lo.min() > MASKED
        ):
            continue
        scores = [ranges[name] for name in node.inputs if name in ranges and ranges[name].lo.min() > MASKED]
        if len(scores) == 1:
            adjusted[node.outputs[0]] = Range(scores[0].lo - np.float32(MARGIN), scores[0].hi)
    return adjusted


def _place(graph: Graph, placement: Placement, node: Node, hands: PlacementOps) -> None:
    table = node.op == "Gather" and node.inputs[0] in graph.initializers
    if not table and not any(name in placement.activations for name in node.inputs):
        return
    if node.op in FUNCTIONS or node.op in ("ReduceMean", "Pow", "LayerNormalization"):
        hands.mark(node.inputs[0], node.outputs[0])
    elif node.op == "Where":
        hands.mark(*node.inputs[1:], *node.outputs)
    elif node.op in ("Sub", "Div"):
        hands.elementwise(node)
    elif node.op == "Softmax":
        ends = {value.name for value in graph.outputs}
        hands.mark(node.inputs[0], *(name for name in node.outputs if name not in ends))
    elif table:
        hands.constants(node)
        if node.inputs[0] in placement.weights:
            hands.mark(node.outputs[0])
    elif _keeps_codes(node):
        hands.pass_on(node)


def _keeps_codes(node: Node) -> bool:
    """Whether a node only moves values, so that its outputs have its input's scale."""
    default = {"Pad": "constant", "Resize": "nearest"}.get(node.op)
    held = node.attributes.get("mode", default)
    return default is None or (held.decode() if isinstance(held, bytes) else held) == default
