"""Normalizations, written out in floats: TFLite has no operators of their own for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from playground.arrays import Float32
from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.model.writers._flatbuffer import Number, Table
from playground.model.writers._tflite_builder import Builder, Order, Site
from playground.model.writers._tflite_view import HINT

_PLAIN: Table = {0: Number("b", 0)}
"""Options of a sum or product without limits."""

_KEPT: Table = {0: Number("?", True)}
"""Options of a mean that keeps its axes."""


def _constant(b: Builder, name: str) -> Float32:
    """A constant's values, of codes what they stand for. Raises UnsupportedError for what is computed."""
    key = b.codes_of(name) or name
    held = b.biases.get(name)
    if held is None and key not in b.view.constants:
        raise UnsupportedError("a normalization with computed parameters has no TFLite form", hint=HINT)
    codes = held[1] if held is not None else b.stands_for(key) if key != name else None
    values = held[0] if held is not None else b.signed(key)
    if codes is None:
        return values.astype(np.float32)
    shape = [1] * values.ndim
    if codes.scales.size > 1:
        shape[codes.axis] = -1
    points, scales = codes.zero_points.reshape(shape), codes.scales.reshape(shape)
    return ((values.astype(np.int64) - points) * scales.astype(np.float64)).astype(np.float32)


def _step(b: Builder, site: Site, op: str, inputs: Sequence[int], options: Table | None = None) -> int:
    """One operator between others; its result is as large as its largest input, or one value a row."""
    shape = b.tensors[inputs[0]].shape
    shape = (*shape[:-1], 1) if op == "MEAN" else shape
    return b.append(op, inputs, b.temporary(site, shape, None), options)


def batch_normalization(b: Builder, node: Node) -> None:
    """BatchNormalization that follows no product: a factor and a summand for each channel."""
    x, *names = node.inputs
    if len([name for name in node.outputs if name]) > 1:
        raise UnsupportedError("BatchNormalization while it learns has no TFLite form", hint=HINT)
    weight, bias, mean, variance = (_constant(b, name).astype(np.float64) for name in names)
    factor = weight / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    order: Order = b.order_of([x])
    site, shape = Site(node), [1] * (b.rank(x) - 1)
    shape.insert(b.rank(x) - 1 if order else 1, -1)
    factors, summands = (held.reshape(shape).astype(np.float32) for held in (factor, bias - mean * factor))
    number = _step(b, site, "MUL", [b.take(site, x, order), b.keep(factors, "factor")], _PLAIN)
    b.put(site, "ADD", [number, b.keep(summands, "summand")], _PLAIN, order=order)


def layer_normalization(b: Builder, node: Node) -> None:
    """LayerNormalization of the last axis: what is left without the mean, over its root mean square."""
    x, weight, *others = node.inputs
    axis = int(node.attributes.get("axis", -1)) % b.rank(x)
    if axis != b.rank(x) - 1 or len([name for name in node.outputs if name]) > 1:
        raise UnsupportedError("LayerNormalization of several axes, or with its means, has no TFLite form", hint=HINT)
    site, axes = Site(node), b.ints([axis], "axes")
    given = b.take(site, x)
    mean = _step(b, site, "MEAN", [given, axes], _KEPT)
    variance = _step(b, site, "MEAN", [_step(b, site, "SQUARED_DIFFERENCE", [given, mean]), axes], _KEPT)
    epsilon = b.keep(np.array(float(node.attributes.get("epsilon", 1e-5)), np.float32), "epsilon")
    factor = _step(b, site, "RSQRT", [_step(b, site, "ADD", [variance, epsilon], _PLAIN)])
    made = _step(b, site, "MUL", [_step(b, site, "SUB", [given, mean], _PLAIN), factor], _PLAIN)
    weights = b.keep(_constant(b, weight), "factor")
    bias = next((name for name in others if name), "")
    if not bias:
        b.put(site, "MUL", [made, weights], _PLAIN)
        return
    made = _step(b, site, "MUL", [made, weights], _PLAIN)
    b.put(site, "ADD", [made, b.keep(_constant(b, bias), "summand")], _PLAIN)


CONVERTERS: Mapping[str, Callable[[Builder, Node], None]] = {
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
}
