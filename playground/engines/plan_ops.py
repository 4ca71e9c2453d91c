"""Planning of QuantizeLinear and DequantizeLinear, and the table of operators the integer engines know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import plan_dynamic as dynamic
from playground.engines import plan_elementwise as elementwise
from playground.engines import plan_masks as masks
from playground.engines import plan_moves as moves
from playground.engines import plan_products as products
from playground.engines import plan_resample as resample
from playground.engines import plan_rows as rows
from playground.engines import plan_windows as windows
from playground.engines import program as p
from playground.engines.interpreter import OPS
from playground.engines.planner import Codes, Constant, ConstantDequantized, Dequantized, Handler, Planner, Symbol
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
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return Constant(ops.quantize(planner.known(node.inputs[0], "input"), scale, zero_point, dtype))
    if isinstance(symbol, Codes):
        if planner.values[symbol.value].dtype != "float32":
            raise UnsupportedError("its input is not float32")
        step = p.Quantize((symbol.value,), output, scale, zero_point)
        planner.emit(step, planner.values[symbol.value].shape, dtype)
        return Codes(output)
    if isinstance(symbol, Dequantized):
        same = (symbol.scale, symbol.zero_point, planner.values[symbol.value].dtype) == (scale, zero_point, dtype)
        if same:
            return Codes(symbol.value)
    planner.settle(planner.pending(symbol), output, scale, zero_point, dtype)
    return Codes(output)


def dequantize_linear(planner: Planner, node: Node) -> Symbol:
    """DequantizeLinear: nothing is computed, the codes get their meaning."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, Codes):
        scale, zero_point, dtype = _one_scale(planner, node, planner.values[symbol.value].dtype)
        if planner.values[symbol.value].dtype != dtype:
            raise UnsupportedError(f"its zero-point is {dtype} but its input is not")
        return Dequantized(symbol.value, scale, zero_point)
    if not isinstance(symbol, Constant) or symbol.array.dtype.kind not in "iu":
        raise UnsupportedError("its input holds no codes")
    scales = planner.known(node.inputs[1], "scale").astype(np.float32)
    if node.attributes.get("block_size", 0):
        raise UnsupportedError("scales per block are not handled")
    has_points = len(node.inputs) > 2 and node.inputs[2]
    points = planner.known(node.inputs[2], "zero-point") if has_points else np.zeros_like(scales, np.int32)
    rank = symbol.array.ndim
    axis = int(node.attributes.get("axis", 1)) % rank if scales.size > 1 and rank else None
    return ConstantDequantized(
        symbol.array, _along(scales, rank, axis), _along(points.astype(np.int32), rank, axis), axis
    )


def identity(planner: Planner, node: Node) -> Symbol:
    """Identity, and Dropout as it is at inference."""
    return planner.symbol(node.inputs[0])


def constant(planner: Planner, node: Node) -> Symbol:
    """A Constant node with a tensor or a number in it."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            held = node.attributes[name]
            dtype = None if name == "value" else (np.float32 if "float" in name else np.int64)
            return Constant(np.asarray(held, dtype))
    raise UnsupportedError("its kind of value is not handled")


def shape_of(planner: Planner, node: Node) -> Symbol:
    """Shape: known, because a program is planned for one set of shapes."""
    shape = planner.shape(node.inputs[0])
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(shape))
    return Constant(np.array(shape[start:end], np.int64))


def fold(planner: Planner, node: Node) -> Symbol:
    """Any operator of constants: computed now, by the interpreter's own operator."""
    if key_of(node) not in OPS or not all(elementwise.is_constant(planner, name) for name in node.inputs if name):
        raise UnsupportedError("this operator has no integer form here")
    return elementwise.folded(planner, node)


def cast(planner: Planner, node: Node) -> Symbol:
    """Cast of constants, or of the sums of dynamically quantized values."""
    return dynamic.cast(planner, node) or fold(planner, node)


def _refusing(reason: str) -> Handler:
    """Planning of an operator that is known but not run in integers: why."""

    def refuse(planner: Planner, node: Node) -> Symbol:
        raise UnsupportedError(reason)

    return refuse


def key_of(node: Node) -> str:
    """An operator's name, with its domain where it is not ONNX's own."""
    return node.op if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op}"


FUNCTIONS = (
    "Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Max",
    "Min", "Neg", "PRelu", "Pow", "Reciprocal", "Round", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Tanh",
    "com.microsoft.Gelu",
)  # fmt: skip
"""Operators that are planned as functions of single codes."""

HANDLERS: Mapping[str, Handler] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "com.microsoft.QuantizeLinear": quantize_linear,
    "com.microsoft.DequantizeLinear": dequantize_linear,
    "Conv": products.conv,
    "Gemm": products.gemm,
    "MatMul": products.matmul,
    "MatMulInteger": products.matmul_integer,
    "ConvInteger": products.conv_integer,
    "Relu": elementwise.relu,
    "Clip": elementwise.clip,
    "Add": masks.add,
    "Sub": elementwise.sub,
    "Mul": elementwise.mul,
    "Div": elementwise.div,
    "Where": masks.where,
    **dict.fromkeys(FUNCTIONS, elementwise.unary),
    "MaxPool": windows.max_pool,
    "AveragePool": windows.average_pool,
    "GlobalAveragePool": windows.global_average_pool,
    "ReduceMean": rows.reduce_mean,
    "Softmax": rows.softmax,
    "LogSoftmax": rows.float_tail,
    "LayerNormalization": rows.layer_normalization,
    "Flatten": moves.flatten,
    "Reshape": moves.reshape,
    "Squeeze": moves.squeeze,
    "Unsqueeze": moves.unsqueeze,
    "Transpose": moves.transpose,
    "Expand": moves.expand,
    "Slice": moves.slice_,
    "Split": moves.split,
    "Concat": moves.concat,
    "Gather": moves.gather,
    "Pad": resample.pad,
    "Resize": resample.resize,
    "Upsample": resample.resize,
    "Identity": identity,
    "Dropout": identity,
    "Constant": constant,
    "Shape": shape_of,
    "DynamicQuantizeLinear": dynamic.dynamic_quantize_linear,
    "Cast": cast,
    "com.microsoft.MatMulNBits": _refusing("its input is float32; the interpreter and ONNX Runtime run it"),
}
"""ONNX operator -> how it is planned. What is not here runs in ONNX Runtime instead."""
