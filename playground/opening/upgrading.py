"""A graph of an older operator set, brought to the forms of operators that the rest of the program knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import is_

from playground.errors import BadFileError, PlaygroundError
from playground.model.graph import Dim, Graph, Node, Tensor
from playground.model.naming import FreeNames
from playground.opening.operator_sets import floats
from playground.operators import Scales, find
from playground.operators._ranks import as_input, broadcast
from playground.operators._upgrades import Older, Upgrade
from playground.programs.call import Array

_RULES = {
    **dict.fromkeys((Scales.FUNCTION, Scales.CLIPS, Scales.NORMALIZATION), as_input),
    **dict.fromkeys((Scales.ELEMENTWISE, Scales.CHOICE), broadcast),
}
"""How many axes the outputs of operators have that say nothing about it themselves."""

_RANKS_BEFORE = 13
"""Since this operator set no upgrade asks how many axes a value has."""


@dataclass(slots=True)
class _Scope:
    """What is known of the values of a graph, and through ``outer`` of those around it."""

    constants: dict[str, Tensor]
    ranks: dict[str, int | None]
    outer: _Scope | None = None

    def tensor(self, name: str) -> Tensor | None:
        found = self.constants.get(name)
        return self.outer.tensor(name) if found is None and self.outer is not None else found

    def rank(self, name: str) -> int | None:
        held = self.constants.get(name)
        if held is not None:
            return len(held.shape)
        if name in self.ranks or self.outer is None:
            return self.ranks.get(name)
        return self.outer.rank(name)

    def known(self, name: str) -> Array | None:
        held = self.tensor(name) if name else None
        return None if held is None else held.numpy()

    def learn(self, node: Node) -> None:
        """How many axes the outputs of a node have."""
        operator = find(node)
        if operator is None or not node.outputs:
            return
        rule = operator.rank or _RULES.get(operator.scales)
        found = rule(node, self.rank, self.known) if rule is not None else None
        if found is not None:
            self.ranks.update(dict.fromkeys(filter(None, node.outputs), found))


def upgraded(graph: Graph) -> Graph:
    """The graph with its operators in the forms known here, its branches too; the graph itself if they are.

    Its operator set stays the number it was: see :func:`playground.opening.operator_sets.with_operator_set`.

    Raises:
        BadFileError: a node cannot be what its operator set says.
    """
    if not any(_is_older(graph)):
        return graph
    stated = floats(graph)
    names, node_names = FreeNames(_value_names(graph)), FreeNames(node.name for node in _all_nodes(graph))
    element = next(iter(stated), "float32") if len(stated) < 2 else ""
    return _Upgrading(graph.opset, element, names, node_names).graph(graph, None)


def _is_older(graph: Graph) -> Iterator[bool]:
    for node in _all_nodes(graph):
        operator = find(node)
        yield operator is not None and operator.upgrade is not None


def _all_nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for inner in node.branches:
            yield from _all_nodes(inner)


def _value_names(graph: Graph) -> Iterator[str]:
    yield from graph.initializers
    yield from (value.name for value in graph.inputs)
    for node in graph.nodes:
        yield from node.inputs
        yield from node.outputs
        for inner in node.branches:
            yield from _value_names(inner)


@dataclass(slots=True)
class _Upgrading:
    opset: int
    element: str
    names: FreeNames
    node_names: FreeNames

    def graph(self, graph: Graph, outer: _Scope | None) -> Graph:
        """A graph, or one inside a node of the graph that ``outer`` knows."""
        ranks = {value.name: _axes(value.shape) for value in (*graph.outputs, *graph.inputs)}
        scope = _Scope(dict(graph.initializers), ranks, outer)
        older = Older(self.opset, self.element, self.names, self.node_names, scope.tensor, scope.rank)
        nodes: list[Node] = []
        for node in graph.nodes:
            made = self._inside(node, scope) if node.branches else node
            operator = find(node)
            if operator is not None and operator.upgrade is not None:
                made = _today(operator.upgrade, older, made, graph.name)
            more = [*older.nodes, made]
            scope.constants.update(older.constants)
            older.nodes.clear()
            older.constants.clear()
            if self.opset < _RANKS_BEFORE:
                for added in more:
                    scope.learn(added)
            nodes += more
        same = len(nodes) == len(graph.nodes) and all(map(is_, nodes, graph.nodes))
        return graph if same else graph.with_(nodes=tuple(nodes), initializers=scope.constants)

    def _inside(self, node: Node, scope: _Scope) -> Node:
        made = {name: self.graph(held, scope) for name, held in node.attributes.items() if isinstance(held, Graph)}
        if all(graph is node.attributes[name] for name, graph in made.items()):
            return node
        return replace(node, attributes={**node.attributes, **made})


def _today(upgrade: Upgrade, older: Older, node: Node, where: str) -> Node:
    try:
        return upgrade(older, node)
    except PlaygroundError as error:
        raise error.at(error.where or f"{where}: node {node.name!r} ({node.op})") from error
    # inputs and attributes that contradict an operator raise exceptions of any type
    except Exception as error:
        raise BadFileError(
            f"the node is none of operator set {older.opset} ({error})",
            where=f"{where}: node {node.name!r} ({node.op})",
            hint="Export the model again",
        ) from error


def _axes(shape: tuple[Dim, ...] | None) -> int | None:
    return None if shape is None else len(shape)
