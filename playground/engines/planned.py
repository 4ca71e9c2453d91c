"""A quantized graph that is run with inputs of any shape: programs are planned once per set of shapes and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import ArrayLike, NDArray

from playground.engines import reference, wasm
from playground.engines.feeds import Fed, checked_feeds
from playground.engines.mixed import MixedProgram
from playground.errors import InvalidInputError, UnsupportedError
from playground.host import kernels
from playground.model.graph import Graph
from playground.programs.program import Program
from playground.programs.shared_weights import SharedWeights
from playground.tasks import Task, run_sync

Outputs = dict[str, NDArray[Any]]
"""A graph's outputs by name."""

Prepared = Program | wasm.WasmProgram | MixedProgram
"""What a graph became for one set of input shapes."""

_KEPT = 4


class PlannedModel:
    """One graph on one of the two integer engines.

    Args:
        graph: any graph, quantized or not.
        engine: ``"wasm"``, the kernels, or ``"reference"``, NumPy. Both give the same bits.
    """

    def __init__(self, graph: Graph, engine: Literal["wasm", "reference"] = "wasm") -> None:
        """Keep the graph; nothing is planned yet."""
        if engine not in ("wasm", "reference"):
            raise InvalidInputError(
                f"{engine!r} is not an integer engine", where="engine", hint="Use 'wasm' or 'reference'"
            )
        self.graph, self.engine = graph, engine
        self._weights: SharedWeights | None = None
        self._programs: OrderedDict[tuple[Any, ...], Prepared] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory that its programs and their weights take; 0 for the reference."""
        arenas = sum(0 if isinstance(made, Program) else made.nbytes for made in self._programs.values())
        return arenas + (self._weights.nbytes if self._weights is not None else 0)

    def prepare_task(self, feeds: Mapping[str, ArrayLike]) -> Task[Prepared]:
        """The program for inputs of these shapes; the four used last are kept, the memory of older ones is given back.

        A graph of which a node has no integer form becomes parts, which are found by running it once.

        Raises:
            UnsupportedError: a node has no integer form and NumPy cannot compute it either; it is named.
            MissingError: the kernels are not available.
            InvalidInputError: the feeds do not fit the graph's inputs.
        """
        fed = checked_feeds(self.graph, feeds)
        made, _ = yield from self._prepared_task(fed)
        return made

    def _prepared_task(self, fed: Fed) -> Task[tuple[Prepared, Outputs | None]]:
        """A program, and the outputs for these feeds if it was found by running the graph."""
        key, outputs = tuple(sorted(fed.shapes.items())), None
        if key not in self._programs:
            made, outputs = yield from self._planned_task(fed)
            self._programs[key] = made
        self._programs.move_to_end(key)
        while len(self._programs) > _KEPT:
            self._release(self._programs.popitem(last=False)[1])
        return self._programs[key], outputs

    def _planned_task(self, fed: Fed) -> Task[tuple[Prepared, Outputs | None]]:
        if self.engine == "wasm" and self._weights is None:
            self._weights = SharedWeights(kernels())
        try:
            if self._weights is None:
                return reference.plan(self.graph, fed.shapes), None
            return wasm.plan(self.graph, fed.shapes, self._weights), None
        except UnsupportedError:
            mixed = MixedProgram(self.graph, self._weights)
        return mixed, (yield from mixed.first_task(fed))

    def run(self, feeds: Mapping[str, ArrayLike]) -> Outputs:
        """The graph's outputs for one batch, by name. See :meth:`run_task`."""
        return run_sync(self.run_task(feeds))

    def run_task(self, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
        """The graph's outputs for one batch, by name.

        Raises:
            InvalidInputError: the feeds do not fit the graph's inputs.
            UnsupportedError, MissingError: see :meth:`prepare_task`.
        """
        fed = checked_feeds(self.graph, feeds)
        program, outputs = yield from self._prepared_task(fed)
        if outputs is not None:
            return outputs
        if isinstance(program, MixedProgram):
            return (yield from program.task(fed))
        return reference.run(program, fed) if isinstance(program, Program) else program.run(fed)

    def release(self) -> None:
        """Give all memory back; the next run plans again."""
        while self._programs:
            self._release(self._programs.popitem()[1])
        self._weights = None

    @staticmethod
    def _release(program: Prepared) -> None:
        if not isinstance(program, Program):
            program.release()
