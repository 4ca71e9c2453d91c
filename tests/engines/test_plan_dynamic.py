"""Dynamically quantized models as programs: equal on both integer engines, as close to ONNX Runtime as floats are."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

from playground.engines import interpreter, reference, wasm
from playground.engines.planned import PlannedModel
from playground.engines.planning.plan import compile_graph, refusals
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe
from playground.model.writers.onnx import to_onnx
from playground.opening import load
from playground.operators._dynamic import DynamicQuantize, DynamicRange, ScaleSums
from playground.operators._products import Product
from playground.operators.pad import Pad
from playground.ptq.pipeline import quantize_model
from tests.benchmarks import nets


def scaled(limits, shape, seed):
    return np.random.default_rng(seed).uniform(*limits, shape).astype(np.float32)


def assert_same(graph, model, feeds):
    """Our engines against each other bit for bit, against the interpreter and ONNX Runtime as far as floats agree."""
    shapes = {name: x.shape for name, x in feeds.items()}
    assert refusals(graph, shapes) == ()
    planned = wasm.plan(graph, shapes)
    ours, specified = planned.run(feeds), reference.run(reference.plan(graph, shapes), feeds)
    theirs = onnxruntime.InferenceSession(model).run(None, feeds)
    by_operators = interpreter.run_graph(graph, feeds)
    for name, expected in zip([o.name for o in graph.outputs], theirs, strict=True):
        np.testing.assert_array_equal(ours[name], specified[name])
        limit = 1e-6 * np.abs(expected).max()
        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=limit)
        np.testing.assert_allclose(ours[name], by_operators[name], rtol=0, atol=limit)
    return planned


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("weights", ["QInt8", "QUInt8"])
@pytest.mark.parametrize("name", ["perceptron", "convnet", "pools"])
def test_what_quantize_dynamic_writes_is_one_call(float_model, tmp_path, name, weights, per_channel):
    source, target = tmp_path / "float.onnx", tmp_path / "dynamic.onnx"
    onnx.save(float_model(name), source)
    quantize_dynamic(source, target, weight_type=QuantType[weights], per_channel=per_channel)
    graph = load(target).graph
    shape = (5, *graph.inputs[0].shape[1:])
    assert_same(graph, target.read_bytes(), {"x": scaled((-1, 2), shape, 2)})
    assert {"DynamicQuantizeLinear", "Cast"} <= {node.op for node in graph.nodes}


@pytest.mark.parametrize("name", [name for name in nets.EVERY if name != "encoder"])
def test_our_own_dynamic_models_of_whole_nets(name):
    quantized = quantize_model(nets.model_of(nets.EVERY[name]()), Recipe(activations="dynamic")).model.graph
    assert_same(quantized, to_onnx(quantized), nets.sample(quantized, 3))


def test_an_encoder_is_refused_for_its_floats():
    quantized = quantize_model(nets.model_of(nets.NETS["encoder"]()), Recipe(activations="dynamic")).model.graph
    assert refusals(quantized)


CODES = ("q", "s", "z")


def dynamic(*nodes, outputs=("y",), shape=(2, 8), **arrays):
    """A graph that begins with DynamicQuantizeLinear of x."""
    first = Node("DynamicQuantizeLinear", "dql", ("x",), CODES)
    return Graph(
        name="net",
        inputs=(ValueInfo("x", "float32", shape),),
        outputs=tuple(ValueInfo(name, "float32", None) for name in outputs),
        nodes=(first, *nodes),
        initializers={name: Tensor.of(name, np.asarray(array)) for name, array in arrays.items()},
        opset=17,
    )


def product(name, *, scale="both", bias=None):
    nodes = [
        Node("MatMulInteger", f"{name} product", ("q", f"{name}w", "z", ""), (f"{name}sums",)),
        Node("Cast", f"{name} cast", (f"{name}sums",), (f"{name}floats",), {"to": 1}),
        Node("Mul", f"{name} scale", (f"{name}floats", scale), (f"{name}y",)),
    ]
    return nodes if bias is None else [*nodes, Node("Add", f"{name} bias", (f"{name}y", bias), (f"{name}z",))]


BOTH = Node("Mul", "scales", ("s", "ws"), ("both",))


def weights(seed, columns=3):
    return np.random.default_rng(seed).integers(-127, 128, (8, columns)).astype(np.int8)


def test_products_share_the_codes_of_one_quantization():
    arrays = {"ws": np.float32([0.5, 0.25, 2]), "aw": weights(1), "bw": weights(2), "b": np.float32([1, -2, 3])}
    graph = dynamic(BOTH, *product("a"), *product("b", bias="b"), outputs=("ay", "bz"), **arrays)
    planned = assert_same(graph, to_onnx(graph), {"x": scaled((-3, 1), (2, 8), 4)})
    kinds = [type(step) for step in planned.program.steps]
    assert kinds.count(DynamicQuantize) == kinds.count(DynamicRange) == 1
    assert kinds.count(Product) == kinds.count(ScaleSums) == 2


def test_a_limit_and_two_biases_in_a_row():
    arrays = {"ws": np.float32(0.01), "aw": weights(1), "b": np.float32([0.1, -0.2, 0.3])}
    more = [Node("Add", "again", ("az", "b"), ("w",)), Node("Relu", "relu", ("w",), ("y",))]
    graph = dynamic(BOTH, *product("a", bias="b"), *more, **arrays)
    planned = assert_same(graph, to_onnx(graph), {"x": scaled((-3, 1), (2, 8), 5)})
    assert (planned.run({"x": scaled((-3, 1), (2, 8), 5)})["y"] == 0).any()


def test_codes_of_a_known_scale_may_follow():
    arrays = {"ws": np.float32(0.01), "aw": weights(1), "t": np.float32(0.05), "p": np.uint8(9)}
    more = [
        Node("Relu", "relu", ("ay",), ("r",)),
        Node("QuantizeLinear", "q", ("r", "t", "p"), ("c",)),
        Node("DequantizeLinear", "d", ("c", "t", "p"), ("y",)),
    ]
    graph = dynamic(BOTH, *product("a"), *more, **arrays)
    assert_same(graph, to_onnx(graph), {"x": scaled((-3, 1), (2, 8), 6)})


def test_zeros_alone():
    arrays = {"ws": np.float32(0.01), "aw": weights(1)}
    graph = dynamic(BOTH, *product("a"), outputs=("ay",), **arrays)
    assert_same(graph, to_onnx(graph), {"x": np.zeros((2, 8), np.float32)})


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([Node("Relu", "n", ("q",), ("y",))], "does not support the outputs of DynamicQuantizeLinear"),
        ([Node("MatMulInteger", "n", ("q", "aw", "other"), ("y",))], "come from different nodes"),
        ([Node("MatMulInteger", "n", ("q", "aw"), ("y",))], "come from different nodes"),
        (product("a", scale="ws"), "scales of both sides"),
    ],
)
def test_what_else_becomes_of_the_codes_is_refused(nodes, told):
    graph = dynamic(*nodes, aw=weights(1), ws=np.float32(0.5), other=np.uint8(3))
    (found,) = refusals(graph)
    assert told in found.reason


@pytest.mark.parametrize("taken", ["codes", "point", "scale"])
def test_parts_of_two_quantizations_are_not_mixed(taken):
    """Codes of one, the zero-point or scale of another: the sums would mean nothing."""
    second = Node("DynamicQuantizeLinear", "other", ("x2",), ("q2", "s2", "z2"))
    codes, point, scale = (
        f"{name}2" if taken == part else name for name, part in zip("qzs", ("codes", "point", "scale"), strict=True)
    )
    nodes = [
        second,
        Node("Mul", "scales", (scale, "ws"), ("both",)),
        Node("MatMulInteger", "product", (codes, "aw", point), ("sums",)),
        Node("Cast", "cast", ("sums",), ("floats",), {"to": 1}),
        Node("Mul", "scale", ("floats", "both"), ("y",)),
    ]
    graph = dynamic(*nodes, aw=weights(1), ws=np.float32(0.5)).with_(
        inputs=(ValueInfo("x", "float32", (2, 8)), ValueInfo("x2", "float32", (2, 8)))
    )
    (found,) = refusals(graph)
    assert ("scales of both sides" if taken == "scale" else "come from different nodes") in found.reason


def test_padding_is_quantized_once_for_all_that_pad_alike():
    kernel = np.random.default_rng(1).integers(-127, 128, (4, 2, 3, 3)).astype(np.int8)
    sums = [
        Node("ConvInteger", name, ("q", "w", "z"), (name,), {"pads": (1, 1, 1, 1), "strides": strides})
        for name, strides in (("a", (1, 1)), ("b", (1, 1)), ("c", (2, 1)))
    ]
    ends = [
        node
        for name in "abc"
        for node in (
            Node("Cast", f"{name} cast", (name,), (f"{name}f",), {"to": 1}),
            Node("Mul", f"{name} scale", (f"{name}f", "both"), (f"{name}y",)),
        )
    ]
    arrays = {"w": kernel, "ws": scaled((0.1, 1), (4, 1, 1), 3)}
    graph = dynamic(BOTH, *sums, *ends, outputs=("ay", "by", "cy"), shape=(2, 2, 6, 5), **arrays)
    planned = assert_same(graph, to_onnx(graph), {"x": scaled((-1, 2), (2, 2, 6, 5), 7)})
    assert [type(step) for step in planned.program.steps].count(Pad) == 2  # the last row under c is not needed


def with_computed_bias(scale="both", shape=(1, 4, 1, 1), **changes):
    """A convolution as ONNX Runtime's first quantizer wrote it: its bias is brought to int32 while the model runs."""
    nodes = [
        BOTH,
        Node("Div", "over", ("b", scale), ("quotient",)),
        Node("Floor", "floor", ("quotient",), ("whole",)),
        Node("Cast", "int32", ("whole",), ("steps",), {"to": 6}),
        Node("ConvInteger", "conv", ("q", "w", "z"), ("sums",), {"pads": (1, 1, 1, 1)}),
        Node("Reshape", "reshape", ("steps", "sizes"), ("aligned",)),
        Node("Add", "add", ("sums", "aligned"), ("biased",)),
        Node("Cast", "float32", ("biased",), ("floats",), {"to": 1}),
        Node("Mul", "again", ("s", "ws"), ("same",)),
        Node("Mul", "scale", ("floats", "same"), ("y",)),
    ]
    nodes = [changes.get(node.name, node) for node in nodes]
    rng = np.random.default_rng(1)
    arrays = {
        **{"w": rng.integers(-127, 128, (4, 2, 3, 3)).astype(np.int8), "ws": np.float32(0.02)},
        **{"b": rng.normal(size=4).astype(np.float32), "sizes": np.int64(shape), "other": np.float32(0.5)},
    }
    return dynamic(*nodes, shape=(2, 2, 6, 5), **arrays)


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (4, 1, 1), (1, -1, 1, 1)])
def test_a_bias_that_is_quantized_while_the_model_runs_is_part_of_the_sums(shape):
    graph = with_computed_bias(shape=shape)
    planned = assert_same(graph, to_onnx(graph), {"x": scaled((-1, 2), (2, 2, 6, 5), 7)})
    (sums,) = [step for step in planned.program.steps if isinstance(step, ScaleSums)]
    assert sums.columns.steps_of is not None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"again": Node("Mul", "again", ("s", "other"), ("same",))}, "other steps than the sums"),
        ({"over": Node("Div", "over", ("both", "b"), ("quotient",))}, "only biases in steps of the sums"),
        ({"floor": Node("Floor", "floor", ("both",), ("whole",))}, "only biases in steps of the sums"),
        ({"add": Node("Add", "add", ("sums", "both"), ("biased",))}, "only biases in steps of the sums"),
    ],
)
def test_what_is_no_bias_in_steps_of_the_sums_is_refused_and_left_to_numpy(changes, told):
    graph = with_computed_bias(**changes)
    reasons = [found.reason for found in refusals(graph)]
    assert any(told in reason for reason in reasons), reasons


def test_sums_that_numpy_reads_are_computed_there():
    graph = with_computed_bias(again=Node("Mul", "again", ("s", "other"), ("same",)))
    x = scaled((-1, 2), (2, 2, 6, 5), 7)
    found = PlannedModel(graph).run({"x": x})["y"]
    np.testing.assert_array_equal(found, interpreter.run_graph(graph, {"x": x})["y"])


def test_the_program_for_another_batch():
    arrays = {"ws": np.float32(0.01), "aw": weights(1)}
    graph = dynamic(BOTH, *product("a"), outputs=("ay",), shape=("n", 8), **arrays)
    for n in (1, 3):
        assert compile_graph(graph, {"x": (n, 8)}).values["ay"].shape == (n, 3)
