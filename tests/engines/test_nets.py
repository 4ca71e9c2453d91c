"""Whole networks: the four of MLPerf Tiny, an encoder, the gallery's two. Planned whole, and equal to the reference.

Weights are random but for the gallery's, so answers mean nothing; what counts is that engines give the same ones.
"""

import numpy as np
import onnxruntime
import pytest

from playground import host
from playground.engines import reference, wasm
from playground.engines.planned import PlannedModel
from playground.host.cpython import WasmtimeKernels
from playground.model.graph import ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.programs.shared_weights import SharedWeights
from playground.ptq.pipeline import quantize_model
from tests.benchmarks import nets

SHARES = {"encoder": 0.97}
"""Share of outputs that are within one code of ONNX Runtime's; 1 where nothing is said."""


@pytest.fixture(scope="module")
def quantized():
    made = {}

    def make(name):
        if name not in made:
            graph = {**nets.NETS, **dict.fromkeys(nets.GALLERY, lambda: nets.gallery_net(name))}[name]()
            data = nets.sample(graph, 4, seed=0)
            made[name] = quantize_model(nets.model_of(graph), None, data).model.graph
        return made[name]

    return make


def before_softmax(graph):
    """The graph without the Softmax at its end, whose outputs have no scale of their own."""
    last = graph.nodes[-1]
    if last.op != "Softmax":
        return graph
    return graph.with_(nodes=graph.nodes[:-1], outputs=(ValueInfo(last.inputs[0], "float32", None),))


def last_scale(graph):
    made = {node.outputs[0]: node for node in graph.nodes}
    return float(graph.initializers[made[graph.outputs[0].name].inputs[1]].numpy())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*nets.NETS, *nets.GALLERY])
def test_equals_the_reference_and_agrees_with_onnxruntime(quantized, name):
    graph = before_softmax(quantized(name))
    feeds = nets.sample(graph, 16)
    compiled = wasm.plan(graph, {key: value.shape for key, value in feeds.items()})
    (found,), (meant,) = compiled.run(feeds).values(), reference.run(compiled.program, feeds).values()
    np.testing.assert_array_equal(found, meant)
    (theirs,) = onnxruntime.InferenceSession(to_onnx(graph)).run(None, feeds)
    away = np.rint(np.abs(found - theirs) / last_scale(graph))
    print(f"{name}: {(away == 0).mean():.4f} equal, {(away <= 1).mean():.4f} within one code")
    assert (away <= 1).mean() >= SHARES.get(name, 1)


@pytest.mark.parametrize("name", ["resnet8", "encoder"])
def test_the_end_of_a_net_with_softmax_gives_the_probabilities(quantized, name):
    graph = quantized(name)
    feeds = nets.sample(graph, 2)
    compiled = wasm.plan(graph, {key: value.shape for key, value in feeds.items()})
    (found,), (meant,) = compiled.run(feeds).values(), reference.run(compiled.program, feeds).values()
    np.testing.assert_array_equal(found, meant)
    if graph.nodes[-1].op == "Softmax":
        np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-5)


def test_an_encoder_takes_any_number_of_tokens(quantized):
    graph, planned = quantized("encoder"), PlannedModel(quantized("encoder"))
    session = onnxruntime.InferenceSession(to_onnx(graph))
    for tokens in (1, 7, 50):
        x = nets.sample(graph, 2)["x"][:, :tokens]
        found, (theirs,) = planned.run({"x": x}), session.run(None, {"x": x})
        assert np.abs(next(iter(found.values())) - theirs).max() < 3 * last_scale(graph)


def test_weights_are_packed_once_and_shared_between_shapes(quantized):
    graph, kernels = quantized("encoder"), host.kernels()
    weights = SharedWeights(kernels)
    first = wasm.plan(graph, {"x": (1, 16)}, weights)
    used, shared = kernels.used, weights.nbytes
    second = wasm.plan(graph, {"x": (1, 17)}, weights)
    assert weights.nbytes == shared > 3_000_000
    assert kernels.used - used < shared / 4
    x = nets.sample(graph, 1)["x"][:, :17]
    alone = wasm.plan(graph, {"x": (1, 17)})
    for name, values in alone.run({"x": x}).items():
        np.testing.assert_array_equal(second.run({"x": x})[name], values)
    assert alone.nbytes > second.nbytes + shared * 0.9
    for program in (first, second, alone):
        program.release()


def test_the_arena_reuses_what_is_over(quantized):
    """Buffers of an activation's size: far fewer than there are activations."""
    compiled = wasm.plan(quantized("encoder"), {"x": (4, 128)}, SharedWeights(host.kernels()))
    steps = [step for step in compiled.program.steps if type(step).__name__ != "Reshape"]
    total = sum(compiled.program.values[step.output].nbytes for step in steps)
    assert compiled.nbytes < total / 6
    compiled.release()


@pytest.mark.parametrize("name", ["dscnn", "resnet8", "encoder"])
def test_equals_the_reference_where_products_are_of_signed_octets(quantized, name, monkeypatch):
    """The relaxed build as Arm's sdot runs it; wasmtime is told to compute exactly that."""
    relaxed = WasmtimeKernels("signed")
    monkeypatch.setattr(wasm, "kernels", lambda: relaxed)
    graph = quantized(name)
    (x,) = nets.sample(graph, 2).values()
    feeds = {"x": x[:, :9] if name == "encoder" else x}
    compiled = wasm.plan(graph, {"x": feeds["x"].shape})
    (found,), (meant,) = compiled.run(feeds).values(), reference.run(compiled.program, feeds).values()
    np.testing.assert_array_equal(found, meant)
