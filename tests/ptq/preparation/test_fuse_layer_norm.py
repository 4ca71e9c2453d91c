"""Layer normalization written out, as exporters do it: one operator afterwards, with what ONNX Runtime gives before."""

from typing import Any

import numpy as np
import pytest

from playground.engines.planning.plan import refusals
from playground.engines.run import run
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe
from playground.opening import working
from playground.ptq.pipeline import quantize_model
from playground.ptq.preparation import prepared_graph

COLUMNS = 12
RNG = np.random.default_rng(8)


def written_out(
    square: str = "Pow", turned: bool = False, twice: bool = False, opset: int = 17, **changed: Any
) -> Graph:
    """A product, the normalization over its last axis, another product."""
    arrays: dict[str, np.ndarray] = {
        "w1": RNG.normal(size=(COLUMNS, COLUMNS)).astype(np.float32),
        "w2": RNG.normal(size=(COLUMNS, 5)).astype(np.float32),
        "scale": RNG.normal(size=COLUMNS).astype(np.float32),
        "bias": RNG.normal(size=COLUMNS).astype(np.float32),
        "two": np.asarray(np.float32(2)),
        "eps": np.asarray(np.float32(1e-3)),
        **changed.get("arrays", {}),
    }
    axes = {"axes": changed.get("axes", [-1])}

    def both(a: str, b: str) -> tuple[str, ...]:
        return (b, a) if turned else (a, b)

    again = [Node("Sub", "again", ("h", "mean"), ("e",))] if twice else []
    nodes = [
        Node("MatMul", "first", ("x", "w1"), ("h",)),
        Node("ReduceMean", "mean", ("h",), ("mean",), axes),
        Node("Sub", "sub", ("h", "mean"), ("d",)),
        *again,
        Node(square, "square", ("d", "two" if square == "Pow" else "d"), ("s",)),
        Node("ReduceMean", "variance", ("s",), ("v",), axes),
        Node("Add", "plus", both("v", "eps"), ("p",)),
        Node("Sqrt", "root", ("p",), ("r",)),
        Node("Div", "quotient", ("e" if twice else "d", "r"), ("n",)),
        Node("Mul", "scaled", both("n", "scale"), ("m",)),
        Node("Add", "shifted", both("m", "bias"), ("o",)),
        Node("MatMul", "last", ("o", "w2"), ("y",)),
    ]
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    ends = tuple(ValueInfo(name, "float32", None) for name in ("y", *changed.get("more", ())))
    graph = Graph("net", (ValueInfo("x", "float32", ("n", 4, COLUMNS)),), ends, tuple(nodes), held, opset)
    return working(graph)[0]


def operators(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize("square", ["Pow", "Mul"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_it_becomes_one_operator(square: str, turned: bool, twice: bool) -> None:
    before = written_out(square, turned, twice)
    after, told = prepared_graph(before, ["fuse_layer_norm"])
    assert operators(after) == ["MatMul", "LayerNormalization", "MatMul"]
    assert told == ("Wrote 1 layer normalizations as one operator each.",)
    x = RNG.normal(size=(3, 4, COLUMNS)).astype(np.float32)
    (old,), (new,) = (run(graph, {"x": x}, "onnxruntime").values() for graph in (before, after))
    np.testing.assert_allclose(new, old, 1e-4, 1e-4)


def test_an_older_graph_comes_to_the_operator_set_that_has_it() -> None:
    node = Node("LayerNormalization", "n", ("x", "s"), ("y",))
    held = {"s": Tensor.of("s", np.ones(COLUMNS, np.float32))}
    x, y = (ValueInfo(name, "float32", ("n", COLUMNS)) for name in "xy")
    assert working(Graph("g", (x,), (y,), (node,), held, 13))[0].opset == 17


def test_what_others_read_stays() -> None:
    before = written_out(more=("d",))
    after, _ = prepared_graph(before, ["fuse_layer_norm"])
    assert operators(after) == ["MatMul", "ReduceMean", "Sub", "LayerNormalization", "MatMul"]
    x = RNG.normal(size=(2, 4, COLUMNS)).astype(np.float32)
    old, new = (run(graph, {"x": x}, "onnxruntime") for graph in (before, after))
    for name in ("y", "d"):
        np.testing.assert_allclose(new[name], old[name], 1e-4, 1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        {"axes": [1]},
        {"arrays": {"two": np.asarray(np.float32(3))}},
        {"arrays": {"scale": np.asarray(np.float32(3))}},
        {"arrays": {"eps": np.full(COLUMNS, 1e-3, np.float32)}},
    ],
    ids=["another axis", "a cube", "one scale", "an epsilon a column"],
)
def test_what_is_no_layer_normalization_stays(changed: Any) -> None:
    before = written_out(**changed)
    assert prepared_graph(before, ["fuse_layer_norm"]) == (before, ())


def test_the_kernels_run_it_only_then() -> None:
    graph = written_out()
    model, data = Model("onnx", "net.onnx", graph.initializers, graph), RNG.normal(size=(16, 4, COLUMNS))
    plain, ready = (
        quantize_model(model, Recipe(prepare=prepare), {"x": data.astype(np.float32)}).model.graph
        for prepare in (False, True)
    )
    assert plain is not None and ready is not None
    assert refusals(plain)
    assert refusals(ready) == ()
