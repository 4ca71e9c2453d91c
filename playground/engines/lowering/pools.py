"""Kernel calls for pools of codes."""

from __future__ import annotations

from playground.engines import step_classes as p
from playground.engines.kernel_parts import PIXELS, coded, epilogue, images
from playground.engines.lowering.state import Lowering, lower
from playground.host.kernel import FLAG, Kernel, octets
from playground.programs.integer_ops import Window

MAX_POOL = Kernel("k_maxpool_s8", {"out": octets(*PIXELS)}, {"is_signed": FLAG}, parts=(images(),))
AVERAGE_POOL = Kernel("k_avgpool_s8", ranges={"count_padding": FLAG}, parts=(images(), coded(), epilogue(*PIXELS)))
GLOBAL_AVERAGE = Kernel(
    "k_global_average_s8",
    {"codes": octets("batch", "pixels", "channels")},
    parts=(coded(), epilogue("batch", "channels")),
)


@lower.register
def lower_max_pool(step: p.MaxPool, to: Lowering) -> None:
    """MaxPool."""
    (name,) = step.inputs
    images = to.images(name, step.window)
    to.call(MAX_POOL, images=images, is_signed=to.is_signed(name), out=to.new(step.output, image=True))


@lower.register
def lower_average_pool(step: p.AveragePool, to: Lowering) -> None:
    """AveragePool; over whole images by a kernel of its own."""
    (name,) = step.inputs
    n, channels, *size = to.values[name].shape
    codes = {"is_signed": to.is_signed(name), "zero_point": step.x_zero_point, "ratio": step.ratio}
    images = to.images(name, step.window)
    out = to.epilogue(step.to, to.new(step.output, image=True))
    if step.window == Window((size[0], size[1]), (1, 1)):
        counts = {"batch": n, "pixels": size[0] * size[1], "channels": channels}
        to.call(GLOBAL_AVERAGE, codes=images["x"], **counts, **codes, to=out)
        return
    to.call(AVERAGE_POOL, images=images, **codes, count_padding=step.count_padding, to=out)
