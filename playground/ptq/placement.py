"""Which tensors of a graph are quantized, and with whose parameters: the rules of ONNX Runtime's QDQ quantizer first.

A product (Conv, Gemm, MatMul) quantizes its input, weights, bias and output. Operators that only move values pass
their input's parameters on. Relu and Clip vanish into the range of what they follow. ``further`` adds operators that
ONNX Runtime's rules leave alone. What an operator named in neither reads stays float.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from playground.core import Scheme
from playground.model.graph import Graph, Node
from playground.model.recipe import Recipe
from playground.ptq.further import FURTHER, PASSING, REMOVABLE, Hands, extend

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
ELEMENTWISE = ("Add", "Mul", "GlobalAveragePool", "Sigmoid", "LeakyRelu", "Concat")
OPERATORS = (*PRODUCTS, *ELEMENTWISE, *PASSING, *REMOVABLE, *FURTHER)
"""Every operator that is quantized."""


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
    scheme = recipe.scheme_for(weight, node.name)
    if scheme is None or scheme.granularity != "channel" or scheme.axis is not None:
        return scheme
    fields = {name: value for name, value in scheme.as_dict().items() if name != "axis"}
    axis = channel_axis(node, weight, graph)
    return Scheme(**fields, axis=axis) if axis is not None else Scheme(**{**fields, "granularity": "tensor"})


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
        self._uses = Counter(name for node in graph.nodes for name in reads(node))
        self._ends = {value.name for value in (*graph.inputs, *graph.outputs)}
        self.placement = Placement(excluded=frozenset(excluded))

    def place(self) -> Placement:
        """Place everything."""
        for node in self.graph.nodes:
            if node.domain or node.name in self.placement.excluded:
                continue
            if node.op in PRODUCTS:
                self._product(node)
            elif self.recipe.activations == "weight_only":
                continue
            elif node.op in ELEMENTWISE:
                self._elementwise(node)
            elif node.op in PASSING:
                self._pass_on(node)
            elif node.op in REMOVABLE:
                self._remove(node)
        if self.recipe.activations == "static":
            hands = Hands(self._mark, self._elementwise, self._constants, self._pass_on, self._remove)
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
        """Constants of an elementwise operator are treated like the activations they meet."""
        like_activations = Scheme(
            **{**self.recipe.activation_scheme.as_dict(), "calibrator": "minmax", "calibrator_args": ()}
        )
        for name in node.inputs:
            if name in self.graph.initializers and self._dtypes[name] == "float32":
                rule = self.recipe.rule_for(name, node.name)
                scheme = like_activations if rule is None else rule.scheme
                if scheme is not None:
                    self.placement.weights.setdefault(name, scheme)

    def _product(self, node: Node) -> None:
        weight = weight_of(node, self.graph)
        scheme = weight_scheme(node, weight, self.graph, self.recipe) if weight else None
        if weight and scheme:
            self.placement.weights.setdefault(weight, scheme)
        if self.recipe.activations == "weight_only":
            return
        self._mark(*(name for name in node.inputs[:2] if name != weight), *node.outputs)
        bias = node.inputs[2] if len(node.inputs) > 2 else ""
        if weight and self._dtypes.get(bias) == "float32" and bias in self.graph.initializers:
            beta = float(node.attributes.get("beta", 1.0)) if node.op == "Gemm" else 1.0
            self.placement.biases.append(Bias(node.name, bias, node.inputs[0], weight, beta))

    def _pass_on(self, node: Node) -> None:
        before_opset_12 = node.op == "MaxPool" and self.graph.opset < 12  # it takes no integers there
        source = node.inputs[0]
        for made in node.outputs:
            if source in self.placement.activations and not before_opset_12 and self._dtypes.get(made) == "float32":
                self.placement.activations[made] = source

    def _remove(self, node: Node) -> None:
        source, made = node.inputs[0], node.outputs[0]
        if source not in self.placement.activations:
            return
        alone = self._uses[source] == 1 and source not in self._ends
        if alone and not self.recipe.activation_scheme.symmetric:
            del self.placement.activations[source]
            self.placement.removed.add(node.name)
        self._mark(made)
