from pathlib import Path

import numpy as np
import pytest

import playground
from playground.engines.run import ENGINES, graph_of, is_quantized, run
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.opening import load
from playground.ptq.pipeline import quantize_model

RNG = np.random.default_rng(0)
W = RNG.normal(size=(6, 4)).astype(np.float32)
X = RNG.normal(size=(9, 6)).astype(np.float32)
GRAPH = Graph(
    "product",
    (ValueInfo("x", "float32", ("n", 6)),),
    (ValueInfo("y", "float32", ("n", 4)),),
    (Node("MatMul", "product", ("x", "w"), ("y",)),),
    {"w": Tensor.of("w", W)},
    17,
)
FLOAT = load(to_onnx(GRAPH), "float.onnx")
QUANTIZED = quantize_model(FLOAT, None, {"x": X})


def test_every_way_to_give_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(GRAPH))
    for given in (GRAPH, FLOAT, path, str(path), path.read_bytes()):
        np.testing.assert_allclose(run(given, {"x": X}, "reference")["y"], X @ W, 1e-5, 1e-6)
    assert playground.run is run
    assert graph_of(FLOAT) is FLOAT.graph


@pytest.mark.parametrize("engine", ENGINES)
def test_quantized_model_on_every_engine(engine: str) -> None:
    found = run(QUANTIZED.onnx, {"x": X}, engine)["y"]
    (activation,) = [a for a in QUANTIZED.report.activations if a.name == "y"]
    assert np.abs(found - X @ W).max() < 4 * activation.scale
    np.testing.assert_array_equal(found, run(QUANTIZED.onnx, {"x": X}, "reference")["y"])


def test_reference_runs_floats_too() -> None:
    assert not is_quantized(GRAPH)
    assert QUANTIZED.model.graph is not None
    assert is_quantized(QUANTIZED.model.graph)
    np.testing.assert_allclose(run(GRAPH, {"x": X}, "onnxruntime")["y"], X @ W, 1e-5, 1e-6)


def test_reference_interprets_what_integers_cannot_do() -> None:
    """A float node between quantized ones."""
    graph = QUANTIZED.model.graph
    assert graph is not None
    tail = (Node("Unheard", "m", ("y",), ("z",)), Node("Softplus", "s", ("y",), ("z",)))
    with pytest.raises(UnsupportedError, match="Unheard"):
        run(graph.with_(nodes=(*graph.nodes, tail[0])), {"x": X}, "reference")
    changed = graph.with_(nodes=(*graph.nodes, tail[1]), outputs=(ValueInfo("z", "float32", None),))
    assert run(changed, {"x": X}, "reference")["z"].shape == (9, 4)


def test_refuses() -> None:
    with pytest.raises(
        InvalidInputError, match=r"'tpu' is not an engine\. Use one of: auto, wasm, reference, onnxruntime"
    ):
        run(GRAPH, {"x": X}, "tpu")
    with pytest.raises(UnsupportedError, match="tensors but no graph"):
        run(Model("npz", "w.npz", {}), {})
    for engine in ENGINES:
        with pytest.raises(InvalidInputError, match="missing"):
            run(QUANTIZED.onnx, {}, engine)
