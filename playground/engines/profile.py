"""Which nodes of a graph take the time: our kernels step by step, and what NumPy computes between them.

Running is not slower for it: a profile runs the same program step by step instead of in one call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.bodies import Bodies
from playground.engines.feeds import Fed, checked_feeds
from playground.engines.mixed import MixedProgram
from playground.engines.parts import Arrays, Part, computed_task
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
        if isinstance(prepared, MixedProgram):
            watches = [_Watch(part, prepared.bodies) for part in prepared.parts]
            planner = prepared.planner
        else:
            watches, planner = [_Watch(Part(program=prepared), None)], planned(graph, fed.shapes)
        whole: list[float] = []
        began = time.perf_counter()
        while len(whole) < LEAST_RUNS or (time.perf_counter() - began < seconds and len(whole) < MOST_RUNS):
            yield Progress(len(whole), MOST_RUNS, "Timing the steps")
            started = time.perf_counter()
            yield from model.run_task(fed)
            whole.append(time.perf_counter() - started)
            yield from _run_task(watches, planner, fed)
        owners = Owners(planner, [watch.part for watch in watches])
        kept = undisturbed(np.sum([watch.totals() for watch in watches], axis=0))
        steps = tuple(step for watch in watches for step in watch.rows(owners, kept))
        return Profile(steps, typical(np.array(whole)), len(whole), model.nbytes)
    finally:
        model.release()


def _run_task(watches: list[_Watch], planner: Planner, fed: Fed) -> Task[None]:
    arrays: Arrays = {name: np.asarray(array, order="C") for name, array in fed.items()}
    for watch in watches:
        yield from watch.run_task(planner, arrays)


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
    """Collects the times of one part of a graph, one array a run."""

    def __init__(self, part: Part, bodies: Bodies | None) -> None:
        self.part, self._bodies = part, bodies
        self._runs: list[NDArray[np.float64]] = []

    def run_task(self, planner: Planner, arrays: Arrays) -> Task[None]:
        """Compute the part's values into ``arrays``."""
        nodes, program = len(self.part.nodes), self.part.program
        times = np.zeros(nodes + (len(self.part.plain.steps) + 1 if self.part.plain else 0))
        for place, (node, sources, names) in enumerate(self.part.nodes):
            began = time.perf_counter()
            made = yield from as_step(
                computed_task(planner, node, sources, arrays, self._bodies), Progress(0, 1, node.name)
            )
            times[place] = time.perf_counter() - began
            arrays.update((value, made[name]) for name, value in names.items())
        if isinstance(program, WasmProgram):
            arrays.update(program.timed({name: arrays[name] for name in program.program.inputs}, times[nodes:]))
        elif program is not None:
            began = time.perf_counter()
            arrays.update(self.part.run_program(arrays))
            times[-1] = time.perf_counter() - began
        self._runs.append(times)

    def totals(self) -> NDArray[np.float64]:
        """The time of each run."""
        return np.array([times.sum() for times in self._runs])

    def rows(self, owners: Owners, kept: NDArray[np.int64]) -> Iterator[StepTime]:
        """The mean times of some of the runs, one row a node."""
        times = [max(0.0, float(spent)) for spent in np.array(self._runs)[kept].mean(axis=0)]
        for (node, *_), spent in zip(self.part.nodes, times, strict=False):
            yield StepTime(_name(node), node.op, spent, owners.operations(node), NUMPY)
        if self.part.plain is None:
            return
        rows: dict[str, StepTime] = {}
        for step, spent in zip(self.part.plain.steps, times[len(self.part.nodes) :], strict=False):
            row = _row(owners, owners.nodes(step.output), spent, self._by(step))
            if row.node in rows:  # several steps of one node, whose multiply-adds count once
                before = rows[row.node]
                longer = max(before, row, key=lambda one: one.seconds)
                row = replace(longer, seconds=before.seconds + row.seconds)
            rows[row.node] = row
        yield from rows.values()
        if times[-1]:
            yield StepTime(OUTPUTS, "", times[-1], 0, FLOATS if self._is_compiled else NUMPY)

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
