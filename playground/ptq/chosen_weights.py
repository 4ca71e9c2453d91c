"""What of a model becomes codes in a file of tensors alone: of a graph its weights, without one what has two axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from playground import operators
from playground.errors import InvalidInputError, UnsupportedError, plural
from playground.model.graph import Graph, Model, Node, Tensor
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.model.recipe.unmatched import near_names, unmatched
from playground.operators import Scales, find, view_of
from playground.ptq.choices import quantized_operators, table_scheme, weight_schemes
from playground.quantization import Scheme

LEAST_AXES = 2
"""Axes of a tensor that is taken for a weight: biases and scales of normalizations have one."""

NO_GRAPH = "The file has the model's weights, not its graph: what runs it has to know the model."

_CODES = (
    *operators.quantize_linear.OPERATORS,
    *operators.dequantize_linear.OPERATORS,
    operators.dynamic_quantize_linear.OPERATOR,
)


@dataclass(frozen=True, slots=True)
class ChosenWeights:
    """What becomes of each tensor of a model.

    Attributes:
        model: the tensors that are written.
        schemes: name of a tensor of floats -> how it is quantized, or why it is not.
        readers: name of a constant of a graph -> the node that it is reported with.
        notes: sentences about what the file has otherwise than the model.
    """

    model: Model
    schemes: Mapping[str, Scheme | str]
    readers: Mapping[str, Node]
    notes: tuple[str, ...] = ()


def chosen_weights(model: Model, recipe: Recipe) -> ChosenWeights:
    """What a recipe says about the tensors of a model.

    Raises:
        UnsupportedError: the model is quantized already.
        InvalidInputError: a rule of a strict recipe fits nothing.
    """
    if model.graph is not None:
        return _of_graph(model, model.graph, recipe)
    idle = _idle_rules(list(model.tensors), recipe)
    schemes = {name: _scheme(tensor, recipe) for name, tensor in model.tensors.items() if tensor.real}
    return ChosenWeights(model, schemes, {}, tuple(idle))


def _of_graph(model: Model, graph: Graph, recipe: Recipe) -> ChosenWeights:
    done = sum(find(node) in _CODES for node in graph.walk())
    if done:
        raise UnsupportedError(
            f"the model is already quantized ({done} QuantizeLinear and DequantizeLinear nodes)",
            where=model.name,
            hint="Start from the float model",
        )
    view = view_of(graph)
    idle = _idle_rules([*graph.initializers, *(node.name for node in view.nodes)], recipe)
    kept = {name: tensor for name, tensor in model.tensors.items() if tensor.real and tensor.shape and tensor.size}
    readers, schemes = _weights(view, recipe)
    told = {name: schemes[name] if name in schemes else _other(tensor, view, recipe) for name, tensor in kept.items()}
    notes = (
        *idle,
        NO_GRAPH,
        *model.changes,
        *_about_left_out(len(model.tensors) - len(kept)),
        *_about_rows(view, readers, schemes),
    )
    written = replace(model, graph=None, tensors=MappingProxyType(kept), notes=(), changes=())
    others = {name: users[0] for name in kept if (users := view.users(name))}
    return ChosenWeights(written, told, others | readers, notes)


def _weights(view: GraphView, recipe: Recipe) -> tuple[dict[str, Node], dict[str, Scheme | str]]:
    """The node that a weight belongs to, and how it is quantized or why it is not."""
    readers: dict[str, Node] = {}
    schemes: dict[str, Scheme | str] = {}
    wanted = quantized_operators(recipe)
    for node in view.nodes:
        found, names = weight_schemes(node, view, recipe), [name for name, _ in view.weights(node)]
        operator = find(node)
        if operator is not None and operator.scales is Scales.LOOKUP and node.inputs[0] in view.constants:
            scheme = table_scheme(node, view, recipe)
            names, found = [node.inputs[0]], {} if scheme is None else {node.inputs[0]: scheme}
        for name in names:
            if name in readers:
                continue
            readers[name] = node
            left = "the recipe leaves it in float" if node in wanted else f"the recipe leaves {node.op} in float"
            schemes[name] = found.get(name, left) if node in wanted else left
    return readers, schemes


def _other(tensor: Tensor, view: GraphView, recipe: Recipe) -> Scheme | str:
    """How a constant that is no weight is quantized, if the recipe names it; else why it is not."""
    override, rule = recipe.override_for(tensor.name), recipe.rule_for(tensor.name, shape=tensor.shape)
    if (override is not None and override.scheme is not None) or (rule is not None and rule.pattern != "*"):
        return _scheme(tensor, recipe)
    reader = next(iter(view.users(tensor.name)), None)
    return (
        "no operator reads it" if reader is None else f"it is a bias or another constant of {reader.op}, and no weight"
    )


def _about_left_out(count: int) -> list[str]:
    if not count:
        return []
    are = "that is a number or no float, belongs" if count == 1 else "that are numbers or no floats, belong"
    return [f"{plural(count, 'constant')}, {are} to the graph and {'is' if count == 1 else 'are'} not written."]


def _about_rows(view: GraphView, readers: Mapping[str, Node], schemes: Mapping[str, Scheme | str]) -> list[str]:
    """A sentence about matrices that lie the other way round than in the files of PyTorch and llama.cpp."""
    turned = [
        name
        for name, node in readers.items()
        if isinstance(schemes[name], Scheme) and len(view.shape(name) or ()) == 2 and view.channel_axis(node) == 1
    ]
    if not turned:
        return []
    have = "has its inputs" if len(turned) == 1 else "have their inputs"
    return [
        f"{plural(len(turned), 'matrix', 'matrices')} ({turned[0][:80]!r}) {have} along the first axis, as in the "
        "graph: programs that expect the outputs there, as PyTorch has them, have to turn what they read."
    ]


def _idle_rules(names: list[str], recipe: Recipe) -> list[str]:
    """Rules that fit no name, a sentence each. Raises InvalidInputError: there is one, and the recipe is strict."""
    found = []
    for which, rule in enumerate(recipe.rules):
        reason = "" if rule.pattern == "*" else unmatched(rule.pattern, names)
        if reason:
            where, hint = f"rule {which + 1} ({rule.described})", near_names(rule.pattern, names)
            if not recipe.partial:
                raise InvalidInputError(reason, where=where, hint=hint)
            found.append(f"{where[0].upper()}{where[1:]}: {reason}. {hint}.")
    return found


def _scheme(tensor: Tensor, recipe: Recipe) -> Scheme | str:
    """How a tensor without a graph is quantized, or why it is not."""
    if not tensor.size or not tensor.shape:
        return "it has no floats, or one number"
    override = recipe.override_for(tensor.name)
    rule = recipe.rule_for(tensor.name, shape=tensor.shape)
    scheme = recipe.scheme_for(tensor.name, shape=tensor.shape)
    named = (override is not None and override.scheme is not None) or rule is not None
    if scheme is None:
        return "the recipe leaves it in float"
    if len(tensor.shape) < LEAST_AXES and not named:
        return "it has one axis, as biases and scales of normalizations have"
    if scheme.granularity == "channel" and scheme.axis is None:
        return replace(scheme, axis=0)
    return scheme
