"""Which operator set a graph needs for the forms that its nodes have."""

from __future__ import annotations

from collections.abc import Iterator

from playground import operators
from playground.errors import UnsupportedError
from playground.model.element_types import BY_ONNX
from playground.model.graph import Graph, Node

OLDEST, NEWEST = 7, 28
"""The operator sets whose models are brought to the working set."""

FLOOR = 13
"""The working set at least: the first one in which a tensor may have a scale for each channel."""

NEWEST_WRITTEN = 26
"""The newest that files are written in: ONNX Runtime Web takes no later one."""

_OF_TYPES = {
    **dict.fromkeys(("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), 19),
    **dict.fromkeys(("int4", "uint4"), 21),
    **dict.fromkeys(("float4_e2m1fn", "float8_e8m0fnu"), 23),
    **dict.fromkeys(("int2", "uint2"), 25),
    **dict.fromkeys(("float6_e2m3fn", "float6_e3m2fn"), 28),
}
"""Element type -> the operator set since which operators take it; all take the others."""


def needed(graph: Graph) -> tuple[int, str]:
    """The oldest operator set that has all nodes of a graph in their forms, and what asks for it."""
    types = set(_types(graph))
    late = ((_OF_TYPES[name], f"values of type {name}") for name in types if name in _OF_TYPES)
    most = max(late, default=(1, ""))
    for node in _nodes(graph):
        asked = _needed_by(node, types)
        if asked > most[0]:
            most = asked, f"node {node.name!r} ({node.op})"
    return most


def with_operator_set(graph: Graph) -> Graph:
    """The graph in an operator set that has all of its nodes: its own, if it has them and is not too new to be written.

    A node of an operator that is not known here needs the graph's own.
    """
    return in_set(graph, max(FLOOR, min(graph.opset, NEWEST_WRITTEN), needed(graph)[0]))


def is_too_old(graph: Graph) -> bool:
    """Whether ONNX's own operators of a graph are of a set in which they may mean something else."""
    return graph.opset < OLDEST and any(not node.domain for node in graph.walk())


def refuse_others(graph: Graph) -> None:
    """Raise UnsupportedError for a graph of a set that is older than what is read, or newer than what is written."""
    if is_too_old(graph):
        raise UnsupportedError(
            f"operator set {graph.opset} is too old: {OLDEST} is the oldest whose graphs are read",
            where=graph.name,
            hint="Convert it with onnx.version_converter",
        )
    if graph.opset > NEWEST_WRITTEN:
        opset, what = needed(graph)
        because = f", because of {what}" if opset > NEWEST_WRITTEN else ""
        raise UnsupportedError(
            f"the model needs operator set {graph.opset}{because}, and files are written in {NEWEST_WRITTEN} at most",
            where=graph.name,
            hint="Export it for an older operator set",
        )


def in_set(graph: Graph, opset: int) -> Graph:
    """The graph with another number for its operator set, in the graphs inside its nodes too."""
    if graph.opset == opset and all(inner.opset == opset for node in graph.nodes for inner in node.branches):
        return graph
    nodes = tuple(_with_branches(node, opset) if node.branches else node for node in graph.nodes)
    return graph.with_(nodes=nodes, opset=opset)


def _with_branches(node: Node, opset: int) -> Node:
    changed = {name: in_set(held, opset) if isinstance(held, Graph) else held for name, held in node.attributes.items()}
    return Node(node.op, node.name, node.inputs, node.outputs, changed, node.domain)


def _needed_by(node: Node, types: set[str]) -> int:
    operator = operators.find(node)
    if node.domain or operator is None:
        return 1
    late = (opset for name, opset in operator.types_since.items() if name in types)
    return max(operator.needs(node), *late, 1)


def _nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for inner in node.branches:
            yield from _nodes(inner)


def _types(graph: Graph) -> Iterator[str]:
    """The element types that a graph states: of its inputs, outputs, constants, and what Cast makes."""
    yield from (value.dtype for value in (*graph.inputs, *graph.outputs))
    yield from (tensor.dtype for tensor in graph.initializers.values())
    for node in graph.nodes:
        if operators.find(node) is operators.cast.OPERATOR and node.attributes.get("to") in BY_ONNX:
            yield BY_ONNX[node.attributes["to"]].name
        for inner in node.branches:
            yield from _types(inner)


def floats(graph: Graph) -> set[str]:
    """The types of floats that a graph states."""
    return {name for name in _types(graph) if name in ("float16", "bfloat16", "float32", "float64")}
