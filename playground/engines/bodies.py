"""Programs of the graphs inside nodes: branches of If, bodies of Loop and Scan.

Such a graph becomes one of its own: what it reads from around it is an input, or a constant where it is known. It is
planned once for the shapes that it meets, and runs as any graph in parts does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from playground.engines.feeds import Fed
from playground.engines.small_floats import small_floats
from playground.model.graph import Graph, ValueInfo
from playground.programs.planner import Planner
from playground.programs.room import Room
from playground.tasks import Progress, Task

if TYPE_CHECKING:
    from playground.engines.evaluation import Around
    from playground.engines.parts import Part

Arrays = dict[str, NDArray[Any]]
Key = tuple[tuple[str, tuple[int, ...], str], ...]
"""Names, shapes and types of what a body is fed."""

MOST_PLANS = 8
"""How often one body is planned. One that meets new shapes all the time, as a Loop may, is left to NumPy then."""


class Runs(Protocol):
    """What runs a body that has become a graph of its own.

    Attributes:
        bodies: the programs of the graphs inside it.
        plans: how often it was planned.
    """

    bodies: Bodies
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


@dataclass(frozen=True, slots=True)
class _Body:
    """A body, which is held so that its id stays; what it reads from around it; and its programs."""

    graph: Graph
    captured: tuple[str, ...]
    programs: dict[Key, Runs] = field(default_factory=dict)

    def may_plan(self, key: Key) -> bool:
        """Whether it has a program of this key that stays, or may have another one."""
        known = self.programs.get(key)
        stays = known is not None and known.plans == 1
        return stays or sum(program.plans for program in self.programs.values()) < MOST_PLANS


class Bodies:
    """The programs of a graph's bodies.

    Attributes:
        constants: names of values around them that are the same in every run; in what was read names are unique.
        left: how many nodes inside the outermost node may still run; None where that node is in this very graph.
        run_part: computes one part of a program, those of the bodies included; None: ``Part.task``.
    """

    def __init__(self, make: Callable[[Graph, Room], Runs]) -> None:
        """``make``: what runs a graph, within a room."""
        self._make = make
        self.constants: Collection[str] = ()
        self.left: list[int] | None = None
        self.run_part: Callable[[Part, Planner, Arrays, Progress, Bodies], Task[None]] | None = None
        self._held: dict[int, _Body] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory that they take."""
        return sum(program.nbytes for body in self._held.values() for program in body.programs.values())

    def run_task(
        self, graph: Graph, inputs: Sequence[NDArray[Any]], around: Around
    ) -> Task[tuple[NDArray[Any], ...] | None]:
        """The outputs of a body for these inputs, or None where NumPy has to compute them."""
        if small_floats(graph, *around.graphs):
            return None
        body = self._held.get(id(graph))
        if body is None:
            body = self._held[id(graph)] = _Body(graph, tuple(dict.fromkeys(graph.captured)))
        seen = {name: around.values[name] for name in body.captured if name in around.values}
        if len(seen) < len(body.captured):  # NumPy says which node lacks what
            return None
        known = {name: array for name, array in seen.items() if name in self.constants}
        fed: Arrays = {value.name: np.asarray(array) for value, array in zip(graph.inputs, inputs, strict=True)}
        fed |= {name: np.asarray(array) for name, array in seen.items() if name not in known}
        key = tuple(sorted((name, array.shape, array.dtype.name) for name, array in fed.items()))
        if not body.may_plan(key):
            return None
        ends = tuple(ValueInfo(name, array.dtype.name, array.shape) for name, array in fed.items())
        if key not in body.programs:
            body.programs[key] = self._make(_alone(graph, ends, known, around.graphs[-1]), around.room)
        program = body.programs[key]
        program.bodies.left, program.bodies.run_part = around.left, self.run_part
        made = yield from program.task(Fed(fed, ends))
        return tuple(made[value.name] for value in graph.outputs)

    def release(self) -> None:
        """Give all memory back."""
        while self._held:
            for program in self._held.popitem()[1].programs.values():
                program.release()


def _alone(graph: Graph, inputs: tuple[ValueInfo, ...], known: Mapping[str, NDArray[Any]], outermost: Graph) -> Graph:
    """A body as a graph of its own."""
    made = graph.with_constants(known)
    return made.with_(inputs=inputs, opset=outermost.opset, other_opsets=outermost.other_opsets)
