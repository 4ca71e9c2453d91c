"""Graph to an ONNX file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import playground
from playground.errors import InvalidInputError, UnsupportedError, shown
from playground.model.element_types import BY_NAME, encode
from playground.model.graph import About, Graph, Model, Node, Tensor, ValueInfo
from playground.model.loading import READERS
from playground.model.onnx_proto import AttributeProto, GraphProto, Message, ModelProto
from playground.model.writers import writers

IR_VERSION = 10
"""The file format's version: the newest that both native and Web ONNX Runtimes of the last two years take."""

MAX_BYTES = 2**31 - 1
"""Protobuf's limit on one message."""

_STRING = 8
_PRODUCER, _VERSION = "Quantization Playground", playground.__version__


def require_graph_name(path: Any) -> None:
    """Refuse what is not a path, and names with the ending of another format (InvalidInputError)."""
    if not isinstance(path, str | PathLike):
        raise InvalidInputError(f"{shown(path)} is not a path", where="path", hint="Use one such as 'small.onnx'")
    file = Path(path)
    others = {ending for reader in READERS.values() for ending in reader.suffixes} - {".onnx", ".tflite"}
    if file.suffix.lower() in others:
        hint = f"Use {file.with_suffix('.onnx')}"
        if file.suffix.lower() in {writer.ending for writer in writers().values()}:
            hint += ", or write the weights alone: playground.ptq.without_graph.quantize_tensors(model, recipe)"
        raise InvalidInputError(
            f"a quantized graph is written as ONNX or .tflite, and {file.suffix} is the ending of another format",
            where=str(path),
            hint=hint,
        )


def to_onnx(graph: Graph, of: Model | None = None) -> bytes:
    """The ONNX file of ``graph``, weights inside.

    Args:
        graph: the graph.
        of: the model that it was made from: what its file says besides the graph is in this one too.

    Raises:
        UnsupportedError: the file would be 2 GB or more, or a type cannot be written.
        InvalidInputError: an attribute holds something that ONNX has no kind for.
    """
    nbytes = sum(tensor.nbytes for tensor in graph.initializers.values())
    if nbytes > MAX_BYTES:
        raise UnsupportedError(
            f"weights of {nbytes} bytes do not fit into one ONNX file (2 GB)",
            where=graph.name,
            hint="Quantize more tensors, or use a smaller model",
        )
    model = ModelProto(ir_version=IR_VERSION)
    _fill_graph(model.graph, graph)
    about = of.about if of is not None else About()
    _fill_about(model, about if about.producer else replace(about, producer=_PRODUCER, producer_version=_VERSION))
    for key, value in (of.metadata if of is not None else {}).items():
        model.metadata_props.add(key=key, value=value)
    model.opset_import.add(domain="", version=graph.opset)
    for domain, version in graph.other_opsets.items():
        model.opset_import.add(domain=domain, version=version)
    return bytes(model.SerializeToString(deterministic=True))


def _fill_about(model: Message, about: About) -> None:
    model.producer_name, model.producer_version = about.producer, about.producer_version
    if about.domain:
        model.domain = about.domain
    if about.version:
        model.model_version = about.version
    if about.text:
        model.doc_string = about.text
    if about.graph_text:
        model.graph.doc_string = about.graph_text
    for key, value in about.graph_metadata.items():
        model.graph.metadata_props.add(key=key, value=value)


def _fill_graph(proto: Message, graph: Graph) -> None:
    proto.name = graph.name or "graph"
    proto.input.extend(_values(graph.inputs))
    proto.output.extend(_values(graph.outputs))
    for tensor in graph.initializers.values():
        _fill_tensor(proto.initializer.add(), tensor)
    for node in graph.nodes:
        _fill_node(proto.node.add(), node)


def _values(values: Iterable[ValueInfo]) -> Iterable[Message]:
    for value in values:
        proto = GraphProto().output.add(name=value.name)
        if value.dtype not in BY_NAME and value.dtype not in ("string", ""):
            raise UnsupportedError(
                f"values of type {value.dtype} cannot be written", where=value.name, hint="Use a type of ONNX"
            )
        held = proto.type.tensor_type
        if value.dtype:
            held.elem_type = _STRING if value.dtype == "string" else BY_NAME[value.dtype].onnx
        if value.shape is not None:
            held.shape.SetInParent()
            for dim in value.shape:
                size = held.shape.dim.add()
                if isinstance(dim, str):
                    size.dim_param = dim
                elif dim is not None:
                    size.dim_value = dim
        yield proto


def _fill_tensor(proto: Message, tensor: Tensor) -> None:
    proto.name = tensor.name
    proto.dims.extend(tensor.shape)
    if tensor.dtype == "string":
        proto.data_type = _STRING
        proto.string_data.extend(tensor.numpy().reshape(-1).tolist())
        return
    element = BY_NAME[tensor.dtype]
    proto.data_type = element.onnx
    proto.raw_data = encode(element, tensor.numpy())


def _fill_node(proto: Message, node: Node) -> None:
    proto.op_type, proto.name, proto.domain = node.op, node.name, node.domain
    proto.input.extend(node.inputs)
    proto.output.extend(node.outputs)
    for name, value in node.attributes.items():
        attribute = proto.attribute.add(name=name)
        _fill_attribute(attribute, value, f"{node.name} ({node.op})")


def _fill_attribute(proto: Message, value: Any, where: str) -> None:
    if isinstance(value, int | np.integer):
        proto.type, proto.i = AttributeProto.INT, int(value)
    elif isinstance(value, float | np.floating):
        proto.type, proto.f = AttributeProto.FLOAT, float(value)
    elif isinstance(value, str | bytes):
        proto.type, proto.s = AttributeProto.STRING, _bytes(value)
    elif isinstance(value, np.ndarray):
        proto.type = AttributeProto.TENSOR
        _fill_tensor(proto.t, Tensor.of("", value))
    elif isinstance(value, Graph):
        proto.type = AttributeProto.GRAPH
        _fill_graph(proto.g, value)
    elif isinstance(value, list | tuple):
        _fill_list(proto, list(value), where)
    else:
        raise InvalidInputError(
            f"attribute {proto.name!r} holds a {type(value).__name__}",
            where=where,
            hint="Use a number, text, tensor, graph, or a list of these",
        )


def _fill_list(proto: Message, values: list[Any], where: str) -> None:
    """An empty list counts as one of integers: the only kind that ONNX operators give a meaning to when empty."""
    if all(isinstance(value, int | np.integer) for value in values):
        proto.type = AttributeProto.INTS
        proto.ints.extend(int(value) for value in values)
    elif all(isinstance(value, int | float | np.number) for value in values):
        proto.type = AttributeProto.FLOATS
        proto.floats.extend(float(value) for value in values)
    elif all(isinstance(value, str | bytes) for value in values):
        proto.type = AttributeProto.STRINGS
        proto.strings.extend(_bytes(value) for value in values)
    else:
        raise InvalidInputError(
            f"attribute {proto.name!r} holds values of several types", where=where, hint="Use a list of one type"
        )


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
