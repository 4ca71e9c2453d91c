"""Structured pruning: whole channels are taken out, and with them everything that makes or reads them.

Li et al., "Pruning Filters for Efficient ConvNets", 2016: the filters with the smallest sum of absolute weights go. The
next layers' biases take over the mean of what is missing, if there is calibration data. What is left is an ordinary,
smaller graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node, Tensor
from playground.model.graph_view import GraphView
from playground.operators import Trait, add, find, flatten, mat_mul
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._matrices import Matrices, matrices_of
from playground.ptq.algorithms._moments import moments_task
from playground.tasks import Progress, Task


@dataclass(frozen=True, slots=True)
class Chain:
    """Channels that can be taken out.

    Attributes:
        first: the product that makes them.
        rows: constants of one entry a channel along their first axis: biases, depthwise weights.
        depthwise: names of the depthwise convolutions in between.
        readers: the products that read them.
    """

    first: Matrices
    rows: tuple[str, ...]
    depthwise: tuple[str, ...]
    readers: tuple[Matrices, ...]

    @property
    def channels(self) -> int:
        """How many there are."""
        return self.first.outputs


class Chains:
    """All chains of a graph, and for the other products the reason why their channels stay."""

    def __init__(self, view: GraphView, excluded: Collection[str]) -> None:
        """Find them."""
        self._view, self._excluded = view, excluded
        self.found: list[Chain] = []
        self.skipped: dict[str, str] = {}
        for node in view.graph.nodes:
            if view.weight(node) is None:
                continue
            layer = matrices_of(node, view)
            chain = layer if isinstance(layer, str) else self._chain(layer)
            if isinstance(chain, Chain):
                self.found.append(chain)
            else:
                self.skipped[node.name] = chain

    def _chain(self, first: Matrices) -> Chain | str:
        if first.groups > 1:
            return "its channels go with those of the layer before" if _is_depthwise(first) else "it has groups"
        rows: list[str] = [name for name in first.node.inputs[2:] if name]
        depthwise: list[str] = []
        readers: list[Matrices] = []
        waiting = [first.node.outputs[0]]
        while waiting:
            name = waiting.pop()
            if name in self._view.ends:
                return f"{name} is an output of the model"
            for node in self._view.readers(name):
                reason = self._step(node, name, first, (rows, depthwise, readers, waiting))
                if reason:
                    return reason
        return self._checked(Chain(first, tuple(rows), tuple(depthwise), tuple(readers)))

    def _step(self, node: Node, name: str, first: Matrices, found: tuple[list[Any], ...]) -> str:
        """Take one reader into account; why it is an obstacle, or nothing."""
        rows, depthwise, readers, waiting = found
        where = f"{node.op} {node.name!r}"
        operator = find(node)
        if operator is not None and Trait.BY_CHANNEL in operator.traits and node.inputs[0] == name:
            waiting.append(node.outputs[0])
            mixes = operator is flatten.OPERATOR and flatten.OPERATOR.get(node, "axis") != 1
            return f"{where} mixes channels" if mixes else ""
        if operator is add.OPERATOR and find(first.node) is mat_mul.OPERATOR:
            other = next((one for one in node.inputs if one in self._view.constants), None)
            if other is not None and self._view.shape(other) == (first.outputs,):
                rows.append(other)
                waiting.append(node.outputs[0])
                return ""
        layer = matrices_of(node, self._view) if node.inputs[0] == name else where
        if isinstance(layer, str):
            return f"{where} reads it"
        if _is_depthwise(layer) and layer.channels == first.outputs == layer.outputs:
            depthwise.append(node.name)
            rows.extend([layer.weight, *(bias for bias in node.inputs[2:] if bias)])
            waiting.append(node.outputs[0])
            return ""
        if layer.groups > 1 or layer.channels % first.outputs:
            return f"{where} reads its channels in groups"
        readers.append(layer)
        return ""

    def _checked(self, chain: Chain) -> Chain | str:
        if not chain.readers:
            return "no product reads it"
        nodes = {chain.first.node.name, *chain.depthwise, *(layer.node.name for layer in chain.readers)}
        kept = [name for name in nodes if name in self._excluded]
        if kept:
            return f"{min(kept)} stays as it is"
        names = [chain.first.weight, *chain.rows, *(layer.weight for layer in chain.readers)]
        for name in names:
            tensor = self._view.constants.get(name)
            if tensor is None or tensor.dtype != "float32" or self._view.uses(name) > 1:
                return f"{name} is no float32 constant of its own"
        if any(self._view.constants[name].shape[0] != chain.channels for name in chain.rows):
            return "its bias is not one value a channel"
        return chain


def _is_depthwise(layer: Matrices) -> bool:
    return layer.groups > 1 and layer.shape[1] == 1


def kept_channels(strengths: NDArray[Any], share: float) -> NDArray[np.intp]:
    """The channels that stay: without the share of the weakest, rounded down; at least one stays. In order."""
    count = min(int(share * strengths.size), strengths.size - 1)
    return np.sort(np.argsort(strengths, kind="stable")[count:])


def without_channels(graph: Graph, chain: Chain, kept: NDArray[np.intp]) -> Graph:
    """The graph with only some channels of a chain left."""

    def values(name: str) -> NDArray[Any]:
        return graph.initializers[name].numpy()

    first = chain.first
    changed = {name: np.ascontiguousarray(values(name)[kept]) for name in chain.rows}
    changed[first.weight] = np.take(values(first.weight), kept, axis=first.output_axis)
    for reader in chain.readers:
        array = values(reader.weight)
        repeat = array.shape[reader.input_axis] // chain.channels
        places = (kept[:, np.newaxis] * repeat + np.arange(repeat)).reshape(-1)
        changed[reader.weight] = np.take(array, places, axis=reader.input_axis)
    held = {**graph.initializers, **{name: Tensor.of(name, array) for name, array in changed.items()}}
    nodes = [
        replace(node, attributes={**node.attributes, "group": len(kept)}) if node.name in chain.depthwise else node
        for node in graph.nodes
    ]
    return graph.with_(nodes=tuple(nodes), initializers=held)


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    chains = Chains(context.view, context.placement.excluded)
    means = yield from _means_task(context, chains.found)
    graph, counts = context.graph, {}
    for index, chain in enumerate(chains.found):
        yield Progress(index, len(chains.found), f"Pruning {chain.first.node.name}")
        weights = chain.first.of(graph.initializers[chain.first.weight].numpy())
        kept = kept_channels(np.abs(weights).sum(axis=2).reshape(-1), parameters["share"])
        gone = np.setdiff1d(np.arange(chain.channels), kept)
        graph = without_channels(_with_means(graph, chain, gone, means), chain, kept)
        counts[chain.first.node.name] = float(chain.channels), float(kept.size)
    return Outcome(
        graph=graph,
        before={"parameters": float(_parameters(context.graph))},
        after={"parameters": float(_parameters(graph))},
        tensors={name: {"channels": pair} for name, pair in counts.items()},
        skipped=chains.skipped,
    )


def _parameters(graph: Graph) -> int:
    return sum(tensor.size for tensor in graph.initializers.values())


def _means_task(context: Context, chains: list[Chain]) -> Task[dict[str, NDArray[Any]]]:
    """The mean of what each reader meets, ``[inputs]`` by weight; nothing without calibration data."""
    layers = {reader.weight: reader for chain in chains for reader in chain.readers}
    if context.data is None or not layers:
        return {}
    moments = yield from moments_task(context, layers)
    return {name: found.mean[0] for name, found in moments.items()}


def _with_means(graph: Graph, chain: Chain, gone: NDArray[np.intp], means: Mapping[str, NDArray[Any]]) -> Graph:
    """The graph with the mean effect of missing channels added to the readers' biases, where they have one."""
    held = dict(graph.initializers)
    for reader in chain.readers:
        bias = reader.node.inputs[2] if len(reader.node.inputs) > 2 else ""
        if reader.weight not in means or bias not in held or reader.beta == 0 or held[bias].size != reader.outputs:
            continue
        weights = reader.of(held[reader.weight].numpy())[0].astype(np.float64)
        mean = means[reader.weight]
        if mean.size != weights.shape[1]:
            continue
        missing = np.zeros(chain.channels)
        missing[gone] = 1.0
        effect = weights @ (mean * reader.spread(missing).reshape(-1))
        values = held[bias].numpy()
        held[bias] = Tensor.of(
            bias, (values + (reader.alpha / reader.beta * effect).reshape(values.shape)).astype(np.float32)
        )
    return graph.with_(initializers=held)


ALGORITHM = Algorithm(
    id="structured_pruning",
    name="Structured pruning",
    summary="Takes out the channels with the smallest weights: the model gets smaller and faster in any format.",
    source="Li et al. 2016, https://arxiv.org/abs/1608.08710, without training afterwards",
    stage="graph",
    apply=_apply,
    parameters=(Parameter("share", 0.1, 0.0, 0.99, False, "The share of channels that goes, of each layer."),),
)
