"""Keras's layers that compute without windows: products, normalizations and activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME
from playground.model.graph import Dim
from playground.model.readers._keras_builder import Builder, Value, first_order

Converter = Callable[[Builder, Sequence[Value]], Value]

_SIMPLE = {
    **{"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign"},
    **{"selu": "Selu", "exponential": "Exp", "mish": "Mish", "elu": "Elu", "hard_silu": "HardSwish"},
    **{"hard_swish": "HardSwish", "gelu": "Gelu", "celu": "Celu"},
}
"""Activations that are an operator, with its defaults."""

_LIMITS = {"relu6": (0.0, 6.0), "hard_tanh": (-1.0, 1.0)}


def activated(b: Builder, value: Value, described: Any) -> Value:
    """A value behind an activation. UnsupportedError: it is not known."""
    name = _name_of(described)
    if name == "linear":
        return value
    first = b.is_first([value])
    given = b.pick(value, first)
    if name in ("softmax", "log_softmax"):
        op = "Softmax" if name == "softmax" else "LogSoftmax"
        return b.made(b.emit(op, [given], axis=1 if first else -1), value.shape, first)
    return b.made(_curve(b, name, given), value.shape, first)


def _name_of(described: Any) -> str:
    """The name of an activation, however it is written."""
    if described is None:
        return "linear"
    if isinstance(described, dict) and described.get("class_name") == "function":
        described = described["config"]
    if not isinstance(described, str) or ">" in described:
        raise UnsupportedError(f"activation {described!r:.60}")
    return described


def _curve(b: Builder, name: str, given: str) -> str:
    if name in _SIMPLE:
        return b.emit(_SIMPLE[name], [given])
    if name in _LIMITS:
        return b.emit("Clip", [given, *(b.number(end, "limit") for end in _LIMITS[name])])
    if name in ("silu", "swish"):
        return b.emit("Mul", [given, b.emit("Sigmoid", [given])])
    if name == "hard_sigmoid":
        return b.emit("HardSigmoid", [given], alpha=1 / 6 if b.version > 2 else 0.2, beta=0.5)
    if name == "leaky_relu":
        return b.emit("LeakyRelu", [given], alpha=0.2)
    raise UnsupportedError(f"activation {name:.40}")


def _activation(b: Builder, inputs: Sequence[Value]) -> Value:
    return activated(b, inputs[0], b.given("activation"))


def _relu(b: Builder, inputs: Sequence[Value]) -> Value:
    most, slope = b.layer.config.get("max_value"), float(b.layer.config.get("negative_slope") or 0)
    b.only("threshold", None, 0)
    x = inputs[0]
    first = b.is_first([x])
    given = b.pick(x, first)
    if most is not None and slope:
        raise UnsupportedError("a slope and a limit")
    if most is not None:
        made = b.emit("Clip", [given, b.number(0.0, "limit"), b.number(float(most), "limit")])
    else:
        made = b.emit("LeakyRelu", [given], alpha=slope) if slope else b.emit("Relu", [given])
    return b.made(made, x.shape, first)


def _with_parameter(op: str, default: float, *names: str) -> Converter:
    """An activation of one parameter as a layer."""

    def convert(b: Builder, inputs: Sequence[Value]) -> Value:
        first = b.is_first(inputs[:1])
        alpha = next((float(b.layer.config[name]) for name in names if name in b.layer.config), default)
        return b.made(b.emit(op, [b.pick(inputs[0], first)], alpha=alpha), inputs[0].shape, first)

    return convert


def _prelu(b: Builder, inputs: Sequence[Value]) -> Value:
    x = inputs[0]
    return Value(x.shape, b.emit("PRelu", [b.plain(x), b.weight("alpha", x.rank - 1)]))


def _softmax(b: Builder, inputs: Sequence[Value]) -> Value:
    axis = b.layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    x = inputs[0]
    first = b.is_first([x])
    at = axis_of(axis, x.rank)
    return b.made(b.emit("Softmax", [b.pick(x, first)], axis=moved_axis(at, x.rank, first)), x.shape, first)


def axis_of(axis: Any, rank: int) -> int:
    """An axis from the start. UnsupportedError: there is no such one."""
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise UnsupportedError(f"axis {axis!r:.40} of {rank}")
    return axis % rank


def moved_axis(axis: int, rank: int, first: bool) -> int:
    """Where an axis is in the order that was picked."""
    return first_order(rank).index(axis) if first else axis


def _dense(b: Builder, inputs: Sequence[Value]) -> Value:
    """A product with weights (inputs, outputs), and a bias."""
    x = inputs[0]
    count, units = b.tensor("kernel", 2).shape
    if x.rank < 2 or x.shape[-1] != count:
        raise UnsupportedError(f"{x.shape[-1]} values and weights for {count}")
    shape = (*x.shape[:-1], units)
    made = _product(b, b.plain(x), x.rank, b.weight("kernel", 2))
    return activated(b, Value(shape, made), b.layer.config.get("activation"))


def _product(b: Builder, given: str, rank: int, weights: str) -> str:
    bias = [b.weight("bias", 1)] if b.has_weight("bias") else []
    if rank == 2:
        return b.emit("Gemm", [given, weights, *bias])
    made = b.emit("MatMul", [given, weights])
    return b.emit("Add", [made, *bias]) if bias else made


def _einsum(b: Builder, inputs: Sequence[Value]) -> Value:
    """Sums of products by the names of axes; as a product of matrices where it is one."""
    x = inputs[0]
    terms, _, output = str(b.given("equation")).replace(" ", "").partition("->")
    left, _, right = terms.partition(",")
    weights = b.tensor("kernel", len(right))
    left, output = _spelled(left, output, x.rank)
    sizes = {**dict(zip(left, x.shape, strict=True)), **dict(zip(right, weights.shape, strict=True))}
    shape = tuple(sizes[label] for label in output)
    summed = [label for label in left if label in right and label not in output]
    kept, new = left[: len(left) - len(summed)], right[len(summed) :]
    if "".join(summed) + new == right and kept + new == output and left.endswith("".join(summed)) and summed:
        made = _flat_product(b, b.plain(x), (kept, summed, new), sizes)
    elif weights.dtype == "int8":
        raise UnsupportedError(f"codes in the equation {b.given('equation')!r:.40}")
    else:
        made = b.emit("Einsum", [b.plain(x), b.weight("kernel", len(right))], equation=f"{left},{right}->{output}")
    if b.has_weight("bias"):
        made = b.emit("Add", [made, b.weight("bias")])
    return activated(b, Value(shape, made), b.layer.config.get("activation"))


def _spelled(left: str, output: str, rank: int) -> tuple[str, str]:
    """Both sides with letters in place of dots."""
    spread = rank - len(left.replace("...", ""))
    free = [letter for letter in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if letter not in left + output]
    letters = "".join(free[: max(spread, 0)])
    left, output = left.replace("...", letters), output.replace("...", letters)
    if len(left) != rank or len(set(left)) != rank:
        raise UnsupportedError(f"the equation for {rank} axes")
    return left, output


def _flat_product(b: Builder, given: str, labels: tuple[str, Sequence[str], str], sizes: Mapping[str, Dim]) -> str:
    """Axes that are summed, and those that are new, as one each."""
    kept, summed, new = labels
    depth, width = (_total(sizes[label] for label in group) for group in (summed, new))
    rank = len(summed) + len(new)
    weights = b.weight("kernel", rank, (), (depth, width) if rank != 2 or not new else ())
    if len(summed) > 1:
        given = b.emit("Reshape", [given, b.ints([*[0] * len(kept), depth])])
    made = b.emit("MatMul", [given, weights])
    if len(new) == 1:
        return made
    return b.emit("Reshape", [made, b.ints([*[0] * len(kept), *(_total([sizes[label]]) for label in new)])])


def _total(sizes: Any) -> int:
    return math.prod(size if isinstance(size, int) else 0 for size in sizes)


def _normalized_by_batch(b: Builder, inputs: Sequence[Value]) -> Value:
    x = inputs[0]
    axis = b.layer.config.get("axis", -1)
    at = axis_of(axis[0] if isinstance(axis, list) and len(axis) == 1 else axis, x.rank)
    first = x.rank > 2 and at == x.rank - 1
    if not first and at != 1:
        raise UnsupportedError(f"axis {axis} of {x.rank}")
    size = b.tensor("moving_mean", 1).shape[0]
    scale, shift = (
        b.weight(role, 1) if b.has_weight(role) else b.number(np.full(size, default), role)
        for role, default in (("gamma", 1.0), ("beta", 0.0))
    )
    given = [b.pick(x, first), scale, shift, b.weight("moving_mean", 1), b.weight("moving_variance", 1)]
    return b.made(b.emit("BatchNormalization", given, epsilon=float(b.given("epsilon"))), x.shape, first)


def _normalized_by_layer(b: Builder, inputs: Sequence[Value]) -> Value:
    x = inputs[0]
    axis = b.layer.config.get("axis", -1)
    at = axis_of(axis[0] if isinstance(axis, list) and len(axis) == 1 else axis, x.rank)
    b.only("rms_scaling", False)
    if at != x.rank - 1 or not isinstance(x.shape[-1], int):
        raise UnsupportedError(f"axis {axis} of {x.rank}")
    scale = b.weight("gamma", 1) if b.has_weight("gamma") else b.number(np.ones(x.shape[-1]), "gamma")
    shift = [b.weight("beta", 1)] if b.has_weight("beta") else []
    made = b.emit("LayerNormalization", [b.plain(x), scale, *shift], epsilon=float(b.given("epsilon")), axis=-1)
    return Value(x.shape, made)


def _embedding(b: Builder, inputs: Sequence[Value]) -> Value:
    """Rows of a table by their numbers."""
    b.only("mask_zero", False)
    x, size = inputs[0], b.tensor("embeddings", 2).shape[1]
    numbers = x.plain or b.plain(x)
    if x.real:
        numbers = b.emit("Cast", [numbers], to=BY_NAME["int32"].onnx)
    return Value((*x.shape, size), b.emit("Gather", [b.weight("embeddings", 2), numbers], axis=0))


def _rescaled(b: Builder, inputs: Sequence[Value]) -> Value:
    x = inputs[0]
    first = b.is_first([x])
    scale, offset = b.given("scale"), b.given("offset")
    if not isinstance(scale, int | float) or not isinstance(offset, int | float):
        raise UnsupportedError("a scale for each channel")
    made = b.emit("Mul", [b.pick(x, first), b.number(scale, "scale")])
    made = b.emit("Add", [made, b.number(offset, "offset")]) if offset else made
    return b.made(made, x.shape, first)


CONVERTERS: Mapping[str, Converter] = {
    **{"Activation": _activation, "ReLU": _relu, "PReLU": _prelu, "Softmax": _softmax},
    "LeakyReLU": _with_parameter("LeakyRelu", 0.3, "negative_slope", "alpha"),
    "ELU": _with_parameter("Elu", 1.0, "alpha"),
    "BatchNormalization": _normalized_by_batch,
    "Dense": _dense,
    "EinsumDense": _einsum,
    "Embedding": _embedding,
    "LayerNormalization": _normalized_by_layer,
    "Rescaling": _rescaled,
}
