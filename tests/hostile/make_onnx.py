"""ONNX files that are nearly well formed."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

from playground.model.onnx_proto import ModelProto
from tests.hostile.mutate import INTEGERS, mutated_bytes

CASES = Path(__file__).parent / "cases"


@cache
def _onnx_seeds() -> list[bytes]:
    files = [path.read_bytes() for path in sorted(CASES.glob("*.onnx")) + sorted(CASES.glob("onnx*.bin"))]
    files += [path.read_bytes() for path in sorted(CASES.glob("oob*.bin"))]
    return [*files, with_everything().SerializeToString()]


def with_everything() -> Any:
    """A model with every part of ONNX that the reader knows: a function, branches, tensors of all kinds, open sizes."""
    model = ModelProto(ir_version=10)
    model.opset_import.add(domain="", version=17)
    model.opset_import.add(domain="local", version=1)
    model.metadata_props.add(key="author", value="someone")
    graph = model.graph
    graph.name = "g"
    graph.input.add(name="x").type.tensor_type.elem_type = 1
    graph.input[0].type.tensor_type.shape.dim.add(dim_param="batch")
    graph.input[0].type.tensor_type.shape.dim.add(dim_value=4)
    graph.input.add(name="list").type.sequence_type.elem_type.tensor_type.elem_type = 1
    graph.initializer.add(name="w", data_type=1, dims=[4, 2], raw_data=bytes(32))
    graph.initializer.add(name="large", data_type=1, dims=[40, 20], raw_data=bytes(3200))
    graph.initializer.add(name="floats", data_type=1, dims=[400], float_data=[0.5] * 400)
    graph.initializer.add(name="octets", data_type=3, dims=[1500], int32_data=[-1] * 1500)
    graph.initializer.add(name="counts", data_type=7, dims=[3], int64_data=[1, -1, 2**40])
    graph.initializer.add(name="nibbles", data_type=22, dims=[5], int32_data=[0x21, 0x43, 5])
    graph.initializer.add(name="texts", data_type=8, dims=[2], string_data=[b"a", b"bc"])
    graph.initializer.add(name="half", data_type=10, dims=[2], int32_data=[15360, 1])
    node = graph.node.add(op_type="MatMul", name="product", input=["x", "w"], output=["h"])
    node = graph.node.add(op_type="If", name="branch", input=["w"], output=["y"])
    for branch in ("then_branch", "else_branch"):
        attribute = node.attribute.add(name=branch, type=5)
        attribute.g.name = branch
        attribute.g.node.add(op_type="Relu", input=["h"], output=["t"])
        attribute.g.output.add(name="t")
    node = graph.node.add(op_type="Odd", domain="com.example", input=["h", ""], output=["z"])
    node.attribute.add(name="a", type=2, i=3)
    node.attribute.add(name="b", type=1, f=1.5)
    node.attribute.add(name="c", type=3, s=b"text")
    node.attribute.add(name="d", type=7, ints=[1, 2, 3])
    node.attribute.add(name="e", type=6, floats=[1.0])
    node.attribute.add(name="f", type=8, strings=[b"u"])
    node.attribute.add(name="g", type=4).t.CopyFrom(graph.initializer[0])
    node = graph.node.add(op_type="Constant", output=["k"])
    node.attribute.add(name="value", type=4).t.CopyFrom(graph.initializer[2])
    function = model.functions.add(name="f", domain="local", input=["a"], output=["b"], attribute=["slope"])
    function.opset_import.add(domain="", version=17)
    inner = function.node.add(op_type="LeakyRelu", input=["a"], output=["b"])
    inner.attribute.add(name="alpha", type=1, ref_attr_name="slope")
    node = graph.node.add(op_type="f", domain="local", name="call", input=["y"], output=["out"])
    node.attribute.add(name="slope", type=1, f=0.1)
    graph.output.add(name="out").type.tensor_type.elem_type = 1
    return model


def make_onnx(rng: random.Random) -> bytes:
    data = rng.choice(_onnx_seeds())
    if rng.random() < 0.5:
        try:
            message = ModelProto.FromString(data)
        except Exception:
            return mutated_bytes(rng, data, _onnx_seeds())
        for _ in range(rng.choice((1, 1, 2, 4))):
            _mutate_message(rng, message)
        data = message.SerializePartialToString()
        if rng.random() < 0.7:
            return data
    return mutated_bytes(rng, data, _onnx_seeds())


def _mutate_message(rng: random.Random, message: Any) -> None:
    """One field somewhere in a protobuf message gets another value, or is gone, or is there many times."""
    while True:
        present = message.ListFields()
        if not present:
            return
        field, value = rng.choice(present)
        repeated = not hasattr(value, "ListFields") and hasattr(value, "append" if field.type != 11 else "add")
        inside = list(value) if repeated and field.type == 11 else [value] if field.type == 11 else []
        if inside and rng.random() < 0.9:
            message = rng.choice(inside)
            continue
        _mutate_field(rng, message, field, repeated)
        return


def _mutate_field(rng: random.Random, message: Any, field: Any, repeated: bool) -> None:
    values = {
        **dict.fromkeys((1, 2), (0.0, -1.0, 1e38, float("nan"), float("inf"))),
        **dict.fromkeys((3, 5, 14), tuple(n for n in (-1, -(2**31), *INTEGERS) if -(2**31) <= n < 2**31)),
        9: ("", "w", "x", "h", "é", "a" * 5000, "If", "Constant", "a/b/c/d"),
        12: (b"", b"\xff\xfe", bytes(40), b"a" * 5000),
    }.get(field.type)
    name = field.name
    if values is None or rng.random() < 0.1:
        message.ClearField(name)
    elif not repeated:
        value = rng.choice(values)
        setattr(message, name, value if field.type != 14 else rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9)))
    else:
        held = getattr(message, name)
        if held and rng.random() < 0.7:
            held[rng.randrange(len(held))] = rng.choice((*values, 2**62 if field.type == 3 else values[0]))
        else:
            held.extend([rng.choice(values)] * rng.choice((1, 2, 40)))
