"""A part of a graph that is run in parts: nodes that NumPy computes, then a program of integer steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import reference, wasm
from playground.engines.bodies import Bodies
from playground.engines.evaluation import evaluate_task
from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.programs import program as p
from playground.programs.planner import Planner
from playground.tasks import Progress, Task, as_step

Array = NDArray[Any]
Arrays = dict[str, Array]


class ShapesChangedError(Exception):
    """Values decide about shapes in this graph: the parts have to be found again."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor of the graph is from: a known array, or a value of the programs and what its codes mean."""

    value: str = ""
    known: Array | None = None
    real: Callable[[Array], Array] | None = None

    def of(self, arrays: Mapping[str, Array]) -> Array:
        """The tensor's values."""
        if self.known is not None:
            return self.known
        array = arrays[self.value]
        return array if self.real is None else self.real(array)


@dataclass(slots=True)
class Part:
    """One of the parts, in the order of execution: nodes for NumPy, then a program of what could be planned.

    Attributes:
        nodes: with where each of their inputs is from, and the names of the values that they make.
        program: None where only nodes are left.
        last: values that no later part reads.
    """

    nodes: list[tuple[Node, dict[str, Source], dict[str, str]]] = field(default_factory=list)
    program: p.Program | wasm.WasmProgram | None = None
    last: frozenset[str] = frozenset()

    @property
    def plain(self) -> p.Program | None:
        """Its program, whatever runs it."""
        return self.program if isinstance(self.program, (p.Program, type(None))) else self.program.program

    def task(self, planner: Planner, arrays: Arrays, step: Progress, bodies: Bodies) -> Task[None]:
        """Compute all values of this part.

        Raises:
            ShapesChangedError: a node made a value of another shape than when the parts were found.
        """
        for place in range(len(self.nodes)):
            yield from as_step(self.node_task(place, planner, arrays, bodies), step)
        arrays.update(self.run_program(arrays))
        self.forget(arrays)

    def node_task(self, place: int, planner: Planner, arrays: Arrays, bodies: Bodies | None) -> Task[None]:
        """Compute the values of one of its nodes; errors as :meth:`task`."""
        node, sources, names = self.nodes[place]
        made = yield from computed_task(planner, node, sources, arrays, bodies)
        for name, value in names.items():
            if planner.values[value] != p.Value(made[name].shape, made[name].dtype.name):
                raise ShapesChangedError
            arrays[value] = made[name]

    def forget(self, arrays: Arrays) -> None:
        """Drop the values that no later part reads."""
        for name in self.last:
            arrays.pop(name, None)

    def run_program(self, arrays: Mapping[str, Array]) -> Arrays:
        """The values that the program makes for others."""
        if self.plain is None:
            return {}
        fed = {name: arrays[name] for name in self.plain.inputs}
        return self.program.run(fed) if isinstance(self.program, wasm.WasmProgram) else reference.run(self.plain, fed)


def computed_task(
    planner: Planner, node: Node, sources: Mapping[str, Source], arrays: Arrays, bodies: Bodies | None
) -> Task[Arrays]:
    """A node's outputs by name; graphs inside it run as programs."""
    if bodies is not None:
        bodies.constants = {name for name, source in sources.items() if source.known is not None}
    for source in sources.values():
        if source.real is not None:  # floats take four times the room of their codes
            _require_room(planner, node, arrays[source.value].shape)
    values = {name: source.of(arrays) for name, source in sources.items()}
    made = yield from evaluate_task(planner.graph, node, values, planner.room, bodies)
    return {name: np.asarray(array, order="C") for name, array in made.items() if name}


def _require_room(planner: Planner, node: Node, shape: tuple[int, ...]) -> None:
    """Raise UnsupportedError, which names the node, if floats of this shape are too large."""
    try:
        planner.room.value(shape, np.float32)
    except UnsupportedError as error:
        raise error.at(f"{planner.graph.name}: node {node.name!r} ({node.op})") from error
