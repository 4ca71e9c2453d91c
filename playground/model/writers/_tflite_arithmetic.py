"""What computes value by value or over rows: sums, functions, limits, softmax, means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.model.readers._tflite_file import Codes
from playground.model.readers._tflite_schema import ELEMENTS
from playground.model.writers._flatbuffer import Number, Table
from playground.model.writers._tflite_builder import Builder, Site
from playground.model.writers._tflite_view import HINT, View

_PAIRS = {"Add": "ADD", "Sub": "SUB", "Mul": "MUL", "Div": "DIV", "Pow": "POW"}
_PAIRS_MADE = ("ADD", "MUL", "DIV")
"""Of these those whose options have limits, where several make one operator of ONNX."""

_IN_CODES = ("Add", "Sub", "Mul")
"""Of these those that have a form of int8, with limits as a part of them."""


def fixed(scale: float, zero_point: int) -> Codes:
    """Codes of one scale."""
    return Codes(np.array([scale], np.float32), np.array([zero_point], np.int64), 0)


FIXED: Mapping[str, Codes] = {
    "LOGISTIC": fixed(1 / 256, -128),
    "SOFTMAX": fixed(1 / 256, -128),
    "TANH": fixed(1 / 128, 0),
    "LOG_SOFTMAX": fixed(16 / 256, 127),
}
"""What the int8 results of these operators stand for, in any case."""


def pairs(b: Builder, node: Node) -> None:
    """Two values with each other, in the order of axes that they have."""
    order = b.order_of(node.inputs)
    op, names = _PAIRS[node.op], node.inputs
    if b.view.dtype(node.outputs[0]) != "float32":
        raise UnsupportedError(f"{node.op} of {b.view.dtype(node.outputs[0])} has no TFLite form here", hint=HINT)
    divisor = b.view.real_scalar(names[1]) if node.op == "Div" else None
    if node.op in _IN_CODES or divisor:
        site = b.site(node, names if divisor is None else names[:1], fuse=True)
    else:
        site = Site(node)
    inputs = [b.take(site, name, order) for name in names[: 1 if divisor and site.codes else 2]]
    if divisor and site.codes:
        op = "MUL"
        inputs.append(b.keep(np.array(np.sign(divisor), np.int8), "factor", fixed(1 / abs(divisor), 0)))
    options: Table = {} if op == "POW" else {0: Number("b", site.activation)}
    b.put(site, op, inputs, options, order=order)


_COMPARISONS = {
    **{"Equal": "EQUAL", "Greater": "GREATER", "GreaterOrEqual": "GREATER_EQUAL", "Less": "LESS"},
    **{"LessOrEqual": "LESS_EQUAL", "And": "LOGICAL_AND", "Or": "LOGICAL_OR", "Not": "LOGICAL_NOT"},
}


def comparisons(b: Builder, node: Node) -> None:
    """Whether something holds for values, as they are stored or as floats."""
    order = b.order_of(node.inputs)
    inputs = [b.take(Site(node), name, order) for name in node.inputs]
    b.put(Site(node), _COMPARISONS[node.op], inputs, order=order)


def choices(b: Builder, node: Node) -> None:
    """The larger or the smaller one of two values, in the codes of the result."""
    if len(node.inputs) != 2:
        raise UnsupportedError(f"{node.op} of {len(node.inputs)} values has no TFLite form here", hint=HINT)
    order = b.order_of(node.inputs)
    site = b.site(node, node.inputs)
    inputs = [b.take(site, name, order) for name in node.inputs]
    if site.codes:
        inputs = [b.requantized(number, site.wanted[0].codes) for number in inputs]
    b.put(site, "MAXIMUM" if node.op == "Max" else "MINIMUM", inputs, order=order)


_FUNCTIONS = {
    **{"Abs": "ABS", "Ceil": "CEIL", "Cos": "COS", "Elu": "ELU", "Exp": "EXP", "Floor": "FLOOR"},
    **{"HardSwish": "HARD_SWISH", "Log": "LOG", "Neg": "NEG", "Round": "ROUND", "Sigmoid": "LOGISTIC"},
    **{"Sin": "SIN", "Sqrt": "SQRT", "Tanh": "TANH", "LeakyRelu": "LEAKY_RELU", "Gelu": "GELU"},
}
_FUNCTIONS_IN_CODES = frozenset(("ABS", "ELU", "EXP", "HARD_SWISH", "LOGISTIC", "TANH", "LEAKY_RELU", "GELU"))
"""Of these those that have a form of int8."""


def functions(b: Builder, node: Node) -> None:
    """A function of single values."""
    op, x = _FUNCTIONS[node.op], node.inputs[0]
    order = b.order_of([x])
    options: dict[int, Any] = {}
    if op == "LEAKY_RELU":
        options[0] = Number("f", float(node.attributes.get("alpha", 0.01)))
    elif op == "ELU" and float(node.attributes.get("alpha", 1.0)) != 1:
        raise UnsupportedError("Elu with an alpha that is not 1 has no TFLite form", hint=HINT)
    elif op == "GELU":
        how = node.attributes.get("approximate", "none")
        options[0] = Number("?", how in ("tanh", b"tanh"))
    site = b.site(node, [x]) if op in _FUNCTIONS_IN_CODES else Site(node)
    b.put(site, op, [b.take(site, x, order)], options, order=order, codes=FIXED.get(op) if site.codes else None)


def composed(b: Builder, node: Node) -> None:
    """Functions that TFLite has as several operators, in floats: Reciprocal, HardSigmoid, Swish."""
    x = node.inputs[0]
    order = b.order_of([x])
    site = Site(node)
    given = b.take(site, x, order)
    shape = b.tensors[given].shape

    def step(op: str, *inputs: int) -> int:
        return b.append(op, inputs, b.temporary(site, shape, None), {0: Number("b", 0)} if op in _PAIRS_MADE else {})

    def held(value: float) -> int:
        return b.keep(np.array(value, np.float32), "value")

    if node.op == "Reciprocal":
        number = step("DIV", held(1), given)
    elif node.op == "HardSigmoid":
        alpha, beta = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
        number = step("ADD", step("MUL", given, held(alpha)), held(beta))
        number = step("MINIMUM", step("MAXIMUM", number, held(0)), held(1))
    else:
        steep = step("MUL", given, held(float(node.attributes.get("alpha", 1.0))))
        number = step("MUL", given, step("LOGISTIC", steep))
    b.give(site, number, order)


def sloped(b: Builder, node: Node) -> None:
    """PRelu: a slope for each channel below 0."""
    order = b.order_of(node.inputs)
    site = b.site(node, node.inputs)
    b.put(site, "PRELU", [b.take(site, name, order) for name in node.inputs], order=order)


def largest(b: Builder, node: Node) -> None:
    """Where the largest or the smallest value along an axis is; of several the first."""
    x = node.inputs[0]
    axis = int(node.attributes.get("axis", 0)) % b.rank(x)
    if node.attributes.get("keepdims", 1) or node.attributes.get("select_last_index"):
        raise UnsupportedError(f"{node.op} that keeps its axis, or tells the last place, has no TFLite form", hint=HINT)
    op = "ARG_MAX" if node.op == "ArgMax" else "ARG_MIN"
    options: Table = {0: Number("b", ELEMENTS.index("int64"))}
    b.put(Site(node), op, [b.take(Site(node), x), b.ints([axis], "axis")], options)


def limits(b: Builder, node: Node) -> None:
    """Relu and Clip: as operators of their own, or as the smallest and the largest code."""
    found, x = b.view.limits(node), node.inputs[0]
    if found is None:
        raise UnsupportedError("limits that are computed have no TFLite form here", hint=HINT)
    order = b.order_of([x])
    site = b.site(node, [x])
    number = b.take(site, x, order)
    if found in ((0.0, math.inf), (0.0, 6.0)):
        b.put(site, "RELU" if found[1] == math.inf else "RELU6", [number], order=order)
        return
    number = b.requantized(number, site.wanted[0].codes) if site.codes else number
    for op, limit in (("MAXIMUM", found[0]), ("MINIMUM", found[1])):
        if math.isfinite(limit):
            number = _limited(b, site, op, number, limit)
    b.give(site, number, order)


def _limited(b: Builder, site: Site, op: str, number: int, limit: float) -> int:
    """A value that a number limits, if its codes are not limited so anyway."""
    made = b.tensors[number]
    if not site.codes:
        held = b.keep(np.array(limit, np.float32), "limit")
        return b.append(op, [number, held], b.temporary(site, made.shape, None))
    codes = site.wanted[0].codes
    code = round(limit / float(codes.scales[0])) + int(codes.zero_points[0])
    if code <= -128 if op == "MAXIMUM" else code >= 127:
        return number
    held = b.keep(np.array(max(-128, min(127, code)), np.int8), "limit", codes)
    return b.append(op, [number, held], b.temporary(site, made.shape, codes))


def softmax(b: Builder, node: Node) -> None:
    """Softmax or its logarithm: of the last axis in some order of axes, else of one that is turned to the end."""
    x = node.inputs[0]
    op = "SOFTMAX" if node.op == "Softmax" else "LOG_SOFTMAX"
    rank = b.rank(x)
    axis = int(node.attributes.get("axis", -1)) % rank
    site = b.site(node, [x])
    options: Table = {0: Number("f", 1.0)} if op == "SOFTMAX" else {}
    codes = FIXED[op] if site.codes else None
    order = b.order_of([x]) if axis == 1 else ()
    if order or axis == rank - 1:
        b.put(site, op, [b.take(site, x, order)], options, order=order, codes=codes)
        return
    swapped = list(range(rank))
    swapped[axis], swapped[-1] = swapped[-1], swapped[axis]
    number = b.turned(b.take(site, x), swapped)
    number = b.append(op, [number], b.temporary(site, b.tensors[number].shape, codes), options)
    b.give(site, b.turned(number, swapped))


_REDUCTIONS = {"ReduceMean": "MEAN", "ReduceSum": "SUM", "ReduceMax": "REDUCE_MAX", "ReduceMin": "REDUCE_MIN"}
_REDUCTIONS |= {"GlobalAveragePool": "MEAN", "GlobalMaxPool": "REDUCE_MAX"}


def reduced(b: Builder, node: Node) -> None:
    """A mean, a sum and the like along some axes."""
    x, op = node.inputs[0], _REDUCTIONS[node.op]
    rank, keep = b.rank(x), bool(node.attributes.get("keepdims", 1))
    axes = _axes(b.view, node, rank)
    if not axes:
        raise UnsupportedError(f"{node.op} along no axis has no TFLite form here", hint=HINT)
    order = last = b.order_of([x])
    if order and not keep:
        left = [axis for axis in last if axis not in axes]
        order = last if left == sorted(left) else ()
    # LiteRT's reference kernel takes no sums into codes of another scale
    site = Site(node) if op == "SUM" else b.site(node, [x])
    number = b.take(site, x, order)
    numbers = sorted(order.index(axis) for axis in axes) if order else axes
    codes = b.tensors[number].codes if op.startswith("REDUCE") and site.codes else None
    inputs = [number, b.ints(numbers, "axes")]
    b.put(site, op, inputs, {0: Number("?", keep)}, order=order if keep else (), codes=codes)


def _axes(view: View, node: Node, rank: int) -> list[int]:
    if node.op.startswith("Global"):
        return list(range(2, rank))
    if len(node.inputs) > 1 and node.inputs[1]:
        given = view.whole_numbers(node.inputs[1], "axes")
    else:
        given = [int(axis) for axis in node.attributes.get("axes") or ()]
    if not given and not node.attributes.get("noop_with_empty_axes"):
        return list(range(rank))
    return sorted({axis % rank for axis in given})


def chosen(b: Builder, node: Node) -> None:
    """Where: one of two values, by a condition."""
    order = b.order_of(node.inputs)
    site = b.site(node, node.inputs[1:])
    inputs = [b.take(site, name, order) for name in node.inputs[1:]]
    if site.codes:
        inputs = [b.requantized(number, site.wanted[0].codes) for number in inputs]
    b.put(site, "SELECT_V2", [b.take(Site(node), node.inputs[0], order), *inputs], order=order)


CONVERTERS: Mapping[str, Callable[[Builder, Node], None]] = {
    **dict.fromkeys(_COMPARISONS, comparisons),
    **dict.fromkeys(_PAIRS, pairs),
    **dict.fromkeys(("Max", "Min"), choices),
    **dict.fromkeys(_FUNCTIONS, functions),
    **dict.fromkeys(("Reciprocal", "HardSigmoid", "Swish"), composed),
    **dict.fromkeys(("ArgMax", "ArgMin"), largest),
    **dict.fromkeys(("Relu", "Clip"), limits),
    **dict.fromkeys(("Softmax", "LogSoftmax"), softmax),
    **dict.fromkeys(_REDUCTIONS, reduced),
    "PRelu": sloped,
    "Where": chosen,
}
