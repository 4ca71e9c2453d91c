from dataclasses import replace

import numpy as np
import pytest

from playground import Scheme, quantize, quantize_model
from playground.engines.interpreter import run_graph
from playground.engines.run import run
from playground.model.graph import Graph, Node
from playground.model.recipe import AlgorithmCall, Recipe
from playground.ptq.algorithms._algorithm import Context
from tests.ptq.nets import (
    answer,
    applied,
    attention_block,
    context_of,
    conv_net,
    graph_of,
    model_of,
    relative_error,
)

OUTPUTS = {"w1": "c1", "w2": "c2", "w3": "c3", "w4": "y"}


def rounded(
    graph: Graph, data: dict[str, np.ndarray], names: tuple[str, ...] = (), granularity: str = "tensor"
) -> Context:
    context = context_of(
        graph, data, Recipe(weights=Scheme("int4", granularity=granularity), activations="weight_only")
    )
    weights = {
        name: quantize(graph.initializers[name].numpy(), scheme)
        for name, scheme in context.placement.weights.items()
        if not names or name in names
    }
    return replace(context, weights=weights)


def shifts(context: Context, graph: Graph, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The mean error of every channel of the quantized net with the biases of ``graph``."""
    biases = {name: graph.initializers[name].numpy() for name in graph.initializers if name.startswith("b")}
    names = [name for name in OUTPUTS.values() if any(name in node.outputs for node in graph.nodes)]
    wanted = run_graph(context.graph, data, names)
    found = run_graph(context.fake_quantized(), data, names, biases)
    axes = {name: (0, *range(2, wanted[name].ndim)) for name in names}
    return {name: (found[name].astype(np.float64) - wanted[name]).mean(axis=axes[name]) for name in names}


@pytest.mark.parametrize("seed", range(5))
def test_empirical_correction_leaves_no_mean_error(seed: int) -> None:
    graph, data = conv_net(seed)
    context = rounded(graph, data)
    outcome = applied("bias_correction", context, empirical=1)
    assert outcome.graph is not None
    before, after = shifts(context, graph, data), shifts(context, outcome.graph, data)
    for name in OUTPUTS.values():
        assert np.abs(before[name]).max() > 1e-3
        assert np.abs(after[name]).max() < 1e-5 * (1 + np.abs(before[name]).max())
    assert outcome.after["mean_shift"] < 1e-5
    quantized = context.fake_quantized()
    reference = answer(graph, data)
    corrected = quantized.with_(
        initializers={**outcome.graph.initializers, **{w: quantized.initializers[w] for w in OUTPUTS}}
    )
    assert relative_error(corrected, reference, data) < relative_error(quantized, reference, data)


@pytest.mark.parametrize("weight", OUTPUTS)
def test_analytic_correction_leaves_no_mean_error_of_a_single_layer(weight: str) -> None:
    """With all other layers in float the error times the mean input is exact, padding and groups included."""
    graph, data = conv_net(3)
    context = rounded(graph, data, (weight,))
    outcome = applied("bias_correction", context)
    assert outcome.graph is not None
    before, after = (shifts(context, g, data)[OUTPUTS[weight]] for g in (graph, outcome.graph))
    assert np.abs(after).max() < 1e-4 * np.abs(before).max()
    assert set(outcome.tensors) == {weight}


def test_analytic_correction_of_all_layers_takes_most_of_it() -> None:
    """Not all: behind a MaxPool the mean is not what the means before say."""
    left = []
    for seed in range(5):
        graph, data = conv_net(seed)
        outcome = applied("bias_correction", rounded(graph, data, granularity="channel"))
        left.append(outcome.after["mean_shift"] / outcome.before["mean_shift"])
    assert max(left) < 0.8
    assert np.mean(left) < 0.5


@pytest.mark.parametrize("empirical", [0, 1])
def test_a_bias_may_be_an_addition_and_what_has_none_is_named(empirical: int) -> None:
    graph, data = attention_block()
    context = rounded(graph, data)
    outcome = applied("bias_correction", context, empirical=empirical)
    assert outcome.graph is not None
    assert set(outcome.tensors) == {"wv"}
    assert outcome.after["mean_shift"] < 1e-5
    for name in ("wq", "wk", "wo"):
        assert outcome.skipped[name] == "it has no bias that could take the correction"
    assert outcome.graph.initializers["bv"].numpy().tolist() != graph.initializers["bv"].numpy().tolist()


def test_products_without_a_bias_are_given_one() -> None:
    graph, data = conv_net()
    nodes = tuple(
        replace(node, inputs=node.inputs[:2]) if node.name in ("conv1", "fc") else node for node in graph.nodes
    )
    held = {name: tensor for name, tensor in graph.initializers.items() if name not in ("b1", "b4")}
    graph = graph.with_(nodes=nodes, initializers=held)
    context = rounded(graph, data)
    outcome = applied("bias_correction", context, empirical=1)
    assert outcome.graph is not None
    assert set(outcome.tensors) == set(OUTPUTS)
    assert outcome.after["mean_shift"] < 1e-5
    assert outcome.graph.initializers["conv1_bias"].shape == (6,)
    recipe = Recipe(weights=Scheme("int4"), algorithms=(AlgorithmCall("bias_correction"),))
    made = quantize_model(model_of(graph), recipe, data)
    assert made.report.biases == 4
    assert run(made.onnx, data, "onnxruntime")["y"].shape == (40, 5)


def two_gemms(second_weight: str, second_bias: str) -> tuple[Graph, dict[str, np.ndarray]]:
    """Two layers one behind the other, which may share a weight or a bias."""
    rng = np.random.default_rng(2)
    held = {name: rng.normal(size=(6, 6)) for name in ("w1", "w2")} | {
        name: rng.normal(size=6) for name in ("b1", "b2")
    }
    nodes = [
        Node("Gemm", "one", ("x", "w1", "b1"), ("c1",)),
        Node("Relu", "relu", ("c1",), ("r",)),
        Node("Gemm", "two", ("r", second_weight, second_bias), ("y",)),
    ]
    used = {name: values for name, values in held.items() if any(name in node.inputs for node in nodes)}
    data = {"x": rng.normal(size=(30, 6)).astype(np.float32)}
    return graph_of(nodes, used, ("n", 6), ("n", 6)), data


@pytest.mark.parametrize("empirical", [0, 1])
@pytest.mark.parametrize(
    ("weight", "bias", "skipped"),
    [
        ("w2", "b2", {}),
        ("w2", "b1", dict.fromkeys(("w1", "w2"), "its bias is not one value a channel of its own")),
        ("w1", "b2", {"w1": "its weight has several readers"}),
    ],
)
def test_what_two_layers_share_is_not_corrected_for_one_of_them(
    weight: str, bias: str, skipped: dict[str, str], empirical: int
) -> None:
    graph, data = two_gemms(weight, bias)
    outcome = applied("bias_correction", rounded(graph, data), empirical=empirical)
    assert outcome.skipped == skipped
    assert set(outcome.tensors) == ({"w1", "w2"} if not skipped else set())


def test_factors_of_gemm_count() -> None:
    graph, data = conv_net()
    gemm = Node("Gemm", "fc", ("f", "w4", "b4"), ("y",), {"alpha": 0.5, "beta": 2.0})
    graph = graph.with_(nodes=(*graph.nodes[:-1], gemm))
    outcome = applied("bias_correction", rounded(graph, data, ("w4",)))
    assert outcome.after["mean_shift"] < 1e-4 * outcome.before["mean_shift"]
