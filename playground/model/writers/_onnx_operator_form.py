"""A QDQ graph in ONNX's operator form (QOperator): one operator on codes for DequantizeLinear, X, QuantizeLinear.

What has no operator on codes stays as it is. Scales, zero-points and codes are the same constants as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from playground.model.graph import Graph, Node, Tensor
from playground.model.naming import FreeNames
from playground.model.writers._onnx_code_operators import CONVERTERS, MICROSOFT, Between, Made
from playground.model.writers._onnx_codes import DEQUANTIZE, QUANTIZE, Surroundings

NO_OPERATOR = "there is no operator on codes for it"


@dataclass(frozen=True, slots=True)
class OperatorForm:
    """A graph in operator form.

    Attributes:
        graph: it; of an operator set that may be newer than its nodes need.
        joined: how many nodes became operators on codes.
        left: name of a node between codes that has no such form -> its operator, and why.
        stored: name of the codes of a weight that were packed anew -> bytes of all its constants.
        saved: bytes of constants that the graph before had and this one has not.
    """

    graph: Graph
    joined: int
    left: Mapping[str, tuple[str, str]]
    stored: Mapping[str, int] = field(default_factory=dict)
    saved: int = 0

    def of(self, graph: Graph, before: Graph) -> OperatorForm:
        """The same about a graph that differs in its operator set, and about the one that it was made from."""
        return replace(self, graph=graph, saved=_constant_bytes(before) - _constant_bytes(graph))


def in_operator_form(graph: Graph) -> OperatorForm:
    """The operator form of a graph with quantized activations, as ``quantize_static`` of ONNX Runtime writes it."""
    around = Surroundings(graph, {}, FreeNames.of(graph))
    names = FreeNames(node.name for node in graph.walk())
    nodes: list[Node] = []
    gone: set[str] = set()
    left: dict[str, tuple[str, str]] = {}
    joined = 0
    for node in graph.nodes:
        if node.outputs and node.outputs[0] in gone:
            continue
        made = _converted(node, around)
        if isinstance(made, Node):
            gone.update(made.outputs)  # what quantized the results
            nodes.append(replace(made, name=names.take(made.name)))
            joined += 1
            continue
        if made:
            left[node.name] = node.op, made
        nodes.append(node)
    if not gone:
        return OperatorForm(graph, 0, left)
    return OperatorForm(with_nodes(graph, tuple(nodes), around.made), joined, left)


def _constant_bytes(graph: Graph) -> int:
    """Bytes of all constants, those of branches included."""
    inner = sum(_constant_bytes(branch) for node in graph.nodes for branch in node.branches)
    return inner + sum(tensor.nbytes for tensor in graph.initializers.values())


def _converted(node: Node, around: Surroundings) -> Made:
    """The node on codes; why there is none; empty if it is not between codes."""
    if node.op in (QUANTIZE, DEQUANTIZE) or node.branches or node.domain:
        return ""
    inputs = tuple(around.source(name) for name in node.inputs)
    outputs = tuple(around.result(name) for name in node.outputs)
    used = [bool(around.uses(name)) for name in node.outputs]
    if not any(inputs) or not any(outputs) or used != [result is not None for result in outputs]:
        return ""
    convert: Callable[[Between], Made] | None = CONVERTERS.get(node.op)
    return convert(Between(node, inputs, outputs, around)) if convert is not None else NO_OPERATOR


def with_nodes(graph: Graph, nodes: tuple[Node, ...], made: Mapping[str, Tensor]) -> Graph:
    """The graph with other nodes, without what nothing reads any more, and with the domain of ONNX Runtime's own."""
    ends = {value.name for value in graph.outputs}
    read = ends | {name for node in nodes for name in node.reads}
    nodes = tuple(node for node in nodes if node.op != DEQUANTIZE or node.outputs[0] in read)
    read = ends | {name for node in nodes for name in node.reads}
    held = {name: tensor for name, tensor in {**graph.initializers, **made}.items() if name in read}
    others = dict(graph.other_opsets)
    if any(inner.domain == MICROSOFT for node in nodes for inner in _with_those_inside(node)):
        others.setdefault(MICROSOFT, 1)
    return graph.with_(nodes=nodes, initializers=held, other_opsets=others)


def _with_those_inside(node: Node) -> Iterator[Node]:
    yield node
    for branch in node.branches:
        yield from branch.walk()
