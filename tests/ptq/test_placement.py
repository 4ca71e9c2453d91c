from collections import Counter

import pytest

from playground.model.graph import Graph, Model, Node, ValueInfo
from playground.model.recipe import Recipe, Rule
from playground.operators import view_of
from playground.ptq import exclusion, placement
from playground.ptq.placement import Placement
from playground.ptq.report import Skipped
from playground.quantization import Scheme


def place(model: Model, recipe: Recipe | None = None, excluded: tuple[str, ...] = ()) -> Placement:
    graph = model.graph
    assert graph is not None
    names = {name for node in graph.nodes for name in (*node.inputs, *node.outputs)}
    skipped = {name: Skipped(name, name, "", "so that this test sees it") for name in excluded}
    return placement.place(view_of(graph, dict.fromkeys(names, "float32")), recipe or Recipe(), skipped)


def test_asymmetric_activations_swallow_the_relu(model: Model) -> None:
    placed = place(model)
    assert placed.removed == {"relu1"}
    assert placed.activations == {"x": None, "r1": None, "c2": None, "a": None, "p": "a", "f": "p", "y": None}
    assert placed.provider("f") == "a"
    assert {name: scheme.axis for name, scheme in placed.weights.items()} == {"w1": 0, "w2": 0, "w3": 1}
    assert [(bias.name, bias.input, bias.weight) for bias in placed.biases] == [
        ("b1", "x", "w1"),
        ("b2", "r1", "w2"),
        ("b3", "f", "w3"),
    ]


def test_symmetric_activations_keep_it(model: Model) -> None:
    placed = place(model, Recipe(activation_scheme=Scheme("int8")))
    assert placed.removed == set()
    assert list(placed.activations) == ["x", "c1", "r1", "c2", "a", "p", "f", "y"]


def test_relu_stays_if_someone_else_reads_its_input(model: Model) -> None:
    graph = model.graph
    assert graph is not None
    outputs = (*graph.outputs, ValueInfo("c1", "float32", None))
    assert place(Model("onnx", "m", model.tensors, graph.with_(outputs=outputs))).removed == set()
    inner = Graph("inner", (), (ValueInfo("t", "float32", None),), (Node("Neg", "n", ("c1",), ("t",)),), {}, 17)
    branches = Node("If", "if", ("b3",), ("u",), {"then_branch": inner, "else_branch": inner})
    assert sorted(branches.reads) == ["b3", "c1", "c1"]
    assert place(Model("onnx", "m", model.tensors, graph.with_(nodes=(*graph.nodes, branches)))).removed == set()


def test_excluded_nodes_ask_for_nothing(model: Model) -> None:
    placed = place(model, excluded=("conv2", "fc"))
    assert set(placed.weights) == {"w1"}
    assert placed.activations == {"x": None, "r1": None, "c2": None, "a": None, "p": "a", "f": "p"}


def test_weight_only(model: Model) -> None:
    placed = place(model, Recipe(activations="weight_only"))
    assert set(placed.weights) == {"w1", "w2", "w3"}
    assert (placed.activations, placed.biases, placed.removed) == ({}, [], set())


def test_rules_choose_schemes(model: Model) -> None:
    rules = (Rule("w1", Scheme("int4")), Rule("fc", Scheme("int2", granularity="channel", axis=0)))
    weights = place(model, Recipe(rules)).weights
    assert weights["w1"] == Scheme("int4")
    assert weights["w2"] == Scheme("int8", granularity="channel", axis=0)
    assert weights["w3"] == Scheme("int2", granularity="channel", axis=0)


@pytest.mark.parametrize(
    ("node", "shape", "axis"),
    [
        (Node("Gemm", "g", ("x", "w"), ("y",), {"transB": 1}), (5, 4), 0),
        (Node("Gemm", "g", ("x", "w"), ("y",)), (5, 4), 1),
        (Node("MatMul", "m", ("x", "w"), ("y",)), (5, 4), 1),
        (Node("MatMul", "m", ("x", "w"), ("y",)), (2, 5, 4), 2),
        (Node("MatMul", "m", ("x", "w"), ("y",)), (5,), None),
        (Node("MatMul", "m", ("w", "x"), ("y",)), (5, 4), None),
        (Node("ConvTranspose", "c", ("x", "w"), ("y",)), (5, 4, 3, 3), 1),
    ],
)
def test_channel_axis(node: Node, shape: tuple[int, ...], axis: int | None) -> None:
    import numpy as np

    from playground.model.graph import Tensor

    graph = Graph("g", (), (), (node,), {"w": Tensor.of("w", np.zeros(shape, np.float32))}, 17)
    assert view_of(graph).channel_axis(node) == axis


def test_operators_of_other_domains_are_left_alone(model: Model) -> None:
    graph = model.graph
    assert graph is not None
    foreign = tuple(Node(n.op, n.name, n.inputs, n.outputs, n.attributes, "com.example") for n in graph.nodes)
    placed = place(Model("onnx", "m", model.tensors, graph.with_(nodes=foreign)))
    assert placed == Placement(floating=frozenset(node.name for node in foreign))
    view = view_of(graph.with_(nodes=foreign), {name: "float32" for node in foreign for name in node.outputs})
    assert exclusion.float_operators(view, Placement()) == Counter(node.op for node in foreign)
    reasons = {skip.reason for skip in exclusion.untouched_constants(view, (), Recipe(), Placement())}
    assert reasons == {"Conv is not quantized", "Gemm is not quantized"}


def test_a_node_that_stays_in_float_is_not_left_out_again_for_its_activations(model: Model) -> None:
    """Else places and ranges would be looked for without end."""
    graph = model.graph
    assert graph is not None
    view = view_of(graph, {name: "float32" for node in graph.nodes for name in (*node.inputs, *node.outputs)})
    placed = placement.place(view, Recipe(), {})
    faulty = {"c2": "it holds NaN"}
    found = exclusion.by_activation(view, placed, faulty)
    assert set(found) == {"conv2", "add"}
    assert exclusion.by_activation(view, placement.place(view, Recipe(), found), faulty) == {}
