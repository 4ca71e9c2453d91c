"""What stays in float, and why: nothing is left out silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from playground.model.graph import Graph, Node
from playground.model.recipe import Recipe
from playground.ptq.constants import fault_of
from playground.ptq.further import FURTHER
from playground.ptq.placement import ELEMENTWISE, OPERATORS, PRODUCTS, Placement, weight_of, weight_scheme
from playground.ptq.report import Skipped


def excluded_nodes(graph: Graph, recipe: Recipe) -> dict[str, Skipped]:
    """Node name -> why it stays in float: a rule says so, or a constant of it cannot be quantized."""
    found = {}
    for node in graph.nodes:
        if node.op in OPERATORS and not node.domain:
            skipped = _by_rule(node, graph, recipe) or _by_constant(node, graph, recipe)
            if skipped is not None:
                found[node.name] = skipped
    return found


def _by_rule(node: Node, graph: Graph, recipe: Recipe) -> Skipped | None:
    weight = weight_of(node, graph) if node.op in PRODUCTS else None
    rule = recipe.rule_for(*([weight] if weight else []), node.name)
    if rule is None or rule.scheme is not None:
        return None
    return Skipped(weight or node.name, node.name, node.op, f"the recipe's rule {rule.pattern!r} leaves it in float")


def _by_constant(node: Node, graph: Graph, recipe: Recipe) -> Skipped | None:
    for name in _read_constants(node, graph):
        is_weight = node.op in PRODUCTS and name == weight_of(node, graph)
        fault = fault_of(graph.initializers[name], weight_scheme(node, name, graph, recipe) if is_weight else None)
        if fault and (is_weight or graph.initializers[name].dtype == "float32"):
            weight = weight_of(node, graph) if node.op in PRODUCTS else None
            named = fault if weight in (None, name) else f"its other constant {name!r} cannot be quantized: {fault}"
            return Skipped(weight or name, node.name, node.op, named)
    return None


def _read_constants(node: Node, graph: Graph) -> Iterator[str]:
    if node.op in (*PRODUCTS, *ELEMENTWISE):
        yield from (name for name in node.inputs if name in graph.initializers)


def by_activation(graph: Graph, placement: Placement, unusable: Mapping[str, str]) -> dict[str, Skipped]:
    """Node name -> why it stays in float: an activation that it touches has no usable range."""
    found = {}
    for node in graph.nodes:
        if node.op in OPERATORS and node.name not in placement.excluded:
            for name in (*node.inputs, *node.outputs):
                if name in unusable:
                    reason = f"the activation {name!r} cannot be quantized: {unusable[name]}"
                    weight = weight_of(node, graph) if node.op in PRODUCTS else None
                    found[node.name] = Skipped(weight or node.name, node.name, node.op, reason)
                    break
    return found


def untouched_constants(
    graph: Graph, quantized: Collection[str], skipped: Mapping[str, Skipped], activations: str
) -> Iterator[Skipped]:
    """Float constants that stay as they are, unless their node has been named already."""
    named = set(quantized)
    for node in graph.nodes:
        for name in node.inputs:
            tensor = graph.initializers.get(name)
            if tensor is None or name in named or node.name in skipped or tensor.size < 2:
                continue
            if tensor.dtype.startswith(("float", "bfloat")):
                named.add(name)
                yield Skipped(name, node.name, node.op, _why(node, name, activations))


def _why(node: Node, name: str, activations: str) -> str:
    if node.op not in OPERATORS or node.domain:
        return f"{node.op} is not quantized"
    if activations == "weight_only":
        return "biases stay in float where activations do" if name in node.inputs[2:] else f"{node.op} is no product"
    if node.op in FURTHER:
        return "it is a parameter of the integer operator, which takes it in float"
    return "it is no bias of one value a channel"


def float_operators(graph: Graph, placement: Placement) -> dict[str, int]:
    """Operators that stay in float, and how many nodes of each."""
    return dict(
        Counter(
            node.op
            for node in graph.nodes
            if node.op not in OPERATORS or node.domain or node.name in placement.excluded
        )
    )
