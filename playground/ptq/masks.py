"""Masks and other sentinels: numbers so low (or so high) that no value is meant by them. They never enter a range."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from playground import operators
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Operator, Scales, Trait, find

SENTINEL = 9999.0
"""A constant of this magnitude that is added or put in is a sentinel: -10000 and -1e9, the lowest float, infinity."""

MASKED = -1000.0
"""What is added to the scores of a Softmax and lies below this is one, too."""

WIDEST = 1e5
"""A mask below this is no addend in codes: so many steps of the scores' scale overflow ONNX Runtime's integer sums."""

_REAL = ("float16", "float32", "float64", "bfloat16")


class Masks:
    """Which tensors of a graph carry sentinels.

    Attributes:
        carriers: values that do. What is computed with them stays in float, up to where they vanish: in a Softmax, or
            between the limits of another operator.
        known: masks that are constants, and added to (or put among) scores that only Softmax reads: name of the node ->
            the constant. What lies far below the other scores can be cut off there.
    """

    def __init__(self, view: GraphView) -> None:
        """Walk the graph once."""
        self._view = view
        self._scores, self.carriers = _scores(view)
        self.known: dict[str, str] = {}
        for node in view.graph.nodes:
            operator = find(node)
            if operator is None or _absorbs(operator, node, view):
                continue
            carried = any(name in self.carriers for name in _values(operator, node))
            sources = [name for name in _sources(operator, node) if self._is_sentinel(operator, node, name)]
            if len(sources) == 1 and not carried and self._is_known(operator, node, sources[0]):
                self.known[node.name] = sources[0]
            elif carried or sources or _fills(operator, node):
                self.carriers.update(filter(None, node.outputs))

    def touch(self, node: Node) -> bool:
        """Whether a node reads or makes sentinels that are not known."""
        operator = find(node)
        reads = node.inputs if operator is None else _values(operator, node)
        return not self.carriers.isdisjoint((*reads, *node.outputs))

    def _is_sentinel(self, operator: Operator, node: Node, name: str) -> bool:
        tensor = self._view.constants.get(name)
        if tensor is None or tensor.dtype not in _REAL or not tensor.size:
            return False
        values = tensor.numpy()
        if operator is operators.div.OPERATOR and node.inputs[1] == name:
            with np.errstate(divide="ignore"):
                values = 1 / values
        lowest, highest = float(values.min()), float(values.max())
        scores = not self._scores.isdisjoint(node.outputs)
        return lowest <= -SENTINEL or highest >= SENTINEL or (scores and lowest <= MASKED)

    def _is_known(self, operator: Operator, node: Node, name: str) -> bool:
        """Whether a mask can be cut off: finite, and Softmax makes zero of it before anything else reads it."""
        made, readers = node.outputs[0], self._view.readers(node.outputs[0])
        if Trait.MASKS not in operator.traits or made in self._view.ends or not readers:
            return False
        if operator.scales is Scales.CHOICE and node.inputs[0] not in self._view.constants:
            return False
        values = self._view.constants[name].numpy()
        softmax = all(find(reader) is operators.softmax.OPERATOR for reader in readers)
        return softmax and bool(np.isfinite(values).all() and values.max() <= 0)


def _values(operator: Operator, node: Node) -> tuple[str, ...]:
    """The inputs that carry values."""
    data = operator.data
    return node.inputs if data is None else tuple(n for i, n in enumerate(node.inputs) if i in data)


def _sources(operator: Operator, node: Node) -> Iterator[str]:
    """The inputs that may bring a sentinel in, where they are constants."""
    if operator.scales in (Scales.ELEMENTWISE, Scales.CHOICE, Scales.PASSES):
        yield from dict.fromkeys((*_values(operator, node), *operator.inserts(node)))
    else:
        yield from operator.inserts(node)


def _fills(operator: Operator, node: Node) -> bool:
    """Whether a node makes a tensor of one number, which is a sentinel."""
    if operator is not operators.constant_of_shape.OPERATOR or "value" not in node.attributes:
        return False
    number = np.asarray(node.attributes["value"])
    return number.dtype.kind == "f" and bool((np.abs(number) >= SENTINEL).any())


def _absorbs(operator: Operator, node: Node, view: GraphView) -> bool:
    """Whether no sentinel leaves an operator: it is a product, or its results have limits, or are no real numbers."""
    if operator.scales in (Scales.PRODUCT, Scales.NORMALIZATION, Scales.LOOKUP):
        return True
    lowest = operator.output_range[0] if operator.output_range else -math.inf
    limits = operator.limits(node, view.constants)
    if max(lowest, limits[0] if limits else -math.inf) > -SENTINEL:
        return True
    return all(view.dtypes.get(name, "float32") not in _REAL for name in node.outputs)


def _scores(view: GraphView) -> tuple[set[str], set[str]]:
    """The values that Softmax reads with no product in between, and the inputs of the graph that are added to them."""
    scores: set[str] = set()
    masks: set[str] = set()
    inputs = {value.name for value in view.graph.inputs if value.dtype in _REAL}
    for last in view.graph.nodes:
        if find(last) is not operators.softmax.OPERATOR:
            continue
        before, stack, is_product = set[str](), [last.inputs[0]], False
        while stack:
            name = stack.pop()
            producer = view.producer(name)
            operator = None if producer is None else find(producer)
            if name in before or name in view.constants:
                continue
            before.add(name)
            if producer is None or operator is None:
                continue
            if _absorbs(operator, producer, view):
                is_product |= operator.scales is Scales.PRODUCT
            else:
                stack += filter(None, _values(operator, producer))
        scores |= before
        masks |= before & inputs if is_product else set()
    return scores, masks
