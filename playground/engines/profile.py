"""Which nodes of a graph take the time: our kernels step by step, and what NumPy computes between them.

Running is not slower for it: a profile runs the same program step by step instead of in one call.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.bodies import Bodies
from playground.engines.feeds import Fed, checked_feeds
from playground.engines.mixed import MixedProgram
from playground.engines.parts import Arrays, Part
from playground.engines.planned import PlannedModel
from playground.engines.planning.plan import planned
from playground.engines.step_owners import Owners
from playground.engines.wasm import WasmProgram
from playground.model.graph import Graph, Node
from playground.programs.planner import Planner
from playground.programs.program import Step
from playground.tasks import Progress, Task, as_step

SECONDS = 0.5
"""How long a profile runs a model over and over: a browser's clock may tick in tenths of milliseconds."""

LEAST_RUNS, MOST_RUNS = 2, 200

INTEGERS, FLOATS, NUMPY = "int8 kernels", "float kernels", "NumPy"
"""What computes a step: kernels that read codes, kernels that read floats, or NumPy."""

KERNELS = (INTEGERS, FLOATS)

OUTPUTS = "outputs"
"""The step that brings outputs in the form in which NumPy has them."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """What one node takes, with all that is computed together with it.

    Attributes:
        node: its name, or that of its output; ``"outputs"`` for what brings outputs in form.
        op: its operator, then those that became part of it.
        seconds: mean time of a run.
        operations: multiply-adds of a run.
        by: :data:`INTEGERS`, :data:`FLOATS` or :data:`NUMPY`.
    """

    node: str
    op: str
    seconds: float
    operations: int
    by: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The time of a graph by its nodes, in the order in which they are computed.

    Attributes:
        steps: all that is computed.
        seconds: a run as it is without a profile. Steps apart take a little more or less.
        runs: how many runs were timed.
        nbytes: the kernels' memory that the programs and their weights take.
    """

    steps: tuple[StepTime, ...]
    seconds: float
    runs: int
    nbytes: int

    @property
    def apart(self) -> float:
        """Time of all steps, one by one."""
        return sum(step.seconds for step in self.steps)

    @property
    def operations(self) -> int:
        """Multiply-adds of a run."""
        return sum(step.operations for step in self.steps)

    def share(self, *by: str) -> tuple[float, float]:
        """The shares of the time and of the multiply-adds that are computed by one of these; 0 of nothing."""
        chosen = [step for step in self.steps if step.by in by]
        time_, work = sum(step.seconds for step in chosen), sum(step.operations for step in chosen)
        return time_ / self.apart if self.apart else 0.0, work / self.operations if self.operations else 0.0


def profile_task(graph: Graph, feeds: Mapping[str, ArrayLike], seconds: float = SECONDS) -> Task[Profile]:
    """Time each node of a graph in our engine.

    Args:
        graph: any graph, quantized or not.
        feeds: one batch: input name -> array.
        seconds: how long to run it over and over; at least two runs are timed.

    Raises:
        UnsupportedError, EngineError, MissingError, InvalidInputError: as :meth:`PlannedModel.run_task`.
    """
    model, fed = PlannedModel(graph), checked_feeds(graph, feeds)
    try:
        prepared = yield from model.prepare_task(fed)
        mixed = prepared if isinstance(prepared, MixedProgram) else None
        alone = [] if isinstance(prepared, MixedProgram) else [Part(program=prepared)]
        planner = mixed.planner if mixed is not None else planned(graph, fed.shapes)
        watch = _Watch()
        whole: list[float] = []
        began = time.perf_counter()
        while len(whole) < LEAST_RUNS or (time.perf_counter() - began < seconds and len(whole) < MOST_RUNS):
            yield Progress(len(whole), MOST_RUNS, "Timing the steps")
            started = time.perf_counter()
            yield from model.run_task(fed)
            whole.append(time.perf_counter() - started)
            yield from watch.run_task(mixed, alone, planner, fed)
        parts = mixed.parts if mixed is not None else alone
        return Profile(tuple(watch.rows(parts)), typical(np.array(whole)), len(whole), model.nbytes)
    finally:
        model.release()


def typical(times: NDArray[np.float64]) -> float:
    """The mean of the middle half: steady, and exact for short times on a clock that ticks slowly."""
    ordered = np.sort(times)
    return float(ordered[len(ordered) // 4 : len(ordered) - len(ordered) // 4].mean())


def undisturbed(totals: NDArray[np.float64]) -> NDArray[np.int64]:
    """The numbers of the three quarters of runs that took the least.

    Of these the mean of a step is taken: on a clock that ticks in tenths of milliseconds most short steps take nothing
    and a few a whole tick, and only the mean over all of them says how long they are.
    """
    return np.argsort(totals, kind="stable")[: max(1, 3 * len(totals) // 4)]


class _Watch:
    """Runs parts step by step and collects their times, those of graphs inside nodes included."""

    def __init__(self) -> None:
        self._runs = 0
        self._times: dict[int, _Times] = {}
        self._inside = 0.0  # seconds of the parts inside the node that runs
        self._found: list[Part] = []  # these parts

    def run_task(self, mixed: MixedProgram | None, alone: Iterable[Part], planner: Planner, fed: Fed) -> Task[None]:
        """Time one run: of a graph in parts, or of the one program that it is."""
        self._runs += 1
        if mixed is not None:
            mixed.bodies.run_part = self.part_task
            try:
                yield from mixed.task(fed)
            finally:
                mixed.bodies.run_part = None
        for part in alone:
            yield from self.part_task(part, planner, dict(fed), Progress(0, 1), None)

    def part_task(
        self, part: Part, planner: Planner, arrays: Arrays, step: Progress, bodies: Bodies | None
    ) -> Task[None]:
        """:meth:`Part.task`, timed."""
        entered = time.perf_counter()
        times = self._times.setdefault(id(part), _Times(part, planner))
        spent = times.of_run(self._runs)
        nodes = len(part.nodes)
        for place in range(nodes):
            outer, self._inside, self._found = (self._inside, self._found), 0.0, []
            began = time.perf_counter()
            yield from as_step(part.node_task(place, planner, arrays, bodies), step)
            spent[place] += time.perf_counter() - began - self._inside
            times.add_inner(place, self._found)
            self._inside, self._found = outer
        if isinstance(part.program, WasmProgram):
            timed = np.zeros(spent.size - nodes)
            arrays.update(part.program.timed({n: arrays[n] for n in part.program.program.inputs}, timed))
            spent[nodes:] += timed
        elif part.program is not None:
            began = time.perf_counter()
            arrays.update(part.run_program(arrays))
            spent[-1] += time.perf_counter() - began
        part.forget(arrays)
        self._found.append(part)
        self._inside += time.perf_counter() - entered

    def rows(self, parts: Iterable[Part]) -> Iterator[StepTime]:
        """The mean times of the runs that were not disturbed, one row a node, in the order of execution."""
        totals = np.sum([times.totals(self._runs) for times in self._times.values()], axis=0)
        kept = undisturbed(totals)
        yield from self._rows(parts, kept)

    def _rows(self, parts: Iterable[Part], kept: NDArray[np.int64]) -> Iterator[StepTime]:
        held = [self._times[id(part)] for part in parts if id(part) in self._times]
        if not held:
            return
        owners = Owners(held[0].planner, [times.part for times in held])
        for times in held:
            for place, row in times.rows(owners, kept):
                yield row
                yield from self._rows(times.inner.get(place, ()), kept)


class _Times:
    """The times of one part: an array for each run in which it was computed, once or, in a loop, several times."""

    def __init__(self, part: Part, planner: Planner) -> None:
        self.part, self.planner = part, planner
        self.inner: dict[int, list[Part]] = {}
        self._runs: dict[int, NDArray[np.float64]] = {}
        self._computed = 0

    def of_run(self, number: int) -> NDArray[np.float64]:
        """The times of a run, numbered from 1, to be added to: its nodes, its steps, and forming outputs."""
        self._computed += 1
        steps = len(self.part.plain.steps) + 1 if self.part.plain else 0
        return self._runs.setdefault(number, np.zeros(len(self.part.nodes) + steps))

    def add_inner(self, place: int, parts: Iterable[Part]) -> None:
        """Parts of the graphs inside a node."""
        known = self.inner.setdefault(place, [])
        for part in parts:
            if not any(part is one for one in known):
                known.append(part)

    def totals(self, runs: int) -> NDArray[np.float64]:
        """The time of each run."""
        return np.array([self._runs[n].sum() if n in self._runs else 0.0 for n in range(1, runs + 1)])

    def rows(self, owners: Owners, kept: NDArray[np.int64]) -> Iterator[tuple[int, StepTime]]:
        """The mean times of some of the runs, counted from 0, with the place of the node, -1 of steps."""
        chosen = [self._runs[n + 1] for n in kept if n + 1 in self._runs]
        if not chosen:
            return
        times = [max(0.0, float(spent)) for spent in np.sum(chosen, axis=0) / len(kept)]
        again = self._computed / len(self._runs) * len(chosen) / len(kept)
        for place, ((node, *_), spent) in enumerate(zip(self.part.nodes, times, strict=False)):
            yield place, StepTime(_name(node), node.op, spent, round(again * owners.operations(node)), NUMPY)
        if self.part.plain is None:
            return
        rows: dict[str, StepTime] = {}
        for step, spent in zip(self.part.plain.steps, times[len(self.part.nodes) :], strict=False):
            row = _row(owners, owners.nodes(step.output), spent, self._by(step))
            row = replace(row, operations=round(again * row.operations))
            if row.node in rows:  # several steps of one node, whose multiply-adds count once
                before = rows[row.node]
                longer = max(before, row, key=lambda one: one.seconds)
                row = replace(longer, seconds=before.seconds + row.seconds)
            rows[row.node] = row
        yield from ((-1, row) for row in rows.values())
        if times[-1]:
            yield -1, StepTime(OUTPUTS, "", times[-1], 0, FLOATS if self._is_compiled else NUMPY)

    @property
    def _is_compiled(self) -> bool:
        return isinstance(self.part.program, WasmProgram)

    def _by(self, step: Step) -> str:
        if not self._is_compiled or self.part.plain is None:
            return NUMPY
        read = {self.part.plain.values[name].dtype for name in step.inputs[:1]}
        return INTEGERS if read & {"int8", "uint8"} else FLOATS


def _name(node: Node) -> str:
    return node.name or next((name for name in node.outputs if name), node.op)


def _row(owners: Owners, nodes: list[Node], seconds: float, by: str) -> StepTime:
    """The row of a step that computes these nodes, the last one first: it is named for the one with the most work."""
    work = {id(node): owners.operations(node) for node in nodes}
    telling = [node for node in reversed(nodes) if not owners.is_rounding(node)] or nodes[::-1]
    main = max(telling, key=lambda node: work[id(node)])
    ops = [main.op, *dict.fromkeys(node.op for node in telling if node is not main)]
    return StepTime(_name(main), " + ".join(ops), seconds, sum(work.values()), by)
