"""What stays in float, and why: nothing is left out silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from playground.model.graph import Graph, Node
from playground.model.recipe import DEFAULT_RUNTIME, Recipe
from playground.ptq.constants import why_not
from playground.ptq.patterns import FURTHER
from playground.ptq.placement import (
    ELEMENTWISE,
    NORMALIZATIONS,
    OPERATORS,
    PRODUCTS,
    Placement,
    channel_axis,
    quantized_operators,
    weight_of,
    weight_scheme,
)
from playground.ptq.report import Skipped


def excluded_nodes(graph: Graph, recipe: Recipe) -> dict[str, Skipped]:
    """Node name -> why it stays in float: the recipe says so, or a constant of it cannot be quantized."""
    found = {}
    operators = quantized_operators(recipe)
    for node in graph.nodes:
        if node.op in operators and not node.domain:
            skipped = _by_override(node, graph, recipe) or _by_rule(node, graph, recipe)
            skipped = skipped or _by_constant(node, graph, recipe) or _by_runtime(node, graph, recipe)
            if skipped is None and recipe.activations == "dynamic":
                skipped = _by_form(node, graph)
            if skipped is not None:
                found[node.name] = skipped
        elif node.op in OPERATORS and not node.domain and recipe.operators is not None:
            found[node.name] = _skipped(node, graph, f"the recipe's list of operators has no {node.op}")
    return found


def _skipped(node: Node, graph: Graph, reason: str) -> Skipped:
    weight = weight_of(node, graph) if node.op in PRODUCTS else None
    return Skipped(weight or node.name, node.name, node.op, reason)


def _by_override(node: Node, graph: Graph, recipe: Recipe) -> Skipped | None:
    for name in (*node.inputs, *node.outputs):
        override = recipe.override_for(name)
        if override is not None and override.skip:
            return _skipped(node, graph, f"the recipe's override leaves {name!r} in float")
    return None


def _by_rule(node: Node, graph: Graph, recipe: Recipe) -> Skipped | None:
    weight = weight_of(node, graph) if node.op in PRODUCTS else None
    override = recipe.override_for(weight) if weight else None
    if override is not None and override.scheme is not None:
        return None
    shape = graph.initializers[weight].shape if weight else None
    rule = recipe.rule_for(*([weight] if weight else []), node.name, op=node.op, shape=shape)
    if rule is None or rule.scheme is not None:
        return None
    return _skipped(node, graph, f"the recipe's rule {rule.described} leaves it in float")


def _by_constant(node: Node, graph: Graph, recipe: Recipe) -> Skipped | None:
    for name in _read_constants(node, graph):
        is_weight = node.op in PRODUCTS and name == weight_of(node, graph)
        fault = why_not(graph.initializers[name], weight_scheme(node, name, graph, recipe) if is_weight else None)
        if fault and (is_weight or graph.initializers[name].dtype == "float32"):
            weight = weight_of(node, graph) if node.op in PRODUCTS else None
            named = fault if weight in (None, name) else f"its other constant {name!r} cannot be quantized: {fault}"
            return Skipped(weight or name, node.name, node.op, named)
    return None


def _by_runtime(node: Node, graph: Graph, recipe: Recipe) -> Skipped | None:
    weight = weight_of(node, graph) if node.op in PRODUCTS else None
    scheme = weight_scheme(node, weight, graph, recipe) if weight else None
    if weight is None or scheme is None or recipe.runtime == DEFAULT_RUNTIME:
        return None
    from playground.model.runtimes import runtime

    shape, axis = graph.initializers[weight].shape, channel_axis(node, weight, graph)
    reason = runtime(recipe.runtime).takes_weight(shape, scheme, axis)
    return _skipped(node, graph, reason) if reason else None


def _by_form(node: Node, graph: Graph) -> Skipped | None:
    """With dynamic activations only some forms of a product have an integer one."""
    if node.op == "Gather":
        return None
    if len(node.inputs) < 2 or node.inputs[1] not in graph.initializers:
        return _skipped(node, graph, "it multiplies two activations, which has no dynamic form")
    plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    odd = [name for name, value in plain.items() if node.op == "Gemm" and node.attributes.get(name, value) != value]
    if odd:
        return _skipped(node, graph, f"Gemm with {odd[0]} has no dynamic form")
    return None


def _read_constants(node: Node, graph: Graph) -> Iterator[str]:
    if node.op in (*PRODUCTS, *ELEMENTWISE):
        yield from (name for name in node.inputs if name in graph.initializers)
    elif node.op in NORMALIZATIONS:
        yield from (name for name in node.inputs[:3] if name in graph.initializers)
    elif node.op == "Gather":
        yield from (name for name in node.inputs[:1] if name in graph.initializers)


def by_activation(
    graph: Graph, recipe: Recipe, placement: Placement, unusable: Mapping[str, str]
) -> dict[str, Skipped]:
    """Node name -> why it stays in float: an activation that it touches has no usable range."""
    found = {}
    for node in graph.nodes:
        if node.op in quantized_operators(recipe) and node.name not in placement.excluded:
            for name in (*node.inputs, *node.outputs):
                if name in unusable:
                    reason = f"the activation {name!r} cannot be quantized: {unusable[name]}"
                    found[node.name] = _skipped(node, graph, reason)
                    break
    return found


def untouched_constants(
    graph: Graph, quantized: Collection[str], skipped: Mapping[str, Skipped], recipe: Recipe, placement: Placement
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
                yield Skipped(name, node.name, node.op, _why(node, name, recipe, placement))


def _why(node: Node, name: str, recipe: Recipe, placement: Placement) -> str:
    if node.op not in quantized_operators(recipe) or node.domain:
        return f"{node.op} is not quantized"
    if recipe.activations != "static":
        return "biases stay in float where activations do" if name in node.inputs[2:] else f"{node.op} is no product"
    if recipe.biases == "float":
        return "the recipe leaves biases in float"
    if node.op in FURTHER and recipe.operators is None:
        return "it is a parameter of the integer operator, which takes it in float"
    source = placement.provider(node.inputs[0])
    known = source in placement.activations or source in placement.weights
    return "it is no bias of one value a channel" if known else "the activation it belongs to has no range"


def float_operators(graph: Graph, placement: Placement, recipe: Recipe) -> dict[str, int]:
    """Operators that stay in float, and how many nodes of each."""
    operators = quantized_operators(recipe)
    return dict(
        Counter(
            node.op
            for node in graph.nodes
            if node.op not in operators or node.domain or node.name in placement.excluded
        )
    )
