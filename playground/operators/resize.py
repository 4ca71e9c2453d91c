"""Resize: images of another size; in integers by nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.host.kernel import Kernel, Words, floats, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axes_among, flag, text_of
from playground.operators._float_rows import integers_or_floats
from playground.operators._floats import float_input
from playground.operators._operator import Form, Operator, Scales, Takes, Trait
from playground.operators._planning import float_function
from playground.operators._ranks import as_input
from playground.operators._resizing import Target, resized, size_of, targets, two_neighbours
from playground.operators._upgrades import Older, without
from playground.programs.call import Array, Call
from playground.programs.float_rows import resize_linear
from playground.programs.planner import Codes, Dequantized, Planner, Symbol
from playground.programs.program import Step, Value
from playground.programs.resizing import ROUNDINGS, TRANSFORMS
from playground.programs.row_ops import nearest_indices

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(
    call: Call, x: Array, roi: Array | None = None, scales: Array | None = None, sizes: Array | None = None
) -> Array:
    """X with axes of other sizes."""
    return resized(call, x, targets(call, x.shape, roi, scales, sizes))


def _image_has_pixels(w: Words) -> str | None:
    wanted = w["batch"] * w["out_height"] * w["out_width"]
    return "there is no pixel to take" if wanted and not w["height"] * w["width"] else None


RESIZE = Kernel(
    "k_resize_nearest",
    {
        "image": octets("batch", "height", "width", "pixel"),
        "lines": floats("out_height"),
        "columns": floats("out_width"),
        "out": octets("batch", "out_height", "out_width", "pixel"),
    },
    rules=(_image_has_pixels,),
)


@dataclass(frozen=True, slots=True, eq=False)
class Resize(Step):
    """Pixels by their indices: output line y is line ``lines[y]``, and so on (int32)."""

    lines: NDArray[np.int32]
    columns: NDArray[np.int32]

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The chosen lines and columns."""
        return inputs[0][:, :, self.lines[:, None], self.columns[None, :]]

    def lower(self, to: Lowering) -> None:
        """Resize: by tables of indices."""
        (name,) = self.inputs
        n, channels, height, width = to.values[name].shape
        to.call(
            RESIZE,
            image=to.image(name),
            **{"batch": n, "height": height, "width": width, "pixel": channels * to.width(name)},
            **{"out_height": self.lines.size, "out_width": self.columns.size},
            lines=to.constant(self.lines),
            columns=to.constant(self.columns),
            out=to.new(self.output, image=True),
        )


RESIZE_LINEAR = Kernel(
    "k_resize_linear_f32",
    {
        "image": floats("batch", "height", "width", "channels"),
        **{name: octets("out_height", each=8) for name in ("lines", "line_weights")},
        **{name: octets("out_width", each=8) for name in ("columns", "column_weights")},
        "out": floats("batch", "out_height", "out_width", "channels"),
    },
    rules=(_image_has_pixels,),
)


@dataclass(frozen=True, slots=True, eq=False)
class ResizeLinear(Step):
    """Weighted means of neighbours: for each line and column of the result two of the input, and their weights."""

    lines: tuple[NDArray[np.int32], NDArray[np.float32]]
    columns: tuple[NDArray[np.int32], NDArray[np.float32]]

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The means."""
        return resize_linear(inputs[0], self.lines, self.columns)

    def lower(self, to: Lowering) -> None:
        """ResizeLinear."""
        (name,) = self.inputs
        n, channels, height, width = to.values[name].shape
        places: dict[str, NDArray[Any]] = {"lines": self.lines[0], "columns": self.columns[0]}
        places |= {"line_weights": self.lines[1], "column_weights": self.columns[1]}
        to.call(
            RESIZE_LINEAR,
            image=to.image(name),
            **{"batch": n, "height": height, "width": width, "channels": channels},
            **{"out_height": len(self.lines[0]), "out_width": len(self.columns[0])},
            **{name: to.constant(np.ascontiguousarray(array)) for name, array in places.items()},
            out=to.new(self.output, image=True),
        )


def plan(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
    """Resize of height and width by nearest neighbours; of floats by means of neighbours, too."""
    return integers_or_floats(planner, node, _of_codes, _of_floats)


def _of_floats(planner: Planner, node: Node) -> Symbol:
    value = float_input(planner, node.inputs[0])
    if text_of(node, "mode", "nearest") == "nearest":
        return _nearest(planner, node, Codes(value))
    crops = text_of(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    ways = ("antialias", "exclude_outside")
    linear = text_of(node, "mode", "nearest") in ("linear", "bilinear") and not crops
    if not linear or any(node.attributes.get(name) for name in ways):
        raise UnsupportedError("only plain means of two neighbours are supported")
    _, call = float_function(planner, node)
    given = [planner.known(name, "size") if name else None for name in (*node.inputs[1:], "", "", "")][:3]
    shape = planner.values[value].shape
    wanted = {target.axis: target for target in targets(call, shape, *given)}
    sizes = tuple(wanted[axis].size if axis in wanted else n for axis, n in enumerate(shape))
    if len(shape) != 4 or sizes[:2] != shape[:2]:
        raise UnsupportedError("only height and width can be resized")
    for axis in (2, 3):
        wanted.setdefault(axis, Target(axis, shape[axis], 1.0))
    planner.room.value(sizes, np.float32)
    lines, columns = (two_neighbours(call, wanted[axis], shape[axis]) for axis in (2, 3))
    planner.emit(ResizeLinear((value,), node.outputs[0], lines, columns), sizes, "float32")
    return Codes(node.outputs[0])


def _of_codes(planner: Planner, node: Node) -> Symbol:
    return _nearest(planner, node, planner.real(node.inputs[0]))


def _nearest(planner: Planner, node: Node, x: Codes | Dequantized) -> Symbol:
    shape, dtype = planner.values[x.value].shape, planner.values[x.value].dtype
    if text_of(node, "mode", "nearest") != "nearest" or len(shape) != 4:
        raise UnsupportedError("only nearest neighbours in images (N, C, H, W) are supported")
    if text_of(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedError("kept aspect ratios are not supported")
    scales, sizes = _target(planner, node, shape)
    if sizes[:2] != list(shape[:2]):
        raise UnsupportedError("only height and width can be resized")
    planner.room.value(sizes, dtype)
    lines, columns = (nearest(node, shape[a], sizes[a], scales[a]) for a in (2, 3))
    planner.emit(Resize((x.value,), node.outputs[0], lines, columns), tuple(sizes), dtype)
    return replace(x, value=node.outputs[0])


def _target(planner: Planner, node: Node, shape: tuple[int, ...]) -> tuple[Sequence[float | None], list[int]]:
    """Scales and sizes of all axes, one of which is stated: the axes that are not named stay as they are."""
    axes = axes_among(node.attributes.get("axes") or range(len(shape)), len(shape))
    by_size = len(node.inputs) > 3 and bool(node.inputs[3])
    given = planner.known(node.inputs[3 if by_size else 2], f"list of {'sizes' if by_size else 'scales'}")
    scales: list[float | None] = [None if by_size else 1.0] * len(shape)
    sizes = list(shape)
    for axis, wanted in zip(axes, given, strict=True):
        if by_size:
            sizes[axis] = int(wanted)
        else:
            scales[axis], sizes[axis] = float(wanted), size_of(shape[axis], float(wanted))
    return scales, sizes


def nearest(node: Node, n: int, out: int, scale: float | None) -> NDArray[np.int32]:
    """For each of ``out`` places the index, among ``n``, of the place that it shows."""
    mode = text_of(node, "coordinate_transformation_mode", "half_pixel")
    rounding = text_of(node, "nearest_mode", "round_prefer_floor")
    try:
        return nearest_indices(n, out, scale, mode, rounding)
    except InvalidInputError as error:
        raise UnsupportedError(f"the coordinates {mode!r} with {rounding!r} are not supported") from error


def _passes(node: Node) -> tuple[int, ...]:
    """Only nearest neighbours are values of the input."""
    return (0,) if text_of(node, "mode", "nearest") == "nearest" else ()


def _upgrade(older: Older, node: Node) -> Node:
    """Before operator set 11 places were counted from the corner, and there was no region of interest."""
    return node if older.opset >= 11 else from_corner(older, node, node.inputs[1])


def from_corner(older: Older, node: Node, scales: str) -> Node:
    """Resize as it was before operator set 11, and Upsample. ONNX Runtime makes images smaller by the next pixel."""
    known = older.known(scales)
    smaller = known is not None and bool(np.all(known <= 1))
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "ceil" if smaller else "floor"}
    mode = text_of(node, "mode", "nearest").removeprefix("bi")
    made = without(node, "scales", "height_scale", "width_scale", inputs=(node.inputs[0], "", scales), mode=mode, **how)
    return replace(made, op=OPERATOR.name)


MODE = Attribute("mode", "string", "nearest", choices=("nearest", "linear", "cubic", "bilinear"))

OPERATOR = Operator(
    name="Resize",
    ranks=(4, 4),
    takes=(Takes.VALUES, Takes.FACTORS, Takes.FACTORS, Takes.SIZES),
    run=run,
    attributes=(
        MODE,
        flag("antialias", since=18),
        Attribute("axes", "ints", since=18),
        Attribute("coordinate_transformation_mode", "string", choices=TRANSFORMS, later={"half_pixel_symmetric": 19}),
        Attribute("cubic_coeff_a", "float", -0.75),
        flag("exclude_outside"),
        Attribute("extrapolation_value", "float", 0.0),
        Attribute("keep_aspect_ratio_policy", "string", choices=("stretch", "not_larger", "not_smaller"), since=18),
        Attribute("nearest_mode", "string", choices=ROUNDINGS),
    ),
    data=(0,),
    scales=Scales.PASSES,
    passes=_passes,
    traits=Trait.MOVES,
    forms=Form.FURTHER | Form.NAMED,
    rank=as_input,
    since=(13,),
    upgrade=_upgrade,
    plan=plan,
)
