"""LSTM: long short-term memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._float_recurrences import plan_recurrence
from playground.operators._recurrences import (
    Cell,
    Direction,
    Recurrence,
    States,
    float_products,
    operator,
    shaped,
    sizes_of,
)
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol

GATES = 4
"""Input, output, forget, cell: the order in weights and biases."""

FUNCTIONS = ("Sigmoid", "Tanh", "Tanh")
"""Of the gates, of the new cell, of the output."""


def run(  # noqa: PLR0917  # the inputs of the operator
    call: Call,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    initial_h: Array | None = None,
    initial_c: Array | None = None,
    peepholes: Array | None = None,
) -> tuple[Array, ...]:
    """The outputs of all steps, the last one, and the last cell."""
    sizes = sizes_of(call, x, w.shape, r.shape, GATES)
    peeps = shaped(peepholes, (sizes.directions, 3 * sizes.hidden), "the peepholes", x.dtype)
    cell = cell_of(peeps, bool(call.get("input_forget", 0)))
    lstm = Recurrence(call, sizes, float_products(w, r), FUNCTIONS, cell)
    return lstm.run(x, b, lengths, initial_h, initial_c)


def cell_of(peepholes: Array, coupled: bool) -> Cell:
    """One step: ``peepholes`` (direction, 3 * hidden) are of input, output and forget gates.

    Where the gates are ``coupled``, the forget gate is 1 less the input gate.
    """

    def cell(way: Direction, projected: Array, states: States) -> States:
        h, c = states
        sums = projected + way.recur(h, 0, GATES) + (way.bias[0] + way.bias[1])
        i, o, f, new = np.split(sums, GATES, axis=1)
        pi, po, pf = np.split(peepholes[way.place], 3)
        i = way.gate(i + pi * c, 0)
        f = 1 - i if coupled else way.gate(f + pf * c, 0)
        c = f * c + i * way.gate(new, 1)
        return way.gate(o + po * c, 0) * way.functions[2](c), c

    return cell


def plan(planner: Planner, node: Node) -> tuple[Symbol, ...]:
    """LSTM of float32."""
    return plan_recurrence(planner, node, GATES, FUNCTIONS)


OPERATOR = replace(
    operator("LSTM", run, Attribute("input_forget", "int", 0, choices=(0, 1)), data=(0, 1, 2, 3, 5, 6, 7)),
    plan=plan,
)
