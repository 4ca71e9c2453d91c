"""ONNX: a protobuf message that holds a graph of operators and its constants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sys import intern
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, typed
from playground.host.sources import BytesSource, Source
from playground.limits import MOST_FILE_BYTES, MOST_KEPT_BYTES, MOST_PIECE, MOST_TENSORS
from playground.model.element_types import BY_ONNX
from playground.model.graph import About, Graph, Model, Node, NoGraph, Tensor, ValueInfo
from playground.model.naming import FreeNames
from playground.model.onnx_proto import AttributeProto, Message, ModelProto
from playground.model.readers._onnx_order import in_order
from playground.model.readers._onnx_outline import outline
from playground.model.readers._onnx_tensors import STRING, Values, tensor
from playground.model.readers._reader import Reader

_SECOND_TAGS = frozenset(b"\x12\x1a\x22\x28\x32\x3a\x42\x72")
"""What comes after ir_version in a ModelProto: producer, domain, version, doc, graph, opset or metadata."""


@dataclass(frozen=True, slots=True)
class _File:
    """What every part of a file is read with."""

    values: Values
    opset: int
    other_opsets: dict[str, int]


def _signature(head: bytes) -> bool:
    return len(head) > 2 and head[0] == 0x08 and 0 < head[1] < 0x80 and head[2] in _SECOND_TAGS


def read(source: Source) -> Model:
    """Read an ONNX model. Its graph comes in topological order, ``Constant`` nodes as initializers.

    Raises:
        BadFileError: damaged, truncated, too large, or inconsistent.
        MissingError: the weights are in another file, which does not exist.
        UnsupportedError: it uses a part of ONNX that has no place in :class:`Graph`.
    """
    if source.size > MOST_FILE_BYTES:
        raise BadFileError(
            f"a file of {source.size} bytes exceeds the {MOST_FILE_BYTES} of an ONNX file",
            where=source.name,
            hint="Save the weights as external data",
        )
    small = source.size <= MOST_KEPT_BYTES
    held = BytesSource(source.read(0, source.size), source.name) if small else source
    with typed(BadFileError, "the file is not a complete ONNX model", where=source.name, hint=DAMAGED):
        found = outline(held, source.size if small else 0)
        proto = ModelProto.FromString(found.model)
    return _model(proto, Values(source, held, found.bulk))


def _model(proto: Message, values: Values) -> Model:
    source = values.source
    if not proto.HasField("graph") or not proto.opset_import:
        missing = "graph" if not proto.HasField("graph") else "operator set"
        raise BadFileError(
            f"the model has no {missing}",
            where=source.name,
            hint="Use another file: this one is truncated, or not an ONNX model",
        )
    metadata = _entries(proto.metadata_props)
    notes, no_graph = [], NoGraph()
    if proto.graph.sparse_initializer:
        notes.append("It has sparse tensors: its dense ones are shown, its graph is not")
        no_graph = NoGraph("a graph with sparse tensors cannot be read", "Store them as dense tensors")
    if proto.functions and (reason := _with_functions_inlined(proto, source)):
        notes.insert(0, f"It defines functions of its own: its tensors are shown, its graph is not, because {reason}")
        inline = "Inline them with onnx.inliner.inline_local_functions"
        no_graph = NoGraph("a graph with its own functions cannot be read", inline)
    if notes:
        tensors = {entry.name: tensor(entry, values) for entry in proto.graph.initializer}
        return Model("onnx", source.name, tensors, None, metadata, tuple(notes), no_graph, _about(proto))
    opsets = {imported.domain: int(imported.version) for imported in proto.opset_import}
    opset = opsets.pop("", 0) or opsets.pop("ai.onnx", 0) or 1
    graph = _graph(proto.graph, _File(values, opset, opsets), None)
    return Model("onnx", source.name, graph.initializers, graph, metadata, about=_about(proto))


def _entries(entries: Iterable[Message]) -> dict[str, str]:
    return {_words(entry.key): _words(entry.value) for entry in entries}


def _about(proto: Message) -> About:
    return About(
        producer=_words(proto.producer_name),
        producer_version=_words(proto.producer_version),
        domain=_words(proto.domain),
        version=int(proto.model_version),
        text=_words(proto.doc_string),
        graph_text=_words(proto.graph.doc_string),
        graph_metadata=_entries(proto.graph.metadata_props),
    )


def _words(text: str | bytes) -> str:
    """A text, which protobuf hands out as bytes where it is not UTF-8."""
    return text if isinstance(text, str) else text.decode(errors="replace")


def _with_functions_inlined(proto: Message, source: Source) -> str:
    from playground.model.readers._onnx_functions import inline  # few files need it

    return inline(proto, source.name)


class _Scope:
    """Names of values that are known in a graph, and through ``outer`` those of the graphs around it."""

    def __init__(self, names: Iterable[str], outer: _Scope | None) -> None:
        self.own, self.outer = set(names), outer

    def __contains__(self, name: object) -> bool:
        return name in self.own or (self.outer is not None and name in self.outer)


def _graph(proto: Message, file: _File, outer: _Scope | None) -> Graph:
    name = file.values.source.name
    initializers: dict[str, Tensor] = {}
    for entry in proto.initializer:
        if entry.name in initializers:
            raise BadFileError(f"two tensors have the name {entry.name!r}", where=name, hint="Rename one of them")
        initializers[entry.name] = tensor(entry, file.values)
    known = _Scope((*initializers, *(entry.name for entry in proto.input)), outer)
    nodes: list[Node] = []
    names = FreeNames()
    for index, entry in enumerate(in_order(proto.node, known, name)):
        where = f"{name}: node {entry.name or index!r} ({entry.op_type})"
        _check_names(entry, known, where)
        if entry.op_type == "Constant" and entry.domain in ("", "ai.onnx"):
            initializers[entry.output[0]] = _constant(entry, file.values, where)
        else:
            attributes = {held.name: _attribute(held, file, known, where) for held in entry.attribute}
            if len(attributes) != len(entry.attribute):
                raise BadFileError("two attributes have the same name", where=where, hint="Remove one of them")
            domain = "" if entry.domain == "ai.onnx" else entry.domain
            ends = tuple(map(intern, entry.input)), tuple(map(intern, entry.output))
            nodes.append(Node(intern(entry.op_type), _node_name(entry, index, names), *ends, attributes, domain))
    if len(initializers) > MOST_TENSORS:
        raise BadFileError(f"the graph has {len(initializers)} tensors", where=name, hint=f"Use at most {MOST_TENSORS}")
    for value in proto.output:
        if value.name not in known:
            raise BadFileError(
                f"no node computes the output {value.name!r}", where=name, hint="Remove the output, or add its node"
            )
    inputs = tuple(_value(entry) for entry in proto.input if entry.name not in initializers)
    outputs = tuple(_value(entry) for entry in proto.output)
    return Graph(proto.name, inputs, outputs, tuple(nodes), initializers, file.opset, file.other_opsets)


def _node_name(node: Message, index: int, names: FreeNames) -> str:
    """The node's name if it has one of its own; recipes and reports need one each."""
    name = intern(node.name)
    return intern(names.take(f"{name or node.op_type}_{index}" if not name or name in names else name))


def _check_names(node: Message, known: _Scope, where: str) -> None:
    """Check that every input has a value and no output has one yet."""
    for name in node.input:
        if name and name not in known:
            raise BadFileError(
                f"nothing computes its input {name!r}", where=where, hint="Add the node that computes it"
            )
    for name in node.output:
        if name and name in known.own:
            raise BadFileError(f"the output {name!r} has the name of another value", where=where, hint="Rename it")
        known.own.add(name)


def _constant(node: Message, values: Values, where: str) -> Tensor:
    if len(node.attribute) != 1 or len(node.output) != 1:
        raise BadFileError(
            "this Constant does not have one value and one output", where=where, hint="Give it one of each"
        )
    name, attribute = node.output[0], node.attribute[0]
    if attribute.name == "value":
        held = tensor(attribute.t, values)
        return Tensor(name, held.dtype, held.shape, held.nbytes, held.read)
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if attribute.name not in kinds:
        raise UnsupportedError(
            f"the attribute {attribute.name!r} of a Constant cannot be read",
            where=where,
            hint="Use the attribute 'value'",
        )
    given: Any = {"value_float": attribute.f, "value_int": attribute.i}.get(attribute.name)
    if given is None:
        given = list(attribute.floats or attribute.ints)
    return Tensor.of(name, np.array(given, kinds[attribute.name]))


def _attribute(proto: Message, file: _File, outer: _Scope, where: str) -> Any:
    kind = AttributeProto.AttributeType.Name(proto.type) if proto.type else "UNDEFINED"
    if kind == "FLOAT":
        return float(proto.f)
    if kind == "INT":
        return int(proto.i)
    if kind == "STRING":
        return _text(proto.s)
    if kind == "TENSOR":
        return _attribute_values(tensor(proto.t, file.values), where)
    if kind == "GRAPH":
        return _graph(proto.g, file, outer)
    if kind in ("FLOATS", "INTS"):
        return list(getattr(proto, kind.lower()))
    if kind == "STRINGS":
        return [_text(entry) for entry in proto.strings]
    raise UnsupportedError(
        f"attribute {proto.name!r} is of kind {kind}, which cannot be read",
        where=where,
        hint="Remove the attribute",
    )


def _attribute_values(held: Tensor, where: str) -> NDArray[Any]:
    if held.nbytes > MOST_PIECE or held.size > MOST_PIECE:
        raise BadFileError(f"an attribute has a tensor of {held.nbytes} bytes", where=where, hint="Use an initializer")
    return held.numpy()


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _value(proto: Message) -> ValueInfo:
    kind = proto.type.WhichOneof("value") or ""
    if kind != "tensor_type":
        return ValueInfo(proto.name, kind.removesuffix("_type"), None)
    held = proto.type.tensor_type
    dtype = "string" if held.elem_type == STRING else BY_ONNX[held.elem_type].name if held.elem_type in BY_ONNX else ""
    if not held.HasField("shape"):
        return ValueInfo(proto.name, dtype, None)
    return ValueInfo(proto.name, dtype, tuple(_dim(dim) for dim in held.shape.dim))


def _dim(proto: Message) -> int | str | None:
    if proto.HasField("dim_value"):
        return int(proto.dim_value) if proto.dim_value >= 0 else None
    # PaddlePaddle writes "?" for each size that it does not know: they need not be equal, as those of one name are
    return None if proto.dim_param in ("", "?") else proto.dim_param


READER = Reader("onnx", (".onnx",), _signature, read)
