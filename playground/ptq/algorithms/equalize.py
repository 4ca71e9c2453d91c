"""Cross-layer equalisation: channels of neighbouring layers get equal ranges, without changing what they compute.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019: equation 11 on all pairs
until nothing changes, then high biases are absorbed by the next layer (equations 12 to 15; means and deviations are
those of the calibration data, since batch normalisation is folded by now). ReLU6 is left alone, not replaced by ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph
from playground.model.graph_view import GraphView
from playground.operators import find, flatten, relu
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter, Values
from playground.ptq.algorithms._channels import Site, Sites
from playground.ptq.algorithms._matrices import Matrices
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]

CONVERGED = 1e-3
"""Factors closer to one than this change nothing that could be measured."""


def equalising_factors(first: Float64, second: Float64) -> Float64:
    """Factors s with ``first / s == second * s``: both are ``[channels]``, largest absolute weights.

    A channel without weights on one side keeps its range.
    """
    usable = (first > 0) & (second > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(usable, np.sqrt(first / second), 1.0)


def channel_ranges(graph: Graph, site: Site) -> tuple[Float64, Float64]:
    """Largest absolute weight of each channel, where it is made and where it is read."""
    product = site.product
    if product is None:  # sites are looked for with norms=False
        return np.ones(site.channels), np.ones(site.channels)
    rows = np.abs(product.of(graph.initializers[product.weight].numpy()).astype(np.float64)).max(axis=2)
    read = np.zeros(site.channels)
    for reader in site.readers:
        columns = np.abs(reader.of(graph.initializers[reader.weight].numpy()).astype(np.float64)).max(axis=1)
        read = np.maximum(read, reader.gather(columns, site.channels, np.maximum))
    return rows.reshape(-1), read


def spread_of(ranges: Float64) -> float:
    """How many times wider the widest channel is than the median one."""
    middle = float(np.median(ranges))
    return float(ranges.max()) / middle if middle > 0 else 1.0


def equalized_task(graph: Graph, sites: list[Site], sweeps: int) -> Task[Graph]:
    """The graph with equal ranges: all sites again and again, until the largest change is below :data:`CONVERGED`."""
    for sweep in range(sweeps):
        largest = 0.0
        for site in sites:
            yield Progress(sweep, sweeps, f"Equalising {site.name}")
            factors = equalising_factors(*channel_ranges(graph, site))
            largest = max(largest, float(np.abs(factors - 1).max()))
            graph = graph.with_constants(site.scaled(graph, factors))
        if largest < CONVERGED:
            break
    return graph


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    sites = Sites(context.view, context.placement.excluded, norms=False)
    before = {site.name: channel_ranges(context.graph, site) for site in sites.found}
    graph = yield from equalized_task(context.graph, sites.found, int(parameters["sweeps"]))
    after = {site.name: channel_ranges(graph, site) for site in sites.found}
    skipped = dict(sites.skipped)
    notes: tuple[str, ...] = ()
    if parameters["absorb"] and sites.found:
        if context.data is None:
            notes = ("Biases were not absorbed: that needs calibration data.",)
        else:
            graph, reasons = yield from _absorbed_task(context.with_graph(graph), sites.found)
            skipped |= reasons
    pairs = {name: (spread_of(before[name][0]), spread_of(after[name][0])) for name in before}
    return Outcome(
        graph=graph,
        before={"widest_to_median_channel": max((a for a, _ in pairs.values()), default=1.0)},
        after={"widest_to_median_channel": max((b for _, b in pairs.values()), default=1.0)},
        tensors={name: {"widest_to_median_channel": pair} for name, pair in pairs.items()},
        skipped=skipped,
        notes=notes,
    )


def _absorbed_task(context: Context, sites: list[Site]) -> Task[tuple[Graph, dict[str, str]]]:
    """The graph with what biases have above ``mean - 3 * deviation`` moved to the readers, and where that was left."""
    usable: list[Site] = []
    skipped: dict[str, str] = {}
    for site in sites:
        reason = _why_not_absorbed(context.view, site)
        if reason:
            skipped[f"{site.name} (bias)"] = f"its bias is not absorbed: {reason}"
        else:
            usable.append(site)
    if not usable:
        return context.graph, skipped
    seen = {site.name: _Channels(site.channels) for site in usable}

    def take(values: Values) -> None:
        for site in usable:
            seen[site.name].update(values[site.made[0]])

    yield from context.stream([site.made[0] for site in usable], take, message="Distributions of channels")
    changed: dict[str, NDArray[np.float32]] = {}
    for site in usable:
        changed |= _absorb(context, site, seen[site.name].almost_always_above(), changed)
    return context.graph.with_constants(changed), skipped


class _Channels:
    """Mean and deviation of every channel, streamed."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._total, self._squares = np.zeros(channels), np.zeros(channels)

    def update(self, values: NDArray[np.float32]) -> None:
        """Take a batch into account; channels lie along its second axis."""
        rows = np.moveaxis(values, 1, 0).reshape(self._total.size, -1).astype(np.float64)
        self._count += rows.shape[1]
        self._total += rows.sum(axis=1)
        self._squares += np.square(rows).sum(axis=1)

    def almost_always_above(self) -> Float64:
        """What a channel falls below only by chance: ``mean - 3 * deviation``, at least 0."""
        mean = self._total / max(1, self._count)
        deviation = np.sqrt(np.maximum(self._squares / max(1, self._count) - mean**2, 0))
        found: Float64 = np.maximum(0.0, mean - 3 * deviation)
        return found


def _why_not_absorbed(view: GraphView, site: Site) -> str:
    """Why a site's bias stays; empty if a part of it may move."""
    if len(site.divided) != 1 or len(site.made) < 2:
        return "no bias followed by Relu"
    between = [view.readers(name)[-1] for name in site.made[:-1]]
    operators = [find(node) for node in between]
    if any(one not in (relu.OPERATOR, flatten.OPERATOR) for one in operators) or operators[0] is not relu.OPERATOR:
        return "more than Relu lies between"
    for reader in site.readers:
        node = reader.node
        if any(node.attributes.get("pads") or ()) or node.attributes.get("auto_pad", "NOTSET") not in (
            "NOTSET",
            "VALID",
        ):
            return f"{node.name} pads with zeros"
        if len(node.inputs) < 3 or node.inputs[2] not in view.constants:
            return f"{node.name} has no bias to take it"
    return ""


def _absorb(
    context: Context, site: Site, constant: Float64, changed: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    def now(name: str) -> Float64:
        return np.asarray(changed.get(name, context.values(name)), np.float64)

    bias = now(site.divided[0])
    beta = site.product.beta if site.product is not None else 1.0
    made = {site.divided[0]: bias - (constant / beta).reshape(bias.shape)}
    for reader in site.readers:
        name = reader.node.inputs[2]
        taken = moved(reader, now(reader.weight), constant)
        held = made.get(name, now(name))
        made[name] = held + (taken / reader.beta).reshape(held.shape)
    return {name: values.astype(np.float32) for name, values in made.items()}


def moved(reader: Matrices, weight: NDArray[np.float64], constant: Float64) -> Float64:
    """What a constant input gives at each output, ``[outputs]``."""
    found: Float64 = reader.alpha * (reader.of(weight) * reader.spread(constant)).sum(axis=2).reshape(-1)
    return found


ALGORITHM = Algorithm(
    id="equalize",
    name="Cross-layer equalisation",
    summary="Makes channel ranges of neighbouring layers equal, so that one scale fits all; then absorbs high biases.",
    source="Nagel et al. 2019, https://arxiv.org/abs/1906.04721",
    stage="graph",
    apply=_apply,
    parameters=(
        Parameter("sweeps", 20, 1, 1000, True, "Times all pairs are visited, at the most."),
        Parameter("absorb", 1, 0, 1, True, "1: high biases are absorbed by the next layer (needs calibration data)."),
    ),
)
