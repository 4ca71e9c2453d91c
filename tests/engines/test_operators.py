"""Every operator that is planned, in a QDQ graph of its own: against ONNX Runtime, and kernels against the reference.

ONNX Runtime runs the graph as it is written (no optimization), so the only difference is how its float operators round
before the last QuantizeLinear: at most one code, and that rarely.
"""

import numpy as np
import onnxruntime
import pytest

from playground.engines import program as p
from playground.engines import reference, wasm
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx

RANDOM = np.random.default_rng(11)


def floats(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


class Net:
    """A QDQ graph that grows: every float tensor ``x`` is quantized to ``x:q`` and read as ``x:r``."""

    def __init__(self, dtype, **inputs):
        self.dtype, self.inputs, self.nodes, self.constants = dtype, inputs, [], {}
        self.span = 255

    def fixed(self, name, values):
        self.constants[name] = np.asarray(values)
        return name

    def op(self, op, names, outputs="y", domain="", **attributes):
        made = tuple(outputs.split())
        self.nodes.append(Node(op, f"{op}:{made[0]}", tuple(names.split(" ")), made, attributes, domain))
        return self

    def pair(self, name, lo=-3.0, hi=3.0, like=None):
        """QuantizeLinear and DequantizeLinear of a tensor, with the scale of another one if that is named."""
        if like is None:
            scale = np.float32((hi - lo) / self.span)
            least = np.iinfo(self.dtype).min
            self.fixed(f"{name}:s", scale)
            self.fixed(f"{name}:z", np.array(np.clip(np.rint(least - lo / scale), least, least + 255), self.dtype))
        source = like or name
        self.op("QuantizeLinear", f"{name} {source}:s {source}:z", f"{name}:q")
        return self.op("DequantizeLinear", f"{name}:q {source}:s {source}:z", f"{name}:r")

    def codes(self, name, values, axis=None):
        """Constant int8 codes behind a DequantizeLinear: ``name:r``."""
        peak = (
            np.abs(values).max()
            if axis is None
            else np.abs(values).max(tuple(i for i in range(values.ndim) if i != axis))
        )
        scale = np.asarray(peak / 127, np.float32)
        shape = [-1 if i == axis else 1 for i in range(values.ndim)] if axis is not None else ()
        self.fixed(f"{name}:c", np.rint(values / scale.reshape(shape)).astype(np.int8))
        self.fixed(f"{name}:s", scale)
        self.fixed(f"{name}:z", np.zeros(scale.shape, np.int8))
        return self.op(
            "DequantizeLinear", f"{name}:c {name}:s {name}:z", f"{name}:r", **({} if axis is None else {"axis": axis})
        )

    def graph(self, *outputs, opset=17):
        kinds = {np.dtype(np.float32): "float32", np.dtype(np.int64): "int64"}
        fed = tuple(
            ValueInfo(n, kinds[x.dtype], (f"n{i}", *x.shape[1:])) for i, (n, x) in enumerate(self.inputs.items())
        )
        ends = tuple(ValueInfo(name, "float32", None) for name in outputs)
        held = {name: Tensor.of(name, values) for name, values in self.constants.items()}
        domains = {node.domain: 1 for node in self.nodes if node.domain}
        return Graph("net", fed, ends, tuple(self.nodes), held, opset, domains)


def compared(net, *outputs, opset=17, steps=None, most=1, share=0.02):
    """Plan, check the kinds of steps, compare kernels with the reference exactly and with ONNX Runtime within codes."""
    outputs = outputs or ("y:r",)
    graph = net.graph(*outputs, opset=opset)
    compiled = wasm.plan(graph, {name: x.shape for name, x in net.inputs.items()})
    made = [type(step).__name__ for step in compiled.program.steps]
    if steps is not None:
        assert made == ["Quantize"] * made.count("Quantize") + steps.split() or sorted(made) == sorted(
            ["Quantize"] * made.count("Quantize") + steps.split()
        )
    assert compiled.program.tail == ()
    found, meant = compiled.run(net.inputs), reference.run(compiled.program, net.inputs)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    expected = onnxruntime.InferenceSession(to_onnx(graph), options).run(list(outputs), net.inputs)
    for name, theirs in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(found[name], meant[name], err_msg=name)
        assert found[name].shape == theirs.shape
        step = net.constants.get(f"{name.removesuffix(':r')}:s", np.float32(1e-5))
        away = np.abs(found[name] - theirs) / step
        assert away.max() <= most + 1e-3, name
        assert (away > 0.5).mean() <= share, name
    return compiled


@pytest.fixture(params=["uint8", "int8"])
def dtype(request):
    return request.param


PAIRS = [
    ((2, 5, 7), (2, 7, 4)),
    ((3, 2, 4, 9), (3, 2, 9, 5)),
    ((1, 2, 16, 32), (1, 2, 32, 16)),
    ((4, 3, 6), (1, 6, 8)),
    ((2, 3, 5, 6), (3, 6, 2)),
    ((1, 1, 1, 1), (1, 1, 1, 3)),
]


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=str)
def test_product_of_two_activations(dtype, left, right):
    net = Net(dtype, a=floats(*left), b=floats(*right)).pair("a").pair("b", -4, 2).op("MatMul", "a:r b:r")
    compared(net.pair("y", -9, 9), steps="PairProduct Lookup")


def test_a_constant_scales_a_product_and_needs_no_step(dtype):
    net = Net(dtype, a=floats(2, 5, 8), b=floats(2, 8, 5)).pair("a").pair("b")
    net.fixed("root", np.float32(np.sqrt(8)))
    net.op("MatMul", "a:r b:r", "p").op("Div", "p root", "d").pair("d").op("Softmax", "d:r", axis=-1)
    compared(net.pair("y", 0, 1), steps="PairProduct Softmax Lookup")


def test_a_constant_added_to_a_product_is_its_bias(dtype):
    net = Net(dtype, x=floats(3, 4, 6)).pair("x").codes("w", floats(6, 9), axis=1)
    net.fixed("b", floats(9))
    net.op("MatMul", "x:r w:r", "p").op("Add", "b p", "s").op("Relu", "s")
    compared(net.pair("y", 0, 6), steps="Product Lookup")


FUNCTIONS = {
    "erf-gelu": "Div x:r root2 d; Erf d e; Add e one p; Mul x:r p m; Mul m half y",
    "tanh-gelu": "Pow x:r three c; Mul c k d; Add x:r d e; Mul e r s; Tanh s t; Add t one p; Mul x:r p m; Mul half m y",
    "silu": "Sigmoid x:r s; Mul x:r s y",
    "hard-swish": "Add x:r three a; Clip a zero six c; Mul x:r c m; Div m six y",
    "mish": "Softplus x:r s; Tanh s t; Mul x:r t y",
    "reflected": "Sub one x:r m; Abs m a; Neg a y",
}
NUMBERS = {"root2": 2**0.5, "one": 1, "half": 0.5, "three": 3, "zero": 0, "six": 6, "k": 0.044715, "r": 0.7978846}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_one_tensor_are_one_table(dtype, name):
    net = Net(dtype, x=floats(3, 50)).pair("x")
    for constant, value in NUMBERS.items():
        net.fixed(constant, np.float32(value))
    for operator in FUNCTIONS[name].split("; "):
        op, *inputs, output = operator.split(" ")
        net.op(op, " ".join(inputs), output)
    compared(net.pair("y", -4, 4), steps="Lookup Lookup", share=0.03)


@pytest.mark.parametrize(
    "op", ["Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Elu", "LeakyRelu", "Erf", "Exp", "Softplus", "Sqrt"]
)
def test_unary(dtype, op):
    net = Net(dtype, x=floats(2, 77)).pair("x", 0 if op == "Sqrt" else -3, 3).op(op, "x:r")
    compared(net.pair("y", -3, 5), steps="Lookup Lookup", share=0.04)


SHAPES = [
    ((2, 3, 4, 5), (2, 3, 4, 5)),
    ((2, 6, 9), (9,)),
    ((2, 8, 3, 3), (1, 8, 1, 1)),
    ((2, 4, 8), (2, 4, 1)),
    ((3, 1, 7), (1, 5, 1)),
]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
def test_two_values_that_broadcast(dtype, op, left, right):
    net = Net(dtype, a=floats(*left), b=floats(*right)).pair("a").pair("b", -2, 4).op(op, "a:r b:r")
    compared(net.pair("y", -7, 7), steps=f"{'Mul' if op == 'Mul' else 'Add'} Lookup")


@pytest.mark.parametrize("op", ["Add", "Mul"])
@pytest.mark.parametrize("constant", [(8,), (1, 5, 8), (5, 1)], ids=str)
def test_a_value_and_constant_codes(dtype, op, constant):
    net = Net(dtype, a=floats(2, 5, 8)).pair("a").codes("c", floats(*constant)).op(op, "a:r c:r")
    compared(net.pair("y", -6, 6), steps=f"{op} Lookup")


def test_a_channel_gate_on_images(dtype):
    """Squeeze and excite: a convolution's result times a number for each channel, both kept as NHWC."""
    net = Net(dtype, x=floats(2, 8, 6, 5)).pair("x").codes("w", floats(12, 8, 1, 1), axis=0)
    net.op("Conv", "x:r w:r", "c").pair("c", -8, 8).op("GlobalAveragePool", "c:r", "g").pair("g", -1, 1)
    net.op("Sigmoid", "g:r", "s").pair("s", 0, 1).op("Mul", "c:r s:r")
    compared(net.pair("y", -5, 5), steps="Conv AveragePool Lookup Mul Lookup")


@pytest.mark.parametrize("columns", [1, 3, 16, 17, 100])
def test_softmax(dtype, columns):
    net = Net(dtype, x=3 * floats(4, 3, columns)).pair("x", -8, 8).op("Softmax", "x:r", axis=-1)
    compared(net.pair("y", 0, 1), steps="Softmax Lookup")


def test_softmax_at_the_end_gives_floats(dtype):
    net = Net(dtype, x=3 * floats(4, 10)).pair("x", -8, 8).op("Softmax", "x:r", axis=1)
    compared(net, "y", steps="Softmax", share=0)


@pytest.mark.parametrize("columns", [2, 7, 64, 65])
def test_layer_normalization(dtype, columns):
    net = Net(dtype, x=floats(2, 5, columns)).pair("x")
    net.fixed("g", floats(columns))
    net.fixed("b", floats(columns))
    net.op("LayerNormalization", "x:r g b", axis=-1, epsilon=1e-3)
    compared(net.pair("y", -4, 4), steps="LayerNorm Lookup")


@pytest.mark.parametrize(
    ("shape", "axes", "keep"),
    [
        ((2, 7, 5), [1], 0),
        ((2, 3, 4, 6), [-1, -2], 1),
        ((2, 3, 4, 6), [1], 1),
        ((4, 9), [1], 0),
        ((2, 3, 4), [0, 2], 0),
    ],
)
def test_mean(dtype, shape, axes, keep):
    net = Net(dtype, x=floats(*shape)).pair("x").op("ReduceMean", "x:r", axes=axes, keepdims=keep)
    compared(net.pair("y", -1, 1))


def resized(net, names, **attributes):
    return net.op("Resize", names, mode="nearest", **attributes)


FLOOR = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
CONSTANTS = {
    "from": [1, -2],
    "to": [99, -9],
    "axes": [1, 3],
    "by": [2, -1],
    "one": [1],
    "wide": [2, 3, 1, 4, 1],
    "rows": [2, 0, -1, 2],
    "row": 1,
    "around": [0, 1, 2, 0, 0, 0, 1, 3],
    "fill": np.float32(0.5),
    "scales": np.array([1, 1, 2, 1.5], np.float32),
    "sizes": [3, 3, 9, 2],
}
MOVES = {
    "transpose": (lambda n: n.op("Transpose", "x:r", perm=[0, 3, 1, 2]), "View"),
    "transpose-heads": (lambda n: n.op("Transpose", "x:r", perm=[0, 2, 1, 3]), "View"),
    "reverse": (lambda n: n.op("Transpose", "x:r"), "View"),
    "squeeze": (lambda n: n.op("Unsqueeze", "x:r one", "u").op("Squeeze", "u one"), "Reshape Reshape"),
    "slice": (lambda n: n.op("Slice", "x:r from to axes by"), "View"),
    "expand": (lambda n: n.op("Expand", "x:r wide"), "View"),
    "gather": (lambda n: n.op("Gather", "x:r rows", axis=1), "Gather"),
    "gather-one": (lambda n: n.op("Gather", "x:r row", axis=2), "Gather"),
    "pad": (lambda n: n.op("Pad", "x:r around fill"), "Pad"),
    "resize": (lambda n: resized(n, "x:r  scales"), "Resize"),
    "resize-floor": (lambda n: resized(n, "x:r   sizes", **FLOOR), "Resize"),
    "flatten": (lambda n: n.op("Flatten", "x:r", axis=2), "Reshape"),
}


def moving(net):
    for name, value in CONSTANTS.items():
        net.fixed(name, value)
    return net


@pytest.mark.parametrize("name", MOVES)
def test_moves_keep_codes(dtype, name):
    change, steps = MOVES[name]
    net = change(moving(Net(dtype, x=floats(3, 3, 4, 5)).pair("x")))
    compared(net.pair("y", like="x"), steps=f"{steps} Lookup", share=0)


@pytest.mark.parametrize("name", ["slice", "pad", "gather", "transpose", "resize"])
def test_moves_after_a_convolution_work_on_its_layout(dtype, name):
    net = Net(dtype, a=floats(3, 2, 4, 5)).pair("a").codes("w", floats(3, 2, 1, 1), axis=0)
    net.op("Conv", "a:r w:r", "x").pair("x", -8, 8)
    compared(MOVES[name][0](moving(net)).pair("y", like="x"), share=0)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_concat_brings_every_part_to_its_scale(dtype, axis):
    net = Net(dtype, a=floats(2, 3, 4, 5), b=floats(2, 3, 4, 5)).pair("a").pair("b", -1, 2)
    net.op("Relu", "b:r", "r").op("Concat", "a:r r", axis=axis)
    compared(net.pair("y", like="a"), steps="Lookup Concat Lookup")


def test_concat_of_images_along_channels(dtype):
    net = Net(dtype, x=floats(2, 3, 6, 5)).pair("x")
    for name in "ab":
        net.codes(f"w{name}", floats(4, 3, 3, 3), axis=0).op("Conv", f"x:r w{name}:r", name).pair(name, -9, 9)
    net.op("Concat", "a:r b:r", axis=1)
    compared(net.pair("y", like="a"), steps="Conv Conv Concat Lookup")


@pytest.mark.parametrize("sizes", [None, [1, 4, 2]])
def test_split(dtype, sizes):
    net = Net(dtype, x=floats(2, 7, 3)).pair("x")
    inputs = "x:r" if sizes is None else f"x:r {net.fixed('sizes', sizes)}"
    net.op("Split", inputs, "y u v", axis=1, **({"num_outputs": 3} if sizes is None else {}))
    for name in "yuv":
        net.pair(name, like="x")
    compared(net, "y:r", "u:r", "v:r", opset=18, share=0)


def test_embedding(dtype):
    net = Net(dtype, x=RANDOM.integers(-20, 20, (2, 6))).codes("table", floats(20, 8)).op("Gather", "table:r x", axis=0)
    compared(net.pair("y"), steps="Gather Lookup Lookup")


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_onnxruntimes_own_binary_operators(dtype, op):
    net = Net(dtype, a=floats(3, 8), b=floats(3, 8)).pair("a").pair("b", -1, 4)
    net.pair("y", -7, 7)
    net.nodes = [node for node in net.nodes if not node.outputs[0].startswith("y")]
    net.op(op, "a:q a:s a:z b:q b:s b:z y:s y:z", "y:q", "com.microsoft").op("DequantizeLinear", "y:q y:s y:z", "y:r")
    compared(net, steps=f"{op.removeprefix('QLinear')} Lookup", share=0.05)


def test_quantized_operators_and_qdq_give_one_program(dtype):
    """QLinearConv and QLinearMatMul mean what the QDQ graph with the same scales means."""
    net = Net(dtype, x=floats(2, 3, 6, 6)).pair("x").codes("w", floats(5, 3, 3, 3), axis=0).codes("v", floats(16, 4))
    net.pair("c", -9, 9).pair("y", -9, 9)
    net.nodes = [node for node in net.nodes if node.outputs[0] == "x:q"]
    net.fixed("bias", RANDOM.integers(-500, 500, 5).astype(np.int32))
    net.op("QLinearConv", "x:q x:s x:z w:c w:s w:z c:s c:z bias", "c:q")
    net.op("Reshape", f"c:q {net.fixed('shape', [0, 5, -1])}", "f")
    net.op("QLinearMatMul", "f c:s c:z v:c v:s v:z y:s y:z", "y:q").op("DequantizeLinear", "y:q y:s y:z", "y:r")
    compared(net, steps="Conv Reshape Product Lookup", share=0.01)


def test_indices_out_of_range_are_refused_before_the_kernels_run():
    from playground.errors import InvalidInputError

    net = Net("uint8", x=np.array([[1, 20]])).codes("table", floats(20, 8)).op("Gather", "table:r x", axis=0).pair("y")
    compiled = wasm.plan(net.graph("y:r"), {"x": (1, 2)})
    with pytest.raises(InvalidInputError, match="not below 20"):
        compiled.run(net.inputs)


def test_weights_that_follow_no_channel_axis_are_refused():
    from playground.errors import UnsupportedError

    net = Net("uint8", x=floats(2, 6)).pair("x").codes("w", floats(6, 4), axis=0).op("MatMul", "x:r w:r").pair("y")
    with pytest.raises(UnsupportedError, match="another axis"):
        wasm.plan(net.graph("y:r"), {"x": (2, 6)})


def test_program_steps_are_plain_data():
    net = Net("uint8", x=floats(2, 6)).pair("x").op("Tanh", "x:r").pair("y")
    program = reference.plan(net.graph("y:r"), {"x": (2, 6)})
    assert all(isinstance(step, p.Step) for step in program.steps)


LOW = [-1e4, -np.inf, np.finfo(np.float32).min]


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("first", [True, False])
def test_a_mask_before_softmax(dtype, first, low):
    """Where(condition, scores, a low number) with a constant condition, in either order."""
    keep = np.tril(np.ones((7, 7), bool))
    net = Net(dtype, x=floats(2, 3, 7, 7)).pair("x", -3, 3)
    net.fixed("keep", keep if first else ~keep)
    net.fixed("never", np.float32(low))
    net.op("Where", "keep x:r never" if first else "keep never x:r", "m").pair("m", -15, 3).op(
        "Softmax", "m:r", axis=-1
    )
    compiled = compared(net.pair("y", 0, 1), steps="Add Softmax Lookup")
    assert compiled.run(net.inputs)["y:r"][..., ~keep].max() < 1 / 255


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("names", ["x:r mask", "mask x:r"])
def test_an_added_mask_before_softmax(dtype, names, low):
    """Scores + a constant of zeros and one low number, for every head."""
    keep = np.tril(np.ones((7, 7), bool))
    net = Net(dtype, x=floats(2, 3, 7, 7)).pair("x", -3, 3)
    net.fixed("mask", np.where(keep, np.float32(0), np.float32(low))[None, None])
    net.op("Add", names, "m").pair("m", -15, 3).op("Softmax", "m:r", axis=-1)
    compiled = compared(net.pair("y", 0, 1), steps="Add Softmax Lookup")
    assert compiled.run(net.inputs)["y:r"][..., ~keep].max() < 1 / 255


def test_a_choice_that_is_no_mask_is_refused():
    from playground.errors import UnsupportedError

    net = Net("uint8", x=floats(2, 7)).pair("x")
    net.fixed("keep", np.arange(7) > 2)
    net.fixed("half", np.float32(0.5))
    net.op("Where", "keep x:r half").pair("y")
    with pytest.raises(UnsupportedError, match="not below all"):
        wasm.plan(net.graph("y:r"), {"x": (2, 7)})
