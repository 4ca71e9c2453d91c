"""SmoothQuant: moves outliers of activations into the weights that they meet, channel by channel.

Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models", 2022, equation
4: ``s = max|x| ** alpha / max|w| ** (1 - alpha)``. What comes before is divided by s, weights are multiplied by it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._channels import Site, Sites
from playground.ptq.algorithms._moments import Moments, moments_task
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]


def smoothing_factors(activations: Float64, weights: Float64, alpha: float) -> Float64:
    """Factors s that activations are divided and weights multiplied by. All ``[channels]``, largest absolute values.

    A channel that is zero on one side is left as it is.
    """
    usable = (activations > 0) & (weights > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(usable, activations**alpha / weights ** (1 - alpha), 1.0)


def largest_read(site: Site, moments: Mapping[str, Moments]) -> Float64:
    """Largest absolute activation of each channel."""
    found = np.zeros(site.channels)
    for reader in site.readers:
        largest = reader.gather(moments[reader.weight].largest, site.channels, np.maximum)
        found = np.maximum(found, largest)
    return found


def largest_weights(graph: Graph, site: Site) -> Float64:
    """Largest absolute weight that each channel meets."""
    found = np.zeros(site.channels)
    for reader in site.readers:
        columns = np.abs(reader.of(graph.initializers[reader.weight].numpy()).astype(np.float64)).max(axis=1)
        found = np.maximum(found, reader.gather(columns, site.channels, np.maximum))
    return found


def outlier_ratio(channels: Float64) -> float:
    """How many times larger the largest channel is than the mean one: what one scale for all of them costs."""
    mean = float(channels.mean()) if channels.size else 0.0
    return float(channels.max()) / mean if mean > 0 else 1.0


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    if context.recipe.activations == "weight_only":
        return Outcome(
            notes=("SmoothQuant changed nothing: activations stay in float, so nothing has to be smoothed.",)
        )
    sites = Sites(context.view, context.placement.excluded)
    layers = {reader.weight: reader for site in sites.found for reader in site.readers}
    moments = (yield from moments_task(context, layers)) if layers else {}
    graph = context.graph
    pairs: dict[str, tuple[float, float]] = {}
    for index, site in enumerate(sites.found):
        yield Progress(index, len(sites.found), f"Smoothing {site.name}")
        activations = largest_read(site, moments)
        factors = smoothing_factors(activations, largest_weights(graph, site), parameters["alpha"])
        graph = graph.with_constants(site.scaled(graph, factors))
        pairs[site.name] = outlier_ratio(activations), outlier_ratio(activations / factors)
    return Outcome(
        graph=graph,
        before={"largest_to_mean_channel": max((a for a, _ in pairs.values()), default=1.0)},
        after={"largest_to_mean_channel": max((b for _, b in pairs.values()), default=1.0)},
        tensors={name: {"largest_to_mean_channel": pair} for name, pair in pairs.items()},
        skipped=sites.skipped,
    )


ALGORITHM = Algorithm(
    id="smoothquant",
    name="SmoothQuant",
    summary="Moves outliers of activations into the weights that they meet.",
    source="Xiao et al. 2022, https://arxiv.org/abs/2211.10438",
    stage="graph",
    apply=_apply,
    parameters=(
        Parameter("alpha", 0.5, 0.0, 1.0, False, "How much of the difficulty goes from activations to weights."),
    ),
    needs_data=True,
)
