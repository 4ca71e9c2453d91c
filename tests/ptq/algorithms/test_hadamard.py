import numpy as np
import pytest

from playground import Scheme, quantize, quantize_model
from playground.engines.run import run
from playground.model.graph import Graph, Node
from playground.model.recipe import AlgorithmCall, Recipe
from tests.ptq.nets import answer, applied, context_of, conv_net, graph_of, model_of, relative_error

WEIGHTS = Recipe(weights=Scheme("int3", granularity="channel"), activations="weight_only")


def outlier_net(seed: int = 0, hidden: int = 48, relu: bool = True) -> tuple[Graph, dict[str, np.ndarray]]:
    """Two Gemms, some weights of the second far out; with or without Relu in between. 48 is no power of two."""
    rng = np.random.default_rng(seed)
    far = rng.normal(0, 0.1, (10, hidden))
    far[:, rng.integers(0, hidden, 3)] *= 15
    wide = rng.normal(0, 0.2, (32, hidden))
    wide[rng.integers(0, 32, 2)] *= 10
    held = {
        "w1": wide,
        "b1": rng.normal(0, 0.2, hidden),
        "w2": far,
        "b2": rng.normal(size=10),
    }
    middle = "r" if relu else "h"
    nodes = [
        Node("Gemm", "one", ("x", "w1", "b1"), ("h",)),
        *([Node("Relu", "relu", ("h",), ("r",))] if relu else []),
        Node("Gemm", "two", (middle, "w2", "b2"), ("y",), {"transB": 1}),
    ]
    return graph_of(nodes, held, ("n", 32), ("n", 10)), {"x": rng.normal(size=(100, 32)).astype(np.float32)}


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_outputs_stay_and_outliers_spread(seed: int, relu: bool) -> None:
    graph, data = outlier_net(seed, relu=relu)
    outcome = applied("hadamard", context_of(graph, data, WEIGHTS), seed=seed)
    assert outcome.graph is not None
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-3, atol=1e-4)
    before, after = outcome.tensors["w2"]["peak_to_rms"]
    assert after < 0.8 * before
    rotations = [node for node in outcome.graph.nodes if node.op == "Cast"]
    assert len(rotations) == (2 if relu else 1)  # without Relu the first Gemm takes the second rotation
    signs = outcome.graph.initializers["x_rotation_signs"]
    assert (signs.dtype, signs.shape) == ("int8", (32, 32))
    assert np.abs(np.linalg.det(signs.numpy() / np.sqrt(32))) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_weights_lose_less(seed: int) -> None:
    graph, data = outlier_net(seed)
    reference = answer(graph, data)
    errors = []
    for calls in ((), (AlgorithmCall("hadamard", {"seed": seed}),)):
        recipe = Recipe(weights=WEIGHTS.weights, activations="weight_only", algorithms=calls)
        made = quantize_model(model_of(graph), recipe, data)
        errors.append(float(np.mean((run(made.onnx, data, "onnxruntime")["y"] - reference) ** 2)))
    assert errors[1] < 0.8 * errors[0]


def test_static_activations_pass_through_it() -> None:
    graph, data = outlier_net()
    made = quantize_model(model_of(graph), Recipe(algorithms=(AlgorithmCall("hadamard"),)), data)
    reference = answer(graph, data)
    found = run(made.onnx, data, "onnxruntime")["y"]
    assert np.mean((found - reference) ** 2) / np.mean(reference**2) < 1e-3


def test_what_cannot_be_rotated_says_why() -> None:
    graph, data = conv_net()
    outcome = applied("hadamard", context_of(graph, data, WEIGHTS), insert=0)
    assert outcome.graph is not None
    np.testing.assert_array_equal(answer(outcome.graph, data), answer(graph, data))
    assert outcome.skipped["conv1"] == "Conv is not rotated"
    assert outcome.skipped["fc"] == "what comes before is no product that could take the rotation"
    assert applied("hadamard", context_of(graph, data, WEIGHTS)).skipped.keys() == {"conv1", "depthwise", "pointwise"}


def test_readers_share_one_rotation_and_others_keep_what_they_read() -> None:
    graph, data = outlier_net()
    more = (Node("Gemm", "three", ("r", "w3"), ("t",), {"transB": 1}), Node("Exp", "exp", ("r",), ("e",)))
    rng = np.random.default_rng(9)
    held = graph.with_constants({"w3": rng.normal(size=(4, 48)).astype(np.float32)}).initializers
    graph = graph.with_(nodes=(*graph.nodes, *more), initializers=held)
    graph = graph.with_(outputs=tuple(graph.outputs[0].__class__(name, "float32", None) for name in ("y", "t", "e")))
    outcome = applied("hadamard", context_of(graph, data, WEIGHTS))
    assert outcome.graph is not None
    assert sum(node.op == "Cast" for node in outcome.graph.nodes) == 2
    from playground.engines.interpreter import run_graph

    for name, values in run_graph(graph, data).items():
        np.testing.assert_allclose(run_graph(outcome.graph, data)[name], values, rtol=1e-3, atol=1e-3)
    assert "2 rotations" in outcome.notes[0]
    assert relative_error(outcome.graph, answer(graph, data), data) < 1e-6
    assert quantize(graph.initializers["w2"].numpy()).shape == (10, 48)
