"""Runs single nodes by ONNX Runtime where NumPy would be slow: for work that runs parts of a graph over and over.

A session has one node and takes all of its inputs, weights too: a float layer and the same one with rounded weights
share it. Nodes that are small, or that NumPy computes in one pass, stay in NumPy.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import host
from playground.engines.evaluation import Values, evaluate_task, stored_types
from playground.errors import EngineError, MissingError, UnsupportedError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.operators import Operator, Scales, Trait, find
from playground.tasks import Task

LARGE = 2**15
"""Elements of a node's largest input from which calling a session is worth it."""

PATIENCE = 2**30 if host.IN_BROWSER else 0
"""Multiply-adds, a second's work, that NumPy does before the page fetches ONNX Runtime; natively it is at hand."""

_ONE_PASS = {Scales.ELEMENTWISE, Scales.CHOICE, Scales.LOOKUP, Scales.CLIPS, Scales.FLOAT}
_TYPES = {"float32", "int8", "uint8", "int32", "int64"}


class SingleNodes:
    """Sessions of single nodes, kept for nodes that are alike."""

    def __init__(self, patience: int = PATIENCE) -> None:
        """Start without a session; the first ``patience`` multiply-adds of large nodes are NumPy's."""
        self._sessions: dict[Hashable, host.OrtSession | None] = {}
        self._missing = False
        self._patience = patience

    def evaluate_task(self, graph: Graph, node: Node, values: Mapping[str, NDArray[Any]]) -> Task[Values]:
        """The outputs of a node by name, by ONNX Runtime or by NumPy; see :func:`evaluation.evaluate_task`.

        Float results differ in their last bits between the two; which it is depends on sizes alone, those of the nodes
        before included.
        """
        inputs = [values[name] if name else None for name in node.inputs]
        if not self._missing and _is_slow(graph, node, inputs):
            if self._patience > 0:
                made = yield from evaluate_task(graph, node, values)
                self._patience -= _operations(node, {**values, **made})
                return made
            session = yield from self._session_task(graph, node, inputs)
            if session is not None:
                try:
                    feeds = {
                        f"x{place}": np.ascontiguousarray(x).reshape(x.shape)
                        for place, x in enumerate(inputs)
                        if x is not None
                    }
                    made = yield session.run(feeds)
                    return {name: made[f"y{place}"] for place, name in enumerate(node.outputs) if name}
                except EngineError:  # NumPy says what is wrong, and names the node
                    pass
        return (yield from evaluate_task(graph, node, values))

    def _session_task(
        self, graph: Graph, node: Node, inputs: list[NDArray[Any] | None]
    ) -> Task[host.OrtSession | None]:
        kinds = tuple(None if x is None else (x.dtype.name, x.ndim) for x in inputs)
        outputs = tuple(bool(name) for name in node.outputs)
        key = (node.op, node.domain, repr(sorted(node.attributes.items())), graph.opset, kinds, outputs)
        if key not in self._sessions:
            try:
                self._sessions[key] = yield host.ort_session(to_onnx(_alone(graph, node, inputs)), one_node=True)
            except UnsupportedError:
                self._sessions[key] = None
            except MissingError:
                self._missing = True
                return None
        return self._sessions[key]


def _is_slow(graph: Graph, node: Node, inputs: list[NDArray[Any] | None]) -> bool:
    operator = find(node)
    if operator is None or node.branches or not _takes_passes(operator):
        return False
    if max((x.size for x in inputs if x is not None), default=0) < LARGE:
        return False
    types = [x.dtype.name for x in inputs if x is not None]
    # Where only the file says what codes are, an array's type would be another one's
    stored = [t for t in stored_types(node, (graph,)) if t]
    return _TYPES.issuperset(types) and _TYPES.issuperset(stored)


def _operations(node: Node, values: Mapping[str, NDArray[Any]]) -> int:
    operator = find(node)
    shapes = {name: values[name].shape for name in (*node.inputs, *node.outputs) if name}
    return operator.cost(node, shapes) if operator is not None else 0


def _takes_passes(operator: Operator) -> bool:
    """Whether NumPy goes through the values more than once, or over windows of them, as for the largest under each."""
    only_moves = Trait.MOVES in operator.traits and Trait.MONOTONIC not in operator.traits
    return not only_moves and operator.scales not in _ONE_PASS


def _alone(graph: Graph, node: Node, inputs: list[NDArray[Any] | None]) -> Graph:
    """A graph of this node, whose inputs are all fed, in any sizes."""
    fed = tuple(
        ValueInfo(f"x{place}", x.dtype.name, tuple(f"x{place}_{axis}" for axis in range(x.ndim)))
        for place, x in enumerate(inputs)
        if x is not None
    )
    reads = tuple("" if x is None else f"x{place}" for place, x in enumerate(inputs))
    makes = tuple(f"y{place}" if name else "" for place, name in enumerate(node.outputs))
    ends = tuple(ValueInfo(name, "", None) for name in makes if name)
    alone = Node(node.op, "node", reads, makes, node.attributes, node.domain)
    return Graph("node", fed, ends, (alone,), {}, graph.opset, graph.other_opsets)
