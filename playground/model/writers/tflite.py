"""Graph to a ``.tflite`` file: QuantizeLinear and DequantizeLinear become int8 tensors with scales, images are turned.

The inverse of :mod:`playground.model.readers.tflite`. What is in floats in the graph stays so in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import playground
from playground.errors import InvalidInputError, UnsupportedError, shown, typed
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.writers import (
    _tflite_arithmetic,
    _tflite_images,
    _tflite_moves,
    _tflite_normalized,
    _tflite_products,
)
from playground.model.writers._tflite_builder import Builder
from playground.model.writers._tflite_dynamic import with_dynamic_products
from playground.model.writers._tflite_file import Whole, file_of
from playground.model.writers._tflite_functions import with_functions
from playground.model.writers._tflite_view import HINT
from playground.model.writers._writer import PRODUCER

CONVERTERS: Mapping[str, Callable[[Builder, Node], None]] = {
    **_tflite_arithmetic.CONVERTERS,
    **_tflite_images.CONVERTERS,
    **_tflite_moves.CONVERTERS,
    **_tflite_normalized.CONVERTERS,
    **_tflite_products.CONVERTERS,
    "DequantizeLinear": Builder.dequantize,
    "QuantizeLinear": Builder.quantize,
}
"""What writes an operator of ONNX."""


def to_tflite(graph: Graph, infos: Mapping[str, ValueInfo], metadata: Mapping[str, str] | None = None) -> bytes:
    """The ``.tflite`` file of a graph.

    Args:
        graph: with QuantizeLinear and DequantizeLinear around what is quantized, or none of them.
        infos: shape and type of every value that is computed.
        metadata: texts that the file keeps, by name.

    Raises:
        UnsupportedError: TFLite has no form of an operator, or of the way in which it is used; or the file would be
            2 GB or more.
    """
    if any(node.op in _OF_FIXED_SIZES for node in graph.nodes):
        infos = {name: _closed(info) for name, info in infos.items()}
    dynamic = with_dynamic_products(graph, infos)
    builder = Builder(with_functions(dynamic.graph, dynamic.infos), dynamic.infos, dynamic.results)
    for node in builder.view.graph.nodes:
        if node.outputs[0] not in builder.done:
            _write(builder, node)
    outputs = builder.outputs()
    made, name, description = builder, graph.name or "main", f"{PRODUCER} {playground.__version__}"
    return file_of(
        Whole(name, description, made.tensors, made.operations, made.inputs, outputs, metadata or {}),
    )


_OF_FIXED_SIZES = ("ConvTranspose", "Expand")
"""Operators whose TFLite form states the number of samples: a file with one of them takes one sample at a time."""


def _closed(info: ValueInfo) -> ValueInfo:
    """A value of one sample, where the number of samples is open."""
    shape = info.shape and tuple(size if isinstance(size, int) else 1 for size in info.shape)
    return ValueInfo(info.name, info.dtype, shape)


def _write(builder: Builder, node: Node) -> None:
    """Write one node. Raises UnsupportedError that names it."""
    where = f"node {shown(node.name or node.outputs[0])} ({node.op})"
    converter = CONVERTERS.get(node.op) if node.domain in ("", "ai.onnx") or node.op == "Gelu" else None
    if converter is None or node.branches:
        raise UnsupportedError("TFLite has no form of this operator here", where=where, hint=HINT)
    try:
        with typed(InvalidInputError, "the node has attributes or inputs that do not fit", where=where, hint=HINT):
            converter(builder, node)
    except UnsupportedError as error:
        raise error.at(where) from error
