"""Kernel calls for what is done to each code by itself: quantizing, tables, sums and products of two values."""

from __future__ import annotations

import numpy as np

from playground.engines import step_classes as p
from playground.engines.kernel_parts import CODE, coded, epilogue, operands
from playground.engines.lowering.boxes import filled, merged, repeating, strides_of
from playground.engines.lowering.state import Given, Lowering, lower
from playground.host.kernel import FLAG, Kernel, Words, floats, octets

_RANK = 4
"""Of the operands of k_add_broadcast_s8 and k_mul_s8."""


def _entries(w: Words) -> int:
    return 256 * int(w["width"])


QUANTIZE = Kernel(
    "k_quantize",
    {
        "x": floats("outer", "channels", "inner"),
        "scale": floats("channels"),
        "zero_point": floats("channels"),
        "codes": octets("outer", "channels", "inner"),
    },
    ranges={"qmin": CODE, "qmax": CODE, "reciprocal": FLAG, "order": range(3), "rounding": range(3)},
)
LOOKUP = Kernel(
    "k_lookup",
    {"octets": octets("n"), "table": _entries, "out": octets("n", "width")},
    ranges={"width": (1, 4)},
)
ADD = Kernel(
    "k_add_s8",
    {"a": octets("n"), "b": octets("n")},
    parts=(coded("za", "a_signed"), coded("zb", "b_signed"), epilogue("n")),
)
ADD_BROADCAST = Kernel("k_add_broadcast_s8", parts=(operands(), epilogue("operands.sizes")))
MUL = Kernel("k_mul_s8", parts=(operands(), epilogue("operands.sizes")))


@lower.register
def lower_quantize(step: p.Quantize, to: Lowering) -> None:
    """Quantize: one scale for all."""
    image, (x,) = to.alike(step.inputs[0])
    limits = np.iinfo(to.values[step.output].dtype)
    out = to.new(step.output, image=image)
    to.call(
        QUANTIZE,
        x=x,
        **{"outer": 1, "channels": 1, "inner": out.nbytes},
        scale=to.constant(np.array([step.scale], np.float32)),
        zero_point=to.constant(np.array([step.zero_point], np.int32)),
        **{"qmin": int(limits.min), "qmax": int(limits.max), "reciprocal": 0, "order": 0, "rounding": 0},
        codes=out,
    )


@lower.register
def lower_lookup(step: p.Lookup, to: Lowering) -> None:
    """Lookup."""
    image, (x,) = to.alike(step.inputs[0])
    out, table = to.new(step.output, image=image), to.constant(step.table)
    to.call(LOOKUP, octets=x, n=x.nbytes, table=table, width=step.table.itemsize, out=out)


@lower.register
def lower_add(step: p.Add, to: Lowering) -> None:
    """Add: of equal shapes, or such as broadcast."""
    ra, rb = step.ratios
    if len({to.values[name].shape for name in step.inputs}) > 1:
        to.call(ADD_BROADCAST, ra=ra, rb=rb, **_broadcast(step, to))
        return
    image, (a, b) = to.alike(*step.inputs)
    out = to.epilogue(step.to, to.new(step.output, image=image))
    to.call(ADD, a=a, b=b, n=a.nbytes, **_signs(step, to), ra=ra, rb=rb, to=out)


@lower.register
def lower_mul(step: p.Mul, to: Lowering) -> None:
    """Mul."""
    to.call(MUL, ratio=step.ratio, **_broadcast(step, to))


def _signs(step: p.Add | p.Mul, to: Lowering) -> Given:
    (a, b), (za, zb) = step.inputs, step.zero_points
    return {"a_signed": to.is_signed(a), "za": za, "b_signed": to.is_signed(b), "zb": zb}


def _broadcast(step: p.Add | p.Mul, to: Lowering) -> Given:
    """``operands`` and ``to`` where operands broadcast against each other."""
    shape = to.values[step.output].shape
    image = len(shape) == _RANK and any(to.is_image(name) for name in step.inputs)
    image = image and all(_as_image(to.values[name].shape) for name in step.inputs if not to.is_image(name))
    out = to.new(step.output, image=image)
    places, strides = [], []
    for name in step.inputs:
        own = (*(1,) * (len(shape) - len(to.values[name].shape)), *to.values[name].shape)
        places.append(to.image(name) if image and to.is_image(name) else to.row(name))
        strides.append(repeating(own, strides_of(own, image=image)))
    order = (0, 2, 3, 1) if image else range(len(shape))
    axes = merged([(shape[i], strides[0][i], strides[1][i]) for i in order]) or [(1, 1, 1)]
    sizes, a, b = (filled([axis[i] for axis in axes], _RANK, 1 if i == 0 else 0) for i in range(3))
    given = {"a": places[0], "b": places[1], "sizes": sizes, "a_strides": a, "b_strides": b, **_signs(step, to)}
    return {"operands": given, "to": to.epilogue(step.to, out)}


def _as_image(shape: tuple[int, ...]) -> bool:
    """Whether an array's bytes are those of an NHWC image of the same shape, one-sized axes before it left out."""
    channels, height, width = (*(1,) * 3, *shape)[-3:]
    return channels == 1 or height * width == 1
