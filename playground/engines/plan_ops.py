"""Planning of everything else, and the table of operators the integer engines know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.float_ops._op import Call
from playground.engines.interpreter import OPS
from playground.engines.plan_products import conv, gemm, matmul
from playground.engines.plan_windows import average_pool, global_average_pool, max_pool, reduce_mean, reshaped
from playground.engines.planner import Handler, Held, Known, KnownReal, Pending, Planner, Real, Symbol
from playground.errors import UnsupportedError
from playground.model.graph import Node

_STATED_DTYPES = {0: "uint8", 2: "uint8", 3: "int8"}  # QuantizeLinear's output_dtype; 0 is "not stated"


def _one_scale(planner: Planner, node: Node, dtype: str) -> tuple[np.float32, int, str]:
    """Scale, zero-point and dtype of a QuantizeLinear or DequantizeLinear of computed values.

    ``dtype`` is that of the codes when there is no zero-point to say it.
    """
    scale = planner.known(node.inputs[1], "scale")
    has_point = len(node.inputs) > 2 and node.inputs[2]
    point = planner.known(node.inputs[2], "zero-point") if has_point else np.zeros((), dtype)
    if scale.size != 1 or node.attributes.get("block_size", 0):
        raise UnsupportedError("computed values with more than one scale are not handled")
    if point.dtype.name not in ("int8", "uint8") or scale.dtype != np.float32:
        raise UnsupportedError(f"{point.dtype} codes with {scale.dtype} scales are not handled for computed values")
    if not 0 < scale.reshape(-1)[0] < np.inf:
        raise UnsupportedError(f"its scale is {scale.reshape(-1)[0]}")
    return np.float32(scale.reshape(-1)[0]), int(point.reshape(-1)[0]), point.dtype.name


def _along(array: NDArray[Any], rank: int, axis: int | None) -> NDArray[Any]:
    if axis is None or rank == 0:
        return array.reshape(())
    return array.reshape([-1 if i == axis else 1 for i in range(rank)])


def quantize_linear(planner: Planner, node: Node) -> Symbol:
    """QuantizeLinear: here a pending result gets its scale and becomes a step."""
    symbol, output = planner.symbol(node.inputs[0]), node.outputs[0]
    stated = node.attributes.get("output_dtype", 0)
    if stated not in _STATED_DTYPES:
        raise UnsupportedError("only int8 and uint8 codes are handled")
    scale, zero_point, dtype = _one_scale(planner, node, _STATED_DTYPES[stated])
    if isinstance(symbol, (Known, KnownReal)):
        return Known(ops.quantize(planner.known(node.inputs[0], "input"), scale, zero_point, dtype))
    if isinstance(symbol, Held):
        if planner.values[symbol.value].dtype != "float32":
            raise UnsupportedError("its input is not float32")
        step = p.Quantize((symbol.value,), output, scale, zero_point)
        planner.emit(step, planner.values[symbol.value].shape, dtype)
        return Held(output)
    if isinstance(symbol, Real):
        same = (symbol.scale, symbol.zero_point, planner.values[symbol.value].dtype) == (scale, zero_point, dtype)
        if same:
            return Held(symbol.value)
    planner.settle(planner.pending(symbol), output, scale, zero_point, dtype)
    return Held(output)


def dequantize_linear(planner: Planner, node: Node) -> Symbol:
    """DequantizeLinear: nothing is computed, the codes get their meaning."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, Held):
        scale, zero_point, dtype = _one_scale(planner, node, planner.values[symbol.value].dtype)
        if planner.values[symbol.value].dtype != dtype:
            raise UnsupportedError(f"its zero-point is {dtype} but its input is not")
        return Real(symbol.value, scale, zero_point)
    if not isinstance(symbol, Known) or symbol.array.dtype.kind not in "iu":
        raise UnsupportedError("its input holds no codes")
    scales = planner.known(node.inputs[1], "scale").astype(np.float32)
    if node.attributes.get("block_size", 0):
        raise UnsupportedError("scales per block are not handled")
    has_points = len(node.inputs) > 2 and node.inputs[2]
    points = planner.known(node.inputs[2], "zero-point") if has_points else np.zeros_like(scales, np.int32)
    rank = symbol.array.ndim
    axis = int(node.attributes.get("axis", 1)) % rank if scales.size > 1 and rank else None
    return KnownReal(symbol.array, _along(scales, rank, axis), _along(points.astype(np.int32), rank, axis), axis)


def _clamped(planner: Planner, name: str, lo: float, hi: float) -> Symbol:
    symbol = planner.symbol(name)
    if isinstance(symbol, (Known, KnownReal)):
        return Known(np.clip(planner.known(name, "input"), np.float32(lo), np.float32(hi)))
    if isinstance(symbol, Held):
        raise UnsupportedError("its input is not quantized")
    pending = planner.pending(symbol)
    return replace(pending, lo=min(max(pending.lo, lo), hi), hi=max(min(pending.hi, hi), lo))


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


def _summand(planner: Planner, name: str, shape: tuple[int, ...]) -> Real:
    """An input of Add: quantized, or constant codes that are spread to the whole shape."""
    symbol = planner.symbol(name)
    if isinstance(symbol, Real) and planner.shape(name) == shape:
        return symbol
    if isinstance(symbol, KnownReal) and symbol.axis is None and symbol.codes.dtype.itemsize == 1:
        value = planner.constant(f"{name}:spread", np.broadcast_to(symbol.codes, shape))
        return Real(value, np.float32(symbol.scale), int(symbol.zero_point))
    raise UnsupportedError("an input is neither quantized nor a quantized constant, or would have to be broadcast")


def add(planner: Planner, node: Node) -> Pending:
    """Add of two quantized values of one shape, or of one and a constant."""
    shape = np.broadcast_shapes(*(planner.shape(name) for name in node.inputs))
    a, b = (_summand(planner, name, shape) for name in node.inputs)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratios = (np.float32(a.scale / scale), np.float32(b.scale / scale))
        step = p.Add((a.value, b.value), output, (a.zero_point, b.zero_point), ratios, to)
        planner.emit(step, shape, to.dtype)

    return Pending(shape, emit)


def _to_shape(planner: Planner, node: Node, shape: tuple[int, ...]) -> Symbol:
    symbol, output = planner.symbol(node.inputs[0]), node.outputs[0]
    if isinstance(symbol, (Known, KnownReal)):
        return Known(planner.known(node.inputs[0], "input").reshape(shape))
    if isinstance(symbol, Pending):
        return reshaped(planner, symbol, shape)
    planner.emit(p.Reshape((symbol.value,), output), shape, planner.values[symbol.value].dtype)
    return replace(symbol, value=output)


def flatten(planner: Planner, node: Node) -> Symbol:
    """Flatten to two axes."""
    shape = planner.shape(node.inputs[0])
    axis = int(node.attributes.get("axis", 1))
    axis += len(shape) if axis < 0 else 0
    return _to_shape(planner, node, (int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))))


def reshape(planner: Planner, node: Node) -> Symbol:
    """Reshape to a known shape, with ONNX's 0 (keep) and -1 (the rest)."""
    old = planner.shape(node.inputs[0])
    wanted = [int(n) for n in planner.known(node.inputs[1], "shape")]
    if not node.attributes.get("allowzero", 0):
        wanted = [old[i] if n == 0 else n for i, n in enumerate(wanted)]
    size = int(np.prod(old, dtype=np.int64))
    if -1 in wanted:
        wanted[wanted.index(-1)] = size // -int(np.prod(wanted, dtype=np.int64))
    if int(np.prod(wanted, dtype=np.int64)) != size:
        raise UnsupportedError(f"{old} cannot become {tuple(wanted)}")
    return _to_shape(planner, node, tuple(wanted))


def identity(planner: Planner, node: Node) -> Symbol:
    """Identity, and Dropout as it is at inference."""
    return planner.symbol(node.inputs[0])


def constant(planner: Planner, node: Node) -> Symbol:
    """A Constant node with a tensor or a number in it."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            held = node.attributes[name]
            dtype = None if name == "value" else (np.float32 if "float" in name else np.int64)
            return Known(np.asarray(held, dtype))
    raise UnsupportedError("its kind of value is not handled")


def shape_of(planner: Planner, node: Node) -> Symbol:
    """Shape: known, because a program is planned for one set of shapes."""
    shape = planner.shape(node.inputs[0])
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(shape))
    return Known(np.array(shape[start:end], np.int64))


def _call(planner: Planner, node: Node) -> Call:
    return Call(node.attributes, planner.graph.opset, len(node.outputs))


def float_tail(planner: Planner, node: Node) -> Symbol:
    """An operator that stays in float32, at the end of a model; it is the interpreter's own."""
    source = planner.floating(node.inputs[0])
    shape, output = planner.values[source].shape, node.outputs[0]
    planner.emit(p.Float((source,), output, OPS[node.op], _call(planner, node)), shape, "float32")
    return Held(output)


def unary(planner: Planner, node: Node) -> Symbol:
    """A function of single values: a table, whatever the function."""
    operator, call = OPS[node.op], _call(planner, node)
    return planner.function_of(planner.real(node.inputs[0]), lambda x: np.asarray(operator.run(call, x)))


def fold(planner: Planner, node: Node) -> Symbol:
    """Any operator of constants: computed now, by the interpreter's own operator."""
    if node.op not in OPS or not all(isinstance(planner.symbol(name), Known) for name in node.inputs if name):
        raise UnsupportedError("this operator has no integer form here")
    made = OPS[node.op].run(
        _call(planner, node), *(planner.known(name, "input") if name else None for name in node.inputs)
    )
    if isinstance(made, tuple):
        raise UnsupportedError("operators with several outputs are not handled")
    return Known(made)


HANDLERS: Mapping[str, Handler] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "Relu": relu,
    "Clip": clip,
    "Add": add,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "ReduceMean": reduce_mean,
    "Flatten": flatten,
    "Reshape": reshape,
    "Identity": identity,
    "Dropout": identity,
    "Constant": constant,
    "Shape": shape_of,
    **dict.fromkeys(("Softmax", "LogSoftmax"), float_tail),
    **dict.fromkeys(("Sigmoid", "Tanh", "LeakyRelu", "Elu", "HardSigmoid", "HardSwish", "Erf", "Gelu"), unary),
}
"""ONNX operator -> how it is planned. What is not here runs in ONNX Runtime instead."""
