"""Programs of the graphs inside nodes: branches of If, bodies of Loop and Scan.

Such a graph becomes one of its own: what it reads from around it is an input, or a constant where it is known. It is
planned once for the shapes that it meets, and runs as any graph in parts does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from playground.engines.feeds import Fed
from playground.engines.small_floats import small_floats
from playground.model.graph import Graph, Tensor, ValueInfo
from playground.programs.room import Room
from playground.tasks import Task

Arrays = dict[str, NDArray[Any]]

MOST_PLANS = 8
"""How often one body is planned. One that meets new shapes all the time, as a Loop may, is left to NumPy then."""


class Runs(Protocol):
    """What runs a body that has become a graph of its own.

    Attributes:
        plans: how often it was planned.
    """

    plans: int

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory."""
        ...

    def task(self, fed: Fed) -> Task[Arrays]:
        """Its outputs by name."""
        ...

    def release(self) -> None:
        """Give its memory back."""
        ...


class Bodies:
    """The programs of a graph's bodies.

    Attributes:
        constants: values of the graph around them that are the same in every run, by name.
    """

    def __init__(self, make: Callable[[Graph, Room], Runs]) -> None:
        """``make``: what runs a graph, within a room."""
        self._make = make
        self.constants: Mapping[str, NDArray[Any]] = {}
        self._programs: dict[int, tuple[Graph, dict[tuple[Any, ...], Runs]]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory that they take."""
        return sum(program.nbytes for _, programs in self._programs.values() for program in programs.values())

    def run_task(
        self,
        graph: Graph,
        inputs: Sequence[NDArray[Any]],
        around: Mapping[str, NDArray[Any]],
        outer: Sequence[Graph],
        room: Room,
    ) -> Task[tuple[NDArray[Any], ...] | None]:
        """The outputs of a body, or None where NumPy has to compute them.

        Args:
            graph: it.
            inputs: arrays for its inputs.
            around: the values that it sees, by name.
            outer: the graphs around it, from the inside out.
            room: of the whole model.
        """
        if small_floats(graph, *outer):
            return None
        names = _captured(graph)
        known = {name: self.constants[name] for name in names if name in self.constants}
        fed: Arrays = {value.name: np.asarray(array) for value, array in zip(graph.inputs, inputs, strict=True)}
        fed |= {name: np.asarray(around[name]) for name in names if name not in known}
        key = tuple(sorted((name, array.shape, array.dtype.name) for name, array in fed.items()))
        _, programs = self._programs.setdefault(id(graph), (graph, {}))  # held, so that its id stays
        if sum(program.plans for program in programs.values()) >= MOST_PLANS and key not in programs:
            return None
        if key not in programs:
            programs[key] = self._make(_alone(graph, fed, known, outer[-1]), room)
        elif programs[key].plans > MOST_PLANS:
            return None
        made = yield from programs[key].task(Fed(fed, tuple(_value(name, array) for name, array in fed.items())))
        return tuple(made[value.name] for value in graph.outputs)

    def release(self) -> None:
        """Give all memory back."""
        while self._programs:
            for program in self._programs.popitem()[1][1].values():
                program.release()


def _captured(graph: Graph) -> list[str]:
    """What a body reads from around it."""
    own = {value.name for value in graph.inputs} | set(graph.initializers)
    own.update(name for node in graph.nodes for name in node.outputs)
    read = [name for node in graph.nodes for name in node.reads] + [value.name for value in graph.outputs]
    return list(dict.fromkeys(name for name in read if name and name not in own))


def _alone(graph: Graph, fed: Mapping[str, NDArray[Any]], known: Mapping[str, NDArray[Any]], outermost: Graph) -> Graph:
    """A body as a graph of its own."""
    held = {**graph.initializers, **{name: Tensor.of(name, array) for name, array in known.items()}}
    inputs = tuple(_value(name, array) for name, array in fed.items())
    return graph.with_(inputs=inputs, initializers=held, opset=outermost.opset, other_opsets=outermost.other_opsets)


def _value(name: str, array: NDArray[Any]) -> ValueInfo:
    return ValueInfo(name, array.dtype.name, array.shape)
