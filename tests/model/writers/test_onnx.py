import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground.errors import BadFileError, InvalidInputError, UnsupportedError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.opening import load


def graph_with(node: Node, *initializers: Tensor) -> Graph:
    value = (ValueInfo("x", "float32", ("batch", 3)),), (ValueInfo("y", "float32", ("batch", None)),)
    return Graph("g", *value, (node,), {tensor.name: tensor for tensor in initializers}, 17)


def read(data: bytes) -> tuple[Model, Graph]:
    model = load(data, "written.onnx")
    assert model.graph is not None
    return model, model.graph


def test_written_file_is_valid_and_comes_back() -> None:
    weight = Tensor.of("w", np.arange(6, dtype=np.float32).reshape(3, 2))
    node = Node("Gemm", "gemm", ("x", "w", ""), ("y",), {"alpha": 0.5, "transB": 0})
    data = to_onnx(graph_with(node, weight))
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    _, graph = read(data)
    assert graph.nodes == (node,)
    assert graph.inputs == (ValueInfo("x", "float32", ("batch", 3)),)
    assert graph.outputs == (ValueInfo("y", "float32", ("batch", None)),)
    assert graph.opset == 17
    assert np.array_equal(graph.initializers["w"].numpy(), weight.numpy())


def test_attributes_come_back() -> None:
    inner = Graph("inner", (), (ValueInfo("t", "float32", ()),), (Node("Relu", "r", ("x",), ("t",)),), {}, 17)
    attributes = {
        "i": 1,
        "f": 0.5,
        "s": "text",
        "ii": [1, 2],
        "ff": [0.5, 2.0],
        "ss": ["a", "b"],
        "none": [],
    }
    node = Node("Odd", "odd", ("x",), ("y",), {**attributes, "g": inner, "t": np.arange(3)}, "com.example")
    _, graph = read(to_onnx(graph_with(node).with_(other_opsets={"com.example": 2})))
    found = dict(graph.nodes[0].attributes)
    assert np.array_equal(found.pop("t"), np.arange(3))
    assert found.pop("g").nodes == inner.nodes
    assert found == attributes
    assert dict(graph.other_opsets) == {"com.example": 2}


def test_tensors_of_odd_types_are_kept_bit_for_bit() -> None:
    odd = [
        numpy_helper.from_array(np.array([1.5, -2]).astype(ml_dtypes.bfloat16), "bf16"),
        numpy_helper.from_array(np.array([-8, 7, 3]).astype(ml_dtypes.int4), "int4"),
        helper.make_tensor("text", TensorProto.STRING, (1,), [b"abc"]),
    ]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [], odd)
    graph.input.add().CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, None))
    graph.output.add().CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    _, ours = read(helper.make_model(graph).SerializeToString())
    written = onnx.load_from_string(to_onnx(ours)).graph.initializer
    assert [tensor.SerializeToString() for tensor in written] == [tensor.SerializeToString() for tensor in odd]


@pytest.mark.parametrize("shape", [(), None, (0,), (None, "n", 3)])
def test_shapes_of_values_come_back(shape: tuple[int | str | None, ...] | None) -> None:
    """A single number has a shape, of no axes; a value of unknown rank has none."""
    node = Node("Relu", "r", ("x",), ("y",))
    graph = graph_with(node).with_(inputs=(ValueInfo("x", "float32", shape),), outputs=(ValueInfo("y", "", shape),))
    _, back = read(to_onnx(graph))
    assert (back.inputs, back.outputs) == (graph.inputs, graph.outputs)


@pytest.mark.parametrize(("nbytes", "fits"), [(2**31 - 1, True), (2**31, False)])
def test_two_gigabytes_are_too_much_and_a_byte_less_is_not(nbytes: int, fits: bool) -> None:
    def read_it() -> np.ndarray:
        raise ValueError("the size did not speak against it")

    halves = (nbytes // 2, nbytes - nbytes // 2)
    parts = [Tensor(name, "uint8", (size,), size, read_it) for name, size in zip("ab", halves, strict=True)]
    with pytest.raises(BadFileError if fits else UnsupportedError, match="be read" if fits else "do not fit"):
        to_onnx(graph_with(Node("Relu", "r", ("x",), ("y",)), *parts))


def test_what_cannot_be_written() -> None:
    node = Node("Relu", "r", ("x",), ("y",))
    huge = Tensor("w", "float32", (2**30,), 2**32, lambda: pytest.fail("it was read"))
    with pytest.raises(UnsupportedError, match="do not fit"):
        to_onnx(graph_with(node, huge))
    with pytest.raises(UnsupportedError, match="sequence"):
        to_onnx(graph_with(node).with_(outputs=(ValueInfo("y", "sequence", None),)))
    with pytest.raises(InvalidInputError, match="holds a dict"):
        to_onnx(graph_with(Node("Relu", "r", ("x",), ("y",), {"a": {}})))
    with pytest.raises(InvalidInputError, match="several types"):
        to_onnx(graph_with(Node("Relu", "r", ("x",), ("y",), {"a": [1, "b"]})))
