"""Small files that ask for much: built here, because some of them are large and all of them are a few lines."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from playground.model.onnx_proto import ModelProto

MODEL = ModelProto()
MODEL.opset_import.add(version=17)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, as protobuf writes it."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx_of(graph: bytes) -> bytes:
    """A model whose graph consists of these bytes."""
    return bytes(MODEL.SerializeToString()) + field(7, graph)


def chain(count: int, **names: str) -> bytes:
    """A model of ``count`` operators, one after the other; ``name`` is that of all of them."""
    model = ModelProto()
    model.CopyFrom(MODEL)
    model.graph.input.add(name="x0").type.tensor_type.elem_type = 1
    for index in range(count):
        model.graph.node.add(
            op_type="Relu", name=names.get("name", f"n{index}"), input=[f"x{index}"], output=[f"x{index + 1}"]
        )
    model.graph.output.add(name=f"x{count}")
    return bytes(model.SerializeToString())


def empty_tensors(count: int) -> bytes:
    """A model of ``count`` tensors without values."""
    tensors = (field(5, b"\x08\0\x10\1" + field(8, b"t%d" % index)) for index in range(count))
    return onnx_of(b"".join(tensors))


def nested(depth: int, innermost: bytes = b"") -> bytes:
    """A model of ``depth`` graphs within each other."""
    graph = innermost
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(6, graph) + b"\xa0\x01\x05"))
    return onnx_of(graph)


def with_branches(count: int) -> bytes:
    """A chain whose every second operator is an If with a branch that reads from outside."""
    model = ModelProto()
    model.CopyFrom(MODEL)
    model.graph.input.add(name="x0")
    for index in range(count):
        node = model.graph.node.add(op_type="If", name=f"n{index}", input=[f"x{index}"], output=[f"x{index + 1}"])
        branch = node.attribute.add(name="then_branch", type=5).g
        branch.node.add(op_type="Relu", input=[f"x{index}"], output=["y"])
        branch.output.add(name="y")
    model.graph.output.add(name=f"x{count}")
    return bytes(model.SerializeToString())


def with_calls(count: int) -> bytes:
    """A chain of calls, all of one name, of a function of the file."""
    model = ModelProto()
    model.CopyFrom(MODEL)
    model.opset_import.add(domain="local", version=1)
    function = model.functions.add(name="f", domain="local", input=["a"], output=["b"])
    function.opset_import.add(domain="", version=17)
    function.node.add(op_type="Relu", input=["a"], output=["b"])
    model.graph.input.add(name="x0")
    for index in range(count):
        model.graph.node.add(op_type="f", domain="local", name="c", input=[f"x{index}"], output=[f"x{index + 1}"])
    model.graph.output.add(name=f"x{count}")
    return bytes(model.SerializeToString())


def safetensors_of(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file; ``size``: what it claims about its header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def entry(shape: list[int], begin: int, end: int) -> dict[str, Any]:
    """What a safetensors header says of a float32 tensor."""
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def zipped(content: bytes, claimed: int, method: int = 0, flags: int = 0, name: bytes = b"a.npy") -> bytes:
    """An archive of one member, which may lie about all of it."""
    sizes = struct.pack("<III", zlib.crc32(content), len(content), claimed)
    local = struct.pack("<4sHHHHH", b"PK\3\4", 20, flags, method, 0, 0) + sizes + struct.pack("<HH", len(name), 0)
    local += name + content
    central = struct.pack("<4sHHHHHH", b"PK\1\2", 20, 20, flags, method, 0, 0) + sizes
    central += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)


def deflated(head: bytes, zeros: int) -> bytes:
    """``head`` and so many spaces, compressed a thousand times."""
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [press.compress(head)]
    block = b" " * (1 << 20)
    parts += [press.compress(block) for _ in range(zeros >> 20)]
    return b"".join((*parts, press.flush()))
