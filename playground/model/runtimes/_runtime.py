"""What a runtime is: data about what it supports, and a function that checks a recipe and a graph with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playground.model.graph import Graph, Node
from playground.quantization import Scheme

if TYPE_CHECKING:
    from playground.model.recipe import Recipe  # which asks for a runtime by its name


@dataclass(frozen=True, slots=True)
class Restriction:
    """One thing that a runtime does not take: where, what, and what to do."""

    where: str
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a runtime takes, as data.

    Attributes:
        id: stable name, as in ``Recipe.runtime``.
        name: what people call it.
        summary: one line: what it runs, and how.
        source: where the restrictions are written down, or how they were found.
        file: the kind of file it reads: ``"onnx"``, ``"tflite"``, ``"safetensors"`` or ``"gguf"``.
        activations: which of the recipe's ways it has.
        weight_formats: in which formats it reads weights.
        granularities: what may share a weight's scale.
        activation_formats: codes of activations; empty if they stay in float.
        symmetric_weights: whether zero-points of weights have to be 0.
        dynamic_weight_formats: operator -> formats its weights may have with dynamic activations; others: any.
        output_channels: whether scales a channel have to be those of output channels.
        block_sizes: with granularity ``"block"``: which; empty: any, or what the format brings.
        ranks: ranks of weights that it takes; empty: any.
        result_parameters: operator -> scale and zero-point that its int8 results have in any case.
        opsets: first and last operator set of ONNX that it takes; None if it reads no ONNX.
        reasons: name of one of the fields above -> why it is so, one sentence.
    """

    id: str
    name: str
    summary: str
    source: str
    file: str
    activations: tuple[str, ...]
    weight_formats: tuple[str, ...]
    granularities: tuple[str, ...]
    activation_formats: tuple[str, ...] = ()
    symmetric_weights: bool = False
    dynamic_weight_formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output_channels: bool = False
    block_sizes: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()
    result_parameters: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    opsets: tuple[int, int] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def activation_format(self) -> str:
        """Codes of activations where a recipe does not name them: uint8, unless it takes others only."""
        taken = self.activation_formats
        return taken[0] if taken and "uint8" not in taken else "uint8"

    @property
    def reads_graphs(self) -> bool:
        """Whether its files have a graph; else a model's weights are written for it, and the graph is left out."""
        return self.file in ("onnx", "tflite")

    def restrictions(self, recipe: Recipe, graph: Graph | None = None) -> tuple[Restriction, ...]:
        """What in a recipe (and in the graph it is for) this runtime does not take; empty if it takes all."""
        found = [
            *self._about_activations(recipe),
            *self._about_graph(recipe, graph),
            *self._about_representation(recipe),
        ]
        # Weights alone become floats before anything is multiplied: of its operators none has to take their format
        takes_all = self.file == "onnx" and recipe.activations == "weight_only"
        for where, scheme in () if takes_all else recipe.weight_schemes():
            found += self._about_weights(where, scheme)
        return tuple(dict.fromkeys(found))

    def _because(self, name: str) -> str:
        reason = self.reasons.get(name, "")
        return f" ({reason})" if reason else ""

    def _about_activations(self, recipe: Recipe) -> Iterator[Restriction]:
        if recipe.activations not in self.activations:
            what = f"{self.name} has no {recipe.activations!r} activations{self._because('activations')}"
            yield Restriction("activations", what, f"Use {' or '.join(map(repr, self.activations))}")
        elif recipe.activations == "static" and recipe.activation_scheme.format not in self.activation_formats:
            what = f"{self.name} takes no {recipe.activation_scheme.format} activations"
            what += self._because("activation_formats")
            yield Restriction("activation_scheme", what, f"Use {' or '.join(self.activation_formats)}")

    def _about_weights(self, where: str, scheme: Scheme) -> Iterator[Restriction]:
        if scheme.format not in self.weight_formats:
            what = f"{self.name} reads no {scheme.format} weights{self._because('weight_formats')}"
            yield Restriction(where, what, f"Use one of: {', '.join(self.weight_formats)}")
            return
        if scheme.granularity not in self.granularities:
            what = f"{self.name} has no scales a {scheme.granularity}{self._because('granularities')}"
            yield Restriction(where, what, f"Use {' or '.join(map(repr, self.granularities))}")
        if self.symmetric_weights and not scheme.symmetric and scheme.zero_rule == "integer":
            what = f"{self.name} needs weights whose zero-point is 0{self._because('symmetric_weights')}"
            yield Restriction(where, what, "Use symmetric=True")
        if self.block_sizes and scheme.granularity == "block" and scheme.block_size not in self.block_sizes:
            what = f"{self.name} has no blocks of {scheme.block_size}{self._because('block_sizes')}"
            yield Restriction(where, what, f"Use one of: {', '.join(map(str, self.block_sizes))}")

    def _about_graph(self, recipe: Recipe, graph: Graph | None) -> Iterator[Restriction]:
        if graph is None:
            return
        if self.opsets is not None and not self.opsets[0] <= graph.opset <= self.opsets[1]:
            what = f"{self.name} takes operator sets {self.opsets[0]} to {self.opsets[1]}, and this is {graph.opset}"
            yield Restriction(graph.name or "graph", what + self._because("opsets"), "Convert the model with onnx")
        if recipe.activations == "dynamic":
            for node in graph.nodes:
                if recipe.operators is None or node.op in recipe.operators:
                    yield from self._about_dynamic(node, recipe, graph)

    def _about_dynamic(self, node: Node, recipe: Recipe, graph: Graph) -> Iterator[Restriction]:
        accepted = self.dynamic_weight_formats.get(node.op)
        weight = graph.initializers.get(node.inputs[1]) if len(node.inputs) > 1 else None
        if accepted is None or weight is None:
            return
        scheme = recipe.scheme_for(node.inputs[1], node.name, op=node.op, shape=weight.shape)
        if scheme is not None and scheme.format not in accepted:
            what = f"{self.name} multiplies no dynamic activations with {scheme.format} weights in {node.op}"
            what += self._because("dynamic_weight_formats")
            yield Restriction(f"node {node.name!r}", what, f"Use {' or '.join(accepted)}")

    def _about_representation(self, recipe: Recipe) -> Iterator[Restriction]:
        from playground.model.recipe.representations import OPERATORS, without_operators

        if recipe.representation == OPERATORS and self.file != "onnx":
            what = f"operators on codes (QOperator) are a form of ONNX files, and {self.name} reads none"
            yield Restriction("representation", what, "Use 'qdq', or an ONNX runtime")
        else:
            yield from (Restriction(*found) for found in without_operators(recipe))

    def takes_weight(self, shape: tuple[int, ...], scheme: Scheme, output_axis: int | None) -> str:
        """Why it does not take one weight quantized so; empty if it does. ``output_axis``: of its output channels."""
        if self.ranks and len(shape) not in self.ranks:
            return f"{self.name} takes weights of rank {' or '.join(map(str, self.ranks))} only{self._because('ranks')}"
        other = scheme.axis is not None and (output_axis is None or (scheme.axis - output_axis) % len(shape))
        if self.output_channels and scheme.granularity == "channel" and other:
            return f"{self.name} takes scales of output channels only{self._because('output_channels')}"
        # ggml's K-quants have blocks of blocks
        whole = scheme.procedure.values if scheme.procedure is not None else scheme.block_size
        if scheme.granularity == "block" and whole and shape[-1] % whole:
            return f"its rows of {shape[-1]} are no whole blocks of {whole}{self._because('block_sizes')}"
        return ""
