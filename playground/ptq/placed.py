"""What was decided about a graph: which tensors are quantized, with whose parameters, and which nodes stay in float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.model.graph import Node
from playground.ptq.choices import QuantizedOperators
from playground.ptq.report import Skipped
from playground.quantization import Scheme


@dataclass(frozen=True, slots=True)
class Bias:
    """A bias that becomes int32 with scale ``input scale * weight scale``; ``factor`` is Gemm's beta."""

    node: str
    name: str
    input: str
    weight: str
    factor: float


@dataclass(frozen=True, slots=True)
class Told:
    """What the ranges of activations tell about where quantization goes.

    Attributes:
        kept: names of the Relu and Clip nodes that may not vanish: the codes in their place would clip otherwise.
        apart: names of excluded nodes that put together what one scale cannot hold; what follows stays in float, too.
    """

    kept: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()


@dataclass(slots=True)
class Placement:
    """What was decided about a graph.

    Attributes:
        activations: tensor -> the tensor whose scale and zero-point it shares, or None for its own.
        weights: constant -> its scheme, axis filled in.
        biases: in graph order.
        removed: names of the Relu and Clip nodes that vanish; their input takes their output's name.
        rows: names of the nodes that take rows of a table of codes, which are dequantized behind them.
        told: what calibration has told about places.
        alone: names of the products that compute in float, with weights in codes.
        floating: names of the nodes that stay in float for what they, or their neighbours, do.
        known_masks: masks that are constants: name of the node that adds one to scores -> the constant.
        excluded: name of a node that stays in float though its operator has a quantized form -> why.
        operators: the operators that the recipe quantizes.
    """

    activations: dict[str, str | None] = field(default_factory=dict)
    weights: dict[str, Scheme] = field(default_factory=dict)
    biases: list[Bias] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    told: Told = field(default_factory=Told)
    alone: frozenset[str] = frozenset()
    floating: frozenset[str] = frozenset()
    known_masks: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[str, Skipped] = field(default_factory=dict)
    operators: QuantizedOperators = field(default_factory=QuantizedOperators)

    def provider(self, name: str) -> str:
        """The activation whose scale and zero-point a tensor has: itself, or the first in a row that pass them on."""
        while (source := self.activations.get(name)) is not None:
            name = source
        return name

    def quantizes(self, node: Node) -> bool:
        """Whether a node may be quantized: the recipe has its operator, and nothing speaks against this node."""
        return node.name not in self.excluded and node.name not in self.floating and node in self.operators
