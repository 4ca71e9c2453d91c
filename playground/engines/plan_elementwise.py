"""Planning of what works on every element alone.

A function of one value, however many operators it is written with (Gelu by Erf, x * Sigmoid(x)), is a table of 256
results: operators are applied to the table while the graph is walked.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import plan_dynamic as dynamic
from playground.engines import program as p
from playground.engines.float_ops._op import Call, FloatOp
from playground.engines.interpreter import OPS
from playground.engines.planner import CodeFunction, Codes, Constant, ConstantDequantized, Deferred, Planner, Symbol
from playground.errors import UnsupportedError
from playground.model.graph import Node


def call_of(planner: Planner, node: Node) -> Call:
    """What the interpreter's operator is told."""
    return Call(node.attributes, planner.graph.opset, len(node.outputs))


def operator_of(node: Node) -> FloatOp:
    """The interpreter's operator for a node."""
    return OPS[node.op if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op}"]


def is_constant(planner: Planner, name: str) -> bool:
    """Whether a tensor is known."""
    return isinstance(planner.symbol(name), (Constant, ConstantDequantized))


def folded(planner: Planner, node: Node) -> Constant:
    """The result of an operator of constants."""
    with np.errstate(all="ignore"):
        made = operator_of(node).run(
            call_of(planner, node), *(planner.known(n, "input") if n else None for n in node.inputs)
        )
    if isinstance(made, tuple):
        raise UnsupportedError("operators with several outputs are not handled")
    return Constant(made)


def unary(planner: Planner, node: Node) -> Symbol:
    """A function of single values."""
    return _table(planner, node) or _refuse()


def _refuse() -> Symbol:
    raise UnsupportedError("its input is not quantized")


def _table(planner: Planner, node: Node) -> Symbol | None:
    """The operator as a function of the codes of one value, or its result if all is known; None if it is neither."""
    names = [name for name in node.inputs if name]
    if all(is_constant(planner, name) for name in names):
        return folded(planner, node)
    value, arguments = "", []
    for name in names:
        if is_constant(planner, name):
            known = planner.known(name, "input")
            if known.size != 1 or known.ndim > len(planner.shape(node.inputs[0])):
                return None
            arguments.append(known.reshape(()))
            continue
        function = planner.function(planner.symbol(name))
        if function is None or value not in ("", function.value):
            return None
        value = function.value
        arguments.append(function.results)
    with np.errstate(all="ignore"):
        results = np.asarray(operator_of(node).run(call_of(planner, node), *arguments), np.float32)
    return CodeFunction(value, results)


def _clamped(planner: Planner, name: str, lo: float, hi: float) -> Symbol:
    symbol = planner.symbol(name)
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return Constant(np.clip(planner.known(name, "input"), np.float32(lo), np.float32(hi)))
    if isinstance(symbol, Codes):
        return dynamic.clamped(planner, name, lo, hi) or _refuse()
    function = planner.function(symbol)
    if function is not None:
        return CodeFunction(function.value, np.clip(function.results, np.float32(lo), np.float32(hi)))
    symbol = planner.pending(symbol)
    return replace(symbol, lo=min(max(symbol.lo, lo), hi), hi=max(min(symbol.hi, hi), lo), plus=None)


def relu(planner: Planner, node: Node) -> Symbol:
    """Relu raises the lower limit of what comes before it."""
    return _clamped(planner, node.inputs[0], 0.0, np.inf)


def clip(planner: Planner, node: Node) -> Symbol:
    """Clip with constant limits, given as inputs or (before opset 11) as attributes."""
    limits = [float(node.attributes.get("min", -np.inf)), float(node.attributes.get("max", np.inf))]
    for i, name in enumerate(node.inputs[1:3]):
        if name:
            limits[i] = float(planner.known(name, "limit").reshape(-1)[0])
    return _clamped(planner, node.inputs[0], *limits)


def add(planner: Planner, node: Node) -> Symbol:
    """Add: a function, a bias, or the sum of two values."""
    found = _biased(planner, node) or _table(planner, node) or dynamic.add(planner, node)
    return found or _sum(planner, node, np.float32(1))


def sub(planner: Planner, node: Node) -> Symbol:
    """Sub: a function, or a sum with a negative ratio."""
    return _table(planner, node) or _sum(planner, node, np.float32(-1))


def mul(planner: Planner, node: Node) -> Symbol:
    """Mul: a scaled product, a function, or the product of two values."""
    found = dynamic.mul(planner, node) or _scaled(planner, node) or _table(planner, node)
    return found or _elementwise_product(planner, node)


def div(planner: Planner, node: Node) -> Symbol:
    """Div: a scaled product or a function."""
    return _scaled(planner, node) or _table(planner, node) or _refuse_division()


def _refuse_division() -> Symbol:
    raise UnsupportedError("a quotient of two computed values is not handled")


def _split(planner: Planner, node: Node) -> tuple[Deferred, NDArray[np.float32]] | None:
    """A product nobody has rounded yet and the constant that it meets, in whatever order; None if it is not that."""
    for one, other in (node.inputs, node.inputs[::-1]):
        symbol = planner.symbol(one)
        if isinstance(symbol, Deferred) and is_constant(planner, other):
            constant = planner.known(other, "input")
            swapped = one != node.inputs[0]
            if np.broadcast_shapes(symbol.shape, constant.shape) == symbol.shape and not (swapped and node.op == "Div"):
                return symbol, constant
    return None


def _biased(planner: Planner, node: Node) -> Symbol | None:
    found = _split(planner, node)
    if found is None or found[0].plus is None:
        return None
    pending, constant = found
    rank = len(pending.shape)
    sizes = (*(1,) * (rank - constant.ndim), *constant.shape)
    if any(n != 1 and axis != pending.axis % rank for axis, n in enumerate(sizes)):
        return None
    return pending.plus(constant.astype(np.float32)) if pending.plus else None


def _scaled(planner: Planner, node: Node) -> Symbol | None:
    found = _split(planner, node)
    if found is None or found[1].size != 1:
        return None
    factor = np.float32(found[1].reshape(()))
    with np.errstate(divide="ignore"):
        factor = np.float32(1) / factor if node.op == "Div" else factor
    return found[0].times(factor) if 0 < factor < np.inf else None


def _sum(planner: Planner, node: Node, sign: np.float32) -> Deferred:
    shape = _shape(planner, node)
    a, b = (planner.codes(name) for name in node.inputs)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratios = (np.float32(a.scale / scale), np.float32(sign * b.scale / scale))
        step = p.Add((a.value, b.value), output, (a.zero_point, b.zero_point), ratios, to)
        planner.emit(step, shape, to.dtype)

    return Deferred(shape, emit)


def _elementwise_product(planner: Planner, node: Node) -> Deferred:
    shape = _shape(planner, node)
    a, b = (planner.codes(name) for name in node.inputs)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratio = np.float32(a.scale * b.scale / scale)
        planner.emit(p.Mul((a.value, b.value), output, (a.zero_point, b.zero_point), ratio, to), shape, to.dtype)

    return Deferred(shape, emit)


def _shape(planner: Planner, node: Node) -> tuple[int, ...]:
    shape = np.broadcast_shapes(*(planner.shape(name) for name in node.inputs))
    if len(shape) > 4:
        raise UnsupportedError(f"values of {len(shape)} axes are not handled")
    return shape
