"""GRU: gated recurrent unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._float_recurrences import plan_recurrence
from playground.operators._recurrences import Cell, Direction, Recurrence, States, float_products, operator, sizes_of
from playground.programs.call import Array, Call
from playground.programs.planner import Planner, Symbol

GATES = 3
"""Update, reset, hidden: the order in weights and biases."""

FUNCTIONS = ("Sigmoid", "Tanh")
"""Of the gates, of the new state."""


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
    sizes = sizes_of(call, x, w.shape, r.shape, GATES)
    cell = cell_of(bool(call.get("linear_before_reset", 0)))
    return Recurrence(call, sizes, float_products(w, r), FUNCTIONS, cell).run(x, b, lengths, initial_h)


def cell_of(linear_before_reset: bool) -> Cell:
    """One step: the state is reset before it is multiplied with its weights, or the product and its bias are."""

    def cell(way: Direction, projected: Array, states: States) -> States:
        (h,) = states
        z, r, new = np.split(projected + way.bias[0], GATES, axis=1)
        bias_z, bias_r, bias_new = np.split(way.bias[1], GATES)
        if linear_before_reset:
            sums_z, sums_r, sums_new = np.split(way.recur(h, 0, GATES), GATES, axis=1)
        else:
            sums_z, sums_r = np.split(way.recur(h, 0, 2), 2, axis=1)
        z, r = way.gate(z + (sums_z + bias_z), 0), way.gate(r + (sums_r + bias_r), 0)
        kept = r * (sums_new + bias_new) if linear_before_reset else way.recur(r * h, 2, GATES) + bias_new
        return ((1 - z) * way.gate(new + kept, 1) + z * h,)

    return cell


def plan(planner: Planner, node: Node) -> tuple[Symbol, ...]:
    """GRU of float32."""
    return plan_recurrence(planner, node, GATES, FUNCTIONS)


OPERATOR = replace(
    operator("GRU", run, Attribute("linear_before_reset", "int", 0, choices=(0, 1))),
    plan=plan,
)
