"""Dynamic products written as ``.tflite``: one operator each, and what has no such form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground import QuantizedModel, Scheme, load, quantize_model, run
from playground.errors import UnsupportedError
from playground.host.sources import BytesSource
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.readers._tflite_file import read_file
from tests.model.writers.nets import convnet, model, node, signals
from tests.model.writers.qdq import drawn, written


def operators(file: bytes) -> list[str]:
    (graph,) = read_file(BytesSource(file)).subgraphs
    return [op.op for op in graph.operations]


def dynamic(given: Model, **recipe: Any) -> QuantizedModel:
    return quantize_model(given, activations="dynamic", verify=False, **recipe)


def test_a_product_its_scales_and_its_bias_are_one_operator() -> None:
    made = dynamic(convnet()[0], runtime="tflite")
    assert operators(made.file) == [
        *("TRANSPOSE", "PAD", "CONV_2D", "RELU", "PADV2", "MAX_POOL_2D", "CONV_2D", "RELU6", "RESHAPE"),
        "FULLY_CONNECTED",
    ]
    assert operators(dynamic(signals()[0], runtime="tflite").file).count("CONV_2D") == 2


def test_read_back_it_has_the_same_weights() -> None:
    """Our reader makes floats of them: their products are near, and nothing else differs."""
    given, samples = convnet()
    made = dynamic(given, runtime="tflite")
    again = load(made.file, "again.tflite")
    feed = {name: values[:4] for name, values in samples.items()}
    (ours,), (read,) = (run(each, feed, engine="reference").values() for each in (made.model, again))
    assert 0 < np.abs(ours - read).max() < 0.03 * np.abs(ours).max()


def test_the_weights_have_their_names_and_are_stored_with_their_scales() -> None:
    made = dynamic(convnet()[0], runtime="tflite")
    (graph,) = read_file(BytesSource(made.file)).subgraphs
    tensors = {tensor.name: tensor for tensor in graph.tensors}
    for entry in made.report.tensors:
        held = tensors[entry.name]
        assert held.codes is not None
        assert entry.bytes_stored == entry.parameters + 12 * held.codes.scales.size


def table(dtype: str) -> Graph:
    """Rows of a table of codes."""
    held = {
        "table": np.random.default_rng(4).integers(-128, 128, (9, 5)).astype(np.int8),
        "scale": np.array(0.02, np.float32),
        "point": np.array(7, np.int8),
    }
    if dtype == "uint8":
        held |= {"table": (held["table"].astype(np.int16) + 128).astype(np.uint8), "point": np.array(135, np.uint8)}
    constants = {name: Tensor.of(name, np.asarray(values)) for name, values in held.items()}
    nodes = (
        Node("Gather", "rows", ("table", "x"), ("codes",)),
        Node("DequantizeLinear", "real", ("codes", "scale", "point"), ("y",)),
    )
    ends = (ValueInfo("x", "int64", (4,)),), (ValueInfo("y", "float32", (4, 5)),)
    return Graph("table", *ends, nodes, constants, 19)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_rows_of_a_table_stand_for_the_same_in_either_type(dtype: str) -> None:
    graph, feeds = table(dtype), {"x": np.array([3, 0, 8, 3])}
    file = written(graph)
    assert operators(file) == ["GATHER", "DEQUANTIZE"]
    (read,) = run(load(file, "table.tflite"), feeds, engine="reference").values()
    meant = (graph.initializers["table"].numpy()[feeds["x"]].astype(int) - (7 if dtype == "int8" else 135)) * 0.02
    np.testing.assert_allclose(read, meant, rtol=1e-6)


def _changed(change: Any) -> Model:
    """The net of dense layers as ONNX has it, with its graph changed."""
    made = dynamic(model([node("MatMul", "m", "x w", "y")], {"w": drawn(6, 4)}, (2, 6), (2, 4)), runtime="onnxruntime")
    graph = made.model.required_graph()
    return replace(made.model, graph=change(graph))


def _without_cast(graph: Graph) -> Graph:
    """The sums themselves are what comes out."""
    kept = tuple(each for each in graph.nodes if each.op in ("DynamicQuantizeLinear", "MatMulInteger"))
    return graph.with_(nodes=kept, outputs=(ValueInfo(kept[-1].outputs[0], "int32", (2, 4)),))


def _with_points(graph: Graph) -> Graph:
    (product,) = [each for each in graph.nodes if each.op == "MatMulInteger"]
    return graph.with_constants({product.inputs[3]: np.full(4, 3, np.int8)})


REFUSED = {
    "sums alone": (_without_cast, "sums of products that do not become floats at once"),
    "zero-points": (_with_points, "weights with zero-points"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_names_the_node(name: str) -> None:
    change, words = REFUSED[name]
    with pytest.raises(UnsupportedError, match=words) as error:
        written(_changed(change).required_graph())
    assert "MatMulInteger" in error.value.where
    assert "Write an .onnx file instead" in str(error.value)


def test_weights_of_uint8_have_no_form() -> None:
    made = dynamic(convnet()[0], weights=Scheme("uint8", symmetric=False))
    with pytest.raises(UnsupportedError, match="other than constant int8 weights"):
        written(made.model.required_graph())
