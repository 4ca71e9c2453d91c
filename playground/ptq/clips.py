"""Relu and Clip that vanish: only where the codes of what they follow clip exactly as they do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.operators import find
from playground.ptq.placement import Placement
from playground.ptq.quantize_weights import activation_parameters, with_overrides
from playground.quantization import QParams, Range


def clipped_otherwise(
    view: GraphView, placement: Placement, ranges: Mapping[str, Range], recipe: Recipe
) -> frozenset[str]:
    """Names of the nodes that were taken away though the codes in their place clip otherwise.

    Args:
        view: of the float graph.
        placement: which nodes were taken away.
        ranges: of the activations that have parameters of their own.
        recipe: what it fixes takes precedence over the ranges.
    """
    removed = [node for node in view.graph.nodes if node.name in placement.removed]
    if not removed:
        return frozenset()
    follows = {node.inputs[0]: node.outputs[0] for node in removed}
    final = {node.name: _last(node.outputs[0], follows) for node in removed}
    wanted = {name: ranges[name] for name in dict.fromkeys(map(placement.provider, final.values())) if name in ranges}
    parameters = activation_parameters(with_overrides(wanted, recipe), recipe)
    kept = set()
    for node in removed:
        provider = placement.provider(final[node.name])
        codes = recipe.activation_scheme_for(provider).format
        if provider not in parameters or not _clips_alike(node, view, parameters[provider], codes):
            kept.add(node.name)
    return frozenset(kept)


def _last(name: str, follows: Mapping[str, str]) -> str:
    while name in follows:
        name = follows[name]
    return name


def _clips_alike(node: Node, view: GraphView, parameters: QParams, codes: str) -> bool:
    """Whether all that lies beyond a node's limits becomes the lowest or the highest code, as the limits do."""
    operator = find(node)
    limits = None if operator is None else operator.limits(node, view.constants)
    if limits is None or parameters.scale_values.size != 1:
        return False
    lowest, highest = np.iinfo(codes).min, np.iinfo(codes).max
    scale, point = np.float32(parameters.scale_values.item()), int(parameters.zero_point.reshape(-1)[0])

    def code(limit: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.clip(np.rint(np.float32(limit) / scale) + point, lowest, highest))

    lo, hi = limits
    return code(lo) == lowest and code(hi) == highest
