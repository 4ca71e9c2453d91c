"""AveragePool: the mean of each window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from playground.errors import UnsupportedError
from playground.host.kernel import FLAG, Kernel, octets
from playground.model.graph import Node
from playground.operators._attributes import WINDOW, flag
from playground.operators._elementwise import wide
from playground.operators._floats import pooled
from playground.operators._images import LINES, four_axes, of_signals, pool_window
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import as_input
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Target, Window
from playground.programs.kernel_parts import PIXELS, coded, epilogue, images
from playground.programs.planner import Deferred, Dequantized, Planner, Symbol
from playground.programs.program import Step, Value
from playground.programs.windows import windows

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, x: Array) -> Array:
    """The mean of each window, over its values alone or, with ``count_include_pad``, over the padding too."""
    geometry = windows(call, x.shape[2:], tuple(call.get("kernel_shape")))
    geometry.require_room(call, x, x.shape[1])
    total = sum(geometry.taps(geometry.pad(wide(x), 0)))
    inside = np.ones(x.shape[2:], np.float32)
    if call.get("count_include_pad"):  # the padding counts, what ceil_mode adds behind it does not
        widths = list(zip(geometry.begins, geometry.ends, strict=True))
        padded = np.pad(np.pad(inside, widths, constant_values=1), [(0, more) for more in geometry.missing])
    else:
        padded = geometry.pad(inside, 0)
    return np.asarray(total / sum(geometry.taps(padded)), x.dtype)


AVERAGE_POOL = Kernel("k_avgpool_s8", ranges={"count_padding": FLAG}, parts=(images(), coded(), epilogue(*PIXELS)))


GLOBAL_AVERAGE = Kernel(
    "k_global_average_s8",
    {"codes": octets("batch", "pixels", "channels")},
    parts=(coded(), epilogue("batch", "channels")),
)


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool(Step):
    """Mean under each window; a window of the image's size is global average pooling."""

    window: Window
    x_zero_point: int
    ratio: np.float32
    count_padding: bool
    to: Target

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The mean under each window, rounded."""
        return ops.average_pool(
            inputs[0],
            self.window,
            self.to,
            zero_point=self.x_zero_point,
            ratio=self.ratio,
            count_padding=self.count_padding,
        )

    def lower(self, to: Lowering) -> None:
        """AveragePool; over whole images by a kernel of its own."""
        (name,) = self.inputs
        n, channels, *size = to.values[name].shape
        codes = {"is_signed": to.is_signed(name), "zero_point": self.x_zero_point, "ratio": self.ratio}
        images = to.images(name, self.window)
        out = to.epilogue(self.to, to.new(self.output, image=True))
        if self.window == Window((size[0], size[1]), (1, 1)):
            counts = {"batch": n, "pixels": size[0] * size[1], "channels": channels}
            to.call(GLOBAL_AVERAGE, codes=images["x"], **counts, **codes, to=out)
            return
        to.call(AVERAGE_POOL, images=images, **codes, count_padding=self.count_padding, to=out)


def plan(planner: Planner, node: Node) -> Symbol:
    """AveragePool, with or without counting the padding."""
    shape = planner.shape(node.inputs[0])
    if len(shape) == LINES:
        return of_signals(planner, node, plan)
    four_axes(shape)
    count_padding = bool(node.attributes["count_include_pad"])
    if count_padding and node.attributes["ceil_mode"]:
        raise UnsupportedError("ceil_mode together with count_include_pad is not supported")
    return averaged_image(planner, node, pool_window(node, shape, planner.room), count_padding)


def averaged_image(planner: Planner, node: Node, window: ops.Window, count_padding: bool) -> Symbol:
    """The mean under each window of the images that a node reads."""
    floats = pooled(planner, node, window, mean=True, count_padding=count_padding)
    if floats is not None:
        return floats
    x = planner.real(node.inputs[0])
    return averaged(planner, x, planner.values[x.value].shape, window, count_padding)


def averaged(
    planner: Planner, x: Dequantized, shape: tuple[int, ...], window: ops.Window, count_padding: bool
) -> Deferred:
    """The mean under each window of images of ``shape``."""
    out_shape = (*shape[:2], *window.out)

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        ratio = np.float32(x.scale / scale)
        step = AveragePool((x.value,), output, window, x.zero_point, ratio, count_padding, to)
        planner.emit(step, out_shape, to.dtype)

    return Deferred(out_shape, emit)


_WINDOW = tuple(replace(a, since=19) if a.name == "dilations" else a for a in WINDOW)

OPERATOR = Operator(
    name="AveragePool",
    ranks=(3, 5),
    run=run,
    attributes=(*_WINDOW, flag("ceil_mode"), flag("count_include_pad")),
    scales=Scales.PASSES,
    traits=Trait.MONOTONIC | Trait.HOMOGENEOUS | Trait.BY_CHANNEL,
    forms=Form.DEFAULT,
    rank=as_input,
    plan=plan,
)
