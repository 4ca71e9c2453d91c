"""Each pass leaves the outputs as they were: ONNX Runtime runs both graphs on random inputs."""

from typing import Any

import numpy as np
import pytest

from playground.engines.run import run
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe
from playground.opening import load
from playground.ptq.pipeline import quantize_model
from playground.ptq.preparation import ALWAYS, passes, prepared, prepared_graph
from playground.ptq.preparation.infer_shapes import inferred
from tests.ptq.onnxruntime_tool import MODELS, residual

RNG = np.random.default_rng(5)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def norm_constants(number: str, channels: int) -> dict[str, np.ndarray]:
    """Scale, shift, mean and variance of a batch normalization."""
    values = {"g": normal(channels), "h": normal(channels), "m": normal(channels), "v": np.abs(normal(channels)) + 0.1}
    return {f"{name}{number}": array.astype(np.float32) for name, array in values.items()}


def norm(number: str, source: str, made: str, **attributes: Any) -> Node:
    names = tuple(f"{name}{number}" for name in "ghmv")
    return Node("BatchNormalization", f"norm{number}", (source, *names), (made,), attributes)


def graph_of(nodes: list[Node], arrays: dict[str, np.ndarray], shape: tuple[Any, ...], *outputs: str) -> Graph:
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    ends = tuple(ValueInfo(name, "float32", None) for name in outputs)
    return Graph("net", (ValueInfo("x", "float32", shape),), ends, tuple(nodes), held, 17)


def assert_same(before: Graph, after: Graph, x: np.ndarray, rtol: float = 2e-4) -> None:
    old, new = (run(graph, {"x": x}, "onnxruntime") for graph in (before, after))
    assert list(old) == list(new)
    for name, values in old.items():
        np.testing.assert_allclose(new[name], values, rtol, rtol * float(np.abs(values).max()))


def convolutions() -> Graph:
    """Batch normalization behind Conv (with bias, without, grouped), ConvTranspose, Gemm; and where it may not go."""
    nodes = [
        Node("Conv", "conv1", ("x", "w1", "b1"), ("c1",), {"pads": [1, 1, 1, 1]}),
        norm("1", "c1", "n1", epsilon=0.01),
        Node("Relu", "relu1", ("n1",), ("r1",)),
        Node("Conv", "conv2", ("r1", "w2"), ("c2",), {"pads": [1, 1, 1, 1], "group": 6}),
        norm("2", "c2", "n2"),
        Node("ConvTranspose", "up", ("n2", "w3", "b3"), ("c3",), {"strides": [2, 2]}),
        norm("3", "c3", "n3"),
        Node("Conv", "conv4", ("n3", "w4"), ("c4",)),
        norm("4", "c4", "n4"),
        Node("Add", "both", ("c4", "n4"), ("a",)),
        Node("GlobalAveragePool", "pool", ("a",), ("p",)),
        Node("Flatten", "flatten", ("p",), ("f",)),
        Node("Gemm", "fc", ("f", "w5", "b5"), ("g",), {"transB": 1}),
        norm("5", "g", "y"),
    ]
    arrays = {"w1": normal(6, 3, 3, 3), "b1": normal(6), "w2": normal(6, 1, 3, 3), "w3": normal(6, 4, 2, 2)}
    arrays |= {"b3": normal(4), "w4": normal(5, 4, 1, 1), "w5": normal(7, 5), "b5": normal(7)}
    for number, channels in zip("12345", (6, 6, 4, 5, 7), strict=True):
        arrays |= norm_constants(number, channels)
    return graph_of(nodes, arrays, ("n", 3, 6, 6), "y")


def test_batch_norms_go_into_what_they_follow() -> None:
    before = convolutions()
    after, told = prepared_graph(before, ["fold_batch_norm"])
    assert [n.name for n in after.nodes if n.op == "BatchNormalization"] == ["norm4"], "its input is read elsewhere too"
    assert told == ("Folded 4 batch normalizations into weights.",)
    assert_same(before, after, normal(4, 3, 6, 6))


@pytest.mark.parametrize("change", ["scale", "weight", "training", "grouped transpose", "output", "beta"])
def test_batch_norms_that_cannot_go(change: str) -> None:
    """Each makes exactly one of the conditions false."""
    arrays = {"w": normal(4, 3, 1, 1), **norm_constants("", 4), "wt": normal(4, 4), "bt": normal(4)}
    conv, fixed = Node("Conv", "conv", ("x", "w"), ("c",)), norm("", "c", "y")
    outputs, shape = ["y"], ("n", 3, 4, 4)
    if change == "scale":
        fixed = Node("BatchNormalization", "norm", ("c", "live", "h", "m", "v"), ("y",))
    elif change == "weight":
        conv = Node("Conv", "conv", ("x", "live4"), ("c",))
    elif change == "training":
        fixed = norm("", "c", "y", training_mode=1)
    elif change == "grouped transpose":
        conv, arrays["w"], shape = (
            Node("ConvTranspose", "t", ("x", "w"), ("c",), {"group": 2}),
            normal(4, 2, 1, 1),
            ("n", 4, 4, 4),
        )
    elif change == "output":
        outputs = ["y", "c"]
    else:
        conv, shape = Node("Gemm", "fc", ("x", "wt", "bt"), ("c",), {"beta": 0.5}), ("n", 4)
    graph = graph_of([conv, fixed], arrays, shape, *outputs)
    assert prepared_graph(graph, ["fold_batch_norm"]) == (graph, ())


def test_a_constant_that_others_read_too_is_not_changed() -> None:
    arrays = {"w": normal(3, 3, 1, 1), **norm_constants("", 3)}
    nodes = [
        Node("Conv", "first", ("x", "w"), ("c",)),
        norm("", "c", "n"),
        Node("Conv", "second", ("n", "w"), ("y",)),
    ]
    graph = graph_of(nodes, arrays, ("n", 3, 4, 4), "y")
    after, _ = prepared_graph(graph)
    assert [node.op for node in after.nodes] == ["Conv", "Conv"]
    assert after.nodes[1].inputs[1] == "w"
    assert_same(graph, after, normal(2, 3, 4, 4))


def test_an_output_that_is_constant_is_still_made() -> None:
    graph = graph_of([Node("Neg", "neg", ("a",), ("y",))], {"a": normal(3)}, ("n", 3), "y")
    after, _ = prepared_graph(graph)
    assert_same(graph, after, normal(1, 3), 0)


def test_dead_code_goes() -> None:
    nodes = [
        Node("Identity", "same", ("x",), ("i",)),
        Node("Dropout", "drop", ("i", "ratio", "off"), ("d",)),
        Node("Relu", "relu", ("d",), ("r",)),
        Node("Neg", "unread", ("r",), ("u",)),
        Node("Abs", "unread2", ("u",), ("v",)),
        Node("Identity", "end", ("r",), ("y",)),
    ]
    arrays = {"ratio": np.array(0.5, np.float32), "off": np.array(False), "spare": normal(3)}
    before = graph_of(nodes, arrays, ("n", 3), "y")
    after, told = prepared_graph(before, ["remove_dead"])
    assert [(node.op, node.inputs) for node in after.nodes] == [("Relu", ("x",)), ("Identity", ("r",))]
    assert dict(after.initializers) == {}
    assert told == ("Removed 4 nodes and 3 constants that have no effect.",)
    assert_same(before, after, normal(4, 3), 0)


def test_what_a_branch_reads_is_not_dead() -> None:
    inner = Graph("branch", (), (ValueInfo("u", "float32", None),), (Node("Neg", "n", ("i",), ("u",)),), {}, 17)
    nodes = [
        Node("Identity", "same", ("x",), ("i",)),
        Node("If", "if", ("flag",), ("y",), {"then_branch": inner, "else_branch": inner}),
    ]
    before = graph_of(nodes, {"flag": np.array(True)}, ("n", 3), "y")
    after, _ = prepared_graph(before)
    assert_same(before, after, normal(4, 3), 0)


def test_shapes_of_outputs() -> None:
    after, told = prepared_graph(convolutions(), ["infer_shapes"])
    assert after.outputs == (ValueInfo("y", "float32", ("n", 7)),)
    assert told == ("Found the shapes of 1 outputs.",)
    found = inferred(convolutions(), ["c1", "p", "a"])
    assert found["c1"].shape == ("n", 6, 6, 6)
    assert found["p"].shape == ("n", 5, 1, 1)
    assert prepared_graph(after, ["infer_shapes"]) == (after, ())


@pytest.mark.parametrize("shape", [("n", "m"), None, ("n", None)])
def test_shapes_that_cannot_be_known_stay(shape: Any) -> None:
    graph = graph_of([Node("Relu", "relu", ("x",), ("y",))], {}, shape, "y")
    assert prepared_graph(graph, ["infer_shapes"]) == (graph, ())


@pytest.mark.parametrize("name", MODELS)
def test_all_passes_on_whole_nets(name: str) -> None:
    model = load(MODELS[name].SerializeToString(), f"{name}.onnx")
    after, _ = prepared(model)
    assert model.graph is not None
    assert after.graph is not None
    value = model.graph.inputs[0]
    x = normal(*(dim if isinstance(dim, int) else 3 for dim in value.shape or ()))
    old, new = (run(graph, {value.name: x}, "onnxruntime") for graph in (model.graph, after.graph))
    for output, values in old.items():
        np.testing.assert_allclose(new[output], values, 1e-3, 1e-4 * float(np.abs(values).max()))
    assert not any(node.op == "BatchNormalization" for node in after.graph.nodes)


@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
def test_batch_normalizations_behind_products_are_folded_unasked(activations: str) -> None:
    model = load(residual().SerializeToString(), "residual.onnx")
    x = {"x": normal(16, 3, 8, 8)}
    made = quantize_model(model, Recipe(activations=activations), x)
    assert "BatchNormalization" not in made.report.float_operators
    assert "Folded 2 batch normalizations into weights." in made.report.warnings
    # Rules and overrides find a weight by its name
    assert [tensor.name for tensor in made.report.tensors] == ["w1", "w2", "w3"]
    exact, found = (run(graph, x, "onnxruntime")["y"] for graph in (model, made.model))
    assert np.abs(found - exact).max() < 0.15


def test_constants_that_others_read_keep_their_values() -> None:
    graph = convolutions()
    norm = next(node for node in graph.nodes if node.op == "BatchNormalization")
    (product,) = (node for node in graph.nodes if node.outputs == norm.inputs[:1])
    twin = Node(product.op, "twin", product.inputs, ("twin",), product.attributes)
    after, _ = prepared_graph(graph.with_(nodes=(*graph.nodes, twin)), ALWAYS)
    names = {node.name: node.inputs[1] for node in after.nodes if node.name in (product.name, "twin")}
    assert names == {product.name: f"{product.inputs[1]}_{norm.name}", "twin": product.inputs[1]}
    kept, given = (made.initializers[product.inputs[1]].numpy() for made in (after, graph))
    np.testing.assert_array_equal(kept, given)


def test_recipes_ask_for_the_other_passes() -> None:
    graph = convolutions()
    idle = graph.with_(nodes=(*graph.nodes, Node("Relu", "idle", (graph.inputs[0].name,), ("unread",))))
    model = Model("onnx", "m", dict(graph.initializers), idle)
    kinds = [
        any(node.name == "idle" for node in quantize_model(model, Recipe(prepare=prepare)).source.nodes)
        for prepare in (False, True)
    ]
    assert kinds == [True, False]


def test_there_are_these() -> None:
    assert list(passes()) == ["fuse_layer_norm", "fold_batch_norm", "remove_dead", "infer_shapes"]
    with pytest.raises(InvalidInputError, match="no pass 'polish'"):
        prepared_graph(convolutions(), ["polish"])
    assert isinstance(prepared(Model("onnx", "m", {}, convolutions()))[0], Model)
