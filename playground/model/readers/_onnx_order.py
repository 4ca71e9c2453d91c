"""Nodes of an ONNX graph in topological order, which the format demands and some files lack."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from playground.errors import BadFileError
from playground.model.onnx_proto import Message


def in_order(nodes: Sequence[Message], known: Container[str], where: str) -> Sequence[Message]:
    """The nodes, each behind those that make what it reads; else they keep their places.

    Args:
        nodes: of one graph.
        known: names of values that are there before the first node.
        where: what errors call the file.

    Raises:
        BadFileError: they form a cycle; a node of it is named.
    """
    made: set[str] = set()
    for node in nodes:
        if any(name not in made and name not in known for name in _reads(node)):
            return _sorted(nodes, where)
        made.update(node.output)
    return nodes


def _sorted(nodes: Sequence[Message], where: str) -> Sequence[Message]:
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    sorter = TopologicalSorter(
        {index: {makers[name] for name in _reads(node) if name in makers} for index, node in enumerate(nodes)}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        at = min(error.args[1])
        raise BadFileError(
            "the node reads what is made of its own output",
            where=f"{where}: node {nodes[at].name or at!r} ({nodes[at].op_type})",
            hint="Remove the cycle from the graph",
        ) from error
    order: list[Message] = []
    ready: list[int] = []
    while sorter.is_active():
        for index in sorter.get_ready():
            heapq.heappush(ready, index)
        first = heapq.heappop(ready)
        order.append(nodes[first])
        sorter.done(first)
    return order


def _reads(node: Message) -> Iterator[str]:
    """The names that a node reads from its graph, those that the graphs inside it read included."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield from _read_outside(attribute.g)


def _read_outside(graph: Message) -> Iterator[str]:
    own = {entry.name for entry in (*graph.input, *graph.initializer)}
    own.update(name for node in graph.node for name in node.output)
    for node in graph.node:
        yield from (name for name in _reads(node) if name not in own)
    yield from (value.name for value in graph.output if value.name not in own)
