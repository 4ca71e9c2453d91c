"""Kernel calls for the steps of dynamically quantized models. Import registers them with ``lower_more``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.engines import step_classes as f
from playground.engines.lowering_more import lower_more, place

if TYPE_CHECKING:
    from playground.engines.lowering import Lowering


@lower_more.register(f.DynamicRange)
def _(step: f.DynamicRange, to: Lowering) -> None:
    (x,) = place(to, *step.inputs)[1]
    to.call("k_dynamic_range", x, x.nbytes // 4, to.new(step.output))


@lower_more.register(f.DynamicQuantize)
def _(step: f.DynamicQuantize, to: Lowering) -> None:
    name, found = step.inputs
    image, (x,) = place(to, name)
    to.call("k_dynamic_quantize", x, x.nbytes // 4, to.row(found), to.new(step.output, image=image))


@lower_more.register(f.ScaleSums)
def _(step: f.ScaleSums, to: Lowering) -> None:
    name, found = step.inputs
    image = step.axis == 1
    sums = to.image(name) if image else to.row(name)
    columns, count = step.columns, step.columns.scale.size
    parameters = [to.constant(array) for array in (columns.sums, columns.scale, columns.bias)]
    out = to.new(step.output, image=image)
    rows = sums.nbytes // 4 // count
    to.call("k_scale_sums", sums, rows, count, to.row(found), *parameters, *step.limits, out)


@lower_more.register(f.FloatAdd)
def _(step: f.FloatAdd, to: Lowering) -> None:
    image, (a, *b) = place(to, *step.inputs)
    to.call("k_add_f32", a, b[0] if b else 0, a.nbytes // 4, *step.limits, to.new(step.output, image=image))


@lower_more.register(f.FloatPool)
def _(step: f.FloatPool, to: Lowering) -> None:
    (name,) = step.inputs
    args = (*to.geometry(name, step.window), step.mean, step.count_padding)
    to.call("k_pool_f32", to.image(name), *args, to.new(step.output, image=True))
