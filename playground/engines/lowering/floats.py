"""Kernel calls for the steps of dynamically quantized models."""

from __future__ import annotations

from playground.engines import step_classes as f
from playground.engines.kernel_parts import PIXELS, images
from playground.engines.lowering.state import Lowering, lower
from playground.host.kernel import FLAG, Kernel, fixed, floats, octets

DYNAMIC_RANGE = Kernel("k_dynamic_range", {"x": floats("n"), "range": fixed(8)})
DYNAMIC_QUANTIZE = Kernel("k_dynamic_quantize", {"x": floats("n"), "range": fixed(8), "codes": octets("n")})
SCALE_SUMS = Kernel(
    "k_scale_sums",
    {
        **{name: floats("rows", "columns") for name in ("sums", "out")},
        **{name: floats("columns") for name in ("column_sums", "scale", "bias")},
        "range": fixed(8),
    },
)
ADD_FLOATS = Kernel("k_add_f32", {name: floats("n") for name in ("a", "b", "out")}, optional=frozenset({"b"}))
POOL_FLOATS = Kernel(
    "k_pool_f32", {"out": floats(*PIXELS)}, {"mean": FLAG, "count_padding": FLAG}, parts=(images(each=4),)
)


@lower.register
def lower_dynamic_range(step: f.DynamicRange, to: Lowering) -> None:
    """DynamicRange."""
    _, (x,) = to.alike(*step.inputs)
    to.call(DYNAMIC_RANGE, x=x, n=x.nbytes // 4, range=to.new(step.output))


@lower.register
def lower_dynamic_quantize(step: f.DynamicQuantize, to: Lowering) -> None:
    """DynamicQuantize."""
    name, found = step.inputs
    image, (x,) = to.alike(name)
    codes = to.new(step.output, image=image)
    to.call(DYNAMIC_QUANTIZE, x=x, n=x.nbytes // 4, range=to.row(found), codes=codes)


@lower.register
def lower_scale_sums(step: f.ScaleSums, to: Lowering) -> None:
    """ScaleSums."""
    name, found = step.inputs
    image, count = step.axis == 1, step.columns.scale.size
    sums = to.image(name) if image else to.row(name)
    to.call(
        SCALE_SUMS,
        sums=sums,
        **{"rows": sums.nbytes // 4 // max(count, 1), "columns": count},
        range=to.row(found),
        column_sums=to.constant(step.columns.sums),
        scale=to.constant(step.columns.scale),
        bias=to.constant(step.columns.bias),
        **dict(zip(("lo", "hi"), step.limits, strict=True)),
        out=to.new(step.output, image=image),
    )


@lower.register
def lower_add(step: f.FloatAdd, to: Lowering) -> None:
    """FloatAdd: of two values, or one value within limits."""
    image, (a, *more) = to.alike(*step.inputs)
    lo, hi = step.limits
    b = more[0] if more else None
    to.call(ADD_FLOATS, a=a, b=b, n=a.nbytes // 4, lo=lo, hi=hi, out=to.new(step.output, image=image))


@lower.register
def lower_pool(step: f.FloatPool, to: Lowering) -> None:
    """FloatPool."""
    (name,) = step.inputs
    how = {"mean": step.mean, "count_padding": step.count_padding}
    to.call(POOL_FLOATS, images=to.images(name, step.window), **how, out=to.new(step.output, image=True))
