"""Finds the parts of a graph that has no integer program as a whole, by running it once."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from playground.engines.bodies import Bodies
from playground.engines.feeds import Fed
from playground.engines.interpreter import require_operators
from playground.engines.parts import Array, Arrays, Part, Source, computed_task
from playground.engines.planning.plan import needed_steps, plan_node
from playground.engines.wasm import WasmProgram
from playground.errors import EngineError, PlaygroundError, UnsupportedError
from playground.model.graph import Node
from playground.operators import find, quantize_linear
from playground.operators._added_rows import with_added_rows
from playground.programs import integer_ops as ops
from playground.programs import program as p
from playground.programs.planner import (
    CodeFunction,
    Codes,
    Constant,
    ConstantDequantized,
    Deferred,
    Dequantized,
    Dynamic,
    Planner,
    Symbol,
)
from playground.tasks import Progress, Task, as_step

Compile = Callable[[p.Program], "p.Program | WasmProgram"]


class AgainError(Exception):
    """A node was planned whose result no other node can take."""


class PartFinder:
    """Finds a graph's parts: walks over its nodes again and again, until each is in one."""

    def __init__(self, planner: Planner, fed: Fed, compile_: Compile, alone: set[str], bodies: Bodies) -> None:
        """``alone``: outputs of nodes that are left to NumPy although they could be planned; more may be added."""
        self.planner, self._compile, self._alone, self._bodies = planner, compile_, alone, bodies
        require_operators(self.planner.graph)
        self.arrays: Arrays = {name: np.asarray(array, order="C") for name, array in fed.items()}
        self.outputs: dict[str, Source] = {}
        self._refused: set[int] = set()
        nodes = self.planner.graph.nodes
        self._reads = Counter(name for node in nodes for name in node.reads)
        self._reads.update(value.name for value in self.planner.graph.outputs)
        self._quantizes = Counter(node.inputs[0] for node in nodes if find(node) in quantize_linear.OPERATORS)

    def task(self, parts: list[Part]) -> Task[None]:
        """Append all parts."""
        left, total = list(self.planner.graph.nodes), len(self.planner.graph.nodes)
        while left:
            part, planned = Part(), len(self.planner.steps)
            waiting = yield from self._walk(left, part, total)
            self._finish(part, planned, waiting)
            if len(waiting) == len(left) and part.program is None:
                self._stuck(waiting)
            parts.append(part)
            left = waiting
        last, planned = Part(), len(self.planner.steps)
        names = [value.name for value in self.planner.graph.outputs]
        values = {name: self._value(name) for name in names}
        self._close(last, planned, {value for value in values.values() if value})
        if last.program is not None:
            parts.append(last)
        self.outputs = {name: self._source(name) or Source() for name in names}

    def _walk(self, left: list[Node], part: Part, total: int) -> Task[list[Node]]:
        """Plan the nodes that can be planned, compute those that cannot; those that have to wait are returned."""
        waiting: list[Node] = []
        blocked: set[str] = set()
        for node in left:
            step = Progress(total - len(left), total, node.name)
            yield step
            if blocked.intersection(node.reads) or not (
                self._planned(node) or (yield from as_step(self._compute(node, part), step))
            ):
                waiting.append(node)
                blocked.update(name for name in node.outputs if name)
        return waiting

    def _planned(self, node: Node) -> bool:
        """Whether the node became steps of a program or a constant."""
        if self._alone.intersection(node.outputs):
            self._refused.add(id(node))
        if id(node) in self._refused:
            return False
        if len(list(filter(None, node.outputs))) > 1:
            for name in node.reads:
                self._settle(name, 0)
        try:
            self.planner.symbols.update(plan_node(self.planner, node))
        except UnsupportedError:
            self._refused.add(id(node))
            return False
        for name in filter(None, node.outputs):
            self._settle(name)
        return True

    def _settle(self, name: str, readers: int = 1) -> None:
        """Compute a result that more nodes than ``readers`` read as float32 once, not in each of them."""
        if not isinstance(self.planner.symbols.get(name), Deferred):
            return
        if self._reads[name] > max(readers, self._quantizes[name]):
            with contextlib.suppress(UnsupportedError):
                self.planner.floating(name)

    def _compute(self, node: Node, part: Part) -> Task[bool]:
        """Compute a node with NumPy now, if all that it reads is there."""
        sources = {name: self._source(name) for name in node.reads if name}
        known = {name: source for name, source in sources.items() if source is not None}
        if len(known) < len(sources):
            return False
        made = yield from computed_task(self.planner, node, known, self.arrays, self._bodies)
        if all(source.known is not None for source in known.values()):
            self.planner.symbols.update((name, Constant(array)) for name, array in made.items())
            return True
        names = {name: self._new(name, array) for name, array in made.items()}
        part.nodes.append((node, known, names))
        return True

    def _new(self, name: str, array: Array) -> str:
        """Make an array a value of the programs."""
        value = name
        while value in self.planner.values:  # a step that was begun and given up may have taken the name
            value += ":numpy"
        self.planner.values[value] = p.Value(array.shape, array.dtype.name)
        self.planner.symbols[name], self.arrays[value] = Codes(value), array
        return value

    def _finish(self, part: Part, planned: int, waiting: Iterable[Node]) -> None:
        """End a part: what was planned becomes a program, which makes what nodes behind it read, and is run.

        What no node behind it reads is forgotten.
        """
        by_numpy = {name for node in waiting if id(node) in self._refused for name in node.reads}
        wanted = {name for node in waiting for name in node.reads if name}
        wanted |= {value.name for value in self.planner.graph.outputs}
        values: set[str] = set()
        for name in sorted(wanted):
            symbol = self._symbol(name)
            if isinstance(symbol, Deferred) or (isinstance(symbol, Dynamic) and name in by_numpy):
                values.add(self._value(name))
            elif isinstance(symbol, Dynamic):
                values |= {symbol.value, symbol.found, symbol.source} - {""}
            elif isinstance(symbol, (Codes, Dequantized, CodeFunction)):
                values.add(symbol.value)
        self._close(part, planned, values)
        self.arrays = {name: array for name, array in self.arrays.items() if name in values}
        # The next program would not find them
        self.planner.real_values.clear()

    def _close(self, part: Part, planned: int, values: set[str]) -> None:
        steps = with_added_rows(
            needed_steps(self.planner.steps[planned:], set(values)),
            self.planner.values,
            self.planner.constants,
            values,
        )
        if not steps:
            return
        made = {step.output for step in steps}
        read = {name for step in steps for name in step.inputs} - made
        constants = {name: self.planner.constants[name] for name in sorted(read) if name in self.planner.constants}
        program = p.Program(
            inputs=tuple(sorted(read - set(constants))),
            outputs={name: name for name in sorted(values & made)},
            steps=steps,
            values=self.planner.values,
            constants=constants,
        )
        part.program = self._compile(program)
        self.arrays.update(part.run_program(self.arrays))

    def _symbol(self, name: str) -> Symbol | None:
        known = name in self.planner.symbols or name in self.planner.graph.initializers
        return self.planner.symbol(name) if known else None

    def _value(self, name: str) -> str:
        """The value that holds a tensor as float32, or as the codes that it is."""
        if self._symbol(name) is None:
            raise EngineError(
                f"no node computes {name!r}", where=self.planner.graph.name, hint="Add its node, or remove the output"
            )
        try:
            return self.planner.floating(name)
        except PlaygroundError as error:
            (producer,) = (node for node in self.planner.graph.nodes if name in node.outputs)
            self._alone.update(producer.outputs)
            raise AgainError from error

    def _source(self, name: str) -> Source | None:
        """Where NumPy gets a tensor from; None if it is not computed yet."""
        symbol = self._symbol(name)
        if isinstance(symbol, Constant):
            return Source(known=symbol.array)
        if isinstance(symbol, ConstantDequantized):
            return Source(known=symbol.real())
        if isinstance(symbol, Dynamic) and symbol.part != "sums" and symbol.value == name:
            symbol = Codes(name)
        if not isinstance(symbol, (Codes, Dequantized, CodeFunction)):
            return None
        real: Callable[[Array], Array] | None = None
        if isinstance(symbol, Dequantized):
            real = partial(ops.dequantize, scale=symbol.scale, zero_point=symbol.zero_point)
        elif isinstance(symbol, CodeFunction):
            real = partial(ops.lookup, table=symbol.results)
        constant = self.planner.constants.get(symbol.value)
        if constant is not None:
            return Source(known=constant if real is None else real(constant))
        return Source(symbol.value, real=real) if symbol.value in self.arrays else None

    def _stuck(self, waiting: list[Node]) -> None:
        node = waiting[0]
        lacking = next((name for name in node.reads if name and self._symbol(name) is None), "")
        raise EngineError(
            f"no node before this one computes its input {lacking!r}",
            where=f"{self.planner.graph.name}: node {node.name!r} ({node.op})",
            hint="Sort the nodes of the graph",
        )
