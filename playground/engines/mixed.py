"""A graph of which only parts have an integer program: programs, and between them nodes that NumPy computes.

The parts are found while the graph runs for the first time with inputs of some shapes, since the shapes of a program's
inputs have to be known. Codes stay codes from one program to the next. A value that only nodes in NumPy read becomes
float32 there.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np

from playground.engines import wasm
from playground.engines.bodies import Bodies
from playground.engines.feeds import Fed
from playground.engines.part_finder import AgainError, PartFinder
from playground.engines.parts import Arrays, Part, ShapesChangedError, Source
from playground.engines.planning.plan import planner_of
from playground.errors import EngineError, UnsupportedError, typed
from playground.model.graph import Graph
from playground.programs import program as p
from playground.programs.planner import Planner
from playground.programs.room import Room
from playground.programs.shared_weights import SharedWeights
from playground.tasks import Progress, Task


class MixedProgram:
    """A graph's parts for one set of input shapes.

    Attributes:
        parts: in the order of execution.
        bodies: programs of the graphs inside nodes.
        plans: how often its parts were found.
    """

    def __init__(self, graph: Graph, weights: SharedWeights | None, room: Room | None = None) -> None:
        """Nothing is planned yet; see :meth:`first_task`.

        Args:
            graph: any graph of operators that NumPy has, quantized or not.
            weights: those that programs share, for our kernels; None computes the same steps with NumPy.
            room: how large values may become; None: as the graph and what it is fed allow.
        """
        self._room, self.plans = room, 0
        self.bodies = Bodies(lambda graph, room: MixedProgram(graph, weights, room))
        self._graph, self._weights = graph, weights
        self.parts: list[Part] = []
        self.planner = Planner(graph)
        self._outputs: dict[str, Source] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory, without what is shared."""
        own = sum(part.program.nbytes for part in self.parts if isinstance(part.program, wasm.WasmProgram))
        return own + self.bodies.nbytes

    @property
    def left(self) -> int:
        """How many nodes NumPy computes."""
        return sum(len(part.nodes) for part in self.parts)

    def first_task(self, fed: Fed) -> Task[Arrays]:
        """Find the parts by running the graph; its outputs by name.

        Raises:
            UnsupportedError: an operator is not available in NumPy either, or a value is too large.
            EngineError: a node failed; the message names it.
        """
        alone: set[str] = set()
        self.plans += 1
        with self._boundary():
            while True:
                self.release()
                planner = planner_of(self._graph, fed)
                planner.room = self._room or planner.room
                finder = PartFinder(planner, fed, self._compile, alone, self.bodies)
                try:
                    yield from finder.task(self.parts)
                except AgainError:
                    continue
                except BaseException:  # stopped, too: half of the parts are no program
                    self.release()
                    raise
                self.planner, self._outputs = finder.planner, finder.outputs
                self._forget_early()
                return {name: source.of(finder.arrays) for name, source in self._outputs.items()}

    def task(self, fed: Fed) -> Task[Arrays]:
        """Run the graph; its outputs by name.

        Raises:
            UnsupportedError, EngineError: see :meth:`first_task`.
        """
        if not self.parts:
            return (yield from self.first_task(fed))
        arrays: Arrays = {name: np.asarray(array, order="C") for name, array in fed.items()}
        run_part = self.bodies.run_part or Part.task
        with self._boundary():
            try:
                for place, part in enumerate(self.parts):
                    step = Progress(place, len(self.parts), "Running the model")
                    yield step
                    yield from run_part(part, self.planner, arrays, step, self.bodies)
            except ShapesChangedError:
                return (yield from self.first_task(fed))
            return {name: source.of(arrays) for name, source in self._outputs.items()}

    def release(self) -> None:
        """Give the kernels' memory back."""
        for part in self.parts:
            if isinstance(part.program, wasm.WasmProgram):
                part.program.release()
        self.parts.clear()
        self.bodies.release()

    def _boundary(self) -> AbstractContextManager[None]:
        return typed(EngineError, "the graph cannot run", where=self._graph.name, hint="Use engine='onnxruntime'")

    def _compile(self, program: p.Program) -> p.Program | wasm.WasmProgram:
        if self._weights is None:
            return program
        try:
            return wasm.WasmProgram(program, self._weights)
        except UnsupportedError:  # no kernel takes these sizes
            return program

    def _forget_early(self) -> None:
        """Say for each part which values are read there for the last time."""
        seen = {source.value for source in self._outputs.values()}
        for part in reversed(self.parts):
            program = part.plain
            read = {source.value for _, sources, _ in part.nodes for source in sources.values()}
            made = {value for _, _, names in part.nodes for value in names.values()}
            if program is not None:
                read |= set(program.inputs)
                made |= set(program.outputs)
            part.last = frozenset((read | made) - seen)
            seen |= read
