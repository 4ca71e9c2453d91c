"""DynamicQuantizeLinear: uint8 codes of a tensor's own range, with scale and zero-point."""

from __future__ import annotations

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._dynamic import DynamicQuantize, DynamicRange
from playground.operators._operator import Operator, Scales
from playground.programs import dynamic_ops
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Box
from playground.programs.planner import Dynamic, Planner
from playground.programs.steps import Quantize, Reshape, View

_PARTS = ("scale", "point")


def run(call: Call, x: Array) -> tuple[Array, Array, Array]:
    """uint8 codes of the tensor's own range, widened to hold 0; also their scale and zero-point."""
    found = dynamic_ops.dynamic_range(x)
    return dynamic_ops.dynamic_quantize(x, found), np.asarray(found[0]), found[1].astype(np.uint8)


def plan(planner: Planner, node: Node) -> tuple[Dynamic, Dynamic, Dynamic]:
    """DynamicQuantizeLinear: the range is a step, the codes are another one.

    Its parts as the numbers they are become steps too, which are left out unless they are outputs of the model.
    """
    source, codes = planner.floating(node.inputs[0]), node.outputs[0]
    if planner.values[source].dtype != "float32":
        raise UnsupportedError(f"the input is {planner.values[source].dtype}, not float32")
    found = f"{codes}:range"
    planner.emit(DynamicRange((source,), found), (2,), "float32")
    planner.emit(DynamicQuantize((source, found), codes), planner.values[source].shape, "uint8")
    for i, name in enumerate(node.outputs[1:3]):
        part = f"{name}:part"
        planner.emit(View((found,), part, Box((0,), (i,), (1,), (1,))), (1,), "float32")
        if i:
            planner.emit(Quantize((part,), f"{name}:code", np.float32(1), 0), (1,), "uint8")
        planner.emit(Reshape((f"{name}:code" if i else part,), name), (), "uint8" if i else "float32")
    scale, point = (Dynamic(name, part, found) for name, part in zip(node.outputs[1:], _PARTS, strict=True))
    return Dynamic(codes, "codes", found, source), scale, point


OPERATOR = Operator(name="DynamicQuantizeLinear", run=run, scales=Scales.CODES, plan=plan)
