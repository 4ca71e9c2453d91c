"""Kernel arguments of steps over two values of codes, which broadcast against each other."""

from __future__ import annotations

from typing import Protocol

from playground.programs.boxes import filled, looks_like_image, merged, repeating, strides_of
from playground.programs.integer_ops import Target
from playground.programs.lowering import Given, Lowering

_RANK = 4
"""Of the operands of k_add_broadcast_s8 and k_mul_s8."""


class TwoCodes(Protocol):
    """A step over two values of codes."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def output(self) -> str:
        """The name of the result."""
        ...

    @property
    def zero_points(self) -> tuple[int, int]:
        """Of the two."""
        ...

    @property
    def to(self) -> Target:
        """What the results become."""
        ...


def signs(step: TwoCodes, to: Lowering) -> Given:
    """Types and zero-points of both operands."""
    (a, b), (za, zb) = step.inputs, step.zero_points
    return {"a_signed": to.is_signed(a), "za": za, "b_signed": to.is_signed(b), "zb": zb}


def broadcast(step: TwoCodes, to: Lowering) -> Given:
    """``operands`` and ``to`` where operands broadcast against each other."""
    shape = to.values[step.output].shape
    image = len(shape) == _RANK and any(to.is_image(name, _RANK) for name in step.inputs)
    image = image and all(
        looks_like_image(to.values[name].shape) for name in step.inputs if not to.is_image(name, _RANK)
    )
    out = to.new(step.output, image=image)
    places, strides = [], []
    for name in step.inputs:
        own = (*(1,) * (len(shape) - len(to.values[name].shape)), *to.values[name].shape)
        places.append(to.image(name) if image and to.is_image(name, _RANK) else to.row(name))
        strides.append(repeating(own, strides_of(own, image=image)))
    order = (0, 2, 3, 1) if image else range(len(shape))
    axes = merged([(shape[i], strides[0][i], strides[1][i]) for i in order]) or [(1, 1, 1)]
    sizes, a, b = (filled([axis[i] for axis in axes], _RANK, 1 if i == 0 else 0) for i in range(3))
    given = {"a": places[0], "b": places[1], "sizes": sizes, "a_strides": a, "b_strides": b, **signs(step, to)}
    return {"operands": given, "to": to.epilogue(step.to, out)}
