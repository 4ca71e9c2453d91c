"""Graphs with some layers quantized, against what the recipe's own rules make of the model."""

from types import SimpleNamespace

import numpy as np
import pytest

from playground.analysis.variants import (
    dequantized,
    layers_of,
    quantized_from,
    quantized_only,
    weights_only,
    with_weights,
)
from playground.api import quantize
from playground.core import Scheme
from playground.engines.interpreter import run_graph
from playground.model.graph import Model
from playground.model.recipe import Recipe, Rule
from playground.ptq.pipeline import QuantizedModel, quantize_model

Data = dict[str, np.ndarray]


def test_layers_are_the_nodes_in_which_something_is_lost(net: Model, net_quantized: QuantizedModel) -> None:
    layers = layers_of(net.graph, net_quantized.quantization)
    assert [layer.node for layer in layers] == ["conv1", "conv2", "add", "pool", "fc", "softmax"]
    assert [layer.weight for layer in layers] == ["w1", "w2", "", "", "w3", ""]
    assert [layer.output for layer in layers] == ["r1", "c2", "a", "p", "y", "z"]  # behind the Relu that vanishes
    stored = {tensor.name: tensor.bytes_after for tensor in net_quantized.report.tensors}
    assert {layer.weight: layer.bytes_after for layer in layers if layer.weight} == stored
    assert all(layer.format == ("int4" if layer.weight else "") for layer in layers)


def test_all_layers_are_the_quantized_model(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    whole = quantized_only(net.graph, net_quantized.quantization, [node.name for node in net.graph.nodes])
    np.testing.assert_array_equal(run_graph(whole, net_data)["z"], run_graph(net_quantized.model.graph, net_data)["z"])


def test_none_is_the_float_model(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    bare = quantized_only(net.graph, net_quantized.quantization, [])
    assert [node.op for node in bare.nodes] == [node.op for node in net.graph.nodes]
    np.testing.assert_array_equal(run_graph(bare, net_data)["z"], run_graph(net.graph, net_data)["z"])


@pytest.mark.parametrize("node", ["conv1", "conv2", "fc"])
def test_one_off_is_what_a_rule_that_leaves_the_layer_in_float_makes(
    net: Model, net_data: Data, net_quantized: QuantizedModel, node: str
) -> None:
    # behind a float layer Softmax has nothing quantized to go by
    left = {node, "softmax"} if node == "fc" else {node}
    others = [n.name for n in net.graph.nodes if n.name not in left]
    ours = quantized_only(net.graph, net_quantized.quantization, others)
    recipe = Recipe((Rule(node),), Scheme("int4", "channel"))
    theirs = quantize_model(net, recipe, net_data).model.graph
    found, wanted = (run_graph(graph, net_data)["z"] for graph in (ours, theirs))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("node", ["conv1", "conv2"])
def test_one_on_is_what_rules_for_all_other_layers_make(
    net: Model, net_data: Data, net_quantized: QuantizedModel, node: str
) -> None:
    ours = quantized_only(net.graph, net_quantized.quantization, [node])
    fused = {"conv1": "relu1"}.get(node)
    rules = tuple(Rule(n.name) for n in net.graph.nodes if n.name not in (node, fused))
    theirs = quantize_model(net, Recipe(rules, Scheme("int4", "channel")), net_data).model.graph
    found, wanted = (run_graph(graph, net_data)["z"] for graph in (ours, theirs))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_value_is_read_behind_its_pair(net: Model, net_quantized: QuantizedModel) -> None:
    graph = net_quantized.model.graph
    assert dequantized(graph, "r1") == "r1_DequantizeLinear_Output"
    assert dequantized(net.graph, "r1") == "r1"


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


def test_the_graph_that_codes_belong_to(net: Model, net_quantized: QuantizedModel) -> None:
    assert quantized_from(net.graph, net_quantized) in (net.graph, getattr(net_quantized, "source", None))
    changed = net.graph.with_(name="equalized")
    assert quantized_from(net.graph, SimpleNamespace(source=changed)) is changed
