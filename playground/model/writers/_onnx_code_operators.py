"""Operators on codes, as ONNX and ONNX Runtime have them: of which node between DequantizeLinear and QuantizeLinear.

``CONVERTERS`` has a function for each operator that has such a form. It gives the new node, or the reason why there is
none, as the end of the sentence "It stays between QuantizeLinear and DequantizeLinear, since ...".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playground.model.graph import Node
from playground.model.writers._onnx_codes import BYTES, Codes, Surroundings, are_products

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""

NO_CODES = "one of its inputs is not in codes"
_ONE_SCALE = "an input has several scales"
_MIXED = "its inputs and its result have codes of different types"

_SOFTMAX = 13
"""The operator set since which Softmax is about one axis, as it is in all graphs here."""


@dataclass(frozen=True, slots=True)
class Between:
    """A node that is to become one on codes.

    Attributes:
        node: it.
        inputs: the codes of its inputs; None of one that is not dequantized.
        outputs: the codes that its outputs become; None of an output that is left out.
        around: the graph.
    """

    node: Node
    inputs: tuple[Codes | None, ...]
    outputs: tuple[Codes | None, ...]
    around: Surroundings

    def operator(self, op: str, inputs: tuple[str, ...], domain: str = "", **attributes: Any) -> Node:
        """The node on codes, with the attributes of the old one unless others are given."""
        outputs = tuple(held.name if held is not None else "" for held in self.outputs)
        held = attributes or dict(self.node.attributes)
        return Node(op, f"{self.node.name}_quant", inputs, outputs, held, domain)

    def get(self, name: str, default: Any) -> Any:
        """An attribute."""
        return self.node.attributes.get(name, default)


Made = Node | str


def _types(parts: list[Codes], y: Codes, weights: bool = False) -> str:
    """What is wrong with types; of products the second may be int8 beside uint8."""
    others = {y.dtype, "int8"} if weights else {y.dtype}
    fits = y.dtype in BYTES and parts[0].dtype == y.dtype and all(x.dtype in others for x in parts[1:])
    return "" if fits else _MIXED


def _factors(b: Between) -> tuple[Codes, Codes, Codes] | str:
    """The codes of both factors of a product and of its result; what is wrong with them."""
    x, w, y = b.inputs[0], b.inputs[1], b.outputs[0]
    if x is None or w is None or y is None:
        return NO_CODES
    return _types([x, w], y, weights=True) or (x, w, y)


def _conv(b: Between) -> Made:
    parts = _factors(b)
    if isinstance(parts, str):
        return parts
    x, w, y = parts
    if w.name not in b.around.constants:
        return "its filters are computed"
    if not x.has_one_scale or not (w.has_one_scale or _lies_along(w, 0, b)):
        return _ONE_SCALE
    if w.points.size > 1 and (w.points != w.points.reshape(-1)[0]).any():
        return "QLinearConv takes one zero-point for all filters (symmetric weights have it)"
    bias = _bias(b, x, w)
    if bias is None:
        return "its bias is not in steps of the sums"
    return b.operator("QLinearConv", (*x.inputs, *w.inputs, *y.parameters, *([bias] if bias else [])))


def _mat_mul(b: Between) -> Made:
    parts = _factors(b)
    if isinstance(parts, str):
        return parts
    x, w, y = parts
    if not x.has_one_scale or not (w.has_one_scale or (_rank(w, b) == 2 and _lies_along(w, 1, b))):
        return _ONE_SCALE
    return b.operator("QLinearMatMul", (*x.inputs, *w.inputs, *y.parameters))


def _gemm(b: Between) -> Made:
    parts = _factors(b)
    if isinstance(parts, str):
        return parts
    x, w, y = parts
    if not x.has_one_scale or not (w.has_one_scale or _lies_along(w, 0 if b.get("transB", 0) else 1, b)):
        return _ONE_SCALE
    bias = _bias(b, x, w, float(b.get("alpha", 1.0)))
    if bias is None or (bias and b.get("beta", 1.0) != 1):
        return "its bias is not in steps of the sums"
    attributes = {name: b.get(name, default) for name, default in (("alpha", 1.0), ("transA", 0), ("transB", 0))}
    return b.operator("QGemm", (*x.inputs, *w.inputs, bias, *y.parameters), MICROSOFT, **attributes)


def _rank(held: Codes, b: Between) -> int:
    """The rank of constant codes; -1 of others."""
    constant = b.around.constants.get(held.name)
    return len(constant.shape) if constant is not None else -1


def _lies_along(held: Codes, axis: int, b: Between) -> bool:
    """Whether constant codes have a scale for each element of an axis."""
    rank = _rank(held, b)
    if rank < 1 or held.block or held.scales.ndim != 1:
        return False
    return bool(held.axis % rank == axis and held.scales.size == b.around.constants[held.name].shape[axis])


def _bias(b: Between, x: Codes, w: Codes, factor: float = 1.0) -> str | None:
    """The name of the bias's codes; empty if there is none, None if they are not in steps of the sums."""
    if len(b.node.inputs) < 3 or not b.node.inputs[2]:
        return ""
    held = b.inputs[2]
    if held is None or held.dtype != "int32" or held.points.any():
        return None
    return held.name if are_products(held.scales, x.scales, w.scales, factor) else None


def _of_values(op: str, *kept: str) -> Callable[[Between], Made]:
    """An operator of ONNX Runtime's on one or two values with a scale each.

    Args:
        op: the operator.
        kept: the attributes that it has.
    """

    def convert(b: Between) -> Made:
        parts, y = [held for held in b.inputs if held is not None], b.outputs[0]
        if len(parts) < len(b.inputs) or y is None:
            return NO_CODES
        if wrong := _types(parts, y):
            return wrong
        if not all(held.has_one_scale for held in parts):
            return _ONE_SCALE
        attributes = {name: b.node.attributes[name] for name in kept if name in b.node.attributes}
        inputs = tuple(name for held in parts for name in held.inputs)
        made = b.operator(op, (*inputs, *y.parameters), MICROSOFT)
        return replace(made, attributes=attributes)

    return convert


_POOLED = _of_values(
    "QLinearAveragePool", "auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"
)
_SOFTENED = _of_values("QLinearSoftmax")
_JOINED = _of_values("QLinearConcat", "axis")


def _average_pool(b: Between) -> Made:
    if any(step != 1 for step in b.get("dilations", ())):
        return "QLinearAveragePool has no dilations"
    if b.get("ceil_mode", 0) and b.get("count_include_pad", 0):
        return "QLinearAveragePool would count places beyond the padding"
    return _POOLED(b)


def _softmax(b: Between) -> Made:
    made = _SOFTENED(b)
    return made if isinstance(made, str) else replace(made, attributes={"axis": b.get("axis", -1), "opset": _SOFTMAX})


def _concat(b: Between) -> Made:
    """Scale and zero-point of the result come first."""
    made = _JOINED(b)
    return made if isinstance(made, str) else replace(made, inputs=(*made.inputs[-2:], *made.inputs[:-2]))


def _moved(b: Between) -> Made:
    """What only moves values moves codes as well, if they stand for the same before and after."""
    x = b.inputs[0]
    if x is None:
        return NO_CODES
    if not all(y is None or x.means_the_same(y) for y in b.outputs):
        return "its result has another scale than its input"
    return b.operator(b.node.op, (x.name, *b.node.inputs[1:]))


def _resize(b: Between) -> Made:
    if b.get("mode", "nearest") not in ("nearest", b"nearest"):
        return "between codes it would not round to the nearest"
    if b.get("coordinate_transformation_mode", "") in ("tf_crop_and_resize", b"tf_crop_and_resize"):
        return "what it puts around is not a code"
    return _moved(b)


def _max_pool(b: Between) -> Made:
    return _moved(b) if len(b.outputs) == 1 else "it gives places, too"


def _pad(b: Between) -> Made:
    """What is put around is a code, too."""
    made = _moved(b)
    x = b.inputs[0]
    if isinstance(made, str) or x is None or b.get("mode", "constant") not in ("constant", b"constant"):
        return made
    inputs = (*made.inputs, "", "")[:3]
    filling = x.zero_point
    if inputs[2]:
        held = b.around.constants.get(inputs[2])
        if held is None or not np.isfinite(held.numpy()).all():
            return "what it puts around is not a constant"
        limits = np.iinfo(x.dtype)
        code = np.rint(held.numpy().reshape(()) / x.scales.reshape(())) + x.points.reshape(())
        values = np.asarray(np.clip(code, limits.min, limits.max).astype(x.dtype))
        filling = b.around.constant(f"{inputs[2]}_quantized", values)
    return replace(made, inputs=(*inputs[:2], filling, *made.inputs[3:]))


_MOVES = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Expand", "Slice", "Split", "Gather")

CONVERTERS: dict[str, Callable[[Between], Made]] = {
    "Conv": _conv,
    "MatMul": _mat_mul,
    "Gemm": _gemm,
    "Add": _of_values("QLinearAdd"),
    "Mul": _of_values("QLinearMul"),
    "Sigmoid": _of_values("QLinearSigmoid"),
    "LeakyRelu": _of_values("QLinearLeakyRelu", "alpha"),
    "GlobalAveragePool": _of_values("QLinearGlobalAveragePool"),
    "AveragePool": _average_pool,
    "Softmax": _softmax,
    "Concat": _concat,
    "Resize": _resize,
    "MaxPool": _max_pool,
    "Pad": _pad,
    **dict.fromkeys(_MOVES, _moved),
}
