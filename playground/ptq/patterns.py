"""Functions written with several operators, products that a constant scales, masks: where they are in a graph.

A function of one tensor is quantized before and after it, whatever operators it is written with: Gelu by Erf, or x *
Clip(x + 3) / 6. So is a product of two activations that a constant scales, as in attention.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

import numpy as np

from playground import operators
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Form, Scales, Trait, find
from playground.ptq.choices import STATIC
from playground.quantization import Range

if TYPE_CHECKING:
    from playground.ptq.placement import Placement


class Groups:
    """Which tensors of a graph are functions of one other tensor, and which of them have no other reader.

    Attributes:
        roots: tensor -> the tensor that it is a function of.
        inner: tensors that stay unquantized: between the operators of one function, or between a product of two
            activations and the constant that scales it.
        nodes: names of the nodes that read or write an inner tensor.
        numbers: constants that only these nodes read: they keep their value.
    """

    def __init__(self, view: GraphView, excluded: Container[str]) -> None:
        """Look at the whole graph once; excluded nodes belong to no function."""
        self._view = view
        self.roots: dict[str, str] = {}
        nodes = view.graph.nodes
        for node in nodes:
            if node.name not in excluded and _is_function(node):
                self._join(node)
        new = {self.roots[node.outputs[0]] for node in nodes if node.outputs[0] in self.roots and _is_further(node)}
        self.inner = {
            t for t, root in self.roots.items() if root in new and t not in view.ends and self._only_read_in(t, root)
        }
        self.inner |= {node.outputs[0] for node in nodes if self._is_scaled_product(node)}
        touched = (node for node in nodes if self.inner.intersection((*node.inputs, *node.outputs)))
        self.nodes = {node.name for node in touched}
        self.numbers = {
            name
            for name in view.constants
            if view.readers(name) and all(node.name in self.nodes for node in view.readers(name))
        }

    def _join(self, node: Node) -> None:
        held = self._view.constants
        live = [name for name in node.inputs if name and name not in held]
        roots = {self.roots.get(name, name) for name in live}
        if len(roots) != 1 or any(held[name].size != 1 for name in node.inputs if name in held):
            return
        operator = find(node)
        if operator is not None and operator.scales is Scales.CLIPS and live[0] not in self.roots:
            return  # it follows what is no function: its limits become the range of that
        self.roots[node.outputs[0]] = roots.pop()

    def _only_read_in(self, name: str, root: str) -> bool:
        readers = self._view.readers(name)
        return bool(readers) and all(self.roots.get(node.outputs[0]) == root for node in readers)

    def _is_scaled_product(self, node: Node) -> bool:
        made, readers = node.outputs[0], self._view.readers(node.outputs[0])
        constant = any(name in self._view.constants for name in node.inputs)
        if find(node) is not operators.mat_mul.OPERATOR or constant or made in self._view.ends or len(readers) != 1:
            return False
        operator = find(readers[0])
        if operator is not operators.mul.OPERATOR and operator is not operators.div.OPERATOR:
            return False
        first, second = readers[0].inputs
        factor = self._view.constants.get(second if first == made else first)
        in_order = operator is operators.mul.OPERATOR or first == made
        return in_order and factor is not None and factor.size == 1 and bool(factor.numpy().reshape(()) > 0)


def _is_function(node: Node) -> bool:
    """Whether it is a function of single values, if all inputs but one are single constants."""
    operator = find(node)
    if operator is None or not operator.forms & STATIC:
        return False
    return operator.scales in (Scales.FUNCTION, Scales.CLIPS) or Trait.FUNCTION_WITH_CONSTANT in operator.traits


def _is_further(node: Node) -> bool:
    operator = find(node)
    return operator is not None and Form.FURTHER in operator.forms


MARGIN = 12.0
"""How far below the lowest score an ignored one is kept: ``exp(-12)`` is nothing in 8 bits."""


def unmasked(view: GraphView, placement: Placement, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Ranges in which masked scores do not count: a mask of -10000 would leave no codes for the others.

    They are cut off a little below the lowest of the scores, where Softmax makes zero of them all the same.
    """
    adjusted = dict(ranges)
    for node in view.graph.nodes:
        mask, made = placement.known_masks.get(node.name), node.outputs[0]
        if mask is not None and made in ranges:
            providers = (placement.provider(name) for name in node.inputs if name not in view.constants)
            scores = [ranges[name] for name in providers if name in ranges]
            if len(scores) == 1:
                adjusted[made] = Range(scores[0].lo - np.float32(MARGIN), scores[0].hi)
    return adjusted
