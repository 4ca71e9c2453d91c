"""What stays in float, each with its reason for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.model.recipe import DEFAULT_RUNTIME, Recipe
from playground.operators import Form, Operator, Scales, find
from playground.ptq.choices import QuantizedOperators, weight_schemes
from playground.ptq.constants import why_not
from playground.ptq.report import Skipped
from playground.ptq.spectra import is_matrix_product

if TYPE_CHECKING:
    from playground.ptq.placement import Placement


def excluded_nodes(view: GraphView, recipe: Recipe, operators: QuantizedOperators) -> dict[str, Skipped]:
    """Node name -> why it stays in float: the recipe says so, or a constant of it cannot be quantized."""
    found = {}
    inner = set(map(id, view.inner))
    for node in view.nodes:
        if node in operators:
            skipped = _by_override(node, view, recipe) or _by_rule(node, view, recipe)
            skipped = skipped or _by_constant(node, view, recipe) or _by_runtime(node, view, recipe)
            if skipped is None and recipe.activations == "dynamic":
                skipped = _by_form(node, view)
            if skipped is None and recipe.activations == "static" and id(node) in inner and not view.weights(node):
                skipped = _skipped(node, view, "it stands in a branch, where only weights are quantized")
            if skipped is not None:
                found[node.name] = skipped
        elif operators.left_out(node):
            found[node.name] = _skipped(node, view, f"the recipe's list of operators has no {node.op}")
    return found


def by_activation(view: GraphView, placement: Placement, unusable: Mapping[str, str]) -> dict[str, Skipped]:
    """Node name -> why it stays in float: an activation that it touches has no usable range."""
    found = {}
    for node in view.graph.nodes:
        operator = find(node)
        if placement.quantizes(node) and operator is not None and operator.scales is not Scales.RECURRENT:
            name = next((name for name in (*node.inputs, *node.outputs) if name in unusable), None)
            if name is not None:
                reason = f"the activation {name!r} cannot be quantized: {unusable[name]}"
                found[node.name] = _skipped(node, view, reason)
    return found


def by_spectrum(nodes: Iterable[Node], view: GraphView) -> dict[str, Skipped]:
    """Node name -> why it stays in float: a matrix product among those that make spectra or read them."""
    reason = "it makes or reads a spectrum, in which 8-bit codes bury quiet bands"
    return {node.name: _skipped(node, view, reason) for node in nodes if is_matrix_product(node)}


def _skipped(node: Node, view: GraphView, reason: str) -> Skipped:
    return Skipped(view.weight(node) or node.name, node.name, node.op, reason)


def _by_override(node: Node, view: GraphView, recipe: Recipe) -> Skipped | None:
    for name in (*node.inputs, *node.outputs):
        override = recipe.override_for(name)
        if override is not None and override.skip:
            return _skipped(node, view, f"the recipe's override leaves {name!r} in float")
    return None


def _by_rule(node: Node, view: GraphView, recipe: Recipe) -> Skipped | None:
    weight = view.weight(node)
    override = recipe.override_for(weight) if weight else None
    if override is not None and override.scheme is not None:
        return None
    shape = view.shape(weight) if weight else None
    rule = recipe.rule_for(*([weight] if weight else []), node.name, op=node.op, shape=shape)
    if rule is None or rule.scheme is not None:
        return None
    return _skipped(node, view, f"the recipe's rule {rule.described} leaves it in float")


def _by_constant(node: Node, view: GraphView, recipe: Recipe) -> Skipped | None:
    schemes, weight = weight_schemes(node, view, recipe), view.weight(node)
    weights = {name for name, _ in view.weights(node)}
    for name in _read_constants(node, view):
        fault = why_not(view.constants[name], schemes.get(name))
        if fault and (name in weights or view.dtypes[name] == "float32"):
            named = fault if weight in (None, name) else f"its other constant {name!r} cannot be quantized: {fault}"
            return Skipped(weight or name, node.name, node.op, named)
    return None


def _by_runtime(node: Node, view: GraphView, recipe: Recipe) -> Skipped | None:
    if recipe.runtime == DEFAULT_RUNTIME:
        return None
    from playground.model.runtimes import runtime

    schemes = weight_schemes(node, view, recipe)
    for weight, axis in view.weights(node):
        if weight in schemes:
            reason = runtime(recipe.runtime).takes_weight(view.constants[weight].shape, schemes[weight], axis)
            if reason:
                return _skipped(node, view, reason)
    return None


def _by_form(node: Node, view: GraphView) -> Skipped | None:
    """With dynamic activations only some forms of a product have an integer one."""
    operator = find(node)
    if operator is None or operator.scales is not Scales.PRODUCT:
        return None
    if len(node.inputs) < 2 or node.inputs[1] not in view.constants:
        return _skipped(node, view, "it multiplies two activations, which has no dynamic form")
    plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    odd = [name for name, value in plain.items() if operator.get(node, name, value) != value]
    if odd:
        return _skipped(node, view, f"{node.op} with {odd[0]} has no dynamic form")
    return None


def _read_constants(node: Node, view: GraphView) -> Iterator[str]:
    """The constants of a node that would be quantized."""
    operator = find(node)
    places = None if operator is None else _CONSTANTS.get(operator.scales)
    if places is not None:
        yield from (name for name in node.inputs[places] if name in view.constants)


_CONSTANTS = {
    Scales.PRODUCT: slice(None),
    Scales.ELEMENTWISE: slice(None),
    Scales.NORMALIZATION: slice(3),
    Scales.LOOKUP: slice(1),
    Scales.RECURRENT: slice(1, 3),
}
"""Which of the inputs are quantized where they are constants."""


def untouched_constants(
    view: GraphView, quantized: Collection[str], recipe: Recipe, placement: Placement
) -> Iterator[Skipped]:
    """Float constants that stay as they are, unless their node has been named already."""
    named = set(quantized)
    inner = set(map(id, view.inner))
    for node in view.nodes:
        for name in node.inputs:
            tensor = view.constants.get(name)
            if tensor is None or name in named or node.name in placement.excluded or tensor.size < 2:
                continue
            if tensor.dtype.startswith(("float", "bfloat")):
                named.add(name)
                alone = recipe.activations != "static" or id(node) in inner
                yield Skipped(name, node.name, node.op, _why(node, name, recipe, placement, weights_alone=alone))


def _why(node: Node, name: str, recipe: Recipe, placement: Placement, *, weights_alone: bool) -> str:
    operator: Operator | None = find(node)
    if operator is None or node not in placement.operators:
        return f"{node.op} is not quantized"
    if node.name in placement.floating:
        return f"{node.op} stays in float here, as the operators around it do"
    if weights_alone or operator.scales is Scales.RECURRENT or node.name in placement.alone:
        return "biases stay in float where activations do" if name in node.inputs[2:] else f"{node.op} is no product"
    if recipe.biases == "float":
        return "the recipe leaves biases in float"
    if Form.FURTHER in operator.forms and recipe.operators is None:
        return "it is a parameter of the integer operator, which takes it in float"
    source = placement.provider(node.inputs[0])
    known = source in placement.activations or source in placement.weights
    return "it is no bias of one value a channel" if known else "the activation it belongs to has no range"


def float_operators(view: GraphView, placement: Placement) -> dict[str, int]:
    """Operators that stay in float, and how many nodes of each."""
    return dict(Counter(node.op for node in view.nodes if not placement.quantizes(node)))
