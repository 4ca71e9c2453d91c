"""What depends on constants alone is computed when a model is opened: weights behind operators are weights."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground import limits
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.opening import load, working

RNG = np.random.default_rng(11)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def graph_of(nodes: list[Node], arrays: dict[str, np.ndarray], end: str = "y") -> Graph:
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    return Graph("net", (ValueInfo("x", "float32", None),), (ValueInfo(end, "", None),), tuple(nodes), held, 17)


def test_shapes_that_follow_from_constants_are_constants() -> None:
    nodes = [
        Node("Shape", "shape", ("w",), ("s",)),
        Node("Gather", "pick", ("s", "one"), ("k",)),
        Node("Unsqueeze", "row", ("k", "zero"), ("k1",)),
        Node("Concat", "sizes", ("minus", "k1"), ("target",), {"axis": 0}),
        Node("Reshape", "reshape", ("x", "target"), ("r",)),
        Node("Transpose", "turn", ("w",), ("wt",), {"perm": [1, 0]}),
        Node("MatMul", "product", ("r", "wt"), ("y",)),
        Node("RandomNormalLike", "noise", ("w",), ("unused",)),
    ]
    arrays = {"w": normal(5, 6), "one": np.array(1), "zero": np.array([0]), "minus": np.array([-1])}
    after, told = working(graph_of(nodes, arrays))
    assert [node.op for node in after.nodes] == ["Reshape", "MatMul", "RandomNormalLike"]
    assert sorted(after.initializers) == ["target", "w", "wt"]
    assert after.initializers["target"].numpy().tolist() == [-1, 6]
    assert told == ("5 nodes that read constants alone became constants.",)
    assert working(after) == (after, ())


def test_what_would_fail_is_not_known_or_makes_an_output_stays() -> None:
    nodes = [
        Node("Add", "bad", ("a", "b"), ("c",)),
        Node("Frobnicate", "odd", ("a",), ("d",)),
        Node("Neg", "end", ("a",), ("y",)),
        Node("DequantizeLinear", "codes", ("q", "s"), ("f",)),
        Node("Transpose", "of codes", ("f",), ("g",)),
        Node("Cast", "text", ("b",), ("t",), {"to": TensorProto.STRING}),
    ]
    arrays = {"a": normal(2, 3), "b": normal(5), "q": np.ones((2, 2), np.int8), "s": np.float32(0.5)}
    graph = graph_of(nodes, arrays)
    assert working(graph) == (graph, ())


@pytest.mark.parametrize(
    ("op", "inputs", "attributes"),
    [
        ("ConstantOfShape", ("many",), {"value": np.zeros(1, np.float32)}),
        ("Expand", ("one", "many"), {}),
        ("Tile", ("one", "many"), {}),
        ("Range", ("start", "end", "step"), {}),
        ("Pad", ("one", "widths"), {}),
        ("Mul", ("column", "row"), {}),
        ("MatMul", ("column", "row"), {}),
    ],
    ids=lambda held: held if isinstance(held, str) else "",
)
def test_what_would_grow_too_far_stays(op: str, inputs: tuple[str, ...], attributes: dict[str, Any]) -> None:
    side = 10_000
    arrays = {
        "many": np.array([side, side]),
        "widths": np.array([0, 0, side, side]),
        "one": np.ones((1, 1), np.float32),
        "start": np.array(0),
        "end": np.array(side**2),
        "step": np.array(1),
        "column": normal(side, 1),
        "row": normal(1, side),
    }
    nodes = [Node(op, "large", inputs, ("z",), attributes), Node("Add", "sum", ("x", "z"), ("y",))]
    graph = graph_of(nodes, {name: arrays[name] for name in inputs})
    after, told = working(graph)
    assert (after, told) == (graph, ())


def test_growth_is_limited_for_all_nodes_together() -> None:
    nodes = [Node("Concat", f"n{i}", (f"v{i}", f"v{i}"), (f"v{i + 1}",), {"axis": 0}) for i in range(40)]
    after, _ = working(graph_of([*nodes, Node("Add", "sum", ("x", "v40"), ("y",))], {"v0": normal(64)}))
    assert sum(t.nbytes for t in after.initializers.values()) <= limits.folded_bytes(256)
    assert 20 < len(after.nodes) < 32


def test_many_readers_of_one_constant_share_what_is_made_of_it() -> None:
    nodes = [
        Node("Identity", "same", ("w",), ("w1",)),
        Node("Transpose", "turn", ("w",), ("a",), {"perm": [1, 0]}),
        Node("Transpose", "turn again", ("w1",), ("b",), {"perm": [1, 0]}),
        Node("MatMul", "first", ("x", "a"), ("h",)),
        Node("MatMul", "second", ("h", "b"), ("k",)),
        Node("MatMul", "third", ("k", "w1"), ("y",)),
    ]
    after, _ = working(graph_of(nodes, {"w": normal(4, 4)}))
    assert [node.inputs[1] for node in after.nodes] == ["a", "a", "w"]
    assert sorted(after.initializers) == ["a", "w"]


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16", "int4", "int8", "bool"])
def test_element_types_stay_what_they_are(dtype: str) -> None:
    values = np.arange(6).reshape(2, 3)
    array = values.astype({"bfloat16": "float32", "int4": "int8"}.get(dtype, dtype))
    held = {"w": Tensor("w", dtype, (2, 3), 6, lambda: array)}
    nodes = (Node("Transpose", "t", ("w",), ("wt",)), Node("Add", "a", ("x", "wt"), ("y",)))
    graph = Graph("net", (ValueInfo("x", dtype, None),), (ValueInfo("y", dtype, None),), nodes, held, 21)
    (made,) = working(graph)[0].initializers.values()
    assert (made.name, made.dtype, made.shape) == ("wt", dtype, (3, 2))
    np.testing.assert_array_equal(made.numpy(), array.T)


def test_large_results_are_computed_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.opening.folding._HELD", 100)
    monkeypatch.setattr("playground.limits.MOST_KEPT_BYTES", 0)
    reads = []
    w = normal(30, 40)
    held = {"w": Tensor("w", "float32", w.shape, w.nbytes, lambda: reads.append(1) or w)}
    nodes = (
        Node("Transpose", "t", ("w",), ("wt",)),
        Node("Neg", "n", ("wt",), ("wn",)),
        Node("MatMul", "m", ("x", "wn"), ("y",)),
    )
    graph = Graph("net", (ValueInfo("x", "float32", None),), (ValueInfo("y", "float32", None),), nodes, held, 17)
    after = working(graph)[0]
    before = len(reads)
    np.testing.assert_array_equal(after.initializers["wn"].numpy(), -w.T)
    np.testing.assert_array_equal(after.initializers["wn"].numpy(), -w.T)
    assert len(reads) == before + 2


def test_constants_inside_branches_are_folded_too() -> None:
    """What comes of it are weights, which stand outside."""

    def branch(op: str, name: str) -> Graph:
        nodes = (Node("Transpose", "t", ("w",), ("wt",)), Node(op, "o", ("x", "wt"), (name,)))
        return Graph(name, (), (ValueInfo(name, "float32", None),), nodes, {}, 17)

    attributes = {"then_branch": branch("MatMul", "a"), "else_branch": branch("MatMul", "b")}
    nodes = [Node("ReduceMax", "m", ("x",), ("k",), {"keepdims": 0}), Node("Cast", "c", ("k",), ("is",), {"to": 9})]
    after, told = working(graph_of([*nodes, Node("If", "if", ("is",), ("y",), attributes)], {"w": normal(3, 4)}))
    assert told == ("2 nodes that read constants alone became constants.",)
    assert [sorted(inner.initializers) for inner in after.nodes[-1].branches] == [[], []]
    read = {inner.nodes[0].inputs[1] for inner in after.nodes[-1].branches}
    assert read == set(after.initializers) - {"w"}


# Weights behind operators, in every mode

BEHIND: dict[str, Callable[[np.ndarray], tuple[list[Any], dict[str, np.ndarray]]]] = {
    "Transpose": lambda w: ([helper.make_node("Transpose", ["v"], ["w"], perm=[1, 0])], {"v": w.T.copy()}),
    "Identity": lambda w: ([helper.make_node("Identity", ["v"], ["w"])], {"v": w}),
    "Cast": lambda w: ([helper.make_node("Cast", ["v"], ["w"], to=1)], {"v": w.astype(np.float16)}),
    "Cast of float64": lambda w: ([helper.make_node("Cast", ["v"], ["w"], to=1)], {"v": w.astype(np.float64)}),
    "Reshape": lambda w: (
        [helper.make_node("Reshape", ["v", "s"], ["w"])],
        {"v": w.reshape(-1), "s": np.array(w.shape)},
    ),
    "Mul": lambda w: ([helper.make_node("Mul", ["v", "s"], ["w"])], {"v": w, "s": np.float32(0.5)}),
    "Constant": lambda w: ([helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(w))], {}),
    "a chain": lambda w: (
        [
            helper.make_node("Constant", [], ["v"], value=numpy_helper.from_array(w.T.astype(np.float16))),
            helper.make_node("Cast", ["v"], ["v1"], to=1),
            helper.make_node("Transpose", ["v1"], ["v2"], perm=[1, 0]),
            helper.make_node("Unsqueeze", ["v2", "zero"], ["v3"]),
            helper.make_node("Squeeze", ["v3", "zero"], ["v4"]),
            helper.make_node("Div", ["v4", "eight"], ["w"]),
        ],
        {"zero": np.array([0]), "eight": np.float32(8)},
    ),
    "Sub of a mean": lambda w: (
        [
            helper.make_node("ReduceMean", ["v", "axes"], ["m"], keepdims=1),
            helper.make_node("Sub", ["v", "m"], ["w"]),
        ],
        {"v": w, "axes": np.array([0])},
    ),
    "Concat": lambda w: (
        [helper.make_node("Concat", ["v", "u"], ["w"], axis=1)],
        {"v": w[:, :5].copy(), "u": w[:, 5:].copy()},
    ),
}
MODES = {
    "default": playground.Recipe(),
    "prepared": playground.Recipe(prepare=True),
    "tensor": playground.Recipe(weights=playground.Scheme("int8")),
    "dynamic": playground.Recipe(activations="dynamic"),
    "weight_only": playground.Recipe(activations="weight_only"),
}


@pytest.mark.parametrize(("behind", "mode"), itertools.product(BEHIND, MODES))
def test_weights_behind_operators_are_quantized(behind: str, mode: str) -> None:
    nodes, held = BEHIND[behind](normal(16, 24))
    held["w2"] = normal(24, 8)
    nodes += [
        helper.make_node("MatMul", ["x", "w"], ["h"], "one"),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["y"], "two"),
    ]
    ends = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", n]) for name, n in (("x", 16), ("y", 8)))
    x, y = ends
    constants = [numpy_helper.from_array(values, name) for name, values in held.items()]
    proto = helper.make_model(
        helper.make_graph(nodes, "net", [x], [y], constants), opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    )
    content = proto.SerializeToString()
    feeds = {"x": normal(60, 16)}
    made = playground.quantize_model(load(content, "net.onnx"), MODES[mode], feeds)
    written = onnx.load_from_string(made.onnx)
    onnx.checker.check_model(written, full_check=True)
    assert {tensor.name for tensor in made.report.tensors} == {"w" if behind != "Identity" else "v", "w2"}
    large = [entry for entry in written.graph.initializer if int(np.prod(entry.dims)) >= 24 * 8]
    assert [entry.data_type for entry in large] == [TensorProto.INT8] * 2
    (expected,) = onnxruntime.InferenceSession(content).run(None, feeds)
    (found,) = onnxruntime.InferenceSession(made.onnx).run(None, feeds)
    assert 10 * np.log10((expected**2).mean() / ((found - expected) ** 2).mean()) >= 33
