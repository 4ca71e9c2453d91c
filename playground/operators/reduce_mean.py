"""ReduceMean: the mean over any axes."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._float_rows import integers_or_floats, reduction_of_floats
from playground.operators._moves import axes_of, reshaped, turned, viewed
from playground.operators._operator import Form, Operator, Scales, Takes
from playground.operators._planning import folded
from playground.operators._ranks import reduced
from playground.operators._reductions import SINCE, attributes, reduction
from playground.operators._upgrades import integers_as_input
from playground.operators.average_pool import averaged
from playground.programs import integer_ops as ops
from playground.programs.planner import Deferred, Dequantized, Planner, Symbol
from playground.programs.steps import Reshape


def plan(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
    """ReduceMean over any axes: global average pooling, of images as they are or of values arranged as such."""
    if planner.is_constant(node.inputs[0]):
        return folded(planner, node)
    return integers_or_floats(planner, node, _of_codes, reduction_of_floats("mean"))


def _of_codes(planner: Planner, node: Node) -> Symbol:
    x = planner.real(node.inputs[0])
    shape = planner.values[x.value].shape
    rank = len(shape)
    axes = sorted(axes_of(planner, node, rank) or ())
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return x
    axes = axes or list(range(rank))
    kept = [a for a in range(rank) if a not in axes]
    wanted = tuple(1 if a in axes else n for a, n in enumerate(shape))
    wanted = wanted if node.attributes["keepdims"] else tuple(shape[a] for a in kept)
    deferred = _mean(planner, x, axes, node.outputs[0])
    return deferred if deferred.shape == wanted else reshaped(planner, deferred, wanted)


def _mean(planner: Planner, x: Dequantized, axes: list[int], name: str) -> Deferred:
    shape = planner.values[x.value].shape
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    if len(shape) == 4 and axes == [2, 3]:
        return averaged(planner, x, shape, ops.Window((shape[2], shape[3]), (1, 1)), False)
    if [*kept, *axes] != list(range(len(shape))):
        viewed(planner, x, f"{name}:turned", turned(shape, [*kept, *axes]))
        x = Dequantized(f"{name}:turned", x.scale, x.zero_point)
    size = int(np.prod([shape[a] for a in axes]))
    image = (int(np.prod([shape[a] for a in kept])), 1, size, 1)
    planner.emit(Reshape((x.value,), f"{name}:image"), image, planner.values[x.value].dtype)
    held = Dequantized(f"{name}:image", x.scale, x.zero_point)
    return averaged(planner, held, image, ops.Window((size, 1), (1, 1)), False)


OPERATOR = Operator(
    name="ReduceMean",
    takes=(Takes.VALUES, Takes.AXES),
    run=reduction(np.mean),
    attributes=attributes(SINCE),
    data=(0,),
    scales=Scales.ROWS,
    forms=Form.FURTHER,
    rank=reduced,
    since=(1, SINCE),
    upgrade=integers_as_input("axes", 1, before=SINCE),
    plan=plan,
)
