import numpy as np
import onnx
import pytest

from playground import Scheme, quantize_model
from playground.engines.run import run
from playground.model.graph import Graph
from playground.model.recipe import AlgorithmCall, Recipe
from playground.model.writers.onnx import to_onnx
from playground.ptq.algorithms.structured_pruning import kept_channels
from tests.ptq.nets import answer, applied, attention_block, context_of, conv_net, model_of


def without_bias_on(graph: Graph, channels: dict[str, list[int]]) -> Graph:
    """The graph in which these output channels are dead: no weights, no bias."""
    arrays = {}
    for weight, dead in channels.items():
        for name in (weight, weight.replace("w", "b")):
            values = graph.initializers[name].numpy().copy()
            values[dead] = 0
            arrays[name] = values
    return graph.with_constants(arrays)


@pytest.mark.parametrize("data_given", [True, False])
def test_dead_channels_go_and_nothing_changes(data_given: bool) -> None:
    graph, data = conv_net()
    graph = without_bias_on(graph, {"w1": [1, 4], "w3": [0, 7, 3]})
    held = graph.initializers
    dead_depthwise = held["b2"].numpy().copy()
    dead_depthwise[[1, 4]] = 0  # what reads a dead channel may still have a bias: that is not dead
    graph = graph.with_constants({"b2": dead_depthwise})
    outcome = applied("structured_pruning", context_of(graph, data if data_given else None), share=0.375)
    assert outcome.graph is not None
    shapes = {name: tensor.shape for name, tensor in outcome.graph.initializers.items()}
    assert shapes == {
        "w1": (4, 2, 3, 3), "b1": (4,), "w2": (4, 1, 3, 3), "b2": (4,), "w3": (5, 4, 1, 1), "b3": (5,),
        "w4": (45, 5), "b4": (5,),
    }  # fmt: skip
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-4, atol=1e-4)
    assert outcome.tensors == {"conv1": {"channels": (6.0, 4.0)}, "pointwise": {"channels": (8.0, 5.0)}}
    assert outcome.skipped["depthwise"] == "its channels go with those of the layer before"
    assert outcome.skipped["fc"] == "y is an output of the model"


def test_the_file_is_an_ordinary_smaller_model() -> None:
    graph, data = conv_net()
    outcome = applied("structured_pruning", context_of(graph, data), share=0.5)
    assert outcome.graph is not None
    small = to_onnx(outcome.graph)
    onnx.checker.check_model(small, full_check=True)
    np.testing.assert_allclose(run(small, data, "onnxruntime")["y"], answer(outcome.graph, data), rtol=1e-4, atol=1e-4)
    assert outcome.after["parameters"] == sum(t.size for t in outcome.graph.initializers.values())
    assert outcome.after["parameters"] < 0.6 * outcome.before["parameters"]
    recipe = Recipe(weights=Scheme("int8"), algorithms=(AlgorithmCall("structured_pruning", {"share": 0.5}),))
    made = quantize_model(model_of(graph), recipe, data)
    plain = quantize_model(model_of(graph), Recipe(weights=Scheme("int8")), data)
    assert made.report.bytes_after < 0.75 * plain.report.bytes_after
    found = run(made.onnx, data, "onnxruntime")["y"]
    reference = answer(outcome.graph, data)
    assert np.mean((found - reference) ** 2) < 0.05 * np.mean(reference**2)


@pytest.mark.parametrize("seed", range(5))
def test_biases_take_over_the_mean_of_what_is_missing(seed: int) -> None:
    graph, data = conv_net(seed)
    reference = answer(graph, data)
    errors = []
    for given in (None, data):
        outcome = applied("structured_pruning", context_of(graph, given), share=0.25)
        assert outcome.graph is not None
        errors.append(np.mean((answer(outcome.graph, data) - reference) ** 2))
    assert errors[1] < errors[0]


def test_the_weakest_go_in_the_order_of_their_strength() -> None:
    np.testing.assert_array_equal(kept_channels(np.array([3.0, 1, 2, 5]), 0.5), [0, 3])
    np.testing.assert_array_equal(kept_channels(np.array([3.0, 1, 2, 5]), 0.49), [0, 2, 3])
    np.testing.assert_array_equal(kept_channels(np.array([3.0, 1]), 0.99), [0])


def test_products_behind_a_norm_keep_their_channels_and_say_why() -> None:
    graph, data = attention_block()
    outcome = applied("structured_pruning", context_of(graph, data))
    assert outcome.skipped["query"] == "Mul 'gate' reads it"
    assert outcome.skipped["value"] == "Mul 'weigh' reads it"
    assert outcome.before == outcome.after
