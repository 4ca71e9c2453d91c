"""RNN: the plain recurrent operator."""

from __future__ import annotations

from playground.operators._recurrences import Direction, Recurrence, States, float_products, operator, sizes_of
from playground.programs.call import Array, Call


def run(  # noqa: PLR0917  # the inputs of the operator
    call: Call,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    initial_h: Array | None = None,
) -> tuple[Array, ...]:
    """The outputs of all steps, and the last one."""
    sizes = sizes_of(call, x, w.shape, r.shape, 1)
    return Recurrence(call, sizes, float_products(w, r), ("Tanh",), cell).run(x, b, lengths, initial_h)


def cell(way: Direction, projected: Array, states: States) -> States:
    """One step."""
    return (way.gate(projected + way.recur(states[0], 0, 1) + (way.bias[0] + way.bias[1]), 0),)


OPERATOR = operator("RNN", run)
