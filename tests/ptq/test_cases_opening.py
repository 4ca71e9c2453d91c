"""Cases from practice: models of old operator sets are quantized, as well as new ones, in every way there is."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.opening import load

MODES = {
    "default": playground.Recipe(),
    "prepared": playground.Recipe(prepare=True),
    "tensor": playground.Recipe(weights=playground.Scheme("int8")),
    "dynamic": playground.Recipe(activations="dynamic"),
    "weight_only": playground.Recipe(activations="weight_only"),
}


class Net:
    """An old model, node by node; each value is (samples, channels, 8, 8) until it is flat."""

    def __init__(self, opset: int, seed: int = 0) -> None:
        self.opset, self.rng = opset, np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.held: dict[str, np.ndarray] = {}
        self.last = "x"

    def weight(self, *shape: int) -> str:
        name = f"c{len(self.held)}"
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 50
        self.held[name] = (self.rng.normal(size=shape) * np.sqrt(2 / fan)).astype(np.float32)
        return name

    def constant(self, values: Any) -> str:
        name = f"c{len(self.held)}"
        self.held[name] = np.asarray(values)
        return name

    def then(self, op: str, *more: str, **attributes: Any) -> "Net":
        made = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.last, *more], [made], f"n{len(self.nodes)}", **attributes))
        self.last = made
        return self

    def conv(self, into: int, out: int) -> "Net":
        return self.then("Conv", self.weight(out, into, 3, 3), self.weight(out), pads=[1, 1, 1, 1])

    def file(self) -> bytes:
        """A classifier of the mean of all pixels, with a bias for Gemm, which it had to have."""
        self.then("GlobalAveragePool").then("Squeeze", axes=[2, 3])
        self.then("Gemm", self.weight(8, 6), self.weight(6)).then("Softmax")
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, ["n", 6])
        held = [numpy_helper.from_array(values, name) for name, values in self.held.items()]
        graph = helper.make_graph(self.nodes, "net", [x], [y], held)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=4)
        made.graph.input.extend(
            helper.make_tensor_value_info(e.name, e.data_type, e.dims) for e in made.graph.initializer
        )
        return bytes(made.SerializeToString())


def _batch_norm(net: Net) -> Net:
    scale, bias, mean = net.weight(8), net.weight(8), net.weight(8)
    variance = net.constant(np.linspace(0.5, 2, 8, dtype=np.float32))
    net.held[scale] = np.abs(net.held[scale]) + np.float32(0.5)
    return net.then("BatchNormalization", scale, bias, mean, variance)


def _upsample(net: Net) -> Net:
    factors = [1.0, 1.0, 2.0, 2.0]
    if net.opset < 9:
        return net.then("Upsample", mode="nearest", scales=factors)
    scales = net.constant(np.float32(factors))
    region = [net.constant(np.float32([]))] if net.opset > 10 else []
    return net.then("Upsample" if net.opset == 9 else "Resize", *region, scales, mode="nearest")


def _sliced(net: Net) -> Net:
    if net.opset < 10:
        return net.then("Slice", starts=[1, 1], ends=[7, 8], axes=[2, 3])
    starts, ends, axes = (net.constant(np.array(held)) for held in ([1, 1], [7, 8], [2, 3]))
    return net.then("Slice", starts, ends, axes)


def _padded(net: Net) -> Net:
    pads = [0, 0, 1, 1, 0, 0, 0, 2]
    if net.opset < 11:
        return net.then("Pad", pads=pads, value=0.25)
    return net.then("Pad", net.constant(np.array(pads)), net.constant(np.float32(0.25)))


def _clipped(net: Net) -> Net:
    if net.opset < 11:
        return net.then("Clip", min=0.0, max=6.0)
    return net.then("Clip", net.constant(np.float32(0)), net.constant(np.float32(6)))


def _dropped(net: Net) -> Net:
    return net.then("Dropout", **({"ratio": 0.3} if net.opset < 12 else {}))


def _centred(net: Net) -> Net:
    before = net.last
    net.then("ReduceMean", axes=[2, 3], keepdims=1)
    mean, net.last = net.last, before
    return net.then("Sub", mean)


def _split(net: Net) -> Net:
    made = [f"s{len(net.nodes)}_{i}" for i in range(2)]
    net.nodes.append(helper.make_node("Split", [net.last], made, f"n{len(net.nodes)}", axis=1, split=[3, 5]))
    net.nodes.append(helper.make_node("Concat", made[::-1], [f"j{len(net.nodes)}"], axis=1))
    net.last = net.nodes[-1].output[0]
    return net


MIDDLES: dict[str, Callable[[Net], Net]] = {
    "the given case": lambda net: net,
    "batch normalization": _batch_norm,
    "upsampling": _upsample,
    "a slice": _sliced,
    "padding": _padded,
    "limits": _clipped,
    "dropout": _dropped,
    "a mean": _centred,
    "parts": _split,
    "several": lambda net: _dropped(_clipped(_batch_norm(_split(_padded(net))))),
}


@pytest.mark.parametrize(("middle", "opset"), itertools.product(MIDDLES, (7, 9, 10, 11, 12)))
def test_models_of_old_operator_sets_are_quantized(middle: str, opset: int) -> None:
    net = MIDDLES[middle](Net(opset, opset).conv(3, 8)).then("Relu").conv(8, 8).then("Relu")
    content = net.file()
    x = {"x": np.random.default_rng(1).normal(size=(64, 3, 8, 8)).astype(np.float32)}
    (expected,) = onnxruntime.InferenceSession(content).run(None, x)
    model = load(content, "old.onnx")
    assert model.notes[0].startswith(f"Operator set {opset} was brought to ")
    (same,) = playground.run(model, x, "reference").values()
    np.testing.assert_allclose(same, expected, atol=1e-5)
    for mode, recipe in MODES.items():
        made = playground.quantize_model(model, recipe, x)
        written = onnx.load_from_string(made.onnx)
        onnx.checker.check_model(written, full_check=True)
        assert 13 <= written.opset_import[0].version <= 18
        assert len([tensor for tensor in made.report.tensors if tensor.op in ("Conv", "Gemm")]) == 3, mode
        (found,) = onnxruntime.InferenceSession(made.onnx).run(None, x)
        noise = ((found - expected) ** 2).mean()
        assert 10 * np.log10((expected**2).mean() / noise) >= 30, mode
        (ours,) = playground.run(made.onnx, x, "reference").values()
        assert np.abs(ours - found).max() < 0.02, mode
        assert any(f"Operator set {opset} was brought to" in warning for warning in made.report.warnings)
