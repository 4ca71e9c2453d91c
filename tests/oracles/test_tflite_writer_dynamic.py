"""Nets whose activations become codes while they run, written by us and run by LiteRT.

LiteRT makes codes of each sample by itself, and in dense layers of each row; ONNX of the whole tensor. So samples are
fed one at a time, and nets whose dense layers read several rows are further from our answers.
``python -m tests.oracles.test_tflite_writer_dynamic`` prints what docs/tflite.md says.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import QuantizedModel, Scheme, load, quantize_model, run
from playground.model.graph import Model
from tests.model.writers.nets import convnet, signals
from tests.oracles.test_tflite_writer import KERNELS, Feeds, Net, answers, graph_of
from tests.oracles.test_tflite_writer import _of_gallery as of_gallery
from tests.oracles.test_tflite_writer import _of_tensorflow as of_tensorflow

one_layer = pytest.importorskip("tests.oracles.one_layer_tflite")

SAMPLES = 16
EXACT = 1e-5
"""LiteRT's reference kernels, weights with a scale for each channel, one row: a share of the largest answer."""
NEAR = 0.04
"""XNNPACK rounds codes in another way; kernels for one scale have codes without a zero-point; rows by themselves."""

NETS = {
    "digits-mlp": Net(of_gallery("digits-mlp")),
    "digits-convnet": Net(of_gallery("digits-convnet")),
    "digits-resnet": Net(of_gallery("digits-resnet")),
    "convnet of ONNX: groups, a padded pool, a flat image": Net(convnet),
    "convolutions over time": Net(signals),
    "dense layers and softmax (TFLite)": Net(of_tensorflow("dense")),
    "MobileNet (TFLite)": Net(of_tensorflow("mobilenet")),
    "residual: sums, concatenation, a pool (TFLite)": Net(of_tensorflow("residual")),
    "attention (TFLite)": Net(of_tensorflow("attention")),
    "moby-dick-transformer": Net(of_gallery("moby-dick-transformer")),
}
LARGE = "moby-dick-transformer"
ROWS = ("attention (TFLite)", LARGE)
"""Nets whose dense layers read several rows."""


@cache
def quantized(name: str, granularity: str = "channel") -> tuple[Model, QuantizedModel, list[Feeds]]:
    model, samples = NETS[name].model()
    weights = Scheme("int8", granularity=granularity)
    made = quantize_model(model, runtime="tflite", activations="dynamic", weights=weights)
    (value,) = model.required_graph().inputs
    size = value.shape[0] if value.shape and isinstance(value.shape[0], int) else 1
    held = samples[value.name][: 3 if name == LARGE else None]
    return model, made, [{value.name: held[at : at + size]} for at in range(0, min(len(held), SAMPLES * size), size)]


def apart(name: str, kernels: str, granularity: str = "channel") -> tuple[float, float]:
    """Differences as shares of the largest answer: LiteRT's from ours, and from the float model's."""
    model, made, feeds = quantized(name, granularity)
    theirs = answers(made.file, feeds, kernels)
    ours, real = ([run(each, feed, engine="reference") for feed in feeds] for each in (made.model, model))
    largest = max(float(np.abs(each[key]).max()) for each in real for key in each)

    def most(others: list[Feeds]) -> float:
        pairs = zip(others, theirs, strict=True)
        return max(float(np.abs(other[key] - found[key]).max()) for other, found in pairs for key in found) / largest

    return most(ours), most(real)


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", NETS)
def test_answers(name: str, kernels: str, granularity: str) -> None:
    exact = kernels == "reference" and granularity == "channel" and name not in ROWS
    from_ours, from_float = apart(name, kernels, granularity)
    assert from_ours <= (EXACT if exact else NEAR)
    # that codes were made of the values: floats times the same weights would be far nearer
    assert EXACT < from_float <= 0.06


def test_products_read_floats_and_codes() -> None:
    """All weights stay in codes, with a scale for each channel even where there is one: convolutions read so many."""
    for granularity in ("channel", "tensor"):
        _, made, _ = quantized("digits-convnet", granularity)
        graph = graph_of(made.file)
        products = [op for op in graph.operations if op.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]
        assert len(products) == 6
        assert not {"QUANTIZE", "DEQUANTIZE"} & {op.op for op in graph.operations}
        for op in products:
            x, w, bias, y = (graph.tensors[at] for at in (*op.inputs, *op.outputs))
            assert [each.element for each in (x, w, bias, y)] == ["float32", "int8", "float32", "float32"]
            assert w.codes is not None
            channels = w.shape[w.codes.axis]
            wanted = 1 if granularity == "tensor" and op.op == "FULLY_CONNECTED" else channels
            assert (w.codes.scales.size, w.codes.zero_points.any()) == (wanted, False)


def test_one_layer_is_what_googles_own_quantizer_makes() -> None:
    """The same codes, scales, axis and types of ``dynamic_wi8_afp32``, and nearly the same answers."""
    rng = np.random.default_rng(3)
    weights, bias = rng.normal(size=(24, 40)).astype(np.float32), rng.normal(size=24).astype(np.float32)
    x: NDArray[Any] = rng.normal(size=(one_layer.BATCH, 40)).astype(np.float32)
    file = one_layer.quantized(weights, bias, "dynamic_wi8_afp32")
    scheme = Scheme("int8", granularity="channel", convention="tflite")
    model = load(one_layer.model(weights, bias), "one.tflite")
    ours = quantize_model(model, runtime="tflite", activations="dynamic", weights=scheme)
    held = []
    for each in (file, ours.file):
        graph = graph_of(each)
        (op,) = graph.operations
        tensors = [graph.tensors[at] for at in (*op.inputs, *op.outputs)]
        held.append([(tensor.element, tensor.shape) for tensor in tensors])
        codes = tensors[1].codes
        assert codes is not None
        held.append([codes.scales.tolist(), codes.axis, one_layer.tensor(each, tensors[1].name).tolist()])
    assert held[:2] == held[2:]
    theirs, mine = (one_layer.run(each, x) for each in (file, ours.file))
    assert np.abs(theirs - mine).max() <= NEAR * np.abs(theirs).max()


if __name__ == "__main__":
    for each in NETS:
        told = [f"{kernels}: {' '.join(f'{it:.2%}' for it in apart(each, kernels))}" for kernels in KERNELS]
        print(f"{each}: {'; '.join(told)}; one scale, {apart(each, 'reference', 'tensor')[0]:.2%}")
