"""AWQ: weights that meet large activations are made larger before rounding, and so lose less.

Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2023: for each group of
weights that share an input, ``s = mean|x| ** alpha``, normalised by ``sqrt(max(s) * min(s))``; alpha is the best of a
grid by the squared error of the outputs. The factors are folded into the operator before; where that is a quantized
product itself, its own error counts too. Without the search for clip ranges (see ``importance``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from playground.api import quantize
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._channels import Site, Sites
from playground.ptq.algorithms._grid import output_error_task
from playground.ptq.algorithms._matrices import Matrices
from playground.ptq.algorithms._moments import Moments, moments_task, passes
from playground.quantization import Scheme
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]

LEAST = 1e-4
"""No factor before normalisation is smaller: the authors' bound."""


def awq_factors(activations: Float64, alpha: float) -> Float64:
    """Factors that weights are multiplied by, ``[channels]``, from the mean absolute activation of each channel."""
    factors = np.maximum(activations**alpha, LEAST)
    normalised: Float64 = factors / np.sqrt(factors.max() * factors.min())
    return normalised


@dataclass(frozen=True, slots=True)
class Scaled:
    """A weight with what it meets, and the factors it has so far.

    Attributes:
        layer: how it is seen.
        values: float64 ``[groups, outputs, inputs]``, as it was before any factor.
        second: float32, sums of ``x @ x.T``, x as it was before any factor.
        signal: sum of squared outputs.
        scheme: how it is quantized; None: it is not.
        factors: what the values are multiplied with, broadcasting against them.
    """

    layer: Matrices
    values: Float64
    second: NDArray[np.float32]
    signal: float
    scheme: Scheme | None
    factors: Float64

    def error_task(self, more: Float64) -> Task[float]:
        """Squared output error over squared output, when multiplied with more factors, quantized and divided again."""
        if self.scheme is None or self.signal == 0:
            return 0.0
        factors = self.factors * more
        rounded = quantize(self.layer.back((self.values * factors).astype(np.float32)), self.scheme).dequantize()
        yield Progress(0, 1, "AWQ")
        error = (self.layer.of(rounded) / factors - self.values).astype(np.float32)
        return (yield from output_error_task(error, self.second)) / self.signal

    def rows(self, factors: Float64) -> Float64:
        """What dividing its outputs by factors multiplies it with."""
        return 1 / factors.reshape(self.layer.groups, -1, 1)

    def times(self, more: Float64) -> Scaled:
        """With more factors."""
        return replace(self, factors=self.factors * more)


def best_factors(
    activations: Float64, error: Callable[[Float64], Task[float]], steps: int
) -> Task[tuple[Float64, float, float]]:
    """The factors of least error among ``steps`` values of alpha from 0 on, the error without factors, and theirs."""
    best = np.ones_like(activations)
    first = yield from error(best)
    least = first
    for step in range(1, steps):
        yield Progress(step, steps, "AWQ")
        factors = awq_factors(activations, step / steps)
        found = yield from error(factors)
        if found < least:
            best, least = factors, found
    return best, first, least


def mean_activations(site: Site, moments: Mapping[str, Moments]) -> Float64:
    """The mean absolute activation of each channel, ``[channels]``."""
    found = np.zeros(site.channels)
    for reader in site.readers:
        sums = reader.gather(moments[reader.weight].absolute, site.channels, np.add)
        found += sums / (max(1, moments[reader.weight].count) * reader.inputs * reader.groups / site.channels)
    return found


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    sites = Sites(context.view, context.placement.excluded)
    graph = context.graph
    errors: dict[str, tuple[float, float]] = {}
    seen: dict[str, Scaled] = {}
    for part in _parts(sites.found):
        layers = {layer.weight: layer for site in part for layer in _layers(site)}
        moments = yield from moments_task(context, layers, second=True)
        for site in part:
            now: dict[str, Scaled] = {}
            for layer in _layers(site):
                now[layer.weight] = seen.get(layer.weight) or (yield from _as_it_was(context, layer, moments))
            activations = mean_activations(site, moments)
            factors, before, after = yield from best_factors(activations, _loss(site, now), int(parameters["steps"]))
            errors[site.name] = before, after
            if after < before:
                graph = graph.with_constants(site.scaled(graph, factors))
                seen |= {name: now[name].times(more) for name, more in _changes(site, now, factors).items()}
    return Outcome(
        graph=graph,
        before={"relative_output_error": float(np.mean([a for a, _ in errors.values()] or [0.0]))},
        after={"relative_output_error": float(np.mean([b for _, b in errors.values()] or [0.0]))},
        tensors={name: {"relative_output_error": pair} for name, pair in errors.items()},
        skipped=sites.skipped,
    )


def _layers(site: Site) -> list[Matrices]:
    """The weights that a site's factors change: those that read, and the one that absorbs."""
    return [*site.readers, *([site.product] if site.product is not None else [])]


def _as_it_was(context: Context, layer: Matrices, moments: Mapping[str, Moments]) -> Task[Scaled]:
    values = layer.of(context.values(layer.weight)).astype(np.float64)
    second = moments[layer.weight].second.astype(np.float32)
    signal = yield from output_error_task(values, second)
    return Scaled(layer, values, second, signal, context.placement.weights.get(layer.weight), np.ones((1, 1, 1)))


def _changes(site: Site, now: Mapping[str, Scaled], factors: Float64) -> dict[str, Float64]:
    """What a site's factors multiply each weight with."""
    changes = {reader.weight: reader.spread(factors) for reader in site.readers}
    if site.product is not None:
        changes[site.product.weight] = now[site.product.weight].rows(factors)
    return changes


def _loss(site: Site, now: Mapping[str, Scaled]) -> Callable[[Float64], Task[float]]:
    """The error as a function of a site's factors: of the readers, and of the weight whose outputs are divided."""

    def loss(factors: Float64) -> Task[float]:
        total = 0.0
        for name, more in _changes(site, now, factors).items():
            total += yield from now[name].error_task(more)
        return total

    return loss


def _parts(sites: Sequence[Site]) -> list[list[Site]]:
    """Sites whose second moments fit into memory together."""
    parts: list[list[Site]] = []
    for site in sites:
        together = {layer.weight: layer for one in [*(parts[-1] if parts else []), site] for layer in _layers(one)}
        if parts and len(passes(together)) == 1:
            parts[-1].append(site)
        else:
            parts.append([site])
    return parts


ALGORITHM = Algorithm(
    id="awq",
    name="AWQ",
    summary="Makes weights that meet large activations larger before rounding, and undoes it in the operator before.",
    source="Lin et al. 2023, https://arxiv.org/abs/2306.00978",
    stage="graph",
    apply=_apply,
    parameters=(Parameter("steps", 20, 2, 1000, True, "How many exponents are tried."),),
    needs_data=True,
)
