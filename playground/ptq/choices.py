"""What a recipe chooses in a graph: the operators that are quantized, and how each weight is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from playground.errors import InvalidInputError
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.operators import Form, Scales, Trait, all_operators, find
from playground.quantization import Scheme

STATIC = Form.DEFAULT | Form.FURTHER
"""The forms of the operators that are quantized unless the recipe names others."""

LEAST_TABLE = 4096
"""Values of a table from which on it is an embedding, and not a few numbers that are looked up."""


@dataclass(frozen=True, slots=True)
class QuantizedOperators:
    """The operators that a recipe quantizes. ``node in operators`` tells whether a node's operator is one of them.

    Attributes:
        forms: one of these forms it has to have.
        named: ids of operators, one of which it has to be; None: any.
    """

    forms: Form = STATIC
    named: frozenset[str] | None = None

    def __contains__(self, node: Node) -> bool:
        """Whether the recipe quantizes a node's operator."""
        operator = find(node)
        return operator is not None and bool(operator.forms & self.forms) and self._is_named(operator.id)

    def _is_named(self, name: str) -> bool:
        return self.named is None or name in self.named

    def left_out(self, node: Node) -> bool:
        """Whether a node's operator would be quantized if the recipe did not name others."""
        operator = find(node)
        return self.named is not None and operator is not None and bool(operator.forms & STATIC) and node not in self


def quantized_operators(recipe: Recipe) -> QuantizedOperators:
    """The operators that a recipe quantizes.

    Raises:
        InvalidInputError: it names one that has no quantized form.
    """
    static = STATIC | Form.NAMED
    if recipe.operators is None:
        return QuantizedOperators(Form.DYNAMIC if recipe.activations == "dynamic" else STATIC)
    forms = {"dynamic": Form.DYNAMIC, "weight_only": Form.WEIGHT_ONLY}.get(recipe.activations, static)
    known = all_operators()
    unknown = [name for name in recipe.operators if name not in known or not known[name].forms & static]
    if unknown:
        accepted = ", ".join(name for name, operator in known.items() if operator.forms & forms)
        raise InvalidInputError(f"{', '.join(unknown)} cannot be quantized", where="operators", hint=f"Use {accepted}")
    return QuantizedOperators(forms, frozenset(recipe.operators))


WIDE = 16
"""Bits from which on a float format needs no scale unless one is asked for."""


def weight_scheme(node: Node, view: GraphView, recipe: Recipe) -> Scheme | None:
    """The recipe's scheme for a product's weight with its channel axis filled in; None leaves it in float."""
    weight = view.weight(node)
    if weight is None:
        return None
    scheme = recipe.scheme_for(weight, node.name, op=node.op, shape=view.shape(weight))
    operator = find(node)
    axis, dynamic = view.channel_axis(node), recipe.activations == "dynamic"
    if scheme is not None and scheme.granularity == "block" and scheme.axis is None:
        scheme = _blocks_of_sums(scheme, view.shape(weight) or (), axis)
    filters = dynamic and operator is not None and Trait.CONVOLUTION in operator.traits
    # ConvInteger takes one zero-point, and the scales multiply the sums
    if filters and scheme is not None and (not scheme.symmetric or scheme.axis not in (None, axis)):
        return replace(scheme, granularity="tensor", axis=None)
    if scheme is None or scheme.granularity != "channel" or scheme.axis is not None:
        return scheme
    if scheme.number_format.family == "float" and scheme.number_format.bits >= WIDE and scheme.scaled is None:
        return replace(scheme, granularity="tensor")  # its exponent is its scale: float16 weights are cast
    # Scales along one axis would lie along rows for a product that has its channels along the other
    others = [other for other in view.users(weight) if other is not node]
    shared = any(view.weight(other) == weight and view.channel_axis(other) != axis for other in others)
    # Rows of a table are dequantized one by one in the dynamic form, by one scale
    shared |= dynamic and any(view.weight(other) != weight and other in quantized_operators(recipe) for other in others)
    return replace(scheme, granularity="tensor") if axis is None or shared else replace(scheme, axis=axis)


def _blocks_of_sums(scheme: Scheme, shape: tuple[int | str | None, ...], channel_axis: int | None) -> Scheme:
    """Blocks along what is summed, where runtimes look for them; where that is shorter than a block, channels.

    Filters of one input channel, say, would have a scale for each of their values.
    """
    axis = 1 if channel_axis == 0 else max(0, len(shape) - 2)
    known = shape[axis] if axis < len(shape) else None
    if isinstance(known, int) and scheme.block_size is not None and known < scheme.block_size:
        return replace(scheme, granularity="channel", block_size=None)
    return replace(scheme, axis=axis)


def weight_schemes(node: Node, view: GraphView, recipe: Recipe) -> dict[str, Scheme]:
    """The recipe's schemes for all weights of a node, by name; those that stay in float are left out."""
    operator = find(node)
    if operator is not None and operator.scales is Scales.RECURRENT:
        found = {name: _recurrent_scheme(name, axis, node, view, recipe) for name, axis in view.weights(node)}
    else:
        found = {name: weight_scheme(node, view, recipe) for name, _ in view.weights(node)}
    return {name: scheme for name, scheme in found.items() if scheme is not None}


def _recurrent_scheme(name: str, axis: int | None, node: Node, view: GraphView, recipe: Recipe) -> Scheme | None:
    """One scale for each output of a gate, which both directions share; or one for each direction."""
    shape = view.constants[name].shape
    scheme = recipe.scheme_for(name, node.name, op=node.op, shape=shape)
    if scheme is None or scheme.granularity not in ("channel", "tensor"):
        return scheme
    axes = {other for user in view.users(name) for held, other in view.weights(user) if held == name}
    if len(axes) > 1:
        return replace(scheme, granularity="tensor", axis=None)
    if scheme.granularity == "channel" and (scheme.symmetric or recipe.activations != "dynamic"):
        return replace(scheme, axis=axis) if scheme.axis is None else scheme
    if len(shape) == 3 and shape[0] > 1:  # DynamicQuantizeLSTM takes zero-points of directions only
        return replace(scheme, granularity="channel", axis=0)
    return replace(scheme, granularity="tensor", axis=None)


def columns_of(node: Node, view: GraphView) -> int | None:
    """The last axis of a table, if whole rows are taken of it: then it is the last one of these, too."""
    rank, operator = len(view.shape(node.inputs[0]) or ()), find(node)
    axis = 0 if operator is None else operator.get(node, "axis", 0)
    return rank - 1 if rank > 1 and axis % rank != rank - 1 else None


def table_scheme(node: Node, view: GraphView, recipe: Recipe) -> Scheme | None:
    """The recipe's scheme for a table that is an embedding, with its columns for channels; None leaves it in float."""
    table = view.constants.get(node.inputs[0])
    if table is None or table.dtype != "float32" or table.size < LEAST_TABLE or len(table.shape) < 2:
        return None
    scheme = recipe.scheme_for(table.name, node.name, op=node.op, shape=table.shape)
    if scheme is None or scheme.granularity != "channel" or scheme.axis is not None:
        return scheme
    axis = columns_of(node, view)
    return replace(scheme, granularity="tensor") if axis is None else replace(scheme, axis=axis)
