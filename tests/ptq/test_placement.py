import pytest

from playground.model.graph import Graph, Model, Node, ValueInfo
from playground.model.recipe import Recipe, Rule
from playground.ptq.placement import Placement, Placer, channel_axis, reads
from playground.quantization import Scheme


def place(model: Model, recipe: Recipe | None = None, excluded: tuple[str, ...] = ()) -> Placement:
    graph = model.graph
    assert graph is not None
    names = {name for node in graph.nodes for name in (*node.inputs, *node.outputs)}
    return Placer(graph, recipe or Recipe(), dict.fromkeys(names, "float32"), excluded).place()


def test_asymmetric_activations_swallow_the_relu(model: Model) -> None:
    placement = place(model)
    assert placement.removed == {"relu1"}
    assert placement.activations == {"x": None, "r1": None, "c2": None, "a": None, "p": "a", "f": "p", "y": None}
    assert placement.provider("f") == "a"
    assert {name: scheme.axis for name, scheme in placement.weights.items()} == {"w1": 0, "w2": 0, "w3": 1}
    assert [(bias.name, bias.input, bias.weight) for bias in placement.biases] == [
        ("b1", "x", "w1"),
        ("b2", "r1", "w2"),
        ("b3", "f", "w3"),
    ]


def test_symmetric_activations_keep_it(model: Model) -> None:
    placement = place(model, Recipe(activation_scheme=Scheme("int8")))
    assert placement.removed == set()
    assert list(placement.activations) == ["x", "c1", "r1", "c2", "a", "p", "f", "y"]


def test_relu_stays_if_someone_else_reads_its_input(model: Model) -> None:
    graph = model.graph
    assert graph is not None
    outputs = (*graph.outputs, ValueInfo("c1", "float32", None))
    assert place(Model("onnx", "m", model.tensors, graph.with_(outputs=outputs))).removed == set()
    inner = Graph("inner", (), (ValueInfo("t", "float32", None),), (Node("Neg", "n", ("c1",), ("t",)),), {}, 17)
    branches = Node("If", "if", ("b3",), ("u",), {"then_branch": inner, "else_branch": inner})
    assert sorted(reads(branches)) == ["b3", "c1", "c1", "t", "t"]
    assert place(Model("onnx", "m", model.tensors, graph.with_(nodes=(*graph.nodes, branches)))).removed == set()


def test_excluded_nodes_ask_for_nothing(model: Model) -> None:
    placement = place(model, excluded=("conv2", "fc"))
    assert set(placement.weights) == {"w1"}
    assert placement.activations == {"x": None, "r1": None, "c2": None, "a": None, "p": "a", "f": "p"}


def test_weight_only(model: Model) -> None:
    placement = place(model, Recipe(activations="weight_only"))
    assert set(placement.weights) == {"w1", "w2", "w3"}
    assert (placement.activations, placement.biases, placement.removed) == ({}, [], set())


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
    assert channel_axis(node, "w", graph) == axis


def test_operators_of_other_domains_are_left_alone(model: Model) -> None:
    graph = model.graph
    assert graph is not None
    foreign = tuple(Node(n.op, n.name, n.inputs, n.outputs, n.attributes, "com.example") for n in graph.nodes)
    assert place(Model("onnx", "m", model.tensors, graph.with_(nodes=foreign))) == Placement()
