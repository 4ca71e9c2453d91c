"""Planning of what adds or repeats pixels: Pad, and Resize by nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.plan_moves import MOST_AXES
from playground.engines.planner import Dequantized, Planner
from playground.engines.row_ops import nearest_indices
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node


def text(node: Node, name: str, default: str) -> str:
    """A text attribute."""
    held = node.attributes.get(name, default)
    return held.decode() if isinstance(held, bytes) else str(held)


def pad(planner: Planner, node: Node) -> Dequantized:
    """Pad with a constant, which is rounded to a code."""
    x = planner.real(node.inputs[0])
    shape, dtype = planner.values[x.value].shape, planner.values[x.value].dtype
    if text(node, "mode", "constant") != "constant":
        raise UnsupportedError("only padding with a constant is handled")
    given = node.attributes.get("pads")
    pads = [int(n) for n in (planner.known(node.inputs[1], "padding") if given is None else given)]
    if len(node.inputs) > 3 and node.inputs[3]:
        pads = _spread(pads, [int(a) % len(shape) for a in planner.known(node.inputs[3], "list of axes")], len(shape))
    if min(pads, default=0) < 0 or len(shape) > MOST_AXES:
        raise UnsupportedError(f"padding of {pads} is not handled")
    value = np.float32(node.attributes.get("value", 0.0))
    if len(node.inputs) > 2 and node.inputs[2]:
        value = np.float32(planner.known(node.inputs[2], "constant").reshape(()))
    code = int(ops.quantize(np.asarray(value), x.scale, x.zero_point, dtype))
    before = tuple(pads[: len(shape)])
    full = tuple(b + n + a for b, n, a in zip(before, shape, pads[len(shape) :], strict=True))
    planner.emit(p.Pad((x.value,), node.outputs[0], before, code), full, dtype)
    return Dequantized(node.outputs[0], x.scale, x.zero_point)


def _spread(pads: list[int], axes: list[int], rank: int) -> list[int]:
    full = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        full[axis], full[rank + axis] = pads[i], pads[len(axes) + i]
    return full


def resize(planner: Planner, node: Node) -> Dequantized:
    """Resize (and Upsample) of height and width by nearest neighbours."""
    x = planner.real(node.inputs[0])
    shape, dtype = planner.values[x.value].shape, planner.values[x.value].dtype
    if text(node, "mode", "nearest") != "nearest" or len(shape) != 4:
        raise UnsupportedError("only nearest neighbours in images (N, C, H, W) are handled")
    if any(name in node.attributes for name in ("axes", "keep_aspect_ratio_policy")):
        raise UnsupportedError("named axes and kept aspect ratios are not handled")
    scales, sizes = _target(planner, node, shape)
    if sizes[:2] != list(shape[:2]):
        raise UnsupportedError("only height and width can be resized")
    lines, columns = (nearest(node, shape[a], sizes[a], scales[a]) for a in (2, 3))
    planner.emit(p.Resize((x.value,), node.outputs[0], lines, columns), tuple(sizes), dtype)
    return Dequantized(node.outputs[0], x.scale, x.zero_point)


def _target(planner: Planner, node: Node, shape: tuple[int, ...]) -> tuple[Sequence[float | None], list[int]]:
    """Scales and sizes, one of which is stated."""
    if len(node.inputs) > 3 and node.inputs[3]:
        sizes = [int(n) for n in planner.known(node.inputs[3], "list of sizes")]
        return [None] * len(sizes), sizes
    place = 1 if node.op == "Upsample" or planner.graph.opset < 11 else 2
    given = node.attributes.get("scales")
    known = planner.known(node.inputs[place], "list of scales") if given is None else given
    scales = [float(n) for n in known]
    return scales, [int(np.floor(n * s)) for n, s in zip(shape, scales, strict=True)]


def nearest(node: Node, n: int, out: int, scale: float | None) -> NDArray[np.int32]:
    """For each of ``out`` places the index, among ``n``, of the place that it shows."""
    before_opset_11 = node.op == "Upsample" or len(node.inputs) < 3
    mode = text(node, "coordinate_transformation_mode", "asymmetric" if before_opset_11 else "half_pixel")
    rounding = text(node, "nearest_mode", "floor" if before_opset_11 else "round_prefer_floor")
    try:
        return nearest_indices(n, out, scale, mode, rounding)
    except InvalidInputError as error:
        raise UnsupportedError(f"the coordinates {mode!r} with {rounding!r} are not handled") from error
