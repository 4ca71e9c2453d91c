"""A quantized graph that is run with inputs of any shape: programs are planned once per set of shapes and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import ArrayLike, NDArray

from playground.engines import reference, wasm
from playground.engines.feeds import checked_feeds
from playground.errors import InvalidInputError
from playground.host import kernels
from playground.model.graph import Graph
from playground.programs.program import Program
from playground.programs.shared_weights import SharedWeights

Outputs = dict[str, NDArray[Any]]
"""A graph's outputs by name."""

_KEPT = 4


class PlannedModel:
    """One graph on one of the two integer engines.

    Args:
        graph: a QDQ graph.
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
        self._programs: OrderedDict[tuple[Any, ...], Program | wasm.WasmProgram] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory that its programs and their weights take; 0 for the reference."""
        arenas = sum(made.nbytes for made in self._programs.values() if isinstance(made, wasm.WasmProgram))
        return arenas + (self._weights.nbytes if self._weights is not None else 0)

    def program(self, shapes: Mapping[str, tuple[int, ...]]) -> Program | wasm.WasmProgram:
        """The program for these input shapes; the four used last are kept, the memory of older ones is given back.

        Raises:
            UnsupportedError: a node cannot run in integers; all such are named.
            MissingError: the kernels are not available.
        """
        key = tuple(sorted(shapes.items()))
        if key not in self._programs:
            self._programs[key] = self._planned(shapes)
        self._programs.move_to_end(key)
        while len(self._programs) > _KEPT:
            self._release(self._programs.popitem(last=False)[1])
        return self._programs[key]

    def _planned(self, shapes: Mapping[str, tuple[int, ...]]) -> Program | wasm.WasmProgram:
        if self.engine == "reference":
            return reference.plan(self.graph, shapes)
        if self._weights is None:
            self._weights = SharedWeights(kernels())
        return wasm.plan(self.graph, shapes, self._weights)

    def run(self, feeds: Mapping[str, ArrayLike]) -> Outputs:
        """The graph's outputs for one batch, by name.

        Raises:
            InvalidInputError: the feeds do not fit the graph's inputs.
        """
        fed = checked_feeds(self.graph, feeds)
        program = self.program(fed.shapes)
        return reference.run(program, fed) if isinstance(program, Program) else program.run(fed)

    def release(self) -> None:
        """Give all memory back; the next run plans again."""
        while self._programs:
            self._release(self._programs.popitem()[1])
        self._weights = None

    @staticmethod
    def _release(program: Program | wasm.WasmProgram) -> None:
        if isinstance(program, wasm.WasmProgram):
            program.release()
