"""Scan: a graph that runs for each slice of its inputs, on what it made for the slice before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import Graph
from playground.operators._attributes import Attribute, axis_of
from playground.operators._graphs import Stack, require_outputs
from playground.operators._operator import Operator
from playground.programs.call import Array, Call
from playground.tasks import Task

_BATCHED = 9
"""The operator set before which inputs have an axis of samples first, and lengths of sequences."""


def run_graphs(call: Call, *inputs: Array | None) -> Task[tuple[Array, ...]]:
    """The states after the last slice, and what the body gave besides for each of them, stacked."""
    scanned = int(call.attributes["num_scan_inputs"])
    given, lengths = (inputs, None) if call.opset >= _BATCHED else (inputs[1:], inputs[0])
    present = [x for x in given if x is not None]
    if len(present) < len(given) or scanned > len(given):
        raise InvalidInputError(
            f"{len(present)} of the node's inputs are given, and {scanned} of them are to be scanned",
            hint="Give it all states and all scanned inputs",
        )
    if call.opset < _BATCHED:
        return (yield from _batches_task(call, present, scanned, lengths))
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


def _batches_task(call: Call, inputs: Sequence[Array], scanned: int, lengths: Array | None) -> Task[tuple[Array, ...]]:
    """The form of operator set 8: sample for sample; what lies beyond a sample's length is 0."""
    counts = {x.shape[:1] for x in inputs}
    if len(counts) != 1 or () in counts or any(x.ndim < 2 for x in inputs[len(inputs) - scanned :]):
        raise InvalidInputError("the inputs have different numbers of samples", hint="Give the same number for each")
    states, slices = inputs[: len(inputs) - scanned], inputs[len(inputs) - scanned :]
    full = slices[0].shape[1]
    ends = [full] * len(slices[0]) if lengths is None else [int(n) for n in lengths.reshape(-1)]
    if len(ends) != len(slices[0]) or not all(0 <= n <= full for n in ends):
        raise InvalidInputError("the lengths of the sequences do not fit the inputs", hint="Give one for each sample")
    directions = _each(call, "directions", scanned)
    made = []
    for sample, end in enumerate(ends):
        read = [x[sample, :end] for x in slices]
        found = yield from _scan_task(call, [x[sample] for x in states], read, directions)
        padded = (np.pad(x, [(0, full - end), *[(0, 0)] * (x.ndim - 1)]) for x in found[len(states) :])
        made.append((*found[: len(states)], *padded))
    return tuple(np.stack(column) for column in zip(*made, strict=True))


OPERATOR = Operator(
    name="Scan",
    versions=(8, None),
    run_graphs=run_graphs,
    attributes=(
        Attribute("body", "graph", required=True),
        Attribute("num_scan_inputs", "int", required=True, low=1),
        Attribute("directions", "ints", low=0, high=1),
        Attribute("scan_input_axes", "ints"),
        Attribute("scan_input_directions", "ints", low=0, high=1),
        Attribute("scan_output_axes", "ints"),
        Attribute("scan_output_directions", "ints", low=0, high=1),
    ),
)
