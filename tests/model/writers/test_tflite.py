"""Quantized graphs written as ``.tflite`` and read back: operators, codes, scales, names; and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import playground
from playground import QuantizedModel, Recipe, gallery, load, quantize_model, run
from playground.errors import UnsupportedError
from playground.host.sources import BytesSource
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.readers._tflite_file import Subgraph, read_file
from playground.model.recipe.given import recipe_from
from playground.model.writers._flatbuffer import Number, Numbers, flatbuffer
from playground.model.writers._writer import RECIPE
from playground.quantization import Scheme
from tests.model.writers.nets import convnet, decoder, signals
from tests.model.writers.qdq import Case, drawn, model_of, written


def graph_of(file: bytes) -> Subgraph:
    (graph,) = read_file(BytesSource(file)).subgraphs
    return graph


def operators(file: bytes) -> list[str]:
    return [op.op for op in graph_of(file).operations]


@pytest.fixture(scope="module")
def made() -> QuantizedModel:
    model, samples = convnet()
    return quantize_model(model, calibration=samples, runtime="tflite")


def test_an_image_is_turned_once(made: QuantizedModel) -> None:
    """And where it becomes a row, the columns of the weights are turned in its place."""
    assert operators(made.file) == [
        *("QUANTIZE", "TRANSPOSE", "PAD", "CONV_2D", "PADV2", "MAX_POOL_2D", "CONV_2D", "RESHAPE"),
        *("FULLY_CONNECTED", "DEQUANTIZE"),
    ]


SIGNALS = ["RESHAPE", "PAD", "CONV_2D", "RESHAPE", "RESHAPE", "DEPTHWISE_CONV_2D", "RESHAPE", "ADD", "RESHAPE", "PADV2"]
SIGNALS += ["MAX_POOL_2D", "RESHAPE", "RESHAPE", "CONV_2D", "RESHAPE", "RESHAPE", "AVERAGE_POOL_2D", "RESHAPE"]
SIGNALS += ["RESHAPE", "FULLY_CONNECTED", "DEQUANTIZE"]


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_signal_is_an_image_of_height_one_and_turned_once(channels_last: bool) -> None:
    """And not at all where the model has turned it for ONNX; its row is turned in the columns of the weights."""
    model, samples = signals(channels_last)
    file = quantize_model(model, calibration=samples, runtime="tflite").file
    turned = [] if channels_last else ["TRANSPOSE"]
    assert operators(file) == ["QUANTIZE", *turned, *SIGNALS]
    graph = graph_of(file)
    images = [graph.tensors[op.outputs[0]].shape for op in graph.operations if op.op.endswith("_2D")]
    assert len(images) == 5
    assert {shape[:2] for shape in images} == {(1, 1)}


def test_what_tensorflow_has_turned_is_not_turned_back() -> None:
    from tests.model.readers import tflite_nets

    model = load(tflite_nets.files()["mobilenet.float"], "mobilenet.tflite")
    file = quantize_model(model, runtime="tflite").file
    convolutions = ["CONV_2D", *["DEPTHWISE_CONV_2D", "CONV_2D"] * 2]
    assert operators(file) == ["QUANTIZE", *convolutions, "MEAN", "FULLY_CONNECTED", "DEQUANTIZE"]
    (value,) = load(file, "again.tflite").required_graph().inputs
    assert (value.name, value.shape) == ("x", (1, 16, 16, 3))


@pytest.mark.parametrize("net", [convnet, decoder, signals, lambda: (gallery.open_model("digits-resnet"), None)])
@pytest.mark.parametrize("weights", ["channel", "tensor"])
def test_codes_and_scales_come_back(net: Any, weights: str) -> None:
    model, samples = net()
    made = quantize_model(model, calibration=samples, runtime="tflite", weights=Scheme("int8", weights))
    stored = {tensor.name: tensor for tensor in graph_of(made.file).tensors}
    for name, held in made.quantization.weights.items():
        tensor = stored[name]
        assert (tensor.element, tensor.codes is not None) == ("int8", True)
        np.testing.assert_array_equal(tensor.codes.scales, held.qparams.scale_values.reshape(-1))
        assert not tensor.codes.zero_points.any()
        codes = tensor.values(BytesSource(made.file))
        # weights of signals get a height of 1
        assert sorted(n for n in codes.shape if n > 1) == sorted(n for n in held.codes.shape if n > 1)
        np.testing.assert_array_equal(np.sort(codes, axis=None), np.sort(held.codes, axis=None))
        if weights == "channel":
            assert tensor.shape[tensor.codes.axis] == tensor.codes.scales.size
    scales = {(float(t.codes.scales[0]), int(t.codes.zero_points[0])) for t in stored.values() if t.codes}
    for parameters in made.quantization.activations.values():
        assert (float(parameters.scale_values.item()), int(parameters.zero_point.item())) in scales
    feeds = {value.name: drawn(*[n if isinstance(n, int) else 2 for n in value.shape]) for value in made.source.inputs}
    again = load(made.file, "again.tflite")
    assert run(again, feeds, engine="reference").keys() == run(made.model, feeds, engine="reference").keys()
    for name, values in run(made.model, feeds, engine="reference").items():
        np.testing.assert_allclose(run(again, feeds, engine="reference")[name], values, atol=1e-6)


def test_biases_are_int32_with_the_scale_of_the_products(made: QuantizedModel) -> None:
    graph = graph_of(made.file)
    products = [op for op in graph.operations if op.op in ("CONV_2D", "FULLY_CONNECTED")]
    assert len(products) == 3
    for op in products:
        x, w, b = (graph.tensors[number] for number in op.inputs)
        assert x.codes and w.codes and b.codes
        assert (b.element, b.codes.zero_points.any()) == ("int32", False)
        np.testing.assert_array_equal(b.codes.scales, w.codes.scales * x.codes.scales)


def test_the_same_file_each_time() -> None:
    files = {quantize_model(convnet()[0], calibration=convnet()[1], runtime="tflite").file for _ in range(2)}
    assert len(files) == 1


def test_the_recipe_and_the_shapes_go_with_it(made: QuantizedModel) -> None:
    assert Recipe.from_dict(json.loads(_metadata(made.file)[RECIPE])) == recipe_from(runtime="tflite")
    (given,) = (graph_of(made.file).tensors[number] for number in graph_of(made.file).inputs)
    assert (given.name, given.shape, given.signature) == ("x", (1, 3, 16, 16), (-1, 3, 16, 16))
    assert load(made.file, "a.tflite").metadata["description"] == f"Quantization Playground {playground.__version__}"


def _metadata(file: bytes) -> dict[str, str]:
    from playground.model.readers import _tflite_schema as schema
    from playground.model.readers._flatbuffer import root
    from playground.model.readers._tflite_buffers import Buffers

    model = root(BytesSource(file))
    buffers = Buffers(model)
    found = {}
    for entry in model.tables(schema.Model.METADATA, 8, "entries"):
        start, size = buffers.place(entry.number(schema.Metadata.BUFFER, "I"))
        found[entry.text(schema.Metadata.NAME)] = file[start : start + size].decode()
    return found


def test_constants_begin_at_multiples_of_16(made: QuantizedModel) -> None:
    places = [tensor.place[0] for tensor in graph_of(made.file).tensors if tensor.place]
    assert len(places) > 6
    assert not any(place % 16 for place in places)


def test_save_writes_what_the_name_says(made: QuantizedModel, tmp_path: Any) -> None:
    made.save(tmp_path / "a.tflite")
    made.save(tmp_path / "a.onnx")
    assert (tmp_path / "a.tflite").read_bytes() == made.file == made.tflite
    assert (tmp_path / "a.onnx").read_bytes() == made.onnx
    assert (made.ending, made.report.file_bytes) == (".tflite", len(made.tflite))
    stored = {tensor.name: tensor.bytes_stored for tensor in made.report.tensors}
    # codes, and 12 bytes for each scale and its zero-point
    assert stored == {"w1": 216 + 12 * 8, "w2": 432 + 12 * 12, "w3": 960 + 12 * 5}
    other = made.as_onnx()
    assert {tensor.bytes_stored for tensor in other.report.tensors} == {216 + 5 * 8, 432 + 5 * 12, 960 + 5 * 5}
    assert (other.ending, other.file, other.report.file_bytes) == (".onnx", made.onnx, len(made.onnx))


def test_a_model_for_onnx_runtime_can_be_saved_as_tflite(tmp_path: Any) -> None:
    model, samples = convnet()
    made = quantize_model(model, calibration=samples, verify=False)
    assert (made.ending, made.tflite) == (".onnx", b"")
    made.save(tmp_path / "a.tflite")
    graph = graph_of((tmp_path / "a.tflite").read_bytes())
    assert {tensor.element for tensor in graph.tensors if tensor.codes} == {"int8", "int32"}
    (first,) = [op for op in graph.operations if op.op == "QUANTIZE"]
    codes = graph.tensors[first.outputs[0]].codes
    held = made.quantization.activations["x"]
    assert codes and int(codes.zero_points[0]) == int(held.zero_point.item()) - 128


@pytest.mark.parametrize(
    ("op", "scale", "point"), [("Sigmoid", 1 / 256, -128), ("Tanh", 1 / 128, 0), ("Softmax", 1 / 256, -128)]
)
def test_results_with_fixed_scales_have_them(op: str, scale: float, point: int) -> None:
    held = {"w": drawn(6, 4), "v": drawn(4, 6)}
    nodes = (Node("MatMul", "first", ("x", "w"), ("a",)), Node(op, "middle", ("a",), ("b",)))
    nodes = (*nodes, Node("MatMul", "last", ("b", "v"), ("y",)))
    ends = (ValueInfo("x", "float32", ("n", 6)),), (ValueInfo("y", "float32", ("n", 6)),)
    graph = Graph("g", *ends, nodes, {name: Tensor.of(name, values) for name, values in held.items()}, 19)
    made = quantize_model(model_of(graph), calibration={"x": drawn(16, 6)}, runtime="tflite")
    parameters = made.quantization.activations["b"]
    assert (float(parameters.scale_values.item()), int(parameters.zero_point.item())) == (scale, point)
    # no codes are made of codes behind it
    assert operators(made.file).count("QUANTIZE") == 1


def test_limits_become_part_of_an_operator() -> None:
    case = Case("Add", ((2, 3), (2, 3)), result=(6 / 255, -128))
    graph = case.graph()
    at = [node.name for node in graph.nodes].index("operator")
    add = graph.nodes[at]
    nodes = list(graph.nodes)
    nodes[at : at + 1] = [
        Node("Add", "sum", add.inputs, ("sum",)),
        Node("Relu", "relu", ("sum",), add.outputs),
    ]
    file = written(graph.with_(nodes=tuple(nodes)))
    assert operators(file) == ["QUANTIZE", "QUANTIZE", "ADD", "DEQUANTIZE"]
    (operation,) = [op for op in graph_of(file).operations if op.op == "ADD"]
    assert operation.option(0, "b") == 1


def test_products_that_a_constant_scales_keep_their_codes() -> None:
    """As in attention: no floats between the product and its factor."""
    case = Case("MatMul", ((2, 3, 4), (2, 4, 5)), result=(3 / 128, 1))
    graph = case.graph()
    at = [node.name for node in graph.nodes].index("operator")
    product, nodes = graph.nodes[at], list(graph.nodes)
    factor = Tensor.of("factor", np.float32(0.25).reshape(()))
    nodes[at : at + 1] = [
        Node("MatMul", "product", product.inputs, ("scores",)),
        Node("Mul", "scale", ("scores", "factor"), product.outputs),
    ]
    graph = graph.with_(nodes=tuple(nodes), initializers={**graph.initializers, "factor": factor})
    file = written(graph)
    assert operators(file) == ["QUANTIZE", "QUANTIZE", "BATCH_MATMUL", "MUL", "DEQUANTIZE"]
    feeds = case.feeds()
    (ours,), (again,) = (run(each, feeds, engine="reference").values() for each in (model_of(graph), load(file, "a")))
    np.testing.assert_allclose(again, ours, atol=1e-6)


REFUSED = {
    "an operator": (Case("Einsum", ((2, 3),), (), {"equation": "ij->ji"}), "TFLite has no form of this operator here"),
    "padding": (Case("Pad", ((2, 3),), [np.array([0, 1, 0, 0])], {"mode": "edge"}), "padding in the mode edge"),
    "a pool": (
        Case("AveragePool", ((1, 2, 6, 6),), (), {"kernel_shape": [3, 3], "pads": [2, 2, 0, 0]}),
        "a mean of windows with such padding",
    ),
    "resizing": (
        Case("Resize", ((1, 2, 6, 6),), (None, None, np.array([1, 2, 8, 8])), {"mode": "cubic"}),
        "resizing in the mode cubic",
    ),
    "volumes": (
        Case("Conv", ((1, 2, 4, 4, 4),), [drawn(3, 2, 3, 3, 3)], {"kernel_shape": [3, 3, 3]}),
        "a convolution of 5 axes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_is_named_with_a_remedy(name: str) -> None:
    case, words = REFUSED[name]
    with pytest.raises(UnsupportedError) as error:
        written(case.graph())
    assert words in error.value.what
    assert error.value.where == f"node 'operator' ({case.op})"
    assert error.value.hint == "Write an .onnx file instead"


def test_shapes_that_are_not_known_are_told() -> None:
    model, samples = convnet()
    graph = model.required_graph()
    open_sizes = graph.with_(inputs=(ValueInfo("x", "float32", ("batch", 3, "height", "width")),))
    with pytest.raises(UnsupportedError, match="the shapes of values are not known: sizes of inputs are open"):
        quantize_model(model_of(open_sizes), calibration=samples, runtime="tflite")
    made = quantize_model(model_of(open_sizes), shapes={"x": (1, 3, 16, 16)}, runtime="tflite")
    assert operators(made.file)[-1] == "DEQUANTIZE"


def test_sizes_that_the_model_asks_for_become_constants() -> None:
    """Then it takes one sample at a time."""
    held = {"w": drawn(6, 4), "minus": np.array([-1], np.int64), "first": np.array([0], np.int64)}
    nodes = (
        Node("MatMul", "product", ("x", "w"), ("a",)),
        Node("Shape", "shape", ("a",), ("sizes",)),
        Node("Gather", "samples", ("sizes", "first"), ("count",)),
        Node("Concat", "whole", ("count", "minus"), ("row",), {"axis": 0}),
        Node("Reshape", "flat", ("a", "row"), ("y",)),
    )
    ends = (ValueInfo("x", "float32", ("n", 3, 6)),), (ValueInfo("y", "float32", ("n", 12)),)
    graph = Graph("g", *ends, nodes, {name: Tensor.of(name, values) for name, values in held.items()}, 19)
    made = quantize_model(model_of(graph), calibration={"x": drawn(8, 3, 6)}, runtime="tflite")
    assert [op for op in operators(made.file) if op not in ("QUANTIZE", "DEQUANTIZE")] == ["FULLY_CONNECTED", "RESHAPE"]
    (given,) = load(made.file, "again.tflite").required_graph().inputs
    assert given.shape == (1, 3, 6)
    feeds = {"x": drawn(1, 3, 6, seed=4)}
    again, ours = (run(each, feeds, engine="reference")["y"] for each in (load(made.file, "a"), made.model))
    np.testing.assert_allclose(again, ours, atol=1e-6)


def test_a_flatbuffer_shares_lists_of_fields() -> None:
    table = {0: Number("i", 7), 2: Numbers("q", [1, 2])}
    one, two = (flatbuffer({0: [dict(table) for _ in range(count)]}, b"TEST") for count in (1, 2))
    assert one[4:8] == b"TEST"
    # the second table needs no list of its own
    assert len(two) - len(one) <= 64
