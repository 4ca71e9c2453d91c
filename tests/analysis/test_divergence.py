"""Engines beside each other, and faults that are put into one of them."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground import gallery
from playground.analysis.divergence import FAKE_QUANT, Divergence, NodeDifference, divergences
from playground.engines import run as running
from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError, MissingError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.ptq.pipeline import QuantizedModel

FEEDS = {"image": gallery.digits().images[:80]}


def test_integers_are_within_a_step_of_fake_quantization(convnet_int4: QuantizedModel) -> None:
    graph = convnet_int4.model.graph
    found = {(divergence.engine, divergence.beside): divergence for divergence in divergences(graph, FEEDS)}
    assert set(found) == {(e, FAKE_QUANT) for e in ("wasm", "reference", "onnxruntime")} | {("wasm", "reference")}
    assert found["wasm", "reference"].first is None
    assert "agree in every code" in found["wasm", "reference"].sentence
    for engine in ("wasm", "reference", "onnxruntime"):
        divergence = found[engine, FAKE_QUANT]
        assert divergence.failure == ""
        assert [node.node for node in divergence.nodes][:3] == ["image", "conv1", "depthwise1"]
        for node in divergence.nodes:
            assert node.largest <= 4  # a step, and what it makes of later ones
            assert node.share < 0.02
        assert divergence.agreement > 0.95


def test_the_first_node_that_differs(convnet_int4: QuantizedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that has another weight in its third layer parts there, not before."""

    def faulty(graph: Graph, feeds: Any) -> Any:
        name = "pointwise1.weight_quantized"
        codes = graph.initializers[name].numpy().copy()
        codes[0] += 2
        held = {**graph.initializers, name: replace(Tensor.of(name, codes), dtype=graph.initializers[name].dtype)}
        yield from ()
        return run_graph(graph.with_(initializers=held), feeds)

    monkeypatch.setitem(running.ENGINES, "reference", faulty)
    (divergence,) = divergences(convnet_int4.model.graph, FEEDS, ["reference"])
    assert divergence.first is not None
    assert (divergence.first.node, divergence.first.op) == ("pointwise1", "Conv")
    assert 0 < divergence.first.share <= 1 / 48  # one channel of 48
    assert divergence.output > 0
    assert "first part at pointwise1 (Conv)" in divergence.sentence


def test_an_engine_that_is_not_there_says_so(convnet_int4: QuantizedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_graph: Graph, _feeds: Any) -> Any:
        yield from ()
        raise MissingError("onnxruntime is not installed")

    monkeypatch.setitem(running.ENGINES, "onnxruntime", missing)
    divergence = divergences(convnet_int4.model.graph, FEEDS, ["onnxruntime"])[0]
    assert divergence.first is None
    assert divergence.sentence == "ONNX Runtime could not run it: onnxruntime is not installed"


def test_a_float_graph_has_outputs_to_compare(net: Model, net_data: dict[str, np.ndarray]) -> None:
    found = {
        divergence.engine: divergence for divergence in divergences(net.graph, net_data, ["reference", "onnxruntime"])
    }
    assert found["reference"].output == 0
    assert found["onnxruntime"].output < 1e-5
    assert found["onnxruntime"].nodes == ()


def quantized_sum(columns: int) -> Graph:
    """The sum of x and c, both quantized: the constant too while the graph runs."""
    held = {"c": np.linspace(-1, 1, columns, dtype=np.float32), "s": np.float32(0.02), "z": np.uint8(128)}
    pairs = [
        node
        for name in ("x", "c", "y")
        for node in (
            Node("QuantizeLinear", f"{name} quantize", (name, "s", "z"), (f"{name}q",)),
            Node("DequantizeLinear", f"{name} dequantize", (f"{name}q", "s", "z"), (f"{name}r",)),
        )
    ]
    nodes = (*pairs[:4], Node("Add", "add", ("xr", "cr"), ("y",)), *pairs[4:])
    values = (ValueInfo("x", "float32", ("n", columns)),), (ValueInfo("yr", "float32", ("n", columns)),)
    return Graph("sum", *values, nodes, {name: Tensor.of(name, np.asarray(v)) for name, v in held.items()}, 17)


@pytest.mark.parametrize("columns", [1, 2])
def test_constants_are_no_activations_and_one_column_is_no_choice(columns: int) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (30, columns)).astype(np.float32)
    (found,) = divergences(quantized_sum(columns), {"x": x}, ["reference"])
    assert found.failure == ""
    assert [(node.node, node.value) for node in found.nodes] == [("x", "x"), ("add", "y")]
    assert (found.agreement is None) == (columns == 1)


def test_a_share_of_all_codes_is_said_in_plain_digits() -> None:
    nodes = (NodeDifference("softmax", "Softmax", "p", 45, 0.998),)
    sentence = Divergence("onnxruntime", FAKE_QUANT, nodes).sentence
    assert sentence.endswith("first part at softmax (Softmax): 99.8 % of its codes differ, by at most 45 steps.")


def test_plain_data(convnet_int4: QuantizedModel) -> None:
    data = json.loads(json.dumps([p.as_dict() for p in divergences(convnet_int4.model.graph, FEEDS, ["reference"])]))
    assert data[0]["beside"] == FAKE_QUANT
    assert data[0]["sentence"]


def test_unknown_engine(net: Model, net_data: dict[str, np.ndarray]) -> None:
    with pytest.raises(InvalidInputError, match="'tpu' is not an engine"):
        divergences(net.graph, net_data, ["tpu"])
