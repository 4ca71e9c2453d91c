"""Planning of dynamic quantization: DynamicQuantizeLinear, products of its codes, Cast, Mul by scales, Add of a bias.

Scales and zero-points are values of the program here. Codes meet weights with their zero-point still in them, which is
taken off the sums when these become float32 (``ScaleSums``); so weights are packed as ever. Where a convolution pads,
the floats are padded: zeros are within every range, and become the zero-point.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from playground.engines import float_steps as f
from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.dynamic_ops import Columns
from playground.engines.integer_ops import Box, Window
from playground.engines.planner import Codes, Constant, ConstantDequantized, Deferred, Dynamic, Planner, Symbol
from playground.errors import UnsupportedError
from playground.model.graph import Node

TAKERS = ("MatMulInteger", "ConvInteger", "Cast", "Mul")
"""Operators that know what to do with :class:`~playground.engines.planner.Dynamic`."""
_FLOAT32 = 1  # ONNX's number for it
_PARTS = ("scale", "point")


def dynamic_quantize_linear(planner: Planner, node: Node) -> tuple[Dynamic, Dynamic, Dynamic]:
    """DynamicQuantizeLinear: the range is a step, the codes are another one.

    Its parts as the numbers they are become steps too, which are left out unless they are outputs of the model.
    """
    source, codes = planner.floating(node.inputs[0]), node.outputs[0]
    found = f"{codes}:range"
    planner.emit(f.DynamicRange((source,), found), (2,), "float32")
    planner.emit(f.DynamicQuantize((source, found), codes), planner.values[source].shape, "uint8")
    for i, name in enumerate(node.outputs[1:3]):
        part = f"{name}:part"
        planner.emit(p.View((found,), part, Box((0,), (i,), (1,), (1,))), (1,), "float32")
        if i:
            planner.emit(p.Quantize((part,), f"{name}:code", np.float32(1), 0), (1,), "uint8")
        planner.emit(p.Reshape((f"{name}:code" if i else part,), name), (), "uint8" if i else "float32")
    scale, point = (Dynamic(name, part, found) for name, part in zip(node.outputs[1:], _PARTS, strict=True))
    return Dynamic(codes, "codes", found, source), scale, point


def codes_of(planner: Planner, node: Node, place: int, point: int) -> Dynamic | None:
    """A product's input of codes and their zero-point, if both are of one DynamicQuantizeLinear."""
    codes = planner.symbol(node.inputs[place])
    if not isinstance(codes, Dynamic):
        return None
    given = planner.symbol(node.inputs[point]) if len(node.inputs) > point and node.inputs[point] else None
    if codes.part != "codes" or not isinstance(given, Dynamic) or (given.part, given.found) != ("point", codes.found):
        raise UnsupportedError("its codes and their zero-point are not of one DynamicQuantizeLinear")
    return codes


def padded(planner: Planner, codes: Dynamic, window: Window) -> tuple[str, Window]:
    """The codes of images with the padding that a window wants around them, and the window over these."""
    shape = planner.values[codes.source].shape
    reach = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    needed = [(o - 1) * s + r for o, s, r in zip(window.out, window.strides, reach, strict=True)]
    size = tuple(max(n, before + own) for n, before, own in zip(needed, window.pads, shape[2:], strict=True))
    if size == shape[2:]:
        return codes.value, window
    name = f"{codes.value}:{window.pads}:{size}"
    if name not in planner.values:
        full = (*shape[:2], *size)
        planner.emit(p.Pad((codes.source,), f"{name}:floats", (0, 0, *window.pads), 0), full, "float32")
        planner.emit(f.DynamicQuantize((f"{name}:floats", codes.found), name), full, "uint8")
    return name, replace(window, pads=(0, 0))


def cast(planner: Planner, node: Node) -> Symbol | None:
    """Cast of sums to float32: they stay what they are until their scale is known."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, Dynamic) and symbol.part == "sums" and node.attributes.get("to") == _FLOAT32:
        return symbol
    return None


def mul(planner: Planner, node: Node) -> Symbol | None:
    """Mul of the codes' scale by the weights', or of sums by both; None if it is neither."""
    symbols = [planner.symbol(name) for name in node.inputs]
    for one, other, name in ((symbols[0], symbols[1], node.inputs[1]), (symbols[1], symbols[0], node.inputs[0])):
        if not isinstance(one, Dynamic):
            continue
        if one.part == "scale" and isinstance(other, (Constant, ConstantDequantized)):
            if (one.factor == 1).all():
                return replace(one, factor=planner.known(name, "scale").astype(np.float32))
        elif one.part == "sums" and isinstance(other, Dynamic) and (other.part, other.found) == ("scale", one.found):
            return _scaled(planner, one, other)
    if any(isinstance(symbol, Dynamic) for symbol in symbols):
        raise UnsupportedError("only sums times the scales of both sides are handled after DynamicQuantizeLinear")
    return None


def _scaled(planner: Planner, sums: Dynamic, scale: Dynamic) -> Deferred:
    shape = planner.values[sums.value].shape
    columns = sums.column_sums.size
    factor = _per_column(scale.factor, sums.axis, shape, columns)
    return _floats(planner, sums, factor, np.full(columns, -0.0, np.float32))


def _per_column(array: NDArray[np.float32], axis: int, shape: tuple[int, ...], columns: int) -> NDArray[np.float32]:
    """One number a column, of an array that broadcasts against the sums and differs along their columns only."""
    wanted = tuple(n if i == axis % len(shape) else 1 for i, n in enumerate(shape))
    aligned = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    return np.ascontiguousarray(np.broadcast_to(aligned, wanted).reshape(columns), np.float32)


def _floats(planner: Planner, sums: Dynamic, scale: NDArray[np.float32], bias: NDArray[np.float32]) -> Deferred:
    shape = planner.values[sums.value].shape

    def emit(output: str, by: np.float32, to: ops.Target) -> None:
        is_float = to.dtype == "float32"
        name, over = (output, by) if is_float else (f"{output}:floats", np.float32(1))
        limits = (to.lo, to.hi) if is_float else (float(np.float32(to.lo) * by), float(np.float32(to.hi) * by))
        columns = Columns(sums.column_sums, scale / over, bias / over)
        step = f.ScaleSums((sums.value, sums.found), name, sums.axis, columns, limits)
        planner.emit(step, shape, "float32")
        if not is_float:
            planner.emit(p.Quantize((name,), output, by, to.zero_point), shape, to.dtype)

    def plus(real: NDArray[np.float32]) -> Deferred:
        return _floats(planner, sums, scale, bias + _per_column(real, sums.axis, shape, bias.size))

    return Deferred(shape, emit, plus=plus, axis=sums.axis)


def _float(planner: Planner, name: str) -> str | None:
    """The value that holds a tensor as float32, if it is not codes with a meaning."""
    symbol = planner.symbol(name)
    if isinstance(symbol, Codes):
        return symbol.value if planner.values[symbol.value].dtype == "float32" else None
    return planner.floating(name) if isinstance(symbol, Deferred) else None


def add(planner: Planner, node: Node) -> Symbol | None:
    """Add of two float values of one shape; None if they are not that."""
    if any(not isinstance(planner.symbol(name), (Codes, Deferred)) for name in node.inputs):
        return None
    if planner.shape(node.inputs[0]) != planner.shape(node.inputs[1]):
        return None
    a, b = (_float(planner, name) for name in node.inputs)
    return None if a is None or b is None else _within(planner, (a, b))


def clamped(planner: Planner, name: str, lo: float, hi: float) -> Symbol | None:
    """Relu and Clip of a float value; None if it is no such."""
    value = _float(planner, name) if isinstance(planner.symbol(name), Codes) else None
    return None if value is None else replace(_within(planner, (value,)), lo=lo, hi=hi)


def _within(planner: Planner, values: tuple[str, ...]) -> Deferred:
    shape = planner.values[values[0]].shape

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        name = output if to.dtype == "float32" and scale == 1 else f"{output}:floats"
        limits = (float(np.float32(to.lo) * scale), float(np.float32(to.hi) * scale))
        planner.emit(f.FloatAdd(values, name, limits), shape, "float32")
        if name == output:
            return
        if to.dtype == "float32":
            raise UnsupportedError("a sum of floats times a number is not handled")
        planner.emit(p.Quantize((name,), output, scale, to.zero_point), shape, to.dtype)

    return Deferred(shape, emit)


def pooled(planner: Planner, node: Node, window: Window, *, mean: bool, count_padding: bool = False) -> Symbol | None:
    """A pool of float images; None if its input is none."""
    if not isinstance(planner.symbol(node.inputs[0]), (Codes, Deferred)):
        return None
    value = _float(planner, node.inputs[0])
    if value is None:
        return None
    shape = (*planner.values[value].shape[:2], *window.out)
    planner.emit(f.FloatPool((value,), node.outputs[0], window, mean, count_padding), shape, "float32")
    return Codes(node.outputs[0])
