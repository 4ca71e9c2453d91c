"""TFLite's operators that compute: element by element, over rows, and products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from playground.errors import DAMAGED, BadFileError, UnsupportedError, plural
from playground.model.element_types import BY_NAME
from playground.model.readers._tflite_builder import Builder
from playground.model.readers._tflite_file import Operation
from playground.model.readers._tflite_layout import as_first

_LIMITS: Mapping[int, tuple[float | None, float | None]] = {1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0)}
"""The activations that are limits, by their number."""

_TANH = 4


def activated(b: Builder, name: str, activation: int, output: int) -> str:
    """A value behind the activation that is part of an operator, if its codes do not have the same limits anyway."""
    if activation == 0:
        return name
    if activation == _TANH:
        return b.emit("Tanh", [name])
    if activation not in _LIMITS:
        raise UnsupportedError(f"activation {activation}")
    low, high = _LIMITS[activation]
    codes = b.codes(output)
    if codes is not None and codes.scales.size == 1:
        element = b.tensors[output].element
        bits, signed = BY_NAME[element].bits, not element.startswith("u")
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        scale, point = float(codes.scales[0]), int(codes.zero_points[0])
        if (low is None or point + round(low / scale) <= least) and (
            high is None or point + round(high / scale) >= most
        ):
            return name
    return _limited(b, name, low, high)


def _limited(b: Builder, name: str, low: float | None, high: float | None) -> str:
    if (low, high) == (0.0, None):
        return b.emit("Relu", [name])
    return b.emit("Clip", [name, *("" if end is None else b.number(end, "limit") for end in (low, high))])


def limits(b: Builder, op: Operation) -> None:
    """The activations that are limits, as operators of their own."""
    low, high = {"RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1), "RELU_0_TO_1": (0, 1)}[op.op]
    first = b.first_only(op.inputs[:1])
    b.give(op.outputs[0], _limited(b, b.image(op.inputs[0], first), low, high), first)


_ELEMENTWISE = {
    **{"ABS": "Abs", "ADD": "Add", "CEIL": "Ceil", "COS": "Cos", "DIV": "Div", "ELU": "Elu", "EQUAL": "Equal"},
    **{"EXP": "Exp", "FLOOR": "Floor", "GREATER": "Greater", "GREATER_EQUAL": "GreaterOrEqual"},
    **{"HARD_SWISH": "HardSwish", "LESS": "Less", "LESS_EQUAL": "LessOrEqual", "LOG": "Log", "LOGICAL_AND": "And"},
    **{"LOGICAL_NOT": "Not", "LOGICAL_OR": "Or", "LOGISTIC": "Sigmoid", "MAXIMUM": "Max", "MINIMUM": "Min"},
    **{"MUL": "Mul", "NEG": "Neg", "POW": "Pow", "PRELU": "PRelu", "ROUND": "Round", "SELECT_V2": "Where"},
    **{"SIGN": "Sign", "SIN": "Sin", "SQRT": "Sqrt", "SUB": "Sub", "TANH": "Tanh", "ADD_N": "Sum"},
}
"""Operators that are one of ONNX's, element by element, with the same broadcasting."""

_OF_ONE = frozenset(
    ("Abs", "Ceil", "Cos", "Elu", "Exp", "Floor", "HardSwish", "Log", "Neg", "Not", "Round", "Sigmoid", "Sign", "Sin")
) | {"Sqrt", "Tanh"}

_WITH_ACTIVATION = frozenset(("ADD", "SUB", "MUL", "DIV"))


def elementwise(b: Builder, op: Operation) -> None:
    """One of ONNX's operators, in the order of axes that its inputs have."""
    y = op.outputs[0]
    if op.op == "DIV" and b.tensors[y].element.startswith("int") and b.codes(y) is None:
        raise UnsupportedError("a quotient of whole numbers")
    kind = _ELEMENTWISE[op.op]
    count = 1 if kind in _OF_ONE else 3 if kind == "Where" else 2
    if len(op.inputs) != count and kind != "Sum":
        raise BadFileError(f"the operator has {plural(len(op.inputs), 'input')} in place of {count}", hint=DAMAGED)
    first = b.first_only(op.inputs)
    made = b.emit(kind, [b.image(x, first) for x in op.inputs])
    activation = op.option(0, "b") if op.op in _WITH_ACTIVATION else 0
    b.give(y, activated(b, made, activation, y), first)


def composed(b: Builder, op: Operation) -> None:
    """What ONNX has as two operators."""
    first = b.first_only(op.inputs)
    given = [b.image(x, first) for x in op.inputs]
    if op.op == "SQUARED_DIFFERENCE":
        made = b.emit("Sub", given)
        made = b.emit("Mul", [made, made])
    elif op.op == "SQUARE":
        made = b.emit("Mul", [given[0], given[0]])
    else:
        made = b.emit("Reciprocal", [b.emit("Sqrt", given)])
    b.give(op.outputs[0], made, first)


def curved(b: Builder, op: Operation) -> None:
    """LeakyRelu and Gelu, which have a parameter."""
    first = b.first_only(op.inputs)
    given = [b.image(op.inputs[0], first)]
    if op.op == "LEAKY_RELU":
        made = b.emit("LeakyRelu", given, alpha=op.option(0, "f", 0.0))
    else:
        made = b.emit("Gelu", given, approximate="tanh" if op.option(0, "?", False) else "none")
    b.give(op.outputs[0], made, first)


def softmax(b: Builder, op: Operation) -> None:
    """Softmax or its logarithm over the last axis."""
    x = op.inputs[0]
    first = b.first_only([x])
    given, axis = b.image(x, first), as_first(3) if first else -1
    beta = op.option(0, "f", 0.0) if op.op == "SOFTMAX" else 1.0
    if beta != 1:
        given = b.emit("Mul", [given, b.number(beta, "beta")])
    made = b.emit("Softmax" if op.op == "SOFTMAX" else "LogSoftmax", [given], axis=axis)
    b.give(op.outputs[0], made, first)


def normalized(b: Builder, op: Operation) -> None:
    """Rows over the root of the sum of their squares."""
    x, y = op.inputs[0], op.outputs[0]
    first = b.first_only([x])
    made = b.emit("LpNormalization", [b.image(x, first)], axis=as_first(3) if first else -1, p=2)
    b.give(y, activated(b, made, op.option(0, "b"), y), first)


_REDUCTIONS = {
    **{"MEAN": "ReduceMean", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin"},
    **{"REDUCE_PROD": "ReduceProd"},
}


def reduced(b: Builder, op: Operation) -> None:
    """A sum, a mean and the like along some axes."""
    x, y = op.inputs[0], op.outputs[0]
    axes = sorted({axis % b.rank(x) for axis in b.whole_numbers(op.inputs[1], "axes")})
    keep = bool(op.option(0, "?", False))
    first = b.first_only([x])
    if first and not keep:
        # what is left has to be in the order of the file
        left = [as_first(axis) for axis in range(4) if axis not in axes]
        first = left == sorted(left)
    if first:
        axes = sorted(as_first(axis) for axis in axes)
    if not axes:
        b.give(y, b.emit("Identity", [b.image(x, first)]), first)
        return
    made = b.emit(_REDUCTIONS[op.op], [b.image(x, first), b.ints(axes, "axes")], keepdims=int(keep))
    b.give(y, made, first and keep)


def largest(b: Builder, op: Operation) -> None:
    """Where the largest or the smallest value along an axis is."""
    x, y = op.inputs[0], op.outputs[0]
    (axis,) = b.whole_numbers(op.inputs[1], "axes")
    made = b.emit("ArgMax" if op.op == "ARG_MAX" else "ArgMin", [b.real(x)], axis=axis, keepdims=0)
    b.give(y, _of_type(b, made, b.tensors[y].element))


def _of_type(b: Builder, name: str, element: str, given: str = "int64") -> str:
    return name if element == given else b.emit("Cast", [name], to=BY_NAME[element].onnx)


def cast(b: Builder, op: Operation) -> None:
    """Another element type."""
    x, y = op.inputs[0], op.outputs[0]
    if b.codes(x) is not None or b.codes(y) is not None or b.tensors[y].element not in BY_NAME:
        raise UnsupportedError(f"a cast from {b.tensors[x].element} to {b.tensors[y].element} codes")
    first = b.first_only([x])
    b.give(y, b.emit("Cast", [b.image(x, first)], to=BY_NAME[b.tensors[y].element].onnx), first)


def quantized(b: Builder, op: Operation) -> None:
    """Codes of floats, or of other codes."""
    x, y = op.inputs[0], op.outputs[0]
    if b.codes(y) is None:
        raise UnsupportedError("results without a scale")
    first = b.first_only([x])
    b.give(y, b.image(x, first), first)


def dequantized(b: Builder, op: Operation) -> None:
    """Floats of codes, or of float16 values."""
    x, y = op.inputs[0], op.outputs[0]
    if b.codes(x) is None and b.is_constant(x):
        b.give_widened(y, x)
        return
    first = b.first_only([x])
    made = b.image(x, first)
    if b.codes(x) is None:
        made = _of_type(b, made, b.tensors[y].element, b.tensors[x].element)
    b.give(y, made, first)


def densified(b: Builder, op: Operation) -> None:
    """A sparse constant with its zeros, with which it is read anyway."""
    if not b.is_constant(op.inputs[0]):
        raise UnsupportedError("sparse values that are computed")
    b.give_widened(op.outputs[0], op.inputs[0])


def dense(b: Builder, op: Operation) -> None:
    """A product with weights (outputs, inputs), and a bias."""
    x, w, y = op.inputs[0], op.inputs[1], op.outputs[0]
    if op.option(1, "b"):
        raise UnsupportedError("weights in shuffled order")
    bias = [b.real(op.inputs[2])] if len(op.inputs) > 2 and op.inputs[2] >= 0 else []
    wide = bool(op.option(2, "?", False)) and b.rank(x) > 2
    if wide:
        made = b.emit("MatMul", [b.real(x), b.real(w, (1, 0))])
        made = b.emit("Add", [made, *bias]) if bias else made
    else:
        inputs = b.tensors[w].shape[-1]
        given = b.real(x) if b.rank(x) == 2 and b.shape(x)[1] == inputs else b.reshaped(x, [-1, inputs])
        made = b.emit("Gemm", [given, b.real(w), *bias], transB=1)
    b.give(y, activated(b, made, op.option(0, "b"), y))


def matmul(b: Builder, op: Operation) -> None:
    """A product of matrices, each of which may be turned."""
    names = []
    for slot, number in enumerate(op.inputs[:2]):
        rank = b.rank(number)
        turned = (*range(rank - 2), rank - 1, rank - 2)
        names.append(b.real(number, turned) if op.option(slot, "?", False) else b.real(number))
    b.give(op.outputs[0], b.emit("MatMul", names))


CONVERTERS: Mapping[str, Callable[[Builder, Operation], None]] = {
    **dict.fromkeys(_ELEMENTWISE, elementwise),
    **dict.fromkeys(_REDUCTIONS, reduced),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"), limits),
    **dict.fromkeys(("SQUARED_DIFFERENCE", "SQUARE", "RSQRT"), composed),
    **dict.fromkeys(("LEAKY_RELU", "GELU"), curved),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX"), softmax),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), largest),
    "BATCH_MATMUL": matmul,
    "CAST": cast,
    "DENSIFY": densified,
    "DEQUANTIZE": dequantized,
    "FULLY_CONNECTED": dense,
    "L2_NORMALIZATION": normalized,
    "QUANTIZE": quantized,
}
