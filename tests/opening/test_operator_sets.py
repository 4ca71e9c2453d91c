"""Operator sets: what opening says and refuses, graphs inside nodes, and the set that files are written in."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.errors import PlaygroundError, UnsupportedError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.opening import load, opened, working
from playground.opening.operator_sets import needed

X = ValueInfo("x", "float32", ("n", 3))


def graph_of(*nodes: Node, opset: int = 11, **held: np.ndarray) -> Graph:
    tensors = {name: Tensor.of(name, values) for name, values in held.items()}
    return Graph("net", (X,), (ValueInfo(nodes[-1].outputs[0], "float32", None),), nodes, tensors, opset)


def file_of(nodes: list[Any], opset: int, held: dict[str, np.ndarray], shape: list[Any], ends: Any = None) -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in (("x", shape), ("y", ends)))
    constants = [numpy_helper.from_array(values, name) for name, values in held.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


@pytest.mark.parametrize(("opset", "brought"), [(7, 13), (9, 13), (12, 13), (13, 13), (20, 20), (26, 26), (28, 26)])
def test_it_is_said(opset: int, brought: int) -> None:
    model = load(file_of([helper.make_node("Relu", ["x"], ["y"])], opset, {}, [1, 3]), "net.onnx")
    assert model.required_graph().opset == brought
    said = () if opset == brought else (f"Operator set {opset} was brought to {brought}.",)
    assert model.notes == said
    assert opened(model) is model


@pytest.mark.parametrize(
    ("node", "opset"),
    [
        (Node("Squeeze", "n", ("x",), ("y",), {"axes": ["first"]}), 11),
        (Node("Clip", "n", ("x",), ("y",), {"min": "low"}), 7),
        (Node("Slice", "n", ("x",), ("y",), {"starts": 3}), 9),
        (Node("Resize", "n", ("x",), ("y",)), 10),
        (Node("Softmax", "n", ("x",), ("y",), {"axis": [1]}), 11),
        (Node("BatchNormalization", "n", ("x",), ("y",), {"spatial": 0}), 7),
    ],
    ids=lambda held: getattr(held, "op", str(held)),
)
def test_what_no_operator_set_allows_is_refused_with_the_nodes_name(node: Node, opset: int) -> None:
    with pytest.raises(PlaygroundError, match="node 'n'") as caught:
        working(graph_of(node, opset=opset))
    assert caught.value.hint


def test_graphs_inside_nodes_are_brought_along() -> None:
    """Both branches of an If clip a value of the graph around them, each with limits of its own."""

    def branch(name: str, low: float) -> Any:
        node = helper.make_node("Clip", ["x"], [f"{name}_y"], "clip", min=low)
        return helper.make_graph(
            [node], name, [], [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)]
        )

    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "one"], ["large"]),
        helper.make_node("If", ["large"], ["y"], then_branch=branch("then", 0.5), else_branch=branch("other", -0.5)),
    ]
    content = file_of(nodes, 10, {"one": np.float32(1)}, [2, 3])
    model = load(content, "net.onnx")
    branches = model.required_graph().nodes[-1].branches
    assert [inner.opset for inner in branches] == [model.required_graph().opset] * 2
    assert len({name for inner in branches for name in inner.initializers}) == 2
    for x in (np.float32([[2, -1, 0.1]]).repeat(2, 0), np.float32([[0.9, -1, 0.1]]).repeat(2, 0)):
        (expected,) = onnxruntime.InferenceSession(content).run(None, {"x": x})
        np.testing.assert_array_equal(playground.run(content, {"x": x}, "onnxruntime")["y"], expected)


def test_how_many_axes_there_are_follows_from_the_nodes_before() -> None:
    """Softmax over the last of three axes stays one node, though nothing states how many there are."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Transpose", ["h"], ["t"], perm=[1, 0, 2]),
        helper.make_node("Squeeze", ["t"], ["s"], axes=[0]),
        helper.make_node("Unsqueeze", ["s"], ["u"], axes=[0, 1]),
        helper.make_node("Softmax", ["u"], ["y"], axis=3),
    ]
    content = file_of(nodes, 11, {"w": np.eye(3, dtype=np.float32)}, ["n", 1, 3])
    graph = load(content, "net.onnx").required_graph()
    assert [node.op for node in graph.nodes] == ["MatMul", "Transpose", "Squeeze", "Unsqueeze", "Softmax"]
    x = {"x": np.random.default_rng(0).normal(size=(4, 1, 3)).astype(np.float32)}
    (expected,) = onnxruntime.InferenceSession(content).run(None, x)
    for engine in ("reference", "onnxruntime"):
        np.testing.assert_allclose(playground.run(content, x, engine)["y"], expected, 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("nodes", "axis"),
    [
        # As many as were there
        ([helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Transpose", ["h"], ["t"])], 2),
        # As many as it names, of a value about which nothing is known
        (
            [
                helper.make_node("Shape", ["x"], ["s"]),
                helper.make_node("Reshape", ["x", "s"], ["h"]),
                helper.make_node("Transpose", ["h"], ["t"], perm=[1, 0, 2]),
            ],
            2,
        ),
    ],
    ids=["reversed", "named"],
)
def test_turned_axes_are_as_many_as_before(nodes: list[Any], axis: int) -> None:
    content = file_of(
        [*nodes, helper.make_node("Softmax", ["t"], ["y"], axis=axis)],
        11,
        {"w": np.eye(3, dtype=np.float32)},
        [4, 1, 3],
    )
    graph = load(content, "net.onnx").required_graph()
    assert [node.op for node in graph.nodes] == [node.op_type for node in nodes] + ["Softmax"]
    x = {"x": np.random.default_rng(0).normal(size=(4, 1, 3)).astype(np.float32)}
    (expected,) = onnxruntime.InferenceSession(content).run(None, x)
    np.testing.assert_allclose(playground.run(content, x, "reference")["y"], expected, 1e-5, 1e-6)


def test_a_graph_of_today_stays_what_it_is() -> None:
    nodes = (Node("Clip", "c", ("x",), ("h",)), Node("Softmax", "s", ("h",), ("y",)))
    graph = graph_of(*nodes, opset=17)
    assert working(graph) == (graph, ())
    assert working(graph)[0] is graph


def test_a_form_needs_its_operator_set() -> None:
    assert needed(graph_of(Node("Relu", "n", ("x",), ("y",)))) == (1, "")
    axes = np.array([0])
    assert needed(graph_of(Node("ReduceMean", "n", ("x", "axes"), ("y",)), axes=axes)) == (18, "node 'n' (ReduceMean)")
    assert needed(graph_of(Node("ReduceMean", "n", ("x",), ("y",)))) == (1, "")
    assert needed(graph_of(Node("Pad", "n", ("x", "axes"), ("y",), {"mode": "wrap"}), axes=axes))[0] == 19


def test_what_needs_a_newer_operator_set_than_files_have_is_refused() -> None:
    node = Node("MatMul", "n", ("x", "w"), ("y",))
    graph = graph_of(node, opset=29, w=np.eye(3, dtype=np.float32))
    with pytest.raises(UnsupportedError, match="needs operator set 29, and files are written in 26 at most"):
        playground.quantize_model(playground.Model("onnx", "net.onnx", graph.initializers, graph))


def test_quantized_files_are_sound() -> None:
    """A model of operator set 9 is written in the first set that has all its nodes, and ONNX Runtime takes it."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Clip", ["h"], ["c"], min=0.0, max=6.0),
        helper.make_node("MatMul", ["c", "v"], ["l"]),
        helper.make_node("Softmax", ["l"], ["y"]),
    ]
    rng = np.random.default_rng(3)
    held = {"w": rng.normal(size=(3, 16)).astype(np.float32), "v": rng.normal(size=(16, 4)).astype(np.float32)}
    content = file_of(nodes, 9, held, ["n", 3], ["n", 4])
    x = {"x": rng.normal(size=(64, 3)).astype(np.float32)}
    made = playground.quantize_model(load(content, "net.onnx"), None, x)
    written = onnx.load_from_string(made.onnx)
    onnx.checker.check_model(written, full_check=True)
    assert written.opset_import[0].version == 13
    (expected,) = onnxruntime.InferenceSession(content).run(None, x)
    (found,) = onnxruntime.InferenceSession(made.onnx).run(None, x)
    assert np.abs(found - expected).max() < 0.05


def test_the_report_says_what_was_changed() -> None:
    nodes = [helper.make_node("Identity", ["w"], ["v"]), helper.make_node("MatMul", ["x", "v"], ["y"])]
    content = file_of(nodes, 9, {"w": np.eye(3, dtype=np.float32)}, ["n", 3], ["n", 3])
    report = playground.quantize_model(load(content, "net.onnx"), None, {"x": np.eye(3, dtype=np.float32)}).report
    assert report.warnings[:2] == (
        "Operator set 9 was brought to 13.",
        "1 node that reads constants alone became constants.",
    )


def test_of_a_set_before_7_only_the_tensors_are_shown() -> None:
    """ONNX Runtime has no such operators either, and some had another meaning."""
    nodes = [helper.make_node("Add", ["x", "w"], ["y"], broadcast=1, axis=1)]
    model = load(file_of(nodes, 6, {"w": np.ones(3, np.float32)}, ["n", 3], ["n", 3]), "net.onnx")
    assert (model.graph, list(model.tensors)) == (None, ["w"])
    assert model.notes == ("It is of operator set 6: its tensors are shown, its graph is not",)
    with pytest.raises(UnsupportedError, match="operator set 6 is too old: 7 is the oldest"):
        playground.quantize_model(model)


def test_a_graph_without_onnxs_own_operators_needs_no_set_of_them() -> None:
    node = helper.make_node("Scale", ["x"], ["y"], domain="org.example")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "xy")
    sets = [helper.make_opsetid("org.example", 1)]
    proto = helper.make_model(helper.make_graph([node], "net", [x], [y]), opset_imports=sets, ir_version=8)
    model = load(proto.SerializeToString(), "net.onnx")
    assert model.graph is not None
    assert model.notes == ()


def test_numbers_become_inputs_of_the_type_that_they_meet() -> None:
    """In a graph of several types of floats a number takes that of the value beside it while the graph runs."""
    nodes = [
        helper.make_node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE),
        helper.make_node("Pad", ["d"], ["p"], pads=[0, 1, 0, 0], value=2.5),
        helper.make_node("Cast", ["p"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Clip", ["f"], ["y"], min=-0.25, max=1.5),
    ]
    content = file_of(nodes, 9, {}, ["n", 3], ["n", 4])
    assert load(content, "net.onnx").required_graph().opset == 15
    x = {"x": np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)}
    (expected,) = onnxruntime.InferenceSession(content).run(None, x)
    for engine in ("reference", "onnxruntime"):
        np.testing.assert_array_equal(playground.run(content, x, engine)["y"], expected)
