"""Graphs with some layers quantized, against what the recipe's own rules make of the model."""

import numpy as np
import pytest

from playground.analysis.sensitivity import sensitivity
from playground.analysis.variants import dequantized, layers_of, quantized_only, weights_only, with_weights
from playground.api import quantize
from playground.engines.interpreter import run_graph
from playground.metrics import compare
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import AlgorithmCall, Recipe, Rule
from playground.operators import view_of
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme

Data = dict[str, np.ndarray]


def test_layers_are_the_nodes_in_which_something_is_lost(net: Model, net_quantized: QuantizedModel) -> None:
    layers = layers_of(view_of(net.graph), net_quantized.quantization)
    assert [layer.node for layer in layers] == ["conv1", "conv2", "add", "fc", "softmax"]
    assert [layer.weight for layer in layers] == ["w1", "w2", "", "w3", ""]
    assert [layer.output for layer in layers] == ["r1", "c2", "a", "y", "z"]  # behind the Relu that vanishes
    stored = {tensor.name: tensor.bytes_after for tensor in net_quantized.report.tensors}
    assert {layer.weight: layer.bytes_after for layer in layers if layer.weight} == stored
    assert all(layer.format == ("int4" if layer.weight else "") for layer in layers)


def test_what_is_computed_from_one_layer_alone_counts_with_it(net: Model, net_quantized: QuantizedModel) -> None:
    """A pool behind a sum does; the sum of two layers does not, nor what goes over rows, as Softmax does."""
    layers = layers_of(view_of(net.graph), net_quantized.quantization)
    assert {layer.node: layer.nodes[1:] for layer in layers if layer.nodes[1:]} == {"add": ("pool",)}


def test_an_activation_function_in_two_operators_counts_with_its_convolution() -> None:
    rng = np.random.default_rng(3)
    held = {f"w{i}": Tensor.of(f"w{i}", rng.normal(size=(4, 4, 3, 3)).astype(np.float32)) for i in (1, 2)}
    nodes = []
    for i, source in ((1, "x"), (2, "m1")):
        nodes += [
            Node("Conv", f"conv{i}", (source, f"w{i}"), (f"c{i}",), {"pads": [1, 1, 1, 1]}),
            Node("Sigmoid", f"sigmoid{i}", (f"c{i}",), (f"s{i}",), {}),
            Node("Mul", f"mul{i}", (f"c{i}", f"s{i}"), (f"m{i}",), {}),
        ]
    nodes.append(Node("Add", "add", ("m1", "m2"), ("y",), {}))
    ends = (ValueInfo("x", "float32", ("n", 4, 6, 6)),), (ValueInfo("y", "float32", None),)
    graph = Graph("net", *ends, tuple(nodes), held, 17, {})
    x = {"x": rng.normal(size=(8, 4, 6, 6)).astype(np.float32)}
    made = quantize_model(Model("onnx", "net", held, graph), Recipe(), x)
    layers = layers_of(view_of(graph), made.quantization)
    assert [(layer.node, layer.nodes) for layer in layers] == [
        ("conv1", ("conv1", "sigmoid1", "mul1")),
        ("conv2", ("conv2", "sigmoid2", "mul2")),
        ("add", ("add",)),
    ]


def test_all_layers_are_the_quantized_model(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    whole = quantized_only(view_of(net.graph), net_quantized.quantization, [node.name for node in net.graph.nodes])
    np.testing.assert_array_equal(run_graph(whole, net_data)["z"], run_graph(net_quantized.model.graph, net_data)["z"])


def test_none_is_the_float_model(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    bare = quantized_only(view_of(net.graph), net_quantized.quantization, [])
    assert [node.op for node in bare.nodes] == [node.op for node in net.graph.nodes]
    np.testing.assert_array_equal(run_graph(bare, net_data)["z"], run_graph(net.graph, net_data)["z"])


@pytest.mark.parametrize("node", ["conv1", "conv2", "fc"])
def test_one_off_is_what_a_rule_that_leaves_the_layer_in_float_makes(
    net: Model, net_data: Data, net_quantized: QuantizedModel, node: str
) -> None:
    # behind a float layer Softmax has nothing quantized to go by
    left = {node, "softmax"} if node == "fc" else {node}
    others = [n.name for n in net.graph.nodes if n.name not in left]
    ours = quantized_only(view_of(net.graph), net_quantized.quantization, others)
    recipe = Recipe((Rule(node),), Scheme("int4", "channel"))
    theirs = quantize_model(net, recipe, net_data).model.graph
    found, wanted = (run_graph(graph, net_data)["z"] for graph in (ours, theirs))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("node", ["conv1", "conv2"])
def test_one_on_is_what_rules_for_all_other_layers_make(
    net: Model, net_data: Data, net_quantized: QuantizedModel, node: str
) -> None:
    ours = quantized_only(view_of(net.graph), net_quantized.quantization, [node])
    fused = {"conv1": "relu1"}.get(node)
    rules = tuple(Rule(n.name) for n in net.graph.nodes if n.name not in (node, fused))
    theirs = quantize_model(net, Recipe(rules, Scheme("int4", "channel")), net_data).model.graph
    found, wanted = (run_graph(graph, net_data)["z"] for graph in (ours, theirs))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_value_is_read_behind_its_pair(net: Model, net_quantized: QuantizedModel) -> None:
    graph = net_quantized.model.graph
    assert dequantized(view_of(graph), "r1") == "r1_DequantizeLinear_Output"
    assert dequantized(view_of(net.graph), "r1") == "r1"


def test_other_weights(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    """Equal to float weights that are replaced by what the codes stand for, one of them and both."""
    coarse = {
        "w1": quantize(net.tensors["w1"].numpy(), Scheme("int3", "channel", axis=0)),
        "w3": quantize(net.tensors["w3"].numpy(), Scheme("int2")),
    }
    for chosen in (("w3",), ("w1", "w3")):
        weights = {name: coarse[name] for name in chosen}
        alone = run_graph(weights_only(net.graph, net_quantized.quantization, weights), net_data)["z"]
        replaced = {name: weight.dequantize() for name, weight in weights.items()}
        np.testing.assert_array_equal(alone, run_graph(net.graph, net_data, overrides=replaced)["z"])


def test_other_weights_among_quantized_activations(net: Model, net_data: Data) -> None:
    """The same but for the biases, which are float here and int32 in the file."""
    fine, coarse = Recipe(weights=Scheme("int8")), Recipe(weights=Scheme("int3"))
    quantized, wanted = (quantize_model(net, recipe, net_data) for recipe in (fine, coarse))
    graph = with_weights(net.graph, quantized.quantization, wanted.quantization.weights)
    found, theirs = (run_graph(g, net_data)["z"] for g in (graph, wanted.model.graph))
    assert np.abs(found - theirs).max() < 0.1 * np.abs(theirs - run_graph(net.graph, net_data)["z"]).max()


@pytest.fixture(scope="module")
def dynamic(net: Model) -> QuantizedModel:
    return quantize_model(net, Recipe(activations="dynamic"))


def test_dynamic_activations_are_quantized_in_the_parts_too(
    net: Model, net_data: Data, dynamic: QuantizedModel
) -> None:
    every = [node.name for node in net.graph.nodes]
    whole = quantized_only(view_of(net.graph), dynamic.quantization, every)
    assert whole.nodes == dynamic.model.graph.nodes
    for node in ("conv1", "fc"):
        for names, rules in (([node], [n for n in every if n != node]), ([n for n in every if n != node], [node])):
            ours = quantized_only(view_of(net.graph), dynamic.quantization, names)
            recipe = Recipe(tuple(Rule(name) for name in rules), activations="dynamic")
            theirs = quantize_model(net, recipe).model.graph
            found, wanted = (run_graph(graph, net_data)["z"] for graph in (ours, theirs))
            np.testing.assert_array_equal(found, wanted)
            assert "DynamicQuantizeLinear" in {n.op for n in ours.nodes}


def test_rows_of_a_table_that_only_products_read_can_be_measured() -> None:
    rng = np.random.default_rng(5)
    held = {
        name: Tensor.of(name, rng.normal(size=size).astype(np.float32))
        for name, size in (("table", (9, 8)), ("w", (8, 4)))
    }
    nodes = (Node("Gather", "rows", ("table", "x"), ("e",)), Node("MatMul", "product", ("e", "w"), ("y",)))
    values = (ValueInfo("x", "int64", ("n",)),), (ValueInfo("y", "float32", ("n", 4)),)
    model = Model("onnx", "table.onnx", held, Graph("table", *values, nodes, held, 17))
    quantized = quantize_model(model, Recipe(activations="dynamic"))
    found = sensitivity(quantized.source, quantized.quantization, {"x": np.arange(9)})
    assert [result.layer.node for result in found.layers] == ["rows", "product"]
    table = quantized.quantization.weights["table"].dequantize()
    assert found.layers[0].local == pytest.approx(compare(held["table"].numpy(), table))


def test_the_graph_that_codes_belong_to_is_the_one_that_algorithms_left(net: Model, net_data: Data) -> None:
    assert quantize_model(net, Recipe(), net_data).source.nodes == net.graph.nodes
    pruned = quantize_model(net, Recipe(algorithms=(AlgorithmCall("magnitude_pruning"),)), net_data)
    zeros = pruned.source.initializers["w1"].numpy() == 0
    assert 0.2 < zeros.mean() < 0.4
    assert not pruned.quantization.weights["w1"].dequantize()[zeros].any()
    assert net.tensors["w1"].numpy().all()
