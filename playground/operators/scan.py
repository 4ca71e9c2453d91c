"""Scan: a graph that runs for each slice of its inputs, on what it made for the slice before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Graph, Node, ValueInfo
from playground.operators._attributes import Attribute, axis_of
from playground.operators._graphs import Stack, require_outputs
from playground.operators._operator import Operator
from playground.operators._upgrades import Older
from playground.programs.call import Array, Call
from playground.tasks import Task

_BATCHED = 9
"""The operator set before which inputs had an axis of samples first."""


def run_graphs(call: Call, *inputs: Array | None) -> Task[tuple[Array, ...]]:
    """The states after the last slice, and what the body gave besides for each of them, stacked."""
    scanned = int(call.attributes["num_scan_inputs"])
    present = [x for x in inputs if x is not None]
    if len(present) < len(inputs) or scanned > len(inputs):
        raise InvalidInputError(
            f"{len(present)} of the node's inputs are given, and {scanned} of them are to be scanned",
            hint="Give it all states and all scanned inputs",
        )
    states, slices = present[: len(present) - scanned], present[len(present) - scanned :]
    axes = [axis_of(axis, x.ndim) for axis, x in zip(_each(call, "scan_input_axes", scanned), slices, strict=True)]
    turned = [np.moveaxis(x, axis, 0) for x, axis in zip(slices, axes, strict=True)]
    return (yield from _scan_task(call, states, turned, _each(call, "scan_input_directions", scanned)))


def _each(call: Call, name: str, count: int) -> list[int]:
    """An attribute of so many numbers, zeros where the node does not state it."""
    numbers = [int(n) for n in call.get(name) or [0] * count]
    if len(numbers) != count:
        raise InvalidInputError(
            f"{name} has {len(numbers)} numbers for {count} inputs or outputs", hint="Give one number for each"
        )
    return numbers


def _scan_task(
    call: Call, states: Sequence[Array], slices: Sequence[Array], directions: Sequence[int]
) -> Task[tuple[Array, ...]]:
    """Scan along the first axes."""
    body: Graph = call.attributes["body"]
    require_outputs(len(body.outputs), len(states), body.outputs)
    stacks = [Stack(call, info) for info in body.outputs[len(states) :]]
    axes, turns = (_each(call, f"scan_output_{what}", len(stacks)) for what in ("axes", "directions"))
    lengths = {len(x) for x in slices}
    if len(lengths) != 1:
        raise InvalidInputError(
            f"the scanned inputs have different lengths: {sorted(lengths)}", hint="Give the same length for each"
        )
    length = lengths.pop()
    for at in range(length):
        read = (x[length - 1 - at if backwards else at] for x, backwards in zip(slices, directions, strict=True))
        made = yield from call.run_graph(body, (*states, *map(np.asarray, read)))
        states = made[: len(states)]
        for stack, value in zip(stacks, made[len(states) :], strict=True):
            stack.add(value)
    stacked = (s.stacked(axis, reverse=bool(turn)) for s, axis, turn in zip(stacks, axes, turns, strict=True))
    return (*states, *stacked)


def upgrade(older: Older, node: Node) -> Node:
    """Before operator set 9 inputs had an axis of samples first: a Scan along it, of a Scan along the sequences.

    Raises:
        UnsupportedError: the sequences have lengths of their own.
    """
    if older.opset >= _BATCHED:
        return node
    if node.inputs[0]:
        raise UnsupportedError(
            "Scan with lengths of sequences cannot be read", hint="Export with operator set 9 or newer"
        )
    body = node.attributes["body"]
    inputs, outputs = (
        tuple(older.names.take(f"{node.name}_{what}") for _ in held)
        for what, held in (("given", node.inputs[1:]), ("made", body.outputs))
    )
    sequences = {"scan_input_directions": node.attributes["directions"]} if "directions" in node.attributes else {}
    attributes = {"body": body, "num_scan_inputs": node.attributes["num_scan_inputs"], **sequences}
    inner = Node(node.op, older.node_names.take(f"{node.name}_sample"), inputs, outputs, attributes)
    ends = [tuple(ValueInfo(name, "", None) for name in names) for names in (inputs, outputs)]
    sample = Graph(f"{body.name}_sample", ends[0], ends[1], (inner,), {}, older.opset)
    return replace(node, inputs=node.inputs[1:], attributes={"body": sample, "num_scan_inputs": len(inputs)})


OPERATOR = Operator(
    name="Scan",
    since=(9,),
    run_graphs=run_graphs,
    upgrade=upgrade,
    attributes=(
        Attribute("body", "graph", required=True),
        Attribute("num_scan_inputs", "int", required=True, low=1),
        Attribute("scan_input_axes", "ints"),
        Attribute("scan_input_directions", "ints", low=0, high=1),
        Attribute("scan_output_axes", "ints"),
        Attribute("scan_output_directions", "ints", low=0, high=1),
    ),
)
