"""Products whose activations become codes while the model runs, as ONNX writes them out, become one node again.

ONNX has DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast, and two products with the scales; often a sum with a
bias. TFLite has one operator that reads floats and weights in codes: LiteRT makes codes of the floats while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from playground.errors import UnsupportedError, shown
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers._tflite_view import HINT, View

_PRODUCTS = {"MatMulInteger": ("Gemm", 1), "ConvInteger": ("Conv", 0)}
"""Integer product -> the product of floats that it stands for, and the weights' axis of output channels."""


@dataclass(frozen=True)
class Dynamic:
    """A graph with such products, what is known of its values, and the results of those products."""

    graph: Graph
    infos: Mapping[str, ValueInfo]
    results: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Found:
    """The nodes of one product.

    Attributes:
        product: of integers.
        scaled: multiplies by the scales: the last one without a bias.
        scales: the name of these.
        added: adds the bias, if there is one.
        bias: its name.
    """

    product: Node
    scaled: Node
    scales: str
    added: Node | None = None
    bias: str = ""

    @property
    def last(self) -> Node:
        """The node whose result the product has."""
        return self.added or self.scaled


def with_dynamic_products(graph: Graph, infos: Mapping[str, ValueInfo]) -> Dynamic:
    """The graph with one node in the place of each.

    Raises:
        UnsupportedError: one of them is not in that form, or its weights are not symmetric codes of 8 bits.
    """
    if not any(node.op in _PRODUCTS for node in graph.nodes):
        return Dynamic(graph, infos)
    view, known, held = View(graph, infos), dict(infos), dict(graph.initializers)
    made: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.op in _PRODUCTS:
            where = f"node {shown(node.name or node.outputs[0])} ({node.op})"
            try:
                found = _found(view, node)
                made[found.last.outputs[0]] = list(_written(view, found, held, known))
            except UnsupportedError as error:
                raise error.at(where) from error
    nodes = [each for node in graph.nodes for each in made.get(node.outputs[0], [node])]
    used = _used(graph.with_(nodes=tuple(nodes)))
    return Dynamic(graph.with_(nodes=used, initializers=held), known, frozenset(made))


def _used(graph: Graph) -> tuple[Node, ...]:
    """The nodes whose results something reads."""
    wanted = {value.name for value in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.reads)
    return tuple(kept[::-1])


def _only_reader(view: View, name: str, op: str) -> Node:
    """The node that reads a value alone. Raises UnsupportedError if there is none, or it is of another operator."""
    readers = view.readers(name)
    if len(readers) != 1 or readers[0].op != op or name in view.ends:
        raise UnsupportedError("sums of products that do not become floats at once have no TFLite form", hint=HINT)
    return readers[0]


def _found(view: View, product: Node) -> _Found:
    cast = _only_reader(view, product.outputs[0], "Cast")
    scaled = _only_reader(view, cast.outputs[0], "Mul")
    (scales,) = [name for name in scaled.inputs if name != cast.outputs[0]] or [""]
    found = _Found(product, scaled, scales)
    readers = view.readers(scaled.outputs[0])
    if len(readers) != 1 or readers[0].op != "Add" or scaled.outputs[0] in view.ends:
        return found
    (added,) = readers
    (other,) = [name for name in added.inputs if name != scaled.outputs[0]] or [""]
    bias = _bias(view, product, other)
    return replace(found, added=added, bias=bias) if bias else found


def _bias(view: View, product: Node, name: str) -> str:
    """The constant with one value for each output channel that is added; empty if something else is."""
    shape = view.constants[name].shape if name in view.constants else ()
    maker = view.producers.get(name)
    if maker is not None and maker.op == "Reshape" and set(maker.inputs) <= view.constants.keys():
        name, shape = maker.inputs[0], tuple(view.whole_numbers(maker.inputs[1], "sizes"))
    _, axis = _PRODUCTS[product.op]
    weights = view.constants[product.inputs[1]].shape if product.inputs[1] in view.constants else ()
    if name not in view.constants or axis >= len(weights):
        return ""
    held, channels = view.constants[name], weights[axis]
    behind = len(weights) - 2 if product.op == "ConvInteger" else 0
    at = len(shape) - 1 - behind
    alone = held.size == channels and at >= 0 and shape[at] in (channels, -1)
    return name if alone and held.dtype == "float32" else ""


def _written(view: View, found: _Found, held: dict[str, Tensor], known: dict[str, ValueInfo]) -> Iterator[Node]:
    """The weights as what their codes stand for, and the product."""
    product = found.product
    op, axis = _PRODUCTS[product.op]
    codes, weights, *points = product.inputs
    quantized = view.producers.get(codes)
    source = quantized.inputs[0] if quantized is not None and quantized.op == "DynamicQuantizeLinear" else ""
    if weights not in view.constants or view.dtype(weights) != "int8" or len(view.shape(weights)) <= axis:
        raise UnsupportedError("dynamic products of other than constant int8 weights have no TFLite form", hint=HINT)
    if any(name not in view.constants or view.values(name).any() for name in points[1:] if name):
        raise UnsupportedError("dynamic products of weights with zero-points have no TFLite form", hint=HINT)
    if not source:
        raise UnsupportedError("dynamic products of codes that something else has made have no TFLite form", hint=HINT)
    if op == "Gemm" and len(view.shape(weights)) != 2:
        raise UnsupportedError("dynamic products of several matrices have no TFLite form", hint=HINT)
    scales = _scales(view, found.scales, quantized)
    channels = view.shape(weights)[axis] or 1
    if scales.size not in (1, channels):
        raise UnsupportedError("dynamic products with such scales have no TFLite form", hint=HINT)
    name, point, real = (f"{product.outputs[0]}\0{part}" for part in ("scales", "points", "weights"))
    # LiteRT's convolutions read a scale for each channel, even where there is one alone
    size = scales.size if op == "Gemm" else channels
    held[name] = Tensor.of(name, np.ascontiguousarray(np.broadcast_to(scales.reshape(-1), size)))
    held[point] = Tensor.of(point, np.zeros(size, np.int8))
    known[real] = ValueInfo(real, "float32", view.shape(weights))
    yield Node("DequantizeLinear", real, (weights, name, point), (real,), {"axis": axis})
    inputs = (source, real, *([found.bias] if found.bias else []))
    attributes = {} if op == "Gemm" else product.attributes
    yield Node(op, product.name, inputs, found.last.outputs, attributes)


def _scales(view: View, name: str, quantized: Node | None) -> np.ndarray:
    """The scales of the weights: what the scale of the values is multiplied by."""
    maker = view.producers.get(name)
    of_values = quantized.outputs[1] if quantized is not None else ""
    if maker is None or maker.op != "Mul" or of_values not in maker.inputs:
        raise UnsupportedError("sums of products with such a scale have no TFLite form", hint=HINT)
    (own,) = [each for each in maker.inputs if each != of_values] or [""]
    if own not in view.constants:
        raise UnsupportedError("scales that are computed have no TFLite form", hint=HINT)
    return view.values(own).astype(np.float32)
