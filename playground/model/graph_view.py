"""One view of a graph: who reads and makes each value, what is known about it, and which constants are weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from playground.model.graph import Graph, Node

Weight = tuple[str, int | None]
"""A constant that holds weights, and its axis along which outputs have a channel each."""


class GraphView:
    """What follows from a graph's nodes, worked out once.

    Attributes:
        graph: it.
        nodes: all of them, those in branches behind the node that they are in.
        inner: the nodes in branches.
        constants: its constants by name.
        ends: the names of its outputs.
        dtypes: element types of inputs and constants, and of the values whose types were told.
    """

    def __init__(
        self,
        graph: Graph,
        weight: Callable[[Node], Weight | None] = lambda node: None,
        other_weights: Callable[[Node], Sequence[Weight]] = lambda node: (),
        dtypes: Mapping[str, str] | None = None,
    ) -> None:
        """Walk the nodes once.

        Args:
            graph: the graph.
            weight: the weight of a node, if it is a product; None where no constant is one.
            other_weights: the weights of nodes that are no products.
            dtypes: element types of values that the graph itself does not state.
        """
        self.graph, self.constants = graph, graph.initializers
        self.nodes = tuple(graph.walk())
        self._around = {id(node): outer for outer in graph.nodes for node in _inside(outer)}
        self.inner = tuple(node for node in self.nodes if id(node) in self._around)
        self.ends = frozenset(value.name for value in graph.outputs)
        self.dtypes = {value.name: value.dtype for value in graph.inputs} | dict(dtypes or {})
        self.dtypes |= {name: tensor.dtype for name, tensor in graph.initializers.items()}
        self._producers: dict[str, Node] = {}
        self._readers: dict[str, list[Node]] = {}
        self._uses: dict[str, int] = {}
        self._users: dict[str, list[Node]] = {}
        self._products: dict[int, Weight] = {}
        self._others: dict[int, Sequence[Weight]] = {}
        for node in graph.nodes:
            self._add(node)
        for node in self.nodes:
            found = weight(node)
            if found is not None:
                self._products[id(node)] = found
            if others := other_weights(node):
                self._others[id(node)] = others
            for name in dict.fromkeys(node.inputs):
                self._users.setdefault(name, []).append(node)
        for value in graph.outputs:
            self._uses[value.name] = self._uses.get(value.name, 0) + 1

    def _add(self, node: Node) -> None:
        for name in node.reads:
            readers = self._readers.setdefault(name, [])
            if not readers or readers[-1] is not node:
                readers.append(node)
            self._uses[name] = self._uses.get(name, 0) + 1
        self._producers |= dict.fromkeys(filter(None, node.outputs), node)

    def producer(self, name: str) -> Node | None:
        """The node that makes a value; None of an input or a constant."""
        return self._producers.get(name)

    def readers(self, name: str) -> Sequence[Node]:
        """The nodes that read a value, or whose branches do, each once and in graph order."""
        return self._readers.get(name, ())

    def users(self, name: str) -> Sequence[Node]:
        """The nodes that have a value among their inputs, those in branches included."""
        return self._users.get(name, ())

    def outermost(self, node: Node) -> Node:
        """The node of the graph itself that a node is, or is in a branch of."""
        return self._around.get(id(node), node)

    def uses(self, name: str) -> int:
        """How often a value is read: by nodes, by their branches, and as an output of the graph."""
        return self._uses.get(name, 0)

    def weight(self, node: Node) -> str | None:
        """The constant that holds a product's weights; None if it has none, or is no product."""
        found = self._products.get(id(node))
        return found[0] if found else None

    def channel_axis(self, node: Node) -> int | None:
        """The axis of a product's weight along which outputs have a channel each; None if it has none."""
        found = self._products.get(id(node))
        return found[1] if found else None

    def weights(self, node: Node) -> Sequence[Weight]:
        """The constants that hold a node's weights: one of a product, up to two of a recurrent operator."""
        found = self._products.get(id(node))
        return self._others.get(id(node), ()) if found is None else (found,)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a constant; None of other values."""
        tensor = self.constants.get(name)
        return None if tensor is None else tensor.shape


def _inside(node: Node) -> Iterable[Node]:
    return (inner for branch in node.branches for inner in branch.walk())


def needed_for(names: Iterable[str], nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes that the named values need, in their order."""
    wanted = set(names)
    kept: list[Node] = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.reads)
    return tuple(reversed(kept))
