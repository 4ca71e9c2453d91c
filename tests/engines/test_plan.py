"""What planning makes of a graph: fusion, folding, pruning, and what it refuses."""

import numpy as np
import pytest

from playground.engines import reference
from playground.engines.planning.plan import Refusal, compile_graph, refusals
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.programs import program as p

SCALE = {"s": np.float32(0.1), "t": np.float32(0.25), "z": np.uint8(10)}


def graph(nodes, outputs, constants=None, shape=("batch", 3, 4, 4)):
    arrays = {**SCALE, **(constants or {})}
    return Graph(
        name="net",
        inputs=(ValueInfo("x", "float32", shape),),
        outputs=tuple(ValueInfo(name, "float32", None) for name in outputs),
        nodes=tuple(nodes),
        initializers={name: Tensor.of(name, np.asarray(array)) for name, array in arrays.items()},
        opset=17,
    )


def node(op, inputs, output, **attributes):
    return Node(op, f"{op}:{output}", tuple(inputs.split()), (output,), attributes)


def quantized(name, scale="s"):
    """QuantizeLinear and DequantizeLinear of a tensor: ``name`` becomes ``name:q``, then ``name:r``."""
    return [
        node("QuantizeLinear", f"{name} {scale} z", f"{name}:q"),
        node("DequantizeLinear", f"{name}:q {scale} z", f"{name}:r"),
    ]


def kinds(program):
    return [type(step).__name__ for step in program.steps]


CONV_WEIGHTS = {
    "w": np.arange(-27, 27, dtype=np.int8).reshape(2, 3, 3, 3),
    "ws": np.array([0.5, 0.25], np.float32),
    "wz": np.array([0, 3], np.int8),
    "bias": np.array([1.0, -2.0], np.float32),
}
CONV = [
    *quantized("x"),
    node("DequantizeLinear", "w ws wz", "w:r", axis=0),
    node("Conv", "x:r w:r bias", "c", kernel_shape=[3, 3]),
]


def test_a_convolution_with_its_clamp_and_scales_becomes_one_step():
    nodes = [*CONV, node("Relu", "c", "relu"), *quantized("relu", "t")]
    program = compile_graph(graph(nodes, ["relu:r"], CONV_WEIGHTS), {"x": (2, 3, 4, 4)})
    assert kinds(program) == ["Quantize", "Conv", "Lookup"]
    conv = program.steps[1]
    assert program.values[conv.output] == p.Value((2, 2, 2, 2), "uint8")
    np.testing.assert_array_equal(conv.weights[1], CONV_WEIGHTS["w"][1].astype(int) - 3)
    np.testing.assert_array_equal(conv.multiplier, SCALE["s"] * CONV_WEIGHTS["ws"] / SCALE["t"])
    np.testing.assert_array_equal(conv.bias, np.rint([1.0 / 0.05, -2.0 / 0.025]))
    assert (conv.to.zero_point, conv.to.lo, conv.to.hi) == (10, 0.0, 245.0)


@pytest.mark.parametrize(
    ("lo", "hi", "expected"), [(-0.5, 1.0, (-2.0, 4.0)), (0.3, np.inf, (1.0, 245.0)), (-np.inf, -0.25, (-10.0, -1.0))]
)
def test_clip_limits_become_codes(lo, hi, expected):
    limits = {"lo": np.float32(lo), "hi": np.float32(hi)}
    nodes = [*CONV, node("Clip", "c lo hi", "clip"), *quantized("clip", "t")]
    program = compile_graph(graph(nodes, ["clip:r"], {**CONV_WEIGHTS, **limits}), {"x": (1, 3, 4, 4)})
    assert (program.steps[1].to.lo, program.steps[1].to.hi) == expected


def test_why_it_is_left_to_others_is_data():
    alone = Node("MatMulNBits", "one", ("x", "x", "x"), ("y",), {"K": 4, "N": 2}, "com.microsoft")
    (found,) = refusals(graph([alone], ["y"]))
    assert (found.node, found.op) == ("one", "MatMulNBits")
    assert found.reason.startswith("the input is float32")


@pytest.mark.parametrize(
    ("bias", "scales", "whole"),
    [
        ([0.06, -0.0126], [0.5, 0.25], [1, -1]),
        ([0.0, 1.0], [0.0, 0.5], [0, 20]),  # a dead channel
        ([1.0, 1.0], [1e-9, 0.5], None),  # 1e10 steps: ONNX Runtime keeps such a bias in float, and so has to run it
        ([1.0, 1.0], [0.0, 0.5], None),
    ],
)
def test_a_float_bias_is_rounded_to_steps_or_refused_never_cut(bias, scales, whole):
    arrays = {**CONV_WEIGHTS, "bias": np.array(bias, np.float32), "ws": np.array(scales, np.float32)}
    planned = graph([*CONV, *quantized("c", "t")], ["c:r"], arrays)
    if whole is None:
        with pytest.raises(UnsupportedError, match="does not fit into 32 bits"):
            compile_graph(planned, {"x": (1, 3, 4, 4)})
    else:
        np.testing.assert_array_equal(compile_graph(planned, {"x": (1, 3, 4, 4)}).steps[1].bias, whole)


def test_a_product_that_is_not_quantized_again_gives_floats():
    program = compile_graph(graph([*CONV, node("Relu", "c", "y")], ["y"], CONV_WEIGHTS), {"x": (1, 3, 4, 4)})
    assert kinds(program) == ["Quantize", "Conv"]
    assert program.steps[1].to.dtype == "float32"
    np.testing.assert_array_equal(program.steps[1].multiplier, SCALE["s"] * CONV_WEIGHTS["ws"])


def test_a_stored_bias_in_the_right_steps_is_taken_as_it_is():
    stored = {"b": np.array([7, -9], np.int32), "bs": SCALE["s"] * CONV_WEIGHTS["ws"], "bz": np.zeros(2, np.int32)}
    nodes = [
        *CONV[:3],
        node("DequantizeLinear", "b bs bz", "bias:r", axis=0),
        node("Conv", "x:r w:r bias:r", "y"),
    ]
    program = compile_graph(graph(nodes, ["y"], {**CONV_WEIGHTS, **stored}), {"x": (1, 3, 4, 4)})
    np.testing.assert_array_equal(program.steps[1].bias, [7, -9])


def test_quantizing_again_with_the_same_scale_is_nothing_and_with_another_a_table():
    same = [*quantized("x"), node("Identity", "x:r", "i"), *quantized("i")]
    other = [*quantized("x"), node("Identity", "x:r", "i"), *quantized("i", "t")]
    shapes = {"x": (1, 3, 4, 4)}
    assert kinds(compile_graph(graph(same, ["i:r"]), shapes)) == ["Quantize", "Lookup"]
    program = compile_graph(graph(other, ["i:r"]), shapes)
    assert kinds(program) == ["Quantize", "Lookup", "Lookup"]
    codes = np.arange(256)
    expected = np.clip(np.rint((codes - 10) * 0.1 / 0.25) + 10, 0, 255)
    np.testing.assert_array_equal(program.steps[1].table, expected)


@pytest.mark.parametrize(
    ("held", "dtype"),
    [
        ({"value": np.array([2, 1], np.int32)}, "int32"),
        ({"value": np.float32([[0.5]])}, "float32"),
        ({"value_float": 0.5}, "float32"),
        ({"value_floats": [0.5, 2.0]}, "float32"),
        ({"value_int": 3}, "int64"),
        ({"value_ints": [3, 4]}, "int64"),
    ],
    ids=str,
)
def test_constants_may_be_nodes(held, dtype):
    """In files they are not when these are opened; in a graph that Python makes they may be."""
    program = compile_graph(graph([Node("Constant", "held", (), ("y",), held)], ["y"]), {"x": (1, 3, 4, 4)})
    found = reference.run(program, {"x": np.zeros((1, 3, 4, 4), np.float32)})["y"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, next(iter(held.values())))


def test_a_constant_of_another_kind_is_named():
    (found,) = refusals(graph([Node("Constant", "held", (), ("y",), {"value_string": "a"})], ["y"]))
    assert (found.node, found.reason) == ("held", "this kind of value is not supported")


def test_shapes_that_the_graph_computes_are_folded():
    constants = {"zero": np.array([0], np.int64), "rest": np.array([-1], np.int64)}
    nodes = [
        *quantized("x"),
        node("Shape", "x", "shape"),
        node("Gather", "shape zero", "n"),
        node("Concat", "n rest", "target", axis=0),
        node("Reshape", "x:r target", "y"),
    ]
    program = compile_graph(graph(nodes, ["y"], constants), {"x": (5, 3, 4, 4)})
    assert program.values["y"].shape == (5, 48)
    x = np.linspace(0, 1, 240, dtype=np.float32).reshape(5, 3, 4, 4)
    np.testing.assert_allclose(reference.run(program, {"x": x})["y"], x.reshape(5, 48), atol=0.051)


def test_what_nobody_uses_is_left_out():
    nodes = [*CONV, *quantized("c", "t"), node("MaxPool", "x:r", "unused", kernel_shape=[2, 2])]
    program = compile_graph(graph(nodes, ["x:r"], CONV_WEIGHTS), {"x": (1, 3, 4, 4)})
    assert kinds(program) == ["Quantize", "Lookup"]


def test_softmax_of_floats_is_a_step_of_its_own():
    nodes = [*quantized("x"), node("LogSoftmax", "x:r", "soft", axis=-1), *quantized("soft")]
    program = compile_graph(graph(nodes, ["soft:r"]), {"x": (1, 3, 4, 4)})
    assert kinds(program) == ["Quantize", "Lookup", "SoftmaxFloats", "Quantize", "Lookup"]


def test_mean_over_height_and_width_is_an_average_pool():
    nodes = [*quantized("x"), node("ReduceMean", "x:r axes", "mean", keepdims=0), *quantized("mean")]
    program = compile_graph(graph(nodes, ["mean:r"], {"axes": np.array([2, -1])}), {"x": (2, 3, 4, 4)})
    assert kinds(program) == ["Quantize", "AveragePool", "Reshape", "Lookup"]
    assert program.values["mean:r"].shape == (2, 3)


def test_every_node_that_cannot_run_is_named_but_not_what_follows_from_it():
    nodes = [
        *quantized("x"),
        node("Einsum", "x:r", "a", equation="ii"),
        node("Relu", "a", "after"),
        node("LSTM", "x:r", "b"),
        node("Conv", "x:r x:r", "c"),
    ]
    with pytest.raises(UnsupportedError) as error:
        compile_graph(graph(nodes, ["after"]), {"x": (1, 3, 4, 4)})
    message = str(error.value)
    assert message.startswith("net: 3 nodes cannot run in integers")
    assert all(name in message for name in ("Einsum:a", "LSTM:b", "Conv:c", "onnxruntime"))
    assert "Relu:after" not in message


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        ([node("Tanh", "x", "y")], {}, "not quantized"),
        ([*quantized("x"), node("Add", "x:r x", "y")], {}, "neither quantized"),
        ([*quantized("x", "many")], {"many": np.ones(3, np.float32)}, "more than one scale"),
        ([*quantized("x", "none")], {"none": np.float32(0)}, "0.0 is not a valid scale"),
        ([*CONV[:2], node("Conv", "x:r bias", "y")], CONV_WEIGHTS, "weights are not quantized"),
        ([*CONV[:3], node("Conv", "x:r w:r", "y", group=3)], CONV_WEIGHTS, "do not fit input"),
        ([*CONV[:3], node("Conv", "x:r w:r", "y", dilations=[4, 4])], CONV_WEIGHTS, "does not fit an image"),
        (
            [*CONV[:3], node("Conv", "x:r w:r", "y", strides=[0, 0])],
            CONV_WEIGHTS,
            r"\[0, 0\] is not a valid strides of Conv; use 1 or more",
        ),
        ([*quantized("x"), node("MaxPool", "x:r", "y", kernel_shape=[2, 2], pads=[2, 0, 0, 0])], {}, "as large as"),
        ([*quantized("x"), node("AveragePool", "x:r", "y", kernel_shape=[2, 2], pads=[0, 0, 0, 2])], {}, "as large as"),
        ([*quantized("x"), node("Reshape", "x:r to", "y")], {"to": np.array([7, 7])}, "cannot become"),
    ],
)
def test_refusals_say_why(nodes, constants, reason):
    with pytest.raises(UnsupportedError, match=reason):
        compile_graph(graph(nodes, [nodes[-1].outputs[0]], constants), {"x": (1, 3, 4, 4)})


def test_a_product_may_follow_on_a_float_operator():
    nodes = [*quantized("x"), node("LogSoftmax", "x:r", "p"), *quantized("p"), CONV[2], node("Conv", "p:r w:r", "y")]
    program = compile_graph(graph(nodes, ["y"], CONV_WEIGHTS), {"x": (1, 3, 4, 4)})
    assert kinds(program) == ["Quantize", "Lookup", "SoftmaxFloats", "Quantize", "Conv"]


@pytest.mark.parametrize("shapes", [{}, {"x": (1, 3, 4)}, {"x": (1, 2, 4, 4)}, {"x": (0, 3, 4, 4)}])
def test_input_shapes_have_to_fit(shapes):
    with pytest.raises(InvalidInputError, match="x"):
        compile_graph(graph(quantized("x"), ["x:r"]), shapes)


@pytest.mark.parametrize(("stated", "dtype"), [(0, "uint8"), (2, "uint8"), (3, "int8")])
def test_without_a_zero_point_the_node_or_its_input_says_the_type(stated, dtype):
    nodes = [node("QuantizeLinear", "x s", "q", output_dtype=stated), node("DequantizeLinear", "q s", "y")]
    program = compile_graph(graph(nodes, ["y"]), {"x": (1, 3, 4, 4)})
    assert program.values["q"].dtype == dtype
    x = np.linspace(-20, 20, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    limits = np.iinfo(dtype)
    expected = np.clip(np.rint(x / np.float32(0.1)), limits.min, limits.max) * np.float32(0.1)
    np.testing.assert_array_equal(reference.run(program, {"x": x})["y"], expected.astype(np.float32))


def test_other_code_types_are_refused():
    with pytest.raises(UnsupportedError, match="only int8 and uint8"):
        compile_graph(graph([node("QuantizeLinear", "x s", "q", output_dtype=4)], ["q"]), {"x": (1, 3, 4, 4)})


def test_refusals_are_data_before_anything_runs():
    nodes = [*quantized("x"), node("LSTM", "x:r", "b"), node("MaxPool", "x:r", "y", kernel_shape=[9, 9])]
    assert refusals(graph(nodes, ["y"])) == (
        Refusal("LSTM:b", "LSTM", "LSTM has 1 input; give it 3 to 8"),
        Refusal("MaxPool:y", "MaxPool", "a window of (9, 9) does not fit an image of (4, 4)"),
    )
    assert refusals(graph([*CONV, *quantized("c", "t")], ["c:r"], CONV_WEIGHTS)) == ()


def test_a_node_that_does_not_fit_its_shapes_is_named_with_them():
    constants = {"to": np.array([7, 1, 4, 5])}
    (refusal,) = refusals(graph([*quantized("x"), node("Expand", "x:r to", "y")], ["y"], constants))
    assert refusal.reason.startswith("the operator cannot run on shapes [1, 3, 4, 4], [4]")
