"""Constant folding: what depends on constants alone is computed once, so that weights behind operators are weights.

Codes stay codes (DequantizeLinear is not computed), and so does what would grow too far: see ``playground.limits``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from playground import limits, operators
from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME, BY_ONNX
from playground.model.graph import Graph, Node, Tensor
from playground.operators import Operator, Scales, Trait, find
from playground.programs.call import Array
from playground.programs.room import Room

_HELD = 2**16
"""Bytes of a result that is kept in any case; of larger ones so many as limits.MOST_KEPT_BYTES says."""

_DEEPEST = 16
"""Results that are computed anew from each other when they are asked for."""


@dataclass(slots=True)
class _Budget:
    """What folding a whole model may still take: bytes of results, read or written on the way, and kept in memory."""

    results: int
    work: int
    held: int


def folded(graph: Graph) -> tuple[Graph, int]:
    """The graph without the nodes that read constants alone, and how many these were; graphs inside nodes too.

    Nodes that have no float function here, draw at random, fail, or make an output of the graph stay.
    """
    given = _constant_bytes(graph)
    budget = _Budget(limits.folded_bytes(given), limits.folding_traffic(given), limits.MOST_KEPT_BYTES)
    return _Folding(graph, {}, budget).graph()


def _constant_bytes(graph: Graph) -> int:
    inner = (held for node in graph.nodes for held in node.branches)
    return sum(tensor.nbytes for tensor in graph.initializers.values()) + sum(map(_constant_bytes, inner))


class _Folding:
    """The work on one graph; ``outer`` holds the constants of those around it."""

    def __init__(self, graph: Graph, outer: Mapping[str, Tensor], budget: _Budget) -> None:
        self._graph, self._budget = graph, budget
        self._known = {**outer, **graph.initializers}
        self._made: dict[str, Tensor] = {}
        self._depth: dict[str, int] = {}
        self._same: dict[str, str] = {}
        self._alike: dict[Any, tuple[str, ...]] = {}
        self._ends = {value.name for value in graph.outputs}
        self._captured = {name for node in graph.nodes if node.branches for name in node.reads}
        self._inside = 0

    def graph(self) -> tuple[Graph, int]:
        """The graph after it, and how many nodes are gone."""
        kept = []
        for node in self._graph.nodes:
            found = self._renamed(node)
            if node.branches:
                kept.append(self._with_branches(found))
            elif not self._fold(found):
                kept.append(found)
        gone = len(self._graph.nodes) - len(kept)
        if not gone and not self._inside:
            return self._graph, 0
        read = {name for node in kept for name in node.reads} | self._ends
        # a constant that only folded nodes had read is no part of the graph any more
        used = {name for node in self._graph.nodes for name in node.reads} - read
        held = {**self._graph.initializers, **self._made}
        held = {name: tensor for name, tensor in held.items() if name not in used}
        return self._graph.with_(nodes=tuple(kept), initializers=held), gone + self._inside

    def _renamed(self, node: Node) -> Node:
        if self._same.keys().isdisjoint(node.inputs):
            return node
        return replace(node, inputs=tuple(self._same.get(name, name) for name in node.inputs))

    def _with_branches(self, node: Node) -> Node:
        attributes = dict(node.attributes)
        for name, held in attributes.items():
            if isinstance(held, Graph):
                attributes[name], count = _Folding(held, self._known, self._budget).graph()
                self._inside += count
        return replace(node, attributes=attributes)

    def _fold(self, node: Node) -> bool:
        """Whether a node has become a constant, or another name of one."""
        operator = find(node)
        if operator is None or not self._may_fold(node, operator):
            return False
        fixed = self._captured.intersection(node.outputs)
        if Trait.REMOVABLE in operator.traits and not any(node.outputs[1:]) and not fixed:
            self._same[node.outputs[0]] = node.inputs[0]
            return True
        key = _key(node)
        if key in self._alike and not fixed:
            self._same.update(zip(node.outputs, self._alike[key], strict=True))
            return True
        if not self._compute(node, operator):
            return False
        if key is not None:
            self._alike[key] = node.outputs
        return True

    def _may_fold(self, node: Node, operator: Operator) -> bool:
        named = [name for name in node.inputs if name]
        if not named or any(name not in self._known for name in named) or self._ends.intersection(node.outputs):
            return False
        if operator.run is None or operator.domain or operator.scales is Scales.CODES:
            return False
        if Trait.REMOVABLE in operator.traits and any(node.inputs[2:]):  # it may be in training
            return False
        return _result_type(node, operator, self._known) is not None

    def _compute(self, node: Node, operator: Operator) -> bool:
        tensors = [self._known[name] if name else None for name in node.inputs]
        read = sum(tensor.nbytes for tensor in tensors if tensor is not None)
        if read > self._budget.work:
            return False
        again = partial(_values, operator, node, tensors, min(self._budget.results, self._budget.work))
        try:
            arrays = again()
        # it fails at run time too, and is reported there; attributes and inputs raise exceptions of any type
        except Exception:
            return False
        total = sum(array.nbytes for array in arrays)
        self._budget.work -= read + total
        if total > self._budget.results or any(array.dtype.kind not in "fiubc" for array in arrays):
            return False
        self._budget.results -= total
        depth = 1 + max((self._depth.get(name, 0) for name in node.inputs), default=0)
        dtype = _result_type(node, operator, self._known) or ""
        for place, (name, array) in enumerate(zip(node.outputs, arrays, strict=False)):
            if name:
                held = self._hold(name, array, dtype, depth, partial(_one, again, place))
                self._known[name] = self._made[name] = held
        return True

    def _hold(self, name: str, array: Array, dtype: str, depth: int, again: Callable[[], Array]) -> Tensor:
        """A result that stays in memory, or is computed anew when its values are asked for."""
        element = dtype or array.dtype.name
        nbytes = BY_NAME[element].nbytes(array.size)
        if array.nbytes <= _HELD or array.nbytes <= self._budget.held or depth > _DEEPEST:
            self._budget.held -= array.nbytes
            return Tensor(name, element, array.shape, nbytes, lambda: array)
        self._depth[name] = depth
        return Tensor(name, element, array.shape, nbytes, again)


def _result_type(node: Node, operator: Operator, known: Mapping[str, Tensor]) -> str | None:
    """The element type of a node's results where NumPy has it not; empty where it has; None if that is not known."""
    types = {known[name].dtype for name in node.inputs if name}
    strange = {name for name in types if name not in BY_NAME or not BY_NAME[name].stored}
    if operator is operators.cast.OPERATOR:
        to = BY_ONNX.get(node.attributes.get("to", 0))
        return None if to is None or strange - {"bfloat16"} else ("" if to.stored else None)
    if not strange:
        return ""
    first = known[node.inputs[0]].dtype
    moves = Trait.MOVES in operator.traits or Trait.REMOVABLE in operator.traits
    return first if moves and strange == {first} and first in BY_NAME else None


def _values(operator: Operator, node: Node, tensors: list[Tensor | None], most: int) -> tuple[Array, ...]:
    given = [None if tensor is None else tensor.numpy() for tensor in tensors]
    operator.validate(node)
    room = Room(nbytes=most, operations=limits.FOLDING_OPERATIONS)
    call, function = operator.call(node, len(node.outputs), room=room), operator.run
    if function is None:
        raise UnsupportedError(f"{node.op} has no float function", where=node.name, hint="Use engine='onnxruntime'")
    with np.errstate(all="ignore"):
        made = function(call, *given)
    return tuple(np.asarray(array, order="C") for array in (made if isinstance(made, tuple) else (made,)))


def _one(values: Callable[[], tuple[Array, ...]], place: int) -> Array:
    return values()[place]


def _key(node: Node) -> Any:
    """What nodes have in common that give the same; None where that is not looked for."""
    if any(not isinstance(held, int | float | str | list) for held in node.attributes.values()):
        return None
    return node.op, node.inputs, len(node.outputs), repr(sorted(node.attributes.items()))
