"""Models of older operator sets: for every operator that had another form once, nodes in each of its forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import defs, helper, numpy_helper

RNG = np.random.default_rng(14)
_ELEMENTS = {
    "float": onnx.TensorProto.FLOAT,
    "double": onnx.TensorProto.DOUBLE,
    **{name: getattr(onnx.TensorProto, name.upper()) for name in ("int64", "int8", "uint8", "bool", "int32")},
}
"""ONNX Runtime's names of types -> ONNX's numbers."""


def normal(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@dataclass(frozen=True)
class Older:
    """One node of operator sets ``first`` to ``last``: arrays are fed, or constants where their places are listed."""

    op: str
    first: int
    last: int
    inputs: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    constants: tuple[int, ...] = ()
    outputs: int = 1
    ranks: bool = True
    """Whether the file says how many axes inputs and outputs have."""

    @property
    def id(self) -> str:
        told = ",".join(f"{name}={str(value)[:20]}" for name, value in self.attributes.items())
        return f"{self.op}-{self.first}-{self.last}-{self.inputs[0].dtype}{self.inputs[0].shape}-{told}"


def model(case: Older, opset: int) -> onnx.ModelProto:
    """The node as a model."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(case.inputs)]
    node = helper.make_node(case.op, names, [f"y{i}" for i in range(case.outputs)], "node", **case.attributes)
    fed = [
        helper.make_tensor_value_info(
            f"x{i}", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape if case.ranks else None
        )
        for i, x in enumerate(case.inputs)
        if x is not None and i not in case.constants
    ]
    held = [numpy_helper.from_array(case.inputs[i], f"x{i}") for i in case.constants]
    ends = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "older", fed, ends, held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    del made.graph.output[:]
    for end in session.get_outputs():
        element = _ELEMENTS[end.type.removeprefix("tensor(").removesuffix(")")]
        made.graph.output.append(helper.make_tensor_value_info(end.name, element, end.shape if case.ranks else None))
    return made


def feeds(case: Older) -> dict[str, NDArray[Any]]:
    return {f"x{i}": x for i, x in enumerate(case.inputs) if x is not None and i not in case.constants}


def by_onnxruntime(content: bytes, fed: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """What ONNX Runtime makes of a file, as it is written."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, fed))


def versions(op: str) -> list[int]:
    """The operator sets, from 7 on, in which an operator was written anew; 7 is the form that it has there."""
    found = sorted(s.since_version for s in defs.get_all_schemas_with_history() if s.domain == "" and s.name == op)
    older = [n for n in found if n <= 7]
    return older[-1:] + [n for n in found if n > 7]


X, IMAGE = normal(2, 3, 4, 5), normal(1, 2, 4, 6)
VECTOR = np.abs(normal(3)) + np.float32(0.5)


def _cases() -> Iterator[Older]:
    for op in ("Squeeze", "Unsqueeze"):
        thin = normal(1, 3, 1)
        yield Older(op, 7, 12, (thin,), {"axes": [0, 2]})
        yield Older(op, 11, 12, (thin,), {"axes": [-1]})
    yield Older("Squeeze", 7, 12, (normal(1, 3, 1),))
    for op in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"):
        last = 12 if op == "Sum" else 17
        positive = np.abs(X) + np.float32(0.1)
        yield Older(f"Reduce{op}", 7, last, (positive,), {"axes": [1, 3]})
        yield Older(f"Reduce{op}", 11, last, (positive,), {"axes": [-2], "keepdims": 0})
        yield Older(f"Reduce{op}", 7, last, (positive,), {"keepdims": 0})
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for axis in (None, 0, 1, 2, 3):
            yield Older(op, 7, 12, (X,), {} if axis is None else {"axis": axis})
            yield Older(op, 7, 12, (X,), {} if axis is None else {"axis": axis}, ranks=False)
        yield Older(op, 11, 12, (X,), {"axis": -1})
        yield Older(op, 11, 12, (X,), {"axis": -3}, ranks=False)
        yield Older(op, 7, 12, (normal(4, 5),))
    yield Older("Split", 7, 12, (X,), {"axis": 3, "split": [1, 4]}, outputs=2)
    yield Older("Split", 7, 17, (X,), {"axis": 2}, outputs=2)
    yield Older("Split", 13, 17, (X, ints(2, 1)), {"axis": 1}, (1,), outputs=2)
    yield Older("Clip", 7, 10, (X,), {"min": -0.5, "max": 0.25})
    for x in (X, X.astype(np.float64)):
        yield Older("Pad", 7, 10, (x,), {"pads": [0, 1, 0, 2, 1, 0, 0, 1], "value": 1.5})
    yield Older("Clip", 7, 10, (X,), {"max": 0.25})
    yield Older("Clip", 7, 10, (X,))
    yield Older("Clip", 11, 12, (X, np.float32(0)), constants=(1,))
    yield Older("Pad", 7, 10, (X,), {"pads": [0, 0, 1, 1, 0, 0, 2, 1], "mode": "reflect"})
    yield Older("Pad", 7, 10, (X,), {"pads": [0, 0, 1, 1, 0, 0, 2, 1], "mode": "edge"})
    yield Older("Pad", 7, 10, (X,), {"pads": [0, 0, -1, 1, 0, 0, 0, -2]})
    yield Older("Pad", 11, 17, (X, ints(0, 0, 1, 1, 0, 0, 2, 1), np.float32(3)), {}, (1, 2))
    yield Older("Slice", 7, 9, (X,), {"starts": [1, -3], "ends": [9, -1], "axes": [2, 3]})
    yield Older("Slice", 7, 9, (X,), {"starts": [0, 1], "ends": [2**31 - 1, 2]})
    yield Older("Slice", 10, 12, (X, ints(3), ints(0), ints(2), ints(-2)), {}, (1, 2, 3, 4))
    yield Older("TopK", 7, 9, (X,), {"k": 2, "axis": 1}, outputs=2)
    yield Older("TopK", 7, 9, (X,), {"k": 3}, outputs=2)
    yield Older("TopK", 10, 10, (X, ints(2)), {"axis": 2}, (1,), outputs=2)
    yield Older("TopK", 11, 23, (X, ints(2)), {"axis": -1, "largest": 0}, (1,), outputs=2)
    yield Older("Dropout", 7, 11, (X,), {"ratio": 0.25})
    yield Older("Dropout", 7, 9, (X,), outputs=2, ranks=False)
    yield Older("Dropout", 10, 11, (X,), outputs=2)
    yield Older("Dropout", 12, 12, (X,), outputs=2)
    yield from _images()
    yield from _others()


def _images() -> Iterator[Older]:
    parameters = (VECTOR[:2], normal(2), normal(2), VECTOR[1:])
    yield Older("BatchNormalization", 7, 8, (IMAGE, *parameters), {"epsilon": 1e-3, "spatial": 1}, (1, 2, 3, 4))
    yield Older("BatchNormalization", 7, 14, (IMAGE, *parameters), {"epsilon": 1e-3}, (1, 2, 3, 4))
    places = (normal(2, 4, 6), normal(2, 4, 6), normal(2, 4, 6), np.abs(normal(2, 4, 6)) + np.float32(0.1))
    yield Older("BatchNormalization", 7, 8, (IMAGE, *places), {"spatial": 0}, (1, 2, 3, 4))
    for mode in ("nearest", "linear"):
        yield Older("Upsample", 7, 8, (IMAGE,), {"mode": mode, "scales": [1.0, 1.0, 2.0, 1.5]})
        for by in ((1, 1, 2, 3), (1, 1, 1.5, 2.5), (1, 1, 0.5, 0.6)):
            scales = np.array(by, np.float32)
            if min(by) >= 1:
                yield Older("Upsample", 9, 9, (IMAGE, scales), {"mode": mode}, (1,))
            yield Older("Resize", 10, 10, (IMAGE, scales), {"mode": mode}, (1,))
            yield Older("Resize", 11, 18, (IMAGE, np.float32([]), scales), {"mode": mode}, (1, 2))
            how = {"mode": mode, "coordinate_transformation_mode": "align_corners", "nearest_mode": "floor"}
            yield Older("Resize", 11, 18, (IMAGE, np.float32([]), scales), how, (1, 2))
        sizes = (IMAGE, np.float32([]), np.float32([]), ints(1, 2, 7, 3))
        yield Older("Resize", 11, 18, sizes, {"mode": mode}, (1, 2, 3))
    yield Older("MaxPool", 7, 21, (IMAGE,), {"kernel_shape": [2, 2], "strides": [2, 1], "pads": [0, 1, 1, 0]})
    yield Older("MaxPool", 10, 21, (IMAGE,), {"kernel_shape": [2, 2], "dilations": [1, 2], "ceil_mode": 1})
    yield Older("AveragePool", 7, 21, (IMAGE,), {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0], "count_include_pad": 1})
    yield Older("AveragePool", 10, 21, (IMAGE,), {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1})
    yield Older("LpPool", 7, 21, (IMAGE,), {"kernel_shape": [3, 2], "strides": [2, 2], "p": 2})
    grid = np.clip(normal(1, 3, 3, 2), -1, 1)
    for mode in ("bilinear", "nearest", "bicubic"):
        yield Older("GridSample", 16, 19, (IMAGE, grid), {"mode": mode, "align_corners": 1})
    yield Older("GridSample", 16, 19, (IMAGE, grid))
    boxes = (np.float32([[0, 0, 3, 3], [1, 0, 5, 2]]), ints(0, 0))
    yield Older("RoiAlign", 10, 15, (IMAGE, *boxes), {"output_height": 2, "output_width": 3, "sampling_ratio": 2})
    yield Older("RoiAlign", 16, 21, (IMAGE, *boxes), {"output_height": 2, "output_width": 3, "sampling_ratio": 2})
    yield Older("DepthToSpace", 7, 12, (normal(1, 8, 2, 3),), {"blocksize": 2})
    yield Older("DepthToSpace", 11, 27, (normal(1, 8, 2, 3),), {"blocksize": 2, "mode": "CRD"})
    yield Older("SpaceToDepth", 7, 27, (normal(1, 2, 4, 6),), {"blocksize": 2})
    yield Older("GroupNormalization", 18, 20, (normal(2, 4, 3, 3), normal(2), normal(2)), {"num_groups": 2}, (1, 2))


def _others() -> Iterator[Older]:
    yield Older("Scatter", 9, 10, (normal(3, 3), ints(1, 0, 2, 1).reshape(2, 2), normal(2, 2)), {"axis": 1})
    yield Older("ScatterElements", 11, 17, (normal(3, 3), ints(1, 0, 2, 1).reshape(2, 2), normal(2, 2)), {"axis": 0})
    yield Older("ScatterND", 11, 17, (normal(4, 2), ints(3, 1).reshape(2, 1), normal(2, 2)))
    yield Older("ArgMax", 7, 12, (X,), {"axis": 1})
    yield Older("ArgMin", 7, 12, (X,), {"axis": 2, "keepdims": 0})
    yield Older("Cast", 7, 18, (X,), {"to": 7})
    yield Older("Cast", 9, 18, (np.abs(X) * 100,), {"to": 2})
    yield Older("Gemm", 7, 10, (normal(2, 3), normal(3, 4), normal(4)), {"alpha": 0.5})
    yield Older("Gemm", 11, 12, (normal(2, 3), normal(3, 4)))
    yield Older("GatherND", 11, 12, (normal(3, 4), ints(0, 2, 1, 3).reshape(2, 2)))
    yield Older("Reshape", 7, 13, (X, ints(0, -1, 5)), {}, (1,))
    yield Older("Shape", 7, 14, (X,))
    yield Older("Flatten", 7, 12, (X,), {"axis": 2})
    for op in ("Add", "Sub", "Mul", "Div"):
        yield Older(op, 7, 13, (X, normal(4, 1)))
    for op in ("Max", "Min", "Sum", "Mean"):
        yield Older(op, 7, 12, (X, X[::-1].copy()))
        yield Older(op, 8, 12, (X, normal(4, 1)))
    yield Older("Pow", 7, 14, (np.abs(X), np.float32([2.5])))
    yield Older("PRelu", 7, 15, (X, normal(3, 1, 1)))
    for op in ("Equal", "Greater", "Less"):
        yield Older(op, 11, 12, (X, normal(5)))
    yield Older("QuantizeLinear", 10, 20, (X, np.float32(0.1), np.uint8(3)), {}, (1, 2))
    yield Older("DequantizeLinear", 10, 20, (np.arange(9, dtype=np.uint8), np.float32(0.1), np.uint8(3)), {}, (1, 2))
    signal = normal(1, 8, 1)
    yield Older("DFT", 17, 19, (signal,), {"axis": 1})
    yield Older("DFT", 17, 19, (signal,), {"onesided": 1})
    yield Older("DFT", 17, 19, (normal(1, 8, 5, 2), np.int64(6)), {"axis": 2, "inverse": 1}, (1,))
    yield from _recurrent()


def _recurrent() -> Iterator[Older]:
    for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        weights = (normal(1, gates * 3, 2), normal(1, gates * 3, 3))
        yield Older(op, 7, 21, (normal(5, 2, 2), *weights), {"hidden_size": 3}, (1, 2), outputs=2)


CASES = tuple(_cases())


def listed() -> Iterator[tuple[Older, int]]:
    """Each case in the first and the last of its operator sets, and in each in which the operator was written anew."""
    for case in CASES:
        for opset in sorted({case.first, case.last, *(n for n in versions(case.op) if case.first <= n <= case.last)}):
            yield case, opset
