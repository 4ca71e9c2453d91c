"""PyTorch's eager-mode example: Linear 10-20, ReLU, Linear 20-5, fbgemm, calibrated on ten samples of ten numbers.

Scales, zero-points and codes are equal, and so are the outputs for an input that is quantized explicitly: ours come
from a QDQ graph that ``quantize_model`` writes with these parameters as overrides.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.ao import quantization as tq

from playground import calibration
from playground.api import quantize
from playground.engines.interpreter import run_graph
from playground.engines.run import run
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Override, Recipe
from playground.ptq.pipeline import quantize_model
from playground.quantization import QParams, Scheme, choose_qparams

WEIGHTS = Scheme("int8", granularity="channel", axis=0, convention="pytorch")
ACTIVATIONS = Scheme("uint7", symmetric=False, convention="pytorch", calibrator="histogram")
"""fbgemm's reduce_range gives up one bit of 8."""

NAMES = {"0": "m1", "2": "y"}


@pytest.fixture(scope="module")
def example() -> tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]:
    """The float net, the quantized one, and the samples."""
    torch.manual_seed(0)
    torch.backends.quantized.engine = "fbgemm"
    net = torch.nn.Sequential(torch.nn.Linear(10, 20), torch.nn.ReLU(), torch.nn.Linear(20, 5)).eval()
    samples = torch.randn(10, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.qconfig = tq.get_default_qconfig("fbgemm")
        prepared = tq.prepare(net)
        prepared(samples)
        converted = tq.convert(prepared)
    return net, converted, samples


def activation_parameters(values: torch.Tensor) -> QParams:
    state = calibration.start(ACTIVATIONS)
    state.update(values.detach().numpy())
    return choose_qparams(state.range(), ACTIVATIONS)


def flowing(net: torch.nn.Module, samples: torch.Tensor) -> dict[str, torch.Tensor]:
    hidden = net[0](samples)
    return {"x": samples, "m1": hidden, "y": net[2](torch.relu(hidden))}


@pytest.mark.parametrize("layer", ["0", "2"])
def test_weights(example: tuple[torch.nn.Module, torch.nn.Module, torch.Tensor], layer: str) -> None:
    net, converted, _ = example
    theirs = converted[int(layer)].weight()
    ours = quantize(net[int(layer)].weight.detach().numpy(), WEIGHTS)
    # PyTorch keeps these scales as float64; they were computed as float32
    np.testing.assert_array_equal(ours.qparams.scale.reshape(-1), theirs.q_per_channel_scales().numpy().astype("f"))
    np.testing.assert_array_equal(ours.qparams.zero_point.reshape(-1), theirs.q_per_channel_zero_points().numpy())
    np.testing.assert_array_equal(ours.codes, theirs.int_repr().numpy())


@pytest.mark.parametrize("layer", ["0", "2"])
def test_activations(example: tuple[torch.nn.Module, torch.nn.Module, torch.Tensor], layer: str) -> None:
    net, converted, samples = example
    ours = activation_parameters(flowing(net, samples)[NAMES[layer]])
    module = converted[int(layer)]
    assert (ours.scale_values.item(), ours.zero_point.item()) == (np.float32(module.scale), module.zero_point)


def test_outputs(example: tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]) -> None:
    net, converted, samples = example
    fixed = {name: activation_parameters(values) for name, values in flowing(net, samples).items()}
    fixed["r1"] = fixed["m1"]  # ReLU keeps its input's parameters
    scale, point = (fixed["x"].scale_values.item(), fixed["x"].zero_point.item())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = converted(torch.quantize_per_tensor(samples, scale, point, torch.quint8)).dequantize().numpy()
    quantized = quantize_model(model_of(net), recipe_of(fixed), {"x": samples.numpy()})
    graph = quantized.model.graph
    assert graph is not None
    found = run_graph(graph, {"x": samples.numpy()})["y"]
    np.testing.assert_array_equal(found, expected)


def test_integer_biases_move_a_value_between_two_codes_at_most(
    example: tuple[torch.nn.Module, torch.nn.Module, torch.Tensor],
) -> None:
    """Fbgemm adds the bias in float; ONNX Runtime and TFLite round it to the accumulator's scale first."""
    net, _converted, samples = example
    fixed = {name: activation_parameters(values) for name, values in flowing(net, samples).items()}
    fixed["r1"] = fixed["m1"]
    quantized = quantize_model(model_of(net), replace(recipe_of(fixed), biases="int32"), {"x": samples.numpy()})
    float_graph = quantize_model(model_of(net), recipe_of(fixed), {"x": samples.numpy()}).model.graph
    assert float_graph is not None
    difference = (
        run(quantized.onnx, {"x": samples.numpy()}, "reference")["y"]
        - run_graph(float_graph, {"x": samples.numpy()})["y"]
    )
    assert np.abs(difference).max() <= 1.001 * fixed["y"].scale_values.item()
    assert np.count_nonzero(difference) <= 2


def model_of(net: torch.nn.Module) -> Model:
    """The same net as an ONNX graph; what goes into the ReLU is an output too, so that it keeps its own parameters."""
    arrays = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    nodes = (
        Node("Gemm", "linear1", ("x", "0.weight", "0.bias"), ("m1",), {"transB": 1}),
        Node("Relu", "relu", ("m1",), ("r1",)),
        Node("Gemm", "linear2", ("r1", "2.weight", "2.bias"), ("y",), {"transB": 1}),
    )
    outputs = (ValueInfo("y", "float32", ("n", 5)), ValueInfo("m1", "float32", ("n", 20)))
    held = {name: Tensor.of(name, values) for name, values in arrays.items()}
    graph = Graph("example", (ValueInfo("x", "float32", ("n", 10)),), outputs, nodes, held, 17)
    return Model("onnx", "example.onnx", held, graph)


def recipe_of(fixed: dict[str, QParams]) -> Recipe:
    weights = Scheme("int8", granularity="channel", convention="pytorch")
    overrides = tuple(
        Override(name, scale=(qparams.scale_values.item(),), zero_point=(int(qparams.zero_point.item()),))
        for name, qparams in fixed.items()
    )
    return Recipe(weights=weights, overrides=overrides, biases="float")
