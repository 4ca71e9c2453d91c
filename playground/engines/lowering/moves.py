"""Kernel calls for what moves codes. Everything but Resize and Gather is a copy of a box: see ``boxes``."""

from __future__ import annotations

import math

from playground.engines import step_classes as p
from playground.engines.kernel_parts import copied
from playground.engines.kernel_program import At
from playground.engines.lowering.boxes import box, strides_of
from playground.engines.lowering.state import Lowering, lower
from playground.host.kernel import ANY, Kernel, Words, fixed, floats, octets

COPY = Kernel("k_copy", parts=(copied(),))
PAD = Kernel("k_pad", {"out": octets("nbytes")}, {"value": ANY, "box.width": (1, 2, 4)}, parts=(copied("box."),))


def _image_has_pixels(w: Words) -> str | None:
    wanted = w["batch"] * w["out_height"] * w["out_width"]
    return "there is no pixel to take" if wanted and not w["height"] * w["width"] else None


def _table_has_rows(w: Words) -> str | None:
    return "there is no row to take" if w["n"] * w["outer"] and not w["rows"] else None


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
GATHER = Kernel(
    "k_gather",
    {
        "x": octets("outer", "rows", "row_bytes"),
        "indices": octets("n", "index_width"),
        "out": octets("outer", "n", "row_bytes"),
        "outside": fixed(4),
    },
    ranges={"index_width": (4, 8)},
    rules=(_table_has_rows,),
)


@lower.register
def lower_reshape(step: p.Reshape, to: Lowering) -> None:
    """Reshape: the same bytes."""
    to.same_bytes(step.inputs[0], step.output)


@lower.register
def lower_view(step: p.View, to: Lowering) -> None:
    """View: slices, parts, transposition, repeated elements."""
    (name,) = step.inputs
    image, (x,) = to.alike(name)
    view, width = step.box, to.width(name)
    keeps_axes = image and view.axes == (0, 1, 2, 3)
    strides = strides_of(to.values[name].shape, image=image)
    first = sum(start * strides[axis] for axis, start in zip(view.axes, view.starts, strict=True) if axis >= 0)
    by = [0 if axis < 0 else strides[axis] * step for axis, step in zip(view.axes, view.steps, strict=True)]
    out = to.new(step.output, image=keeps_axes)
    copy = box(view.shape, by, strides_of(view.shape, image=keeps_axes), width)
    to.call(COPY, x=At(x, first * width), out=out, table=None, **copy)


@lower.register
def lower_concat(step: p.Concat, to: Lowering) -> None:
    """Concat: one box after the other."""
    image, parts = to.alike(*step.inputs)
    shape, width = to.values[step.output].shape, to.width(step.output)
    out, out_strides = to.new(step.output, image=image), strides_of(shape, image=image)
    begin = 0
    for name, part in zip(step.inputs, parts, strict=True):
        own = to.values[name].shape
        copy = box(own, strides_of(own, image=image), out_strides, width)
        to.call(COPY, x=part, out=At(out, begin * out_strides[step.axis] * width), table=None, **copy)
        begin += own[step.axis]


@lower.register
def lower_pad(step: p.Pad, to: Lowering) -> None:
    """Pad: all of it the value, then the box."""
    (name,) = step.inputs
    image, (x,) = to.alike(name)
    shape, own = to.values[step.output].shape, to.values[name].shape
    out, out_strides = to.new(step.output, image=image), strides_of(shape, image=image)
    first, width = sum(n * stride for n, stride in zip(step.before, out_strides, strict=True)), to.width(name)
    copy = box(own, strides_of(own, image=image), out_strides, width)
    inner = {"x": x, "out": At(out, first * width), "table": None, **copy}
    to.call(PAD, out=out, nbytes=out.nbytes, value=step.value, box=inner)


@lower.register
def lower_resize(step: p.Resize, to: Lowering) -> None:
    """Resize: by tables of indices."""
    (name,) = step.inputs
    n, channels, height, width = to.values[name].shape
    to.call(
        RESIZE,
        image=to.image(name),
        **{"batch": n, "height": height, "width": width, "pixel": channels * to.width(name)},
        **{"out_height": step.lines.size, "out_width": step.columns.size},
        lines=to.constant(step.lines),
        columns=to.constant(step.columns),
        out=to.new(step.output, image=True),
    )


@lower.register
def lower_gather(step: p.Gather, to: Lowering) -> None:
    """Gather: rows by their indices."""
    name, chosen = step.inputs
    shape = to.values[name].shape
    to.call(
        GATHER,
        x=to.row(name),
        outer=math.prod(shape[: step.axis]),
        rows=shape[step.axis],
        row_bytes=math.prod(shape[step.axis + 1 :]) * to.width(name),
        indices=to.row(chosen),
        n=math.prod(to.values[chosen].shape),
        index_width=to.width(chosen),
        out=to.new(step.output),
        outside=to.faults(step.output, f"it has indices that are not below {shape[step.axis]}"),
    )
