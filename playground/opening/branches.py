"""Graphs inside nodes (branches of If, bodies of Loop and Scan), brought to a form that is easy to work with.

Their weights become constants of the graph around them, which ONNX lets them read: so a weight is listed, shown and
quantized wherever it is used. Names become unique: no value hides another one, no two nodes share a name.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from playground import operators
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.naming import FreeNames
from playground.operators import find

MOST_PATH = 400
"""Characters of a path that names begin with; with more, numbers tell names apart."""

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def with_weights_outside(graph: Graph) -> Graph:
    """The graph with the weights of its branches among its own constants; the graph itself if it has no branches.

    Weights are all constants of several floats. One whose name is that of another value, too, is named after where it
    is: ``node/then_branch/name``. What a branch gives as it is stays inside, since ONNX Runtime wants it so, and the
    scales of codes do.
    """
    if not any(node.branches for node in graph.nodes):
        return graph
    defined = Counter(_defined(graph))
    names = FreeNames(defined)
    nodes = FreeNames(node.name for node in graph.nodes)
    moving = _Moving(defined, names, nodes)
    made = tuple(moving.node(node, {}) for node in graph.nodes)
    return graph.with_(nodes=made, initializers={**graph.initializers, **moving.constants})


def _defined(graph: Graph) -> Iterator[str]:
    """The names of all values of a graph and of those inside it, once for each time one is defined."""
    yield from (value.name for value in graph.inputs)
    yield from graph.initializers
    for node in graph.nodes:
        yield from filter(None, node.outputs)
        for branch in node.branches:
            yield from _defined(branch)


def reading(node: Node, names: Mapping[str, str]) -> Node:
    """The node and those in its branches, reading values by other names. No value inside it may have one of these."""
    if not names:
        return node
    inputs = tuple(names.get(name, name) for name in node.inputs)
    changed = {name: _reading_inside(held, names) for name, held in node.attributes.items() if isinstance(held, Graph)}
    return replace(node, inputs=inputs, attributes={**node.attributes, **changed} if changed else node.attributes)


def _reading_inside(graph: Graph, names: Mapping[str, str]) -> Graph:
    outputs = tuple(_renamed(value, names) for value in graph.outputs)
    return graph.with_(nodes=tuple(reading(node, names) for node in graph.nodes), outputs=outputs)


@dataclass(slots=True)
class _Moving:
    """Moves weights outside.

    Attributes:
        defined: how many values have a name, in all graphs together.
        names: those that no value has.
        nodes: names that no node has.
        constants: what has been moved.
    """

    defined: Mapping[str, int]
    names: FreeNames
    nodes: FreeNames
    constants: dict[str, Tensor] = field(default_factory=dict)

    def node(self, node: Node, renamed: Mapping[str, str]) -> Node:
        """A node that reads values by their new names, its branches too."""
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        if not node.branches:
            return node if inputs == node.inputs else replace(node, inputs=inputs)
        attributes = {
            name: self._branch(held, f"{node.name}/{name}", renamed) if isinstance(held, Graph) else held
            for name, held in node.attributes.items()
        }
        return replace(node, inputs=inputs, attributes=attributes)

    def _branch(self, graph: Graph, path: str, renamed: Mapping[str, str]) -> Graph:
        stay = {value.name for value in graph.outputs}
        own: dict[str, str] = {}
        kept: dict[str, Tensor] = {}
        for name in dict.fromkeys(_own(graph)):
            own[name] = name if self.defined[name] == 1 else self.names.take(_inside(path, name))
        # ONNX Runtime joins these with what reads their result, if their constants are in one graph with them
        of_codes = (*operators.quantize_linear.OPERATORS, *operators.dequantize_linear.OPERATORS)
        stay.update(name for node in graph.nodes if find(node) in of_codes for name in node.inputs)
        for name, tensor in graph.initializers.items():
            weight = tensor.dtype in _FLOATS and tensor.size > 1 and name not in stay
            (self.constants if weight else kept)[own[name]] = replace(tensor, name=own[name])
        inside = {**renamed, **own}
        nodes = []
        for node in graph.nodes:
            called = self.nodes.take(_inside(path, node.name) if node.name in self.nodes else node.name)
            made = self.node(replace(node, name=called), inside)
            nodes.append(replace(made, outputs=tuple(own.get(name, name) for name in node.outputs)))
        return graph.with_(
            inputs=tuple(_renamed(value, own) for value in graph.inputs),
            outputs=tuple(_renamed(value, inside) for value in graph.outputs),
            nodes=tuple(nodes),
            initializers=kept,
        )


def _inside(path: str, name: str) -> str:
    """The name of what is inside; without the path where that is long, so that names do not grow with the depth."""
    return f"{path}/{name}" if len(path) <= MOST_PATH else name


def _own(graph: Graph) -> Iterator[str]:
    yield from (value.name for value in graph.inputs)
    yield from graph.initializers
    for node in graph.nodes:
        yield from filter(None, node.outputs)


def _renamed(value: ValueInfo, names: Mapping[str, str]) -> ValueInfo:
    return replace(value, name=names.get(value.name, value.name))


def with_known_conditions(graph: Graph) -> Graph:
    """The graph with the chosen branch in the place of every If whose condition is a constant.

    Args:
        graph: as :func:`with_weights_outside` leaves it.
    """
    return _chosen_inside(graph, ChainMap())


def _chosen_inside(graph: Graph, around: ChainMap[str, Tensor]) -> Graph:
    """A graph inside one whose constants are ``around`` it; the graph itself if all its conditions are open."""
    constants = dict(graph.initializers)
    known = ChainMap(constants, around)
    nodes: list[Node] = []
    todo = list(reversed(graph.nodes))
    changed = False
    while todo:
        node = todo.pop()
        branch = _chosen(node, known)
        if branch is not None:
            constants |= branch.initializers
            todo += reversed(_in_place(node, branch))
            changed = True
        else:
            nodes.append(_with_chosen_inside(node, known))
            changed |= nodes[-1] is not node
    return graph.with_(nodes=tuple(nodes), initializers=constants) if changed else graph


def _with_chosen_inside(node: Node, around: ChainMap[str, Tensor]) -> Node:
    held = {name: graph for name, graph in node.attributes.items() if isinstance(graph, Graph)}
    made = {name: _chosen_inside(graph, around) for name, graph in held.items()}
    if all(made[name] is graph for name, graph in held.items()):
        return node
    return replace(node, attributes={**node.attributes, **made})


def _in_place(node: Node, branch: Graph) -> list[Node]:
    """The nodes of a branch, what they make named as the node's outputs."""
    made = {name for inner in branch.nodes for name in inner.outputs}
    names: dict[str, str] = {}
    ends = []
    for value, name in zip(branch.outputs, node.outputs, strict=False):
        if name and value.name in made and value.name not in names:
            names[value.name] = name
        elif name:  # it comes from around the branch, or has been named already
            ends.append(
                Node(
                    operators.identity.OPERATOR.name,
                    f"{node.name}/{name}",
                    (names.get(value.name, value.name),),
                    (name,),
                )
            )
    nodes = [
        replace(reading(inner, names), outputs=tuple(names.get(name, name) for name in inner.outputs))
        for inner in branch.nodes
    ]
    return [*nodes, *ends]


def _chosen(node: Node, constants: Mapping[str, Tensor]) -> Graph | None:
    """The branch that an If with a constant condition always takes."""
    condition = constants.get(node.inputs[0]) if find(node) is operators.if_.OPERATOR and node.inputs else None
    if condition is None or condition.size != 1:
        return None
    found = node.attributes.get("then_branch" if condition.numpy().reshape(-1)[0] else "else_branch")
    return found if isinstance(found, Graph) else None
