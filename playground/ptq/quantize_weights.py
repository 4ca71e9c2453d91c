"""From ranges and float constants to codes: activations' parameters, weights, biases; overrides take precedence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from playground.api import quantize
from playground.errors import InvalidInputError, plural
from playground.model.graph import Graph
from playground.model.recipe import Override, Recipe
from playground.ptq.constants import Int32Bias, quantize_bias, widen_for_bias
from playground.ptq.placement import Placement
from playground.quantization import QParams, QTensor, Range, Scheme, choose_qparams, encode
from playground.tasks import Progress, Task


def with_overrides(ranges: Mapping[str, Range], recipe: Recipe) -> dict[str, Range]:
    """The ranges of activations, those that the recipe fixes in place of what was found."""
    fixed = {
        override.tensor: Range(np.float32(override.range[0]), np.float32(override.range[1]))
        for override in recipe.overrides
        if override.range is not None
    }
    return {name: _like(found, fixed[name]) if name in fixed else found for name, found in ranges.items()}


def _like(found: Range, given: Range) -> Range:
    return Range(np.broadcast_to(given.lo, np.shape(found.lo)), np.broadcast_to(given.hi, np.shape(found.hi)))


def activation_parameters(ranges: Mapping[str, Range], recipe: Recipe) -> dict[str, QParams]:
    """Scale and zero-point of each activation that has its own."""
    made = {}
    for name, found in ranges.items():
        override, scheme = recipe.override_for(name), recipe.activation_scheme_for(name)
        if override is not None and override.scale is not None:
            made[name] = _given_parameters(override, scheme, np.shape(found.lo))
        else:
            made[name] = choose_qparams(found, scheme)
    return made


def with_results(parameters: Mapping[str, QParams], graph: Graph, recipe: Recipe) -> dict[str, QParams]:
    """The parameters of activations, with those that the runtime's operators give their results in any case."""
    from playground.model.runtimes import runtime

    fixed, made = runtime(recipe.runtime).result_parameters, dict(parameters)
    for node in graph.nodes if fixed else ():
        name = node.outputs[0]
        if node.op in fixed and name in made:
            shape = np.shape(made[name].scale_values)
            scale, point = fixed[node.op]
            made[name] = QParams(np.full(shape, scale, np.float32), np.full(shape, point, np.int64))
    return made


def _given_parameters(override: Override, scheme: Scheme, shape: tuple[int, ...]) -> QParams:
    """The scale and zero-point of an override in the shape that they need.

    Raises:
        InvalidInputError: their number does not fit the weight, or a zero-point is not a code.
    """
    scale = np.array(override.scale, np.float32)
    points = np.array(override.zero_point, np.int64)
    where = f"override of {override.tensor!r}"
    if scale.size != int(np.prod(shape)):
        raise InvalidInputError(
            f"the override has {plural(scale.size, 'scale')} for {plural(int(np.prod(shape)), 'channel')}",
            where=where,
            hint="Give one scale for each channel",
        )
    low, high = scheme.limits
    if points.min() < low or points.max() > high:
        raise InvalidInputError(
            f"a zero-point is not a valid {scheme.format} code",
            where=where,
            hint=f"Use integers from {low} to {high}, or another format",
        )
    return QParams(scale.reshape(shape), points.reshape(shape))


def quantize_weight(name: str, graph: Graph, scheme: Scheme, recipe: Recipe) -> QTensor:
    """One constant, rounded to the nearest code; within the override's range or with its scale, if there is one."""
    values, override = graph.initializers[name].numpy(), recipe.override_for(name)
    if override is not None and override.scale is not None:
        qparams = _given_parameters(override, scheme, scheme.qparams_shape(values.shape))
        return QTensor(encode(values, qparams, scheme), qparams, scheme, values.shape)
    if override is not None and override.range is not None:
        lo, hi = (np.float32(bound) for bound in override.range)
        return quantize(values, scheme, Range(lo, hi))
    return quantize(values, scheme)


def weights_task(
    graph: Graph, placement: Placement, recipe: Recipe, done: Mapping[str, QTensor]
) -> Task[dict[str, QTensor]]:
    """All weights: those that algorithms have quantized, the rest by rounding to the nearest."""
    weights: dict[str, QTensor] = {}
    for index, (name, scheme) in enumerate(placement.weights.items()):
        yield Progress(index, len(placement.weights), f"Quantizing {name}")
        weights[name] = done[name] if name in done else quantize_weight(name, graph, scheme, recipe)
    return weights


def quantize_biases(
    graph: Graph, placement: Placement, activations: Mapping[str, QParams], weights: dict[str, QTensor]
) -> dict[tuple[str, str], Int32Bias]:
    """Biases as int32; a weight whose scale is too small for its bias is quantized again with a larger one."""
    usable = []
    for bias in placement.biases:
        source = placement.provider(bias.input)
        qparams = activations.get(source)
        if qparams is None and source in weights:
            qparams = weights[source].qparams  # rows that were gathered from a table
        if qparams is not None and qparams.scale_values.size == 1 and bias.weight in weights:
            values = np.float32(bias.factor) * graph.initializers[bias.name].numpy()
            usable.append((bias, values, np.float32(qparams.scale_values.item())))
    for bias, values, input_scale in usable:
        original = graph.initializers[bias.weight].numpy()
        weights[bias.weight] = widen_for_bias(weights[bias.weight], original, values, input_scale)
    made = {(b.node, b.name): quantize_bias(values, s, weights[b.weight]) for b, values, s in usable}
    return {key: bias for key, bias in made.items() if bias is not None}
