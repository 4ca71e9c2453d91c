"""The bench page's ``.tflite`` files in LiteRT itself: the nets that we and ONNX Runtime run, with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground.engines import wasm
from playground.engines.interpreter import run_graph
from tests.benchmarks import litert_nets, net_programs, nets, same_files

litert = pytest.importorskip("ai_edge_litert.interpreter")

BATCH = 16
FLOAT, INT8 = 3e-6, 0.03
"""Root mean square of the difference, over that of the float results: rounding; and one code here and there."""


def run(file: bytes, x: NDArray[Any]) -> NDArray[Any]:
    """Outputs of a file of one input and one output."""
    model = litert.Interpreter(model_content=file, num_threads=1)
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], x)
    model.invoke()
    found: NDArray[Any] = model.get_tensor(model.get_output_details()[0]["index"])
    return found


def rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values.astype(np.float64)))))


@pytest.mark.parametrize("name", nets.EVERY)
def test_the_nets_are_ours(name: str) -> None:
    """Float like our interpreter, int8 like our quantized net; sixteen samples at once like each alone."""
    graph = nets.EVERY[name]()
    feeds = nets.sample(graph, BATCH)
    (meant,) = run_graph(graph, feeds).values()
    (quantized,) = wasm.plan(nets.quantized(graph)[0], {key: x.shape for key, x in feeds.items()}).run(feeds).values()
    x = litert_nets.layout(next(iter(feeds.values())))
    for kind, ours, tolerance in (("float", meant, FLOAT), ("int8", quantized, INT8)):
        file = litert_nets.file_of(name, kind, graph)
        found = run(litert_nets.changed(file, litert_nets.changes(name, kind)), x)
        assert rms(found - ours) <= tolerance * rms(meant), kind
        each = np.concatenate([run(file, x[at : at + 1]) for at in range(2)])
        np.testing.assert_allclose(found[:2], each, rtol=0, atol=FLOAT * np.abs(meant).max())


def test_our_kernels_run_the_very_same_files() -> None:
    """Within a code of LiteRT's, of floats within a share: what the bench page runs in both."""
    for same in same_files.every():
        graph = same.graph()
        feeds = {graph.inputs[0].name: same.sample}
        program = net_programs.planned(graph, {name: x.shape for name, x in feeds.items()})
        (ours,), theirs = wasm.WasmProgram(program).run(feeds).values(), run(same.file, same.sample)
        assert ours.dtype == theirs.dtype
        allowed = 1.001 * same_files.size_of_code(same.file) or same_files.FLOAT_SHARE * np.abs(theirs).max()
        assert np.abs(ours.astype(float) - theirs).max() <= allowed, same.name


@pytest.mark.parametrize("name", nets.EVERY)
def test_weights_are_those_of_the_net(name: str) -> None:
    """Each int8 weight is within half a step of the net's, each float one equal (times a scale that is folded in)."""
    graph = nets.EVERY[name]()
    for kind in litert_nets.KINDS:
        model = litert.Interpreter(model_content=litert_nets.file_of(name, kind, graph), num_threads=1)
        model.allocate_tensors()
        held = [
            it for it in model.get_tensor_details() if it["dtype"] in (np.int8, np.float32) and it["shape"].size > 1
        ]
        wanted = {key: it.numpy() for key, it in graph.initializers.items() if it.dtype == "float32" and it.size >= 256}
        factors = [it.numpy() for it in graph.initializers.values() if len(it.shape) == 1 and it.dtype == "float32"]
        for key, values in wanted.items():
            if values.ndim > 1:
                assert any(_holds(model, it, values, factors) for it in held), f"{kind}, {key}"


def _holds(model: Any, tensor: Any, values: NDArray[Any], factors: list[NDArray[Any]]) -> bool:
    """Whether a tensor of a file has these values, its axes in any order of a TFLite weight."""
    orders = [(0, 1), (1, 0)] if values.ndim == 2 else [(0, 2, 3, 1), (1, 2, 3, 0)]
    shaped = [made for order in orders if (made := values.transpose(order)).shape == tuple(tensor["shape"])]
    if not shaped:
        return False
    try:
        stored = model.get_tensor(tensor["index"])
    except ValueError:  # not a constant, and not kept
        return False
    scales = tensor["quantization_parameters"]["scales"]
    step: Any = np.float32(0)
    if stored.dtype == np.int8:
        sizes = np.ones(stored.ndim, int)
        sizes[tensor["quantization_parameters"]["quantized_dimension"]] = scales.size
        step, point = scales.reshape(sizes), tensor["quantization_parameters"]["zero_points"][0]
        stored = (stored.astype(np.float32) - point) * step
    fitting = [made * it for made in shaped for it in (1, *(f for f in factors if f.size == made.shape[-1]))]
    return any(bool((np.abs(stored - made) <= 0.501 * step).all()) for made in fitting)
