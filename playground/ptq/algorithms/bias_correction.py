"""Bias correction: quantized weights shift the mean of outputs; biases take that back.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2. Analytic:
the shift is the weight's error times the mean input, here as measured in the float model. Empirical (appendix D):
means of outputs are measured in the float and in the quantized model, layer after layer, each with those before it
corrected. Activations are in float in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView, needed_for
from playground.operators import add, find, mat_mul
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter, Values
from playground.ptq.algorithms._matrices import Matrices, matrices_of
from playground.ptq.algorithms._moments import moments_task
from playground.quantization import QTensor
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Biased:
    """A product with a bias.

    Attributes:
        layer: how its weight is seen.
        bias: the constant that holds the bias.
        output: the tensor that the bias has been added to.
    """

    layer: Matrices
    bias: str
    output: str

    def means(self, values: NDArray[np.float32]) -> tuple[Float64, int]:
        """The sum of a batch of outputs by channel, and how many were added."""
        axis = 1 if self.layer.convolution else values.ndim - 1
        others = tuple(i for i in range(values.ndim) if i != axis)
        return values.sum(axis=others, dtype=np.float64), values.size // values.shape[axis]


def shift_of(values: NDArray[np.float32], weight: QTensor, biased: Biased, mean: Float64) -> Float64:
    """The mean error at each output, ``[outputs]``: the weight's error times the mean input ``[groups, inputs]``."""
    error = biased.layer.of(weight.dequantize().astype(np.float64) - values)
    found: Float64 = biased.layer.alpha * np.einsum("goi,gi->go", error, mean).reshape(-1)
    return found


def with_biases(context: Context) -> Context:
    """The context with a bias of zeros for each quantized Conv and Gemm that has none."""
    made: dict[str, NDArray[np.float32]] = {}
    nodes: list[Node] = []
    products = {node.name: weight for weight, node in context.products().items() if weight in context.weights}
    for node in context.graph.nodes:
        weight, bias = products.get(node.name), f"{node.name}_bias"
        free = not any(node.inputs[2:]) and bias not in context.graph.initializers
        takes_bias = (operator := find(node)) is not None and operator.bias is not None
        layer = matrices_of(node, context.view) if weight and free and takes_bias else ""
        if isinstance(layer, Matrices):
            made[bias] = np.zeros(layer.outputs, np.float32)
            nodes.append(replace(node, inputs=(*node.inputs[:2], bias)))
        else:
            nodes.append(node)
    return context.with_graph(context.graph.with_(nodes=tuple(nodes)).with_constants(made)) if made else context


def biased_products(context: Context) -> tuple[dict[str, Biased], dict[str, str]]:
    """Quantized weight -> where its bias is, in graph order; and for the others why they are not corrected."""
    found: dict[str, Biased] = {}
    skipped: dict[str, str] = {}
    for weight, node in context.products().items():
        if weight not in context.weights:
            continue
        layer = matrices_of(node, context.view)
        biased = layer if isinstance(layer, str) else _biased(layer, context.view)
        if isinstance(biased, str):
            skipped[weight] = biased
        else:
            found[weight] = biased
    return found, skipped


def _biased(layer: Matrices, view: GraphView) -> Biased | str:
    node, output = layer.node, layer.node.outputs[0]
    bias = node.inputs[2] if len(node.inputs) > 2 else ""
    if not bias and find(node) is mat_mul.OPERATOR:
        readers = view.readers(output)
        if len(readers) == 1 and find(readers[0]) is add.OPERATOR:
            bias = next((name for name in readers[0].inputs if name != output), "")
            output = readers[0].outputs[0]
    if view.uses(layer.weight) > 1:
        return "its weight has several readers"
    if bias not in view.constants or layer.beta == 0:
        return "it has no bias that could take the correction"
    if view.constants[bias].size != layer.outputs or view.uses(bias) > 1:
        return "its bias is not one value a channel of its own"
    return Biased(layer, bias, output)


def output_means_task(context: Context, graph: Graph, products: Mapping[str, Biased]) -> Task[dict[str, Float64]]:
    """The mean output of every channel, by weight, when ``graph`` runs on the calibration data."""
    sums: dict[str, tuple[Float64, int]] = {}

    def take(values: Values) -> None:
        for name, biased in products.items():
            total, count = biased.means(values[biased.output])
            old = sums.get(name)
            sums[name] = (total, count) if old is None else (old[0] + total, old[1] + count)

    names = list(dict.fromkeys(biased.output for biased in products.values()))
    yield from context.stream(names, take, _until(graph, names), "Mean outputs")
    return {name: total / count for name, (total, count) in sums.items()}


def _until(graph: Graph, names: list[str]) -> Graph:
    """The part of a graph that the named tensors need."""
    nodes = needed_for(names, graph.nodes)
    needed = set(names).union(*(node.reads for node in nodes))
    outputs = tuple(value for value in graph.outputs if value.name in needed)
    kept = {name: tensor for name, tensor in graph.initializers.items() if name in needed}
    return graph.with_(nodes=nodes, outputs=outputs, initializers=kept)


def _analytic(context: Context, products: Mapping[str, Biased]) -> Task[dict[str, NDArray[np.float32]]]:
    moments = yield from moments_task(context, {name: biased.layer for name, biased in products.items()})
    changed = {}
    for name, biased in products.items():
        shift = shift_of(context.values(name), context.weights[name], biased, moments[name].mean)
        changed[biased.bias] = _less(context.values(biased.bias), shift, biased)
        yield Progress(len(changed), len(products), f"Correcting {biased.bias}")
    return changed


def _empirical(
    context: Context, products: Mapping[str, Biased], wanted: Mapping[str, Float64]
) -> Task[dict[str, NDArray[np.float32]]]:
    changed: dict[str, NDArray[np.float32]] = {}
    for level in _levels(context.graph, products):
        now = {name: products[name] for name in level}
        means = yield from output_means_task(context, _quantized(context, changed), now)
        for name, biased in now.items():
            changed[biased.bias] = _less(context.values(biased.bias), means[name] - wanted[name], biased)
    return changed


def _levels(graph: Graph, products: Mapping[str, Biased]) -> list[list[str]]:
    """Weights that do not depend on each other, in groups: each depends on some of the group before."""
    by_output = {biased.output: name for name, biased in products.items()}
    depth: dict[str, int] = {}
    levels: dict[int, list[str]] = {}
    for node in graph.nodes:
        reached = max((depth.get(name, 0) for name in node.inputs), default=0)
        for name in node.outputs:
            if name in by_output:
                levels.setdefault(reached, []).append(by_output[name])
            depth[name] = reached + (name in by_output)
    return [levels[index] for index in sorted(levels)]


def _less(bias: NDArray[np.float32], shift: Float64, biased: Biased) -> NDArray[np.float32]:
    return (bias.astype(np.float64) - (shift / biased.layer.beta).reshape(bias.shape)).astype(np.float32)


def _quantized(context: Context, changed: Mapping[str, NDArray[np.float32]]) -> Graph:
    return context.fake_quantized().with_constants(changed)


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    context = with_biases(context)
    products, skipped = biased_products(context)
    if not products:
        return Outcome(skipped=skipped)
    wanted = yield from output_means_task(context, context.graph, products)
    before = yield from output_means_task(context, context.fake_quantized(), products)
    if parameters["empirical"]:
        changed = yield from _empirical(context, products, wanted)
    else:
        changed = yield from _analytic(context, products)
    after = yield from output_means_task(context, _quantized(context, changed), products)
    pairs = {
        name: (float(np.abs(before[name] - wanted[name]).mean()), float(np.abs(after[name] - wanted[name]).mean()))
        for name in products
    }
    return Outcome(
        graph=context.graph.with_constants(changed),
        before={"mean_shift": float(np.mean([a for a, _ in pairs.values()]))},
        after={"mean_shift": float(np.mean([b for _, b in pairs.values()]))},
        tensors={name: {"mean_shift": pair} for name, pair in pairs.items()},
        skipped=skipped,
    )


ALGORITHM = Algorithm(
    id="bias_correction",
    name="Bias correction",
    summary="Takes back the shift of mean outputs that quantized weights cause.",
    source="Nagel et al. 2019, https://arxiv.org/abs/1906.04721",
    stage="after",
    apply=_apply,
    parameters=(
        Parameter(
            "empirical", 0, 0, 1, True, "0: from the weights' errors and mean inputs; 1: measured, layer by layer."
        ),
    ),
    needs_data=True,
)
