from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground.errors import BadFileError, MissingError, PlaygroundError, UnsupportedError
from playground.host.sources import BytesSource, FileSource
from playground.model.graph import Graph, Model, ValueInfo
from playground.model.readers._onnx_outline import outline
from playground.model.readers.onnx import READER, read

F32 = TensorProto.FLOAT


def small_model(*initializers: Any, **changes: Any) -> onnx.ModelProto:
    """X (batch, 3) -> MatMul w -> Relu -> y."""
    w = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], "product"), helper.make_node("Relu", ["h"], ["y"])]
    graph = helper.make_graph(
        changes.get("nodes", nodes),
        "small",
        [helper.make_tensor_value_info("x", F32, ["batch", 3])],
        [helper.make_tensor_value_info("y", F32, ["batch", None])],
        [w, *initializers],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def load(model: onnx.ModelProto) -> Model:
    return read(BytesSource(model.SerializeToString(), "small.onnx"))


def graph_of(model: onnx.ModelProto) -> Graph:
    graph = load(model).graph
    assert graph is not None
    return graph


def test_graph() -> None:
    proto = small_model()
    helper.set_model_props(proto, {"author": "someone"})
    model = load(proto)
    assert (model.format, model.name, dict(model.metadata)) == ("onnx", "small.onnx", {"author": "someone"})
    graph = model.graph
    assert graph is not None
    assert graph.opset == 17
    assert graph.inputs == (ValueInfo("x", "float32", ("batch", 3)),)
    assert graph.outputs == (ValueInfo("y", "float32", ("batch", None)),)
    assert [(node.op, node.name) for node in graph.nodes] == [("MatMul", "product"), ("Relu", "Relu_1")]
    assert model.tensors["w"].numpy().tolist() == [[0, 1], [2, 3], [4, 5]]
    assert READER.signature(proto.SerializeToString()[:64])


@pytest.mark.parametrize(("size", "dim"), [(-1, None), (-(2**63), None), (0, 0), (1, 1)])
def test_a_negative_size_is_an_open_one(size: int, dim: int | None) -> None:
    """Exporters write -1 for what they leave open."""
    proto = small_model()
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = size
    assert graph_of(proto).inputs[0].shape == (dim, 3)


def test_question_marks_are_no_name_that_two_sizes_share() -> None:
    model = small_model()
    for dim, text in zip(model.graph.input[0].type.tensor_type.shape.dim, ("batch", "?"), strict=True):
        dim.dim_param = text
    graph = read(BytesSource(model.SerializeToString(), "m.onnx")).required_graph()
    assert graph.inputs[0].shape == ("batch", None)


@pytest.mark.parametrize(
    ("domains", "opset", "others"),
    [
        ({"": 13}, 13, {}),
        ({"ai.onnx": 13}, 13, {}),
        ({"com.microsoft": 1, "ai.onnx": 12}, 12, {"com.microsoft": 1}),
        ({"com.microsoft": 2}, 1, {"com.microsoft": 2}),
    ],
)
def test_onnx_has_two_names_for_its_own_operators(domains: dict[str, int], opset: int, others: dict[str, int]) -> None:
    proto = small_model()
    del proto.opset_import[:]
    proto.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in domains.items())
    graph = graph_of(proto)
    assert (graph.opset, dict(graph.other_opsets)) == (opset, others)


def test_nodes_of_the_long_name_are_nodes_of_the_short_one() -> None:
    proto = small_model(nodes=[helper.make_node("Relu", ["x"], ["y"], domain="ai.onnx")])
    (node,) = graph_of(proto).nodes
    assert (node.op, node.domain) == ("Relu", "")


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"],
)
def test_values_of_every_type(dtype: str, raw: bool) -> None:
    values = (np.arange(6).reshape(2, 3) - (0 if dtype[0] in "ub" else 3)).astype(dtype)
    number = helper.np_dtype_to_tensor_dtype(values.dtype)
    data = values.tobytes() if raw else values.reshape(-1).tolist()
    tensor = load(small_model(helper.make_tensor("v", number, (2, 3), data, raw))).tensors["v"]
    assert (tensor.dtype, tensor.shape, tensor.nbytes) == (dtype, (2, 3), values.nbytes)
    assert tensor.numpy().dtype == values.dtype
    assert np.array_equal(tensor.numpy(), values)


def test_every_node_gets_a_name_of_its_own() -> None:
    ends = [("x", "a", "n"), ("a", "b", "n"), ("b", "c", ""), ("c", "d", "Neg_4"), ("d", "y", "")]
    nodes = [helper.make_node("Neg", [source], [made], name) for source, made, name in ends]
    assert [node.name for node in graph_of(small_model(nodes=nodes)).nodes] == [
        "n",
        "n_1",
        "Neg_2",
        "Neg_4",
        "Neg_4_1",
    ]


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("dtype", ["bfloat16", "int4", "uint4", "int2", "uint2"])
def test_types_that_numpy_has_not(dtype: str, raw: bool) -> None:
    values = np.array([1, 0, 1, 1, 0]).astype(getattr(ml_dtypes, dtype))
    proto = numpy_helper.from_array(values, "v")
    if not raw:
        proto = helper.make_tensor("v", proto.data_type, (5,), values.astype(np.float32).tolist())
    tensor = load(small_model(proto)).tensors["v"]
    assert tensor.dtype == dtype
    assert tensor.numpy().tolist() == [1, 0, 1, 1, 0]


def test_float8_is_listed() -> None:
    tensor = load(small_model(helper.make_tensor("v", TensorProto.FLOAT8E4M3FN, (2,), [1.0, 2.0]))).tensors["v"]
    assert (tensor.dtype, tensor.nbytes) == ("float8_e4m3fn", 2)
    with pytest.raises(UnsupportedError):
        tensor.numpy()


def test_strings_and_empty_tensors() -> None:
    empty = TensorProto(name="none", data_type=F32, dims=[0, 3])
    tensors = load(small_model(helper.make_tensor("s", TensorProto.STRING, (2,), [b"a", b"bc"]), empty)).tensors
    assert tensors["s"].dtype == "string"
    assert tensors["s"].numpy().tolist() == [b"a", b"bc"]
    assert tensors["none"].numpy().shape == (0, 3)


def test_constants_become_initializers() -> None:
    nodes = [
        helper.make_node("Constant", [], ["a"], value=numpy_helper.from_array(np.float32([1, 2]))),
        helper.make_node("Constant", [], ["b"], value_float=1.5),
        helper.make_node("Constant", [], ["c"], value_ints=[3, 4]),
        helper.make_node("Identity", ["x"], ["y"]),
    ]
    graph = graph_of(small_model(nodes=nodes))
    assert [node.op for node in graph.nodes] == ["Identity"]
    values = {name: graph.initializers[name].numpy() for name in "abc"}
    assert values["a"].tolist() == [1, 2]
    assert (values["b"].dtype, values["b"].item()) == (np.float32, 1.5)
    assert (values["c"].dtype, values["c"].tolist()) == (np.int64, [3, 4])


def test_attributes_and_subgraphs() -> None:
    then = helper.make_graph(
        [helper.make_node("Relu", ["h"], ["t"])], "then", [], [helper.make_tensor_value_info("t", F32, None)]
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("If", ["w"], ["y"], then_branch=then, else_branch=then),
        helper.make_node(
            "Odd", ["x"], ["z"], "", domain="com.example", a=1, b=1.5, c="text", d=[1, 2], e=[1.5], f=["u", "v"]
        ),
    ]
    graph = graph_of(small_model(nodes=nodes))
    assert graph.nodes[1].attributes["then_branch"].nodes[0].inputs == ("h",)
    odd = graph.nodes[2]
    assert odd.domain == "com.example"
    assert dict(odd.attributes) == {"a": 1, "b": 1.5, "c": "text", "d": [1, 2], "e": [1.5], "f": ["u", "v"]}


def test_local_functions_of_another_operator_set_leave_the_tensors() -> None:
    proto = small_model()
    proto.functions.add(name="f", domain="local").opset_import.add(domain="", version=12)
    model = load(proto)
    assert model.graph is None
    assert set(model.tensors) == {"w"}
    assert "functions" in model.notes[0]


def test_every_truncation_is_one_sentence() -> None:
    proto = small_model()
    data = proto.SerializeToString()
    for size in range(len(data)):
        with pytest.raises(BadFileError):
            read(BytesSource(data[:size], "small.onnx"))


def test_damage_never_crashes() -> None:
    data = small_model().SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] = rng.integers(256)
        try:
            model = read(BytesSource(bytes(damaged), "small.onnx"))
            for tensor in model.tensors.values():
                tensor.numpy()
        except PlaygroundError as error:
            assert "small.onnx" in str(error) or "cannot be read" in str(error)


def _wrong(change: Callable[[onnx.ModelProto], Any]) -> onnx.ModelProto:
    proto = small_model()
    change(proto)
    return proto


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (_wrong(lambda m: m.ClearField("graph")), "no graph"),
        (_wrong(lambda m: m.ClearField("opset_import")), "no operator set"),
        (_wrong(lambda m: m.graph.initializer[0].dims.append(10**12)), "needs 24000000000000"),
        (_wrong(lambda m: m.graph.initializer[0].dims.append(-1)), "negative size"),
        (_wrong(lambda m: m.graph.initializer[0].ClearField("raw_data")), "0 entries of float_data do not fill"),
        (_wrong(lambda m: setattr(m.graph.initializer[0], "data_type", 99)), "element type 99 is unknown"),
        (_wrong(lambda m: m.graph.node[1].input.append("nowhere")), "nothing computes its input 'nowhere'"),
        (_wrong(lambda m: m.graph.node[0].input.append("y")), "the node reads what is made of its own output"),
        (_wrong(lambda m: m.graph.node.append(m.graph.node[0])), "the output 'h' has the name of another value"),
        (_wrong(lambda m: setattr(m.graph.output[0], "name", "z")), "no node computes the output 'z'"),
    ],
)
def test_refuses(proto: onnx.ModelProto, message: str) -> None:
    with pytest.raises(BadFileError) as error:
        load(proto)
    assert message in str(error.value)


class TestExternalData:
    def saved(self, folder: Path) -> Path:
        path = folder / "model.onnx"
        onnx.save(small_model(), path, save_as_external_data=True, location="model.data", size_threshold=0)
        return path

    def changed(self, folder: Path, key: str, value: str) -> FileSource:
        path = self.saved(folder)
        proto = onnx.load(path, load_external_data=False)
        entries = {entry.key: entry.value for entry in proto.graph.initializer[0].external_data} | {key: value}
        del proto.graph.initializer[0].external_data[:]
        for name, text in entries.items():
            proto.graph.initializer[0].external_data.add(key=name, value=text)
        path.write_bytes(proto.SerializeToString())
        return FileSource(path)

    def test_read_next_to_the_model(self, tmp_path: Path) -> None:
        tensor = read(FileSource(self.saved(tmp_path))).tensors["w"]
        assert tensor.numpy().tolist() == [[0, 1], [2, 3], [4, 5]]

    def test_bytes_alone_say_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(MissingError, match=r"another file, 'model\.data'"):
            read(BytesSource(self.saved(tmp_path).read_bytes(), "model.onnx"))

    @pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", ""])
    def test_stays_in_its_folder(self, tmp_path: Path, location: str) -> None:
        (tmp_path / "secret").write_bytes(bytes(24))
        (tmp_path / "models").mkdir()
        with pytest.raises(BadFileError, match="outside the model's folder"):
            read(self.changed(tmp_path / "models", "location", location))

    def test_links_do_not_lead_out(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(bytes(24))
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(BadFileError, match="outside the model's folder"):
            read(self.changed(tmp_path / "models", "location", "link"))

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("location", "gone.data", "does not exist"),
            ("offset", "9", "end at byte 33"),
            ("offset", "-8", "is not a valid offset"),
            ("offset", "9" * 30, "is not a valid offset"),
            ("length", "23", "23 bytes do not fill"),
        ],
    )
    def test_refuses(self, tmp_path: Path, key: str, value: str, message: str) -> None:
        with pytest.raises(PlaygroundError, match=message):
            read(self.changed(tmp_path, key, value))


def test_each_large_tensor_costs_one_window_of_the_file() -> None:
    """Their values are left out: what is read is a megabyte around each one's beginning, once."""
    reads = []

    class Watched(BytesSource):
        def read(self, offset: int, size: int) -> bytes:
            reads.append(size)
            return super().read(offset, size)

    large = [numpy_helper.from_array(np.zeros(2**20, np.float32), f"large{i}") for i in range(5)]
    outline(Watched(small_model(*large).SerializeToString(), "small.onnx"))
    assert len(reads) == 1 + len(large)
