"""Runs an integer program with the WebAssembly kernels: compiled once into one arena, one call of ``k_run`` a batch.

Results are those of ``reference`` bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines.planning.plan import compile_graph
from playground.errors import EngineError, InvalidInputError
from playground.host import kernels
from playground.model.graph import Graph
from playground.programs import program as p
from playground.programs.kernel_program import RUN, Buffer, KernelProgramBuilder
from playground.programs.lowering import Lowering
from playground.programs.shared_weights import SharedWeights

__all__ = ["WasmProgram", "plan", "run"]

Array = NDArray[Any]


class WasmProgram:
    """A program in the kernels' memory, ready to run.

    Attributes:
        program: what was compiled.
        nbytes: how much memory it takes, constants included but not what it shares.
        calls: how many kernels one run goes through.
    """

    def __init__(self, program: p.Program, weights: SharedWeights | None = None) -> None:
        """Compile ``program``; ``weights`` are those that it shares with other programs of the same graph.

        Raises:
            MissingError: there are no kernels.
            EngineError: there is no memory left.
        """
        self.program = program
        self._kernels = kernels()
        builder = KernelProgramBuilder(self._kernels.dot)
        lowering = Lowering(builder, program, weights)
        ends = [0]
        for step in program.steps:
            lowering.lower(step)
            ends.append(len(builder.calls))
        results = set(program.outputs.values())
        made = {step.output for step in program.steps}
        outputs = {name: lowering.result(name) for name in sorted(results & made)}
        self._arena, self._words = builder.build(self._kernels)
        places = builder.places()
        self._places = [places[call] for call in [*ends, len(builder.calls)]]
        self._shared = lowering.kept
        self._faults = [(self._arena.view(b.offset, (1,), np.int32), where, what) for b, where, what in lowering.found]
        self._inputs = {name: self._view(name, lowering.inputs[name]) for name in program.inputs}
        self._outputs = {name: self._view(name, buffer) for name, buffer in outputs.items()}
        self.nbytes, self.calls = self._arena.nbytes, len(builder.calls)

    def _view(self, name: str, buffer: Buffer) -> Array:
        value = self.program.values[name]
        return self._arena.view(buffer.offset, value.shape, value.dtype)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The graph's outputs for one batch, by name; the arrays are the caller's.

        Raises:
            InvalidInputError: the feeds are not what the program takes, or a computed index is out of range.
            EngineError: it has been released.
        """
        checked = self._fed(feeds)
        if self.calls:
            self._kernels.call(RUN, program=self._words, words=self._words.size)
        return self._results(checked)

    def timed(self, feeds: Mapping[str, Array], seconds: NDArray[np.float64]) -> dict[str, Array]:
        """:meth:`run`, step by step.

        Args:
            feeds: as for :meth:`run`.
            seconds: float64 (steps + 1,): becomes the time of each step, and last that of forming outputs; what
                an empty call takes is taken off, so that short ones can be below 0.
        """
        checked = self._fed(feeds)
        for place, (first, last) in enumerate(pairwise(self._places)):
            if first < last:
                idle = self._timed_call(first, first)
                seconds[place] = self._timed_call(first, last) - idle
        return self._results(checked)

    def _timed_call(self, first: int, last: int) -> float:
        began = time.perf_counter()
        self._kernels.call(RUN, program=self._words[first:last], words=last - first)
        return time.perf_counter() - began

    def _fed(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        if not self._inputs and self.program.inputs:
            raise EngineError("the program has been released", where="program", hint="Plan it again")
        checked = self.program.checked_feeds(feeds)
        for name, view in self._inputs.items():
            np.copyto(view, checked[name])
        return checked

    def _results(self, checked: dict[str, Array]) -> dict[str, Array]:
        for count, where, (what, hint) in self._faults:
            if count[0]:
                raise InvalidInputError(what, where=where, hint=hint)
        values = {**self.program.constants, **checked, **{n: view.copy() for n, view in self._outputs.items()}}
        return {name: values[source] for name, source in self.program.outputs.items()}

    def release(self) -> None:
        """Give its memory back."""
        self._inputs, self._outputs, self._shared = {}, {}, []
        self._words, self._faults = self._words[:0].copy(), []
        self._arena.release()


def plan(graph: Graph, shapes: Mapping[str, Sequence[int]], weights: SharedWeights | None = None) -> WasmProgram:
    """Plan and compile a QDQ graph for these input shapes; errors as ``compile_graph``."""
    return WasmProgram(compile_graph(graph, shapes), weights)


def run(program: WasmProgram, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """See :meth:`WasmProgram.run`."""
    return program.run(feeds)
