"""Which tensors of a graph are quantized, and with whose parameters: the rules of ONNX Runtime's QDQ quantizer first.

A product (Conv, Gemm, MatMul) quantizes its input, weights, bias and output. Operators that only move values pass
their input's parameters on. Relu and Clip vanish into the range of what they follow. ``further`` adds operators that
ONNX Runtime's rules leave alone. What an operator named in neither reads stays float.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node
from playground.model.recipe import Recipe
from playground.ptq.patterns import FURTHER, PASSING, REMOVABLE, PlacementOps, extend
from playground.quantization import Scheme

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
ELEMENTWISE = ("Add", "Mul", "GlobalAveragePool", "Sigmoid", "LeakyRelu", "Concat")
_RULES = (*PRODUCTS, *ELEMENTWISE, *PASSING, *REMOVABLE)
OPERATORS = (*_RULES, *FURTHER)
"""The operators that are quantized unless the recipe names others."""

NORMALIZATIONS = ("BatchNormalization", "InstanceNormalization", "LayerNormalization")
ON_DEMAND = (*NORMALIZATIONS, "Softmax", "Split", "Gather", "Resize")
"""Operators that ONNX Runtime's tool quantizes by rules of its own: those if the recipe names operators."""

ONNXRUNTIME = (*_RULES, *ON_DEMAND)
"""What ONNX Runtime's tool quantizes unless it is told otherwise, as far as it has a form here: for ``operators``."""

DYNAMIC = ("Conv", "Gemm", "MatMul", "Gather")
"""The operators that have a form with dynamic activations."""


def quantized_operators(recipe: Recipe) -> tuple[str, ...]:
    """The operators that a recipe quantizes.

    Raises:
        InvalidInputError: it names one that has no quantized form.
    """
    if recipe.activations == "dynamic":
        accepted: tuple[str, ...] = DYNAMIC
    elif recipe.activations == "weight_only":
        accepted = PRODUCTS
    else:
        accepted = (*OPERATORS, *ON_DEMAND)
    if recipe.operators is None:
        return OPERATORS if recipe.activations != "dynamic" else DYNAMIC
    unknown = [op for op in recipe.operators if op not in (*OPERATORS, *ON_DEMAND)]
    if unknown:
        raise InvalidInputError(
            f"{', '.join(unknown)} has no quantized form here", where="operators", hint=f"Use {', '.join(accepted)}"
        )
    return tuple(op for op in recipe.operators if op in accepted)


@dataclass(frozen=True, slots=True)
class Bias:
    """A bias that becomes int32 with scale ``input scale * weight scale``; ``factor`` is Gemm's beta."""

    node: str
    name: str
    input: str
    weight: str
    factor: float


@dataclass(slots=True)
class Placement:
    """What was decided.

    Attributes:
        activations: tensor -> the tensor whose scale and zero-point it shares, or None for its own.
        weights: constant -> its scheme, axis filled in.
        biases: in graph order.
        removed: names of the Relu and Clip nodes that vanish; their input takes their output's name.
        excluded: names of the nodes that stay in float.
    """

    activations: dict[str, str | None] = field(default_factory=dict)
    weights: dict[str, Scheme] = field(default_factory=dict)
    biases: list[Bias] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    excluded: frozenset[str] = frozenset()

    def provider(self, name: str) -> str:
        """The activation whose scale and zero-point a tensor has: itself, or the first in a row that pass them on."""
        while (source := self.activations.get(name)) is not None:
            name = source
        return name


def reads(node: Node) -> list[str]:
    """The names a node reads, those that its subgraphs (If, Loop) take from outside included."""
    names = [name for name in node.inputs if name]
    for held in node.attributes.values():
        if isinstance(held, Graph):
            names += [name for inner in held.nodes for name in reads(inner)]
            names += [value.name for value in held.outputs]
    return names


def weight_of(node: Node, graph: Graph) -> str | None:
    """The constant that holds a product's weights, or None."""
    candidates = node.inputs[:2] if node.op == "MatMul" else node.inputs[1:2]
    return next((name for name in candidates if name in graph.initializers), None)


def channel_axis(node: Node, weight: str, graph: Graph) -> int | None:
    """The axis of a weight along which outputs have a channel each; None if it has none."""
    rank = len(graph.initializers[weight].shape)
    if node.op == "MatMul":
        return rank - 1 if rank > 1 and node.inputs[1] == weight else None
    if node.op == "Gemm":
        return 0 if node.attributes.get("transB", 0) else 1
    return 1 if node.op == "ConvTranspose" else 0


def weight_scheme(node: Node, weight: str, graph: Graph, recipe: Recipe) -> Scheme | None:
    """The recipe's scheme for a weight with its channel axis filled in; None leaves it in float."""
    scheme = recipe.scheme_for(weight, node.name, op=node.op, shape=graph.initializers[weight].shape)
    if scheme is not None and recipe.activations == "dynamic" and node.op == "Conv":
        return replace(scheme, granularity="tensor", axis=None)  # ConvInteger takes one zero-point
    if scheme is None or scheme.granularity != "channel" or scheme.axis is not None:
        return scheme
    axis = channel_axis(node, weight, graph)
    return replace(scheme, axis=axis) if axis is not None else replace(scheme, granularity="tensor")


class Placer:
    """Walks a graph once and places quantization."""

    def __init__(self, graph: Graph, recipe: Recipe, dtypes: Mapping[str, str], excluded: Collection[str]) -> None:
        """Start with nothing placed.

        Args:
            graph: a float graph.
            recipe: whose rules say how weights are quantized.
            dtypes: element type of every tensor, as far as it is known; only float32 is quantized.
            excluded: names of nodes that stay in float.
        """
        self.graph, self.recipe, self._dtypes = graph, recipe, dtypes
        self._operators = quantized_operators(recipe)
        self._uses = Counter(name for node in graph.nodes for name in reads(node))
        self._ends = {value.name for value in (*graph.inputs, *graph.outputs)}
        self.placement = Placement(excluded=frozenset(excluded))

    def place(self) -> Placement:
        """Place everything: by ONNX Runtime's rules, and unless the recipe names operators, what is further ours."""
        further = self.recipe.activations == "static" and self.recipe.operators is None
        rules = _RULES if further else self._operators
        steps: dict[str, Callable[[Node], None]] = dict.fromkeys(PRODUCTS, self._product)
        if self.recipe.activations == "dynamic":
            steps["Gather"] = self._constants
        elif self.recipe.activations == "static":
            steps |= dict.fromkeys((*ELEMENTWISE, "Softmax"), self._elementwise)
            steps |= dict.fromkeys((*PASSING, "Split", "Resize", "Gather"), self._pass_on)
            steps |= dict.fromkeys(REMOVABLE, self._remove) | dict.fromkeys(NORMALIZATIONS, self._normalization)
        for node in self.graph.nodes:
            wanted = node.op in rules and node.op in steps
            if wanted and not node.domain and node.name not in self.placement.excluded:
                steps[node.op](node)
        if further:
            hands = PlacementOps(self._mark, self._elementwise, self._constants, self._pass_on, self._remove)
            extend(self.graph, self.placement, hands)
        return self.placement

    def _elementwise(self, node: Node) -> None:
        self._mark(*node.inputs, *node.outputs)
        self._constants(node)

    def _mark(self, *names: str) -> None:
        for name in names:
            if self._dtypes.get(name) == "float32" and name not in self.graph.initializers:
                self.placement.activations.setdefault(name, None)

    def _constants(self, node: Node) -> None:
        """Constants of an elementwise operator (and of Gather) are treated like the activations they meet."""
        like_activations = replace(self.recipe.activation_scheme, calibrator="minmax", calibrator_args=())
        for name in node.inputs:
            if name in self.graph.initializers and self._dtypes[name] == "float32":
                override = self.recipe.override_for(name)
                shape = self.graph.initializers[name].shape
                rule = self.recipe.rule_for(name, node.name, op=node.op, shape=shape)
                scheme = like_activations if rule is None else rule.scheme
                if override is not None and override.scheme is not None:
                    scheme = override.scheme
                if scheme is not None:
                    self.placement.weights.setdefault(name, scheme)

    def _normalization(self, node: Node) -> None:
        """Scale as a weight, bias as int32; mean and variance stay in float."""
        source, weight, *others = node.inputs
        if weight not in self.graph.initializers or self._dtypes.get(weight) != "float32":
            self._mark(weight)
        else:
            scheme = self.recipe.scheme_for(weight, node.name, op=node.op, shape=self.graph.initializers[weight].shape)
            if scheme is not None:
                self.placement.weights.setdefault(weight, replace(scheme, granularity="tensor", axis=None))
        self._mark(source, *node.outputs)
        self._bias(node, others[0] if others else "", weight, 1.0)

    def _bias(self, node: Node, bias: str, weight: str | None, factor: float) -> None:
        if weight in self.placement.weights and self._dtypes.get(bias) == "float32" and bias in self.graph.initializers:
            self.placement.biases.append(Bias(node.name, bias, node.inputs[0], weight, factor))

    def _product(self, node: Node) -> None:
        weight = weight_of(node, self.graph)
        scheme = weight_scheme(node, weight, self.graph, self.recipe) if weight else None
        if weight and scheme:
            self.placement.weights.setdefault(weight, scheme)
        if self.recipe.activations != "static":
            return
        self._mark(*(name for name in node.inputs[:2] if name != weight), *node.outputs)
        beta = float(node.attributes.get("beta", 1.0)) if node.op == "Gemm" else 1.0
        self._bias(node, node.inputs[2] if len(node.inputs) > 2 else "", weight, beta)

    def _pass_on(self, node: Node) -> None:
        before_opset_12 = node.op == "MaxPool" and self.graph.opset < 12  # it takes no integers there
        source = node.inputs[0]
        if node.op == "Split":
            self._mark(source)
        elif node.op == "Gather":
            self._constants(replace(node, inputs=node.inputs[:1]))
        from_table = node.op == "Gather" and source in self.placement.weights
        if source not in self.placement.activations and not from_table:
            return
        made = node.outputs if node.op == "Split" else node.outputs[:1]
        for name in made:
            if not before_opset_12 and self._dtypes.get(name) == "float32":
                self.placement.activations[name] = source

    def _remove(self, node: Node) -> None:
        source, made = node.inputs[0], node.outputs[0]
        if source not in self.placement.activations:
            return
        alone = self._uses[source] == 1 and source not in self._ends
        if alone and not self.recipe.activation_scheme.symmetric:
            del self.placement.activations[source]
            self.placement.removed.add(node.name)
        self._mark(made)
