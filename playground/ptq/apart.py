"""What one scale cannot hold: parts of a Concat that differ by decades, constants far outside of the other values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from playground import operators
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Operator, Scales, find
from playground.ptq.masks import SENTINEL
from playground.ptq.placement import Placement
from playground.ptq.report import Skipped
from playground.quantization import Range

STEPS = 4
"""Values within so many steps of zero are mostly rounding error: at best 17 dB of them are left."""

WIDER = 1.25
"""How much wider constants may make the range of the values that they are put among."""


def held_apart(view: GraphView, placement: Placement, ranges: Mapping[str, Range]) -> dict[str, Skipped]:
    """Node name -> why it stays in float: its results have no scale that is fine enough for all of them.

    Args:
        view: of the float graph.
        placement: where quantization would go.
        ranges: of the activations that have parameters of their own.
    """
    found = {}
    for node in view.graph.nodes:
        operator, made = find(node), node.outputs[0]
        if operator is None or not placement.quantizes(node) or made not in placement.activations:
            continue
        if operator is operators.concat.OPERATOR:
            reason = _lost_part(node, view, placement, ranges) if _reaches_end(made, view) else ""
        else:
            reason = _far_constant(node, operator, view, placement, ranges)
        if reason:
            found[node.name] = Skipped(made, node.name, node.op, reason)
    return found


def _reaches_end(name: str, view: GraphView) -> bool:
    """Whether a value gets to an output of the graph without a product, which would need all of it in one scale."""
    seen, stack = set[str](), [name]
    while stack:
        name = stack.pop()
        if name in view.ends:
            return True
        for reader in () if name in seen else view.readers(name):
            operator = find(reader)
            if operator is None or operator.scales is not Scales.PRODUCT:
                stack += reader.outputs
        seen.add(name)
    return False


def _lost_part(node: Node, view: GraphView, placement: Placement, ranges: Mapping[str, Range]) -> str:
    shared = ranges.get(placement.provider(node.outputs[0]))
    if shared is None:
        return ""
    step = (max(_top(shared), 0.0) - min(_bottom(shared), 0.0)) / 255
    for name in dict.fromkeys(node.inputs):
        found = _range_of(name, view, placement, ranges)
        largest = 0.0 if found is None else max(abs(_bottom(found)), abs(_top(found)))
        if 0 < largest < STEPS * step:
            return (
                f"the values of {name!r} (up to {largest:.3g}) would be lost in the scale that its parts share "
                f"(steps of {step:.3g})"
            )
    return ""


def _far_constant(
    node: Node, operator: Operator, view: GraphView, placement: Placement, ranges: Mapping[str, Range]
) -> str:
    """Why a constant that is put among values, or in their place, does not belong to their range; empty if it does."""
    inserted = [name for name in operator.inserts(node) if name in view.constants]
    if not inserted or node.name in placement.known_masks:
        return ""
    live = [name for name in _live(node, operator, view) if name in placement.activations]
    for name in inserted:
        values = view.constants[name]
        if values.dtype != "float32" or not values.size or np.abs(values.numpy()).max() >= SENTINEL:
            continue
        for other in live:
            found = ranges.get(placement.provider(other))
            if found is None:
                continue
            lo, hi = min(_bottom(found), 0.0), max(_top(found), 0.0)
            wide = max(hi, float(values.numpy().max())) - min(lo, float(values.numpy().min()))
            if wide > WIDER * (hi - lo):
                return f"its constant {name!r} lies outside of the range of {other!r} ({lo:.3g} to {hi:.3g})"
    return ""


def _live(node: Node, operator: Operator, view: GraphView) -> Iterator[str]:
    data = operator.data
    for place, name in enumerate(node.inputs):
        if name and name not in view.constants and (data is None or place in data):
            yield name


def _range_of(name: str, view: GraphView, placement: Placement, ranges: Mapping[str, Range]) -> Range | None:
    tensor = view.constants.get(name)
    if tensor is not None:
        values = tensor.numpy() if tensor.dtype == "float32" and tensor.size else np.zeros(1, np.float32)
        return Range(values.min(), values.max())
    return ranges.get(placement.provider(name))


def _bottom(found: Range) -> float:
    return float(np.min(found.lo))


def _top(found: Range) -> float:
    return float(np.max(found.hi))
