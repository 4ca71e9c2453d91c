"""Constants that several layers read: along different axes, with other scales, quantized and in float."""

import numpy as np
import onnxruntime
import pytest

from playground.engines.interpreter import run_graph
from playground.model.graph import Node
from playground.model.recipe import Recipe, Rule
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from tests.ptq.nets import graph_of, model_of
from tests.ptq.test_pipeline import assert_sound, float_answer


@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
@pytest.mark.parametrize("left", ["one", "two"])
def test_a_weight_that_a_node_in_float_shares_with_a_quantized_one(activations: str, left: str) -> None:
    """The node in float reads the float weight, the other one the codes; the file holds both."""
    rng = np.random.default_rng(5)
    nodes = [
        Node("Gemm", "one", ("x", "w", "b1"), ("h",)),
        Node("Relu", "relu", ("h",), ("r",)),
        Node("Gemm", "two", ("r", "w", "b2"), ("z",)),
    ]
    held = {"w": rng.normal(size=(6, 6)), "b1": rng.normal(size=6), "b2": rng.normal(size=6)}
    model = model_of(graph_of(nodes, held, ("n", 6), ("n", 6)))
    data = {"x": rng.normal(size=(20, 6)).astype(np.float32)}
    recipe = Recipe((Rule(left),), weights=Scheme("int8"), activations=activations)
    made = quantize_model(model, recipe, data)
    assert_sound(made, model, data, 0.6)
    assert made.model.graph is not None
    readers = {node.name: node for node in made.model.graph.nodes if "w" in node.inputs}
    assert set(readers) == {left}
    assert "w_quantized" in made.model.tensors
    np.testing.assert_array_equal(made.model.tensors["w"].numpy(), model.tensors["w"].numpy())


@pytest.mark.parametrize("activations", ["static", "weight_only"])
def test_a_bias_that_layers_of_other_scales_share(activations: str) -> None:
    rng = np.random.default_rng(6)
    nodes = [
        Node("Gemm", "one", ("x", "w1", "b"), ("h",)),
        Node("Gemm", "two", ("h", "w2", "b"), ("z",)),
    ]
    held = {"w1": rng.normal(size=(6, 6)), "w2": rng.normal(size=(6, 6)) * 9, "b": rng.normal(size=6)}
    model = model_of(graph_of(nodes, held, ("n", 6), ("n", 6)))
    data = {"x": rng.normal(size=(20, 6)).astype(np.float32)}
    made = quantize_model(model, Recipe(weights=Scheme("int8"), activations=activations), data)
    assert_sound(made, model, data, 6)


@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_weight_that_is_read_along_either_axis(activations: str, turned: tuple[int, int]) -> None:
    """Scales a channel hold for products that have their channels along the same axis only."""
    rng = np.random.default_rng(7)
    first, second = ({"transB": flag} for flag in turned)
    nodes = [
        Node("Gemm", "one", ("x", "w", "b"), ("h",), first),
        Node("Relu", "relu", ("h",), ("r",)),
        Node("Gemm", "two", ("r", "w"), ("z",), second),
    ]
    held = {"w": rng.normal(size=(6, 6)) * np.logspace(-1, 1, 6), "b": rng.normal(size=6)}
    model = model_of(graph_of(nodes, held, ("n", 6), ("n", 6)))
    data = {"x": rng.normal(size=(20, 6)).astype(np.float32)}
    made = quantize_model(model, Recipe(activations=activations), data)
    expected = float_answer(model, data)
    (found,) = onnxruntime.InferenceSession(made.onnx).run(None, data)
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    assert made.model.graph is not None
    ours = run_graph(made.model.graph, data)["z"]
    np.testing.assert_allclose(ours, found, atol=0.02 * float(np.abs(expected).max()))
    (tensor,) = made.report.tensors
    assert tensor.scheme["granularity"] == ("channel" if turned[0] == turned[1] else "tensor")
