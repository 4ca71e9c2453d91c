"""Constants that an operator puts among values belong to their range, whether or not calibration has met them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from playground.model.graph_view import GraphView
from playground.operators import find
from playground.ptq.masks import SENTINEL
from playground.ptq.placement import Placement
from playground.quantization import Range


def with_inserted(view: GraphView, placement: Placement, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges with the constants that Pad, Where and Concat put among the values. Sentinels never belong to one."""
    widened = dict(ranges)
    for node in view.graph.nodes:
        operator = find(node)
        if operator is None or node.outputs[0] not in placement.activations:
            continue
        provider = placement.provider(node.outputs[0])
        for name in operator.inserts(node):
            tensor = view.constants.get(name)
            if tensor is None or not tensor.size or tensor.dtype != "float32" or provider not in widened:
                continue
            if placement.known_masks.get(node.name) == name:
                continue
            values = tensor.numpy()
            if np.abs(values).max() < SENTINEL:
                found = widened[provider]
                widened[provider] = Range(np.minimum(found.lo, values.min()), np.maximum(found.hi, values.max()))
    return widened
