"""Single operators between codes, written by us and run by LiteRT: within one code of the reference engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground import run
from playground.host.sources import BytesSource
from playground.model.graph import Graph, Node, Tensor
from playground.model.readers._tflite_file import read_file
from tests.model.writers.qdq import Case, drawn, model_of, written

litert = pytest.importorskip("ai_edge_litert.interpreter")

KERNELS = {"reference": litert.OpResolverType.BUILTIN_REF, "xnnpack": litert.OpResolverType.AUTO}


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def number(value: float) -> Any:
    return np.array(value, np.float32)


def codes(*shape: int, seed: int = 3) -> Any:
    return np.random.default_rng(seed).integers(-127, 128, shape).astype(np.int8)


def weights(shape: tuple[int, ...], axis: int = 0, per_channel: bool = True) -> Any:
    """Codes with scales, so large that sums of products stay in the range of results."""
    scale = 1.5 / 127 / np.sqrt(np.prod(shape) / shape[axis])
    scales = scale * np.linspace(0.5, 1.5, shape[axis]) if per_channel else np.float64(scale)
    return (codes(*shape), scales.astype(np.float32), axis)


def narrow(shape: tuple[int, ...], axis: int = 0) -> Any:
    """The same in 4 bits."""
    held, scales, _ = weights(shape, axis)
    return held // 18, scales * 18, axis


def bias(size: int) -> Any:
    return drawn(size, seed=9)


IMAGE = ((2, 4, 6, 8),)
SIGNAL = ((2, 4, 12),)
ROWS = ((3, 10),)
SHARED = (3 / 128, -5)
HALF, UNIT, SIGNED = (1 / 256, -128), (1 / 255, -128), (1 / 128, 0)


def conv(*shape: int, group: int = 1, per_channel: bool = True, with_bias: bool = True, **attributes: Any) -> Case:
    held = [weights(shape, per_channel=per_channel), *([bias(shape[0])] if with_bias else [])]
    given = {"kernel_shape": list(shape[2:]), "group": group, **attributes}
    return Case("Conv", IMAGE, held, given)


def signal_conv(*shape: int, group: int = 1, **attributes: Any) -> Case:
    held = [weights(shape), bias(shape[0])]
    return Case("Conv", SIGNAL, held, {"kernel_shape": list(shape[2:]), "group": group, **attributes})


def signal_spread(*shape: int, **attributes: Any) -> Case:
    held = [weights(shape, axis=1), bias(shape[1])]
    return Case("ConvTranspose", ((1, *SIGNAL[0][1:]),), held, {"kernel_shape": list(shape[2:]), **attributes})


def of_signal(op: str, *constants: Any, result: tuple[float, int] = SHARED, **attributes: Any) -> Case:
    return Case(op, SIGNAL, constants, attributes, result=result)


def spread(*shape: int, **attributes: Any) -> Case:
    held = [weights(shape, axis=1), bias(shape[1])]
    return Case("ConvTranspose", ((1, *IMAGE[0][1:]),), held, {"kernel_shape": list(shape[2:]), **attributes})


def pool(op: str, **attributes: Any) -> Case:
    return Case(op, IMAGE, (), attributes, result=SHARED)


def resize(mode: str, where: str, size: tuple[int, int], nearest: str = "floor") -> Case:
    attributes = {"mode": mode, "coordinate_transformation_mode": where, "nearest_mode": nearest}
    return Case("Resize", IMAGE, (None, None, ints(*IMAGE[0][:2], *size)), attributes, result=SHARED)


def move(op: str, *constants: Any, **attributes: Any) -> Case:
    return Case(op, IMAGE, constants, attributes, result=SHARED)


CASES = {
    "conv": conv(5, 4, 3, 3, pads=[1, 1, 1, 1]),
    "conv, valid, without a bias": conv(5, 4, 3, 3, with_bias=False),
    "conv, one scale": conv(5, 4, 3, 3, per_channel=False),
    "conv, steps and other padding": conv(5, 4, 3, 3, pads=[1, 1, 1, 1], strides=[2, 2]),
    "conv, SAME_UPPER": conv(5, 4, 3, 3, auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv, SAME_LOWER": conv(5, 4, 2, 2, auto_pad="SAME_LOWER"),
    "conv, dilations": conv(5, 4, 3, 3, dilations=[2, 2], pads=[2, 2, 2, 2]),
    "conv, groups": conv(6, 2, 3, 3, group=2, pads=[1, 1, 1, 1]),
    "conv, depthwise": conv(4, 1, 3, 3, group=4, pads=[1, 1, 1, 1]),
    "conv, depthwise, several a channel": conv(8, 1, 3, 3, group=4, strides=[2, 2]),
    "transposed, whole": spread(4, 5, 3, 3, strides=[2, 2]),
    "transposed, SAME": spread(4, 5, 3, 3, strides=[2, 2], pads=[0, 0, 1, 1]),
    "transposed, cut evenly": spread(4, 5, 4, 4, strides=[2, 2], pads=[1, 1, 1, 1]),
    "transposed, cut in front": spread(4, 5, 3, 3, strides=[2, 2], pads=[1, 1, 1, 1]),
    "transposed, output_padding": spread(4, 5, 3, 3, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    "conv, int4": Case("Conv", IMAGE, [narrow((5, 4, 3, 3)), bias(5)], {"kernel_shape": [3, 3]}, weights="int4"),
    "conv, depthwise, int4": Case(
        "Conv", IMAGE, [narrow((4, 1, 3, 3)), bias(4)], {"kernel_shape": [3, 3], "group": 4}, weights="int4"
    ),
    "signal, conv": signal_conv(5, 4, 3, pads=[1, 1]),
    "signal, conv, valid, steps": signal_conv(5, 4, 4, strides=[2]),
    "signal, conv, other padding": signal_conv(5, 4, 3, pads=[2, 0]),
    "signal, conv, SAME_UPPER": signal_conv(5, 4, 3, auto_pad="SAME_UPPER", strides=[2]),
    "signal, conv, dilations": signal_conv(5, 4, 3, dilations=[2], pads=[2, 2]),
    "signal, conv, groups": signal_conv(6, 2, 3, group=2, pads=[1, 1]),
    "signal, conv, depthwise": signal_conv(4, 1, 3, group=4, pads=[1, 1]),
    "signal, conv, depthwise, several a channel": signal_conv(8, 1, 3, group=4, strides=[2]),
    "signal, conv, int4": Case("Conv", SIGNAL, [narrow((5, 4, 3)), bias(5)], {"kernel_shape": [3]}, weights="int4"),
    "signal, transposed": signal_spread(4, 5, 3, strides=[2]),
    "signal, transposed, SAME": signal_spread(4, 5, 3, strides=[2], pads=[0, 1]),
    "signal, transposed, cut in front": signal_spread(4, 5, 3, strides=[2], pads=[1, 1]),
    "signal, MaxPool": of_signal("MaxPool", kernel_shape=[2], strides=[2]),
    "signal, MaxPool, other padding": of_signal("MaxPool", kernel_shape=[3], strides=[2], pads=[1, 1]),
    "signal, MaxPool, over the end": of_signal("MaxPool", kernel_shape=[5], strides=[4], ceil_mode=1),
    "signal, MaxPool, other codes": of_signal("MaxPool", kernel_shape=[2], result=(4 / 128, 3)),
    "signal, AveragePool": of_signal("AveragePool", kernel_shape=[3], strides=[3]),
    "signal, AveragePool, SAME": of_signal("AveragePool", kernel_shape=[3], pads=[1, 1]),
    "signal, AveragePool, padding counts": of_signal("AveragePool", kernel_shape=[3], pads=[1, 1], count_include_pad=1),
    "signal, GlobalAveragePool": of_signal("GlobalAveragePool", result=(1 / 128, 0)),
    "signal, ReduceMean, channels": of_signal("ReduceMean", ints(1), result=(2 / 128, 0), keepdims=1),
    "signal, ReduceMax": of_signal("ReduceMax", ints(2), keepdims=0),
    "signal, Add": Case("Add", (*SIGNAL, *SIGNAL), result=(5 / 128, 2)),
    "signal, Add, a channel": Case("Add", SIGNAL, [(codes(4, 1), 2 / 127)], result=(5 / 128, 2)),
    "signal, Concat": Case("Concat", (*SIGNAL, (2, 3, 12)), (), {"axis": 1}),
    "signal, Pad": of_signal("Pad", ints(0, 1, 2, 0, 0, 3)),
    "signal, Slice": of_signal("Slice", ints(1, -5), ints(4, 12), ints(1, 2), ints(1, 2)),
    "signal, Split": Case("Split", SIGNAL, [ints(1, 3)], {"axis": 1}, result=SHARED, outputs=2),
    "signal, Transpose": of_signal("Transpose", perm=[0, 2, 1]),
    "signal, Transpose, other": of_signal("Transpose", perm=[2, 0, 1]),
    "signal, Reshape, a row": of_signal("Reshape", ints(2, 48)),
    "signal, Softmax, channels": of_signal("Softmax", axis=1, result=HALF),
    "signal, PRelu, a channel, in floats": Case("PRelu", SIGNAL, [drawn(4, 1)]),
    "signal, BatchNormalization, in floats": Case(
        "BatchNormalization", SIGNAL, [drawn(4), drawn(4), drawn(4), np.abs(drawn(4))]
    ),
    "Gemm, int4": Case("Gemm", ROWS, [narrow((6, 10)), bias(6)], {"transB": 1}, weights="int4"),
    "MatMul, int4": Case("MatMul", ((2, 3, 10),), [narrow((10, 6), axis=1)], weights="int4"),
    "Gemm": Case("Gemm", ROWS, [weights((6, 10)), bias(6)], {"transB": 1}),
    "Gemm, not turned": Case("Gemm", ROWS, [weights((10, 6), axis=1), bias(6)]),
    "MatMul, constant": Case("MatMul", ((2, 3, 10),), [weights((10, 6), axis=1)]),
    "MatMul": Case("MatMul", ((2, 3, 4), (2, 4, 5)), result=(10 / 128, 1)),
    "Add": Case("Add", (*IMAGE, *IMAGE), result=(5 / 128, 2)),
    "Add, a channel": Case("Add", IMAGE, [(codes(4, 1, 1), 2 / 127)], result=(5 / 128, 2)),
    "Add, a number": Case("Add", IMAGE, [number(1.25)], result=(5 / 128, 2)),
    "Sub": Case("Sub", (*IMAGE, *IMAGE), result=(5 / 128, 2)),
    "Mul": Case("Mul", (*IMAGE, *IMAGE), result=(6 / 128, 2)),
    "Mul, a number": Case("Mul", IMAGE, [number(-0.5)], result=(2 / 128, 2)),
    "Div, a number": Case("Div", IMAGE, [number(3)], result=(1 / 128, 2)),
    "Max": Case("Max", (*IMAGE, *IMAGE)),
    "Min": Case("Min", (*IMAGE, *IMAGE)),
    "Relu": Case("Relu", IMAGE, result=(3 / 255, -128)),
    "Relu, other codes": Case("Relu", IMAGE),
    "Clip to 6": Case("Clip", IMAGE, [number(0), number(6)], result=(2 / 128, 0)),
    "Clip": Case("Clip", IMAGE, [number(-0.5), number(0.7)], result=(1 / 128, 3)),
    "LeakyRelu": Case("LeakyRelu", IMAGE, (), {"alpha": 0.1}),
    "Elu": Case("Elu", IMAGE),
    "Gelu": Case("Gelu", IMAGE),
    "Gelu by tanh": Case("Gelu", IMAGE, (), {"approximate": "tanh"}),
    "HardSwish": Case("HardSwish", IMAGE),
    "Abs": Case("Abs", IMAGE),
    "Exp": Case("Exp", IMAGE, result=(21 / 255, -128)),
    "Sigmoid": Case("Sigmoid", IMAGE, result=HALF),
    "Tanh": Case("Tanh", IMAGE, result=SIGNED),
    "Softmax": Case("Softmax", ROWS, result=HALF),
    "Softmax, channels": Case("Softmax", IMAGE, (), {"axis": 1}, result=HALF),
    "Softmax, heights": Case("Softmax", IMAGE, (), {"axis": 2}, result=HALF),
    "LogSoftmax": Case("LogSoftmax", ROWS, result=(16 / 256, 127)),
    "ReduceMean": Case("ReduceMean", IMAGE, [ints(2, 3)], {"keepdims": 0}, result=(1 / 128, 0)),
    "ReduceMean, channels": Case("ReduceMean", IMAGE, [ints(1)], {"keepdims": 1}, result=(2 / 128, 0)),
    "ReduceMean, heights": Case("ReduceMean", IMAGE, [ints(2)], {"keepdims": 0}, result=(2 / 128, 0)),
    "ReduceSum, in floats": Case("ReduceSum", IMAGE, [ints(3)], {"keepdims": 1}, result=(10 / 128, 0)),
    "ReduceMax": Case("ReduceMax", IMAGE, [ints(2, 3)], {"keepdims": 0}, result=SHARED),
    "GlobalAveragePool": Case("GlobalAveragePool", IMAGE, result=(1 / 128, 0)),
    "GlobalMaxPool": Case("GlobalMaxPool", IMAGE, result=SHARED),
    "AveragePool": pool("AveragePool", kernel_shape=[3, 3], strides=[3, 3]),
    "AveragePool, SAME": pool("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "AveragePool, padding counts": pool("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "MaxPool": pool("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
    "MaxPool, other padding": pool("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool, over the end": pool("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "MaxPool, other codes": Case("MaxPool", IMAGE, (), {"kernel_shape": [2, 2]}),
    "Resize, bilinear": resize("linear", "half_pixel", (12, 16)),
    "Resize, corners": resize("linear", "align_corners", (11, 15)),
    "Resize, asymmetric": resize("linear", "asymmetric", (12, 16)),
    "Resize, nearest": resize("nearest", "asymmetric", (12, 16)),
    "Resize, ONNX's nearest": resize("nearest", "half_pixel", (18, 24), "round_prefer_floor"),
    "Resize, nearest of corners": resize("nearest", "align_corners", (11, 15), "round_prefer_ceil"),
    "Pad": move("Pad", ints(0, 0, 1, 2, 0, 1, 0, 3)),
    "Pad, a number": move("Pad", ints(0, 0, 1, 2, 0, 1, 0, 3), number(0.5)),
    "Pad, mirrored": move("Pad", ints(0, 0, 1, 2, 0, 0, 2, 3), mode="reflect"),
    "Transpose": move("Transpose", perm=[0, 2, 3, 1]),
    "Transpose, other": move("Transpose", perm=[3, 1, 0, 2]),
    "Reshape": move("Reshape", ints(2, 2, 96)),
    "Reshape, a row": move("Reshape", ints(2, 192)),
    "Flatten": move("Flatten"),
    "Unsqueeze": move("Unsqueeze", ints(1)),
    "Slice": move("Slice", ints(1, -5), ints(4, 8), ints(1, 3), ints(1, 2)),
    "Slice, backward": move("Slice", ints(-1, 4), ints(-100, 0), ints(2, 3), ints(-1, -2)),
    "Split": Case("Split", IMAGE, [ints(1, 3)], {"axis": 1}, result=SHARED, outputs=2),
    "Split, widths": Case("Split", IMAGE, [ints(4, 4)], {"axis": 3}, outputs=2),
    "Concat": Case("Concat", (*IMAGE, (2, 3, 6, 8)), (), {"axis": 1}),
    "Gather": move("Gather", ints(2, -1, 0), axis=1),
    "Tile": move("Tile", ints(1, 2, 1, 3)),
    "Expand": Case("Expand", ((2, 1, 6, 1),), [ints(2, 3, 6, 4)], result=SHARED),
    "DepthToSpace": move("DepthToSpace", blocksize=2),
    "SpaceToDepth": move("SpaceToDepth", blocksize=2),
    "Identity": move("Identity"),
    "PRelu": Case("PRelu", IMAGE, [number(0.25)]),
    "PRelu, a channel, in floats": Case("PRelu", IMAGE, [drawn(4, 1, 1)]),
    "Reciprocal, in floats": Case("Reciprocal", ROWS, result=(2 / 255, -128), codes=((0.02, -178 + 128),)),
    "HardSigmoid, in floats": Case("HardSigmoid", IMAGE, (), {"alpha": 0.3}, result=UNIT),
    "Swish, in floats": Case("Swish", IMAGE, (), {"alpha": 1.5}),
    "Where": Case("Where", (*IMAGE, *IMAGE), first=[drawn(6, 8) > 0]),
    "Where, a mask": Case("Where", ROWS, [number(-100)], first=[drawn(3, 10) > 0]),
    "Sqrt, in floats": Case("Sqrt", ((3, 5),), result=(2 / 255, -128), codes=((3 / 255, -128),)),
    "Neg, in floats": Case("Neg", IMAGE),
    "LayerNormalization, in floats": Case("LayerNormalization", ROWS, [drawn(10), drawn(10)]),
    "BatchNormalization, in floats": Case(
        "BatchNormalization", IMAGE, [drawn(4), drawn(4), drawn(4), np.abs(drawn(4))]
    ),
}
WITH_ORDERS = [name for name, case in CASES.items() if len(case.shapes[0]) == 4 or case.shapes[0][1:] == SIGNAL[0][1:]]


def _answers(case: Case, kernels: str, channels_last: bool) -> tuple[Any, Any, Any, Any]:
    case = Case(**{**case.__dict__, "channels_last": channels_last})
    graph = case.graph()
    file = written(graph)
    model = litert.Interpreter(model_content=file, num_threads=1, experimental_op_resolver_type=KERNELS[kernels])
    model.allocate_tensors()
    feeds = case.feeds()
    for detail in model.get_input_details():
        model.set_tensor(detail["index"], feeds[detail["name"]])
    model.invoke()
    theirs = {detail["name"]: model.get_tensor(detail["index"]) for detail in model.get_output_details()}
    return run(model_of(graph), feeds, engine="reference"), theirs, file, feeds


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("name", "channels_last"), [(name, False) for name in CASES] + [(name, True) for name in WITH_ORDERS]
)
def test_answers(name: str, channels_last: bool, kernels: str) -> None:
    if name == "Elu" and kernels == "reference":
        pytest.skip("LiteRT has no reference kernel for it")
    case = CASES[name]
    ours, theirs, file, _ = _answers(case, kernels, channels_last)
    assert set(theirs) == set(ours)
    for key, values in ours.items():
        assert theirs[key].shape == values.shape
        assert np.abs(theirs[key] - values).max() <= 1.01 * case.result[0]
        # the case says something: not all the same, and most not at the ends
        assert values.std() > 0
    floats = name.endswith("in floats")
    (graph,) = read_file(BytesSource(file)).subgraphs
    computed = [op for op in graph.operations if op.op not in ("QUANTIZE", "DEQUANTIZE")]
    assert any(graph.tensors[op.outputs[0]].codes is None for op in computed) == floats


def _in_place(op: str, steps: list[tuple[str, ...]], numbers: dict[str, Any]) -> Graph:
    """A function that is written out, in the place of the operator that it is."""
    graph = Case(op, IMAGE).graph()
    at = [node.name for node in graph.nodes].index("operator")
    ((x,), (y,)), nodes = (graph.nodes[at].inputs, graph.nodes[at].outputs), list(graph.nodes)
    named = {"x": x, "y": y}
    nodes[at : at + 1] = [
        Node(kind, f"step{index}", tuple(named.get(name, name) for name in given), (named.get(made, made),))
        for index, (kind, made, *given) in enumerate(steps)
    ]
    held = {name: Tensor.of(name, number(value)) for name, value in numbers.items()}
    return graph.with_(nodes=tuple(nodes), initializers={**graph.initializers, **held})


_ERF = [("Div", "a", "x", "root"), ("Erf", "b", "a"), ("Add", "plus", "b", "one")]
_CLIP = [("Add", "a", "x", "three"), ("Clip", "b", "a", "zero", "six")]
_NUMBERS = {"root": np.sqrt(2), "one": 1, "half": 0.5, "zero": 0, "three": 3, "six": 6}
WRITTEN_OUT = {
    "Gelu": ("Gelu", "GELU", [*_ERF, ("Mul", "z", "x", "plus"), ("Mul", "y", "z", "half")]),
    "Gelu, half first": ("Gelu", "GELU", [*_ERF, ("Mul", "z", "x", "half"), ("Mul", "y", "z", "plus")]),
    "HardSwish": ("HardSwish", "HARD_SWISH", [*_CLIP, ("Mul", "z", "b", "x"), ("Div", "y", "z", "six")]),
    "HardSwish, sixth first": ("HardSwish", "HARD_SWISH", [*_CLIP, ("Div", "z", "b", "six"), ("Mul", "y", "x", "z")]),
}


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_functions_that_are_written_out_are_one_operator(name: str) -> None:
    op, wanted, steps = WRITTEN_OUT[name]
    graph, feeds = _in_place(op, steps, _NUMBERS), Case(op, IMAGE).feeds()
    file = written(graph)
    assert [op.op for op in read_file(BytesSource(file)).subgraphs[0].operations] == ["QUANTIZE", wanted, "DEQUANTIZE"]
    model = litert.Interpreter(model_content=file)
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], feeds["x0"])
    model.invoke()
    ours = run(model_of(graph), feeds, engine="reference")["y0"]
    assert np.abs(model.get_tensor(model.get_output_details()[0]["index"]) - ours).max() <= 1.01 * 4 / 128


@pytest.mark.parametrize("change", [{"six": 5}, {"three": 2.9}])
def test_functions_that_are_others_stay_as_they_are(change: dict[str, float]) -> None:
    _, _, steps = WRITTEN_OUT["HardSwish"]
    file = written(_in_place("HardSwish", steps, {**_NUMBERS, **change}))
    assert "HARD_SWISH" not in [op.op for op in read_file(BytesSource(file)).subgraphs[0].operations]


@pytest.mark.parametrize("name", ["conv", "Add", "Softmax", "Concat", "MaxPool, other padding", "Gemm"])
def test_uint8_codes_become_int8(name: str) -> None:
    case = Case(**{**CASES[name].__dict__, "dtype": "uint8"})
    ours, theirs, file, _ = _answers(case, "reference", False)
    assert np.abs(theirs["y0"] - ours["y0"]).max() <= 1.01 * case.result[0]
    (graph,) = read_file(BytesSource(file)).subgraphs
    assert {tensor.element for tensor in graph.tensors if tensor.codes} <= {"int8", "int32"}
