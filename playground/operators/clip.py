"""Clip: values limited from below and above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from playground.model.graph import Node, Tensor
from playground.operators._floats import combined, float_input, float_value, within
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._planning import refuse_float
from playground.operators._upgrades import Older, stated, without
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.planner import CodeFunction, Codes, Constant, ConstantDequantized, Planner, Symbol


def run(call: Call, x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    """Clip to limits."""
    if low is not None:
        x = np.maximum(x, np.asarray(low, x.dtype))
    return x if high is None else np.minimum(x, np.asarray(high, x.dtype))


def plan(planner: Planner, node: Node) -> Symbol:
    """Clip with constant limits."""
    limits = [-np.inf, np.inf]
    if planner.floats and not all(planner.is_constant(name) for name in node.inputs[1:3] if name):
        return _between_computed(planner, node)
    for i, name in enumerate(node.inputs[1:3]):
        if name:
            limits[i] = float(planner.known(name, "limit").reshape(-1)[0])
    return clamped(planner, node.inputs[0], *limits)


def _between_computed(planner: Planner, node: Node) -> Symbol:
    """Clip of floats with a limit that is computed."""
    value = float_input(planner, node.inputs[0])
    given = [(name, way) for name, way in zip(node.inputs[1:3], ("max", "min"), strict=False) if name]
    for name, way in given[:-1]:
        limited = combined(planner, way, (value, float_input(planner, name)))
        value = f"{node.outputs[0]}:{way}"
        limited.emit(value, np.float32(1), ops.Target("float32"))
    name, way = given[-1]
    return combined(planner, way, (value, float_input(planner, name)))


def clamped(planner: Planner, name: str, lo: float, hi: float) -> Symbol:
    """A tensor limited to ``lo .. hi``, whatever it is: a constant, a table, codes or floats.

    As in ONNX the upper limit is applied last: where it is below the other one, all values become it.
    """
    lo = min(lo, hi)
    symbol = planner.symbol(name)
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return Constant(np.clip(planner.known(name, "input"), np.float32(lo), np.float32(hi)))
    if isinstance(symbol, Codes):
        return _clamped_float(planner, name, lo, hi) or refuse_float()
    function = planner.function(symbol)
    if function is not None:
        return CodeFunction(function.value, np.clip(function.results, np.float32(lo), np.float32(hi)))
    symbol = planner.deferred(symbol)
    return replace(symbol, lo=min(max(symbol.lo, lo), hi), hi=max(min(symbol.hi, hi), lo), plus=None, by_column=None)


def _clamped_float(planner: Planner, name: str, lo: float, hi: float) -> Symbol | None:
    """Relu and Clip of a float value; None if it is no such."""
    value = float_value(planner, name) if isinstance(planner.symbol(name), Codes) else None
    return None if value is None else replace(within(planner, value), lo=lo, hi=hi)


def _upgrade(older: Older, node: Node) -> Node:
    """Limits were attributes before operator set 11."""
    if older.opset >= 11:
        return node
    inputs = [node.inputs[0]]
    for name in ("min", "max"):
        limit = stated(node, name, "float")
        inputs.append("" if limit is None else older.number(node, name, limit, node.inputs[0]))
    return without(node, "min", "max", inputs=inputs)


def _limits(node: Node, constants: Mapping[str, Tensor]) -> tuple[float, float] | None:
    """The limits, where they are constants."""
    limits = [-np.inf, np.inf]
    for i, name in enumerate(node.inputs[1:3]):
        if name and (name not in constants or constants[name].size == 0):
            return None
        if name:
            limits[i] = float(constants[name].numpy().reshape(-1)[0])
    return min(limits), limits[1]


OPERATOR = Operator(
    name="Clip",
    takes=(Takes.VALUES, Takes.NUMBER),
    run=run,
    data=(0,),
    scales=Scales.CLIPS,
    limits=_limits,
    traits=Trait.MONOTONIC | Trait.BY_CHANNEL,
    forms=Form.DEFAULT,
    since=(1, 11),
    upgrade=_upgrade,
    plan=plan,
)
