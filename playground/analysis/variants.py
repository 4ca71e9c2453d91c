"""The same quantized model with only some of its layers quantized, or with other weights: one graph each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from playground import operators
from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.operators import Form, Operator, Scales, Trait, find
from playground.ptq.pipeline import written_graph
from playground.ptq.placement import Placement
from playground.ptq.qdq import Quantization
from playground.ptq.report import Skipped
from playground.quantization import QTensor

_FOLLOWS = {Scales.FUNCTION, Scales.ELEMENTWISE, Scales.CHOICE, Scales.PASSES, Scales.CLIPS}
"""What is computed from one layer alone counts with it if it is one of these: activation functions, for instance."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A node in which quantization loses something, and what is computed from it alone.

    Attributes:
        node: its name.
        nodes: it, and the quantized nodes that count with it: a Sigmoid and the product with it, for instance.
        op: its operator.
        weight: the constant that holds its weights, ``""`` without one.
        output: the value that it makes, behind the Relu or Clip that is fused with it; of one in a branch, what the
            node makes that has the branch.
        parameters: number of its weights.
        bytes_before: of its weights, as float; ``bytes_after`` quantized, as stored.
        format: how its weights are quantized, ``""`` if they are not.
        granularity: what shares a scale, ``""`` likewise.
    """

    node: str
    nodes: tuple[str, ...]
    op: str
    weight: str
    output: str
    parameters: int
    bytes_before: int
    bytes_after: int
    format: str
    granularity: str


def layers_of(view: GraphView, quantization: Quantization) -> tuple[Layer, ...]:
    """The layers of a float graph that are quantized, in graph order, those in branches included."""
    placement = quantization.placement
    members: dict[str, list[str]] = {}
    owners: dict[str, str] = {}  # value -> the layer that it is computed from alone, "" if from several or from none
    for node in view.nodes:
        sources = {owners[name] for name in node.inputs if name in owners}
        owner = sources.pop() if len(sources) == 1 else ""
        if _is_layer(node, placement):
            if not owner or not _follows(node, view):
                owner = node.name
            members.setdefault(owner, []).append(node.name)
        owners.update((name, owner) for name in node.outputs if name)
    return tuple(
        _layer(node, tuple(members[node.name]), view, quantization) for node in view.nodes if node.name in members
    )


def _follows(node: Node, view: GraphView) -> bool:
    operator = find(node)
    return operator is not None and operator.scales in _FOLLOWS and view.outermost(node) is node


def _layer(node: Node, nodes: tuple[str, ...], view: GraphView, quantization: Quantization) -> Layer:
    weight = _weight(node, view)
    quantized, tensor = quantization.weights.get(weight), view.constants.get(weight)
    return Layer(
        node=node.name,
        nodes=nodes,
        op=node.op,
        weight=weight,
        output=output_of(node, view, quantization.placement),
        parameters=tensor.size if tensor else 0,
        bytes_before=tensor.nbytes if tensor else 0,
        bytes_after=quantized.nbytes if quantized else (tensor.nbytes if tensor else 0),
        format=quantized.scheme.format if quantized else "",
        granularity=quantized.scheme.granularity if quantized else "",
    )


def _weight(node: Node, view: GraphView) -> str:
    operator = find(node)
    if operator is not None and operator.scales is Scales.PRODUCT:
        return view.weight(node) or ""
    return next((name for name in node.inputs if name in view.constants), "")


def _is_layer(node: Node, placement: Placement) -> bool:
    operator = find(node)
    if operator is None or operator.scales is Scales.CLIPS or not placement.quantizes(node):
        return False
    # What moves codes loses nothing. The input of those beyond ONNX Runtime's rules may have its scale for them alone
    if operator.scales is Scales.PASSES and Trait.MOVES in operator.traits and Form.DEFAULT in operator.forms:
        return False
    touched = {*node.inputs, *node.outputs}
    return bool(touched & placement.weights.keys() or touched & placement.activations.keys())


def output_of(node: Node, view: GraphView, placement: Placement) -> str:
    """The value that a node, or the one whose branch it is in, makes; behind Relu or Clip nodes that vanish into it."""
    name = next(filter(None, view.outermost(node).outputs), "")
    while vanishing := [reader for reader in view.readers(name) if reader.name in placement.removed]:
        name = vanishing[0].outputs[0]
    return name


def quantized_only(view: GraphView, quantization: Quantization, nodes: Collection[str]) -> Graph:
    """The graph with only some of its nodes quantized, each as it is when all are.

    A tensor is quantized if one of these nodes reads or makes it.

    Args:
        view: of the float graph.
        quantization: what was decided about it.
        nodes: names of the nodes to quantize.
    """
    placement, graph = quantization.placement, view.graph
    chosen = [node for node in view.nodes if node.name in nodes and placement.quantizes(node)]
    touched = {name for node in chosen for name in node.inputs}
    touched |= {output_of(node, view, placement) for node in chosen if view.outermost(node) is node}
    kept = [name for name in placement.activations if name in touched]
    activations = {name: quantization.activations[placement.provider(name)] for name in kept}
    vanish = {n.name for n in graph.nodes if n.name in placement.removed and n.outputs[0] in activations}
    part = replace(
        placement,
        activations=dict.fromkeys(kept),
        weights={name: scheme for name, scheme in placement.weights.items() if name in touched},
        biases=[bias for bias in placement.biases if bias.node in nodes],
        removed=vanish,
        excluded={n.name: _not_chosen(n) for n in view.nodes if n.name not in nodes},
    )
    return written_graph(
        graph,
        replace(
            quantization,
            placement=part,
            activations=activations,
            weights={name: weight for name, weight in quantization.weights.items() if name in touched},
            biases={key: bias for key, bias in quantization.biases.items() if key[0] in nodes},
        ),
        wanted=touched,
    )


def _not_chosen(node: Node) -> Skipped:
    return Skipped(node.name, node.name, node.op, "it is not one of the chosen nodes")


def with_weights(graph: Graph, quantization: Quantization, weights: Mapping[str, QTensor]) -> Graph:
    """The graph with other quantized weights; activations as they are, biases in float.

    An int32 bias has the scale of the weights, so it would have to be made anew; its error is negligible beside theirs.
    """
    schemes = {name: weight.scheme for name, weight in weights.items()}
    placement = replace(quantization.placement, weights=schemes)
    changed = replace(quantization, placement=placement, weights=dict(weights), biases={})
    return written_graph(graph, changed)


def weights_only(graph: Graph, quantization: Quantization, weights: Mapping[str, QTensor]) -> Graph:
    """The graph with these quantized weights and everything else in float."""
    placement = replace(
        quantization.placement,
        activations={},
        weights={name: weight.scheme for name, weight in weights.items()},
        biases=[],
        removed=set(),
    )
    changed = Quantization(placement, {}, quantization.activation_format, dict(weights), {})
    return written_graph(graph, changed)


def dequantized(view: GraphView, name: str) -> str:
    """What the readers of a value read in a quantized graph: behind its QuantizeLinear and DequantizeLinear, if any."""
    codes = _read_by(operators.quantize_linear.OPERATORS, view, name)
    return name if codes is None else _read_by(operators.dequantize_linear.OPERATORS, view, codes) or name


def _read_by(operators: Collection[Operator], view: GraphView, name: str) -> str | None:
    """What the first node of these operators makes of a value; None if there is none."""
    made = (n.outputs[0] for n in view.readers(name) if n.inputs[0] == name and find(n) in operators)
    return next(made, None)
