"""Nodes that take codes with their scales and zero-points: ONNX's quantized operators and ONNX Runtime's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from playground.operators import Operator

if TYPE_CHECKING:
    from tests.fuzz.graphs import Chain


def append_coded(chain: Chain, entry: Operator) -> None:
    """A node of a quantized operator, on codes of what there is; what it gives is read as a real value again."""
    make = _MAKERS.get(entry.name.removeprefix("QLinear"), _one)
    make(chain, entry)


def _finish(chain: Chain, entry: Operator, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> None:
    """The node with a scale and zero-point for its result, and what that stands for."""
    result = chain.floats(shape)
    given = chain.parameters(result)
    place = {"Concat": 0}.get(entry.name.removeprefix("QLinear"))
    names = [*given, *inputs] if place == 0 else [*inputs, *given]
    if attributes.pop("bias", ""):
        names.append(
            chain.constant(chain.rng.integers(-500, 500, shape[1 if len(shape) == 4 else -1]).astype(np.int32))
        )
    (codes,) = chain.node(entry.name, names, 1, entry.domain, **attributes)
    (real,) = chain.node("DequantizeLinear", [codes, *given])
    chain.values[codes], chain.values[real] = np.zeros(shape, chain.values[given[1]].dtype), result
    chain.real.append(real)


def _conv(chain: Chain, entry: Operator) -> None:
    rng, first = chain.rng, chain.source((4, 4))
    batch, channels, height, width = chain.values[first].shape
    groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
    filters, kernel = groups * int(rng.integers(1, 5)), (min(height, 2), min(width, 3))
    weights = chain.stored_weights((filters, channels // groups, *kernel), 0)
    shape = (batch, filters, height - kernel[0] + 1, width - kernel[1] + 1)
    codes, scale, point = chain.codes(first)
    if entry.name == "ConvInteger":
        chain.node(entry.name, [codes, weights[0], point, weights[2]], group=groups)
        return
    bias = rng.random() < 0.5
    _finish(chain, entry, [codes, scale, point, *weights], shape, group=groups, bias=bias)


def _matrix(chain: Chain, entry: Operator) -> None:
    rng = chain.rng
    gemm = entry.name == "QGemm"
    first = chain.source((2, 2) if gemm else (2, 4))
    shape, columns = chain.values[first].shape, int(rng.integers(1, 30))
    codes, scale, point = chain.codes(first)
    weights = chain.stored_weights((shape[-1], columns), 1)
    if entry.name == "MatMulInteger":
        chain.node(entry.name, [codes, weights[0], point, weights[2]])
        return
    if gemm:
        more = [chain.constant(rng.integers(-99, 99, columns).astype(np.int32))] if rng.random() < 0.5 else [""]
        _finish(chain, entry, [codes, scale, point, *weights, *more], (*shape[:-1], columns))
    else:
        _finish(chain, entry, [codes, scale, point, *weights], (*shape[:-1], columns))


def _two(chain: Chain, entry: Operator) -> None:
    first = chain.source((1, 4))
    shape = chain.values[first].shape
    second = chain.source((len(shape), len(shape)), lambda x: x.shape == shape)
    if chain.values[second].shape != shape:
        second = chain.fed(shape)
    _finish(chain, entry, [*chain.codes(first), *chain.codes(second)], shape)


def _concat(chain: Chain, entry: Operator) -> None:
    first = chain.source((1, 4))
    shape = chain.values[first].shape
    more = int(chain.rng.integers(1, 6))
    second = chain.fed((*shape[:-1], more))
    inputs = [*chain.codes(first), *chain.codes(second)]
    _finish(chain, entry, inputs, (*shape[:-1], shape[-1] + more), axis=len(shape) - 1)


def _one(chain: Chain, entry: Operator) -> None:
    name = entry.name.removeprefix("QLinear")
    images = name in ("AveragePool", "GlobalAveragePool")
    first = chain.source((4, 4) if images else (2, 4))
    shape, attributes = chain.values[first].shape, {}
    if name == "GlobalAveragePool":
        shape = (*shape[:2], 1, 1)
    elif name == "AveragePool":
        attributes = {"kernel_shape": [1, 1]}
    elif name == "ReduceMean":
        attributes, shape = {"axes": [len(shape) - 1]}, (*shape[:-1], 1)
    elif name == "Softmax":
        attributes = {"axis": len(shape) - 1}
    _finish(chain, entry, chain.codes(first), shape, **attributes)


_MAKERS = {
    "Conv": _conv,
    "ConvInteger": _conv,
    "MatMul": _matrix,
    "MatMulInteger": _matrix,
    "QGemm": _matrix,
    "Add": _two,
    "Mul": _two,
    "Concat": _concat,
}
