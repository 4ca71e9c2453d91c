"""Plans a graph once for many runs, such as those of a text model, which adds a character in each run.

A single run leaves nothing behind. From the second run in a row of one graph with the same shapes on, its program stays
until another one is run, the graph is gone, or it takes much memory.
"""

from __future__ import annotations

import weakref
from typing import Literal

from playground.engines.feeds import Fed
from playground.engines.planned import Outputs, PlannedModel
from playground.model.graph import Graph
from playground.tasks import Progress, Task

MOST = 64 * 2**20
"""Bytes of the kernels' memory that are kept from one run to the next."""


class Repeated:
    """Runs graphs on one of the two integer engines, and remembers the last one.

    Args:
        engine: as for :class:`PlannedModel`.
    """

    def __init__(self, engine: Literal["wasm", "reference"]) -> None:
        """Nothing has been run yet."""
        self._engine = engine
        self._graph: weakref.ref[Graph] | None = None
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._planned: PlannedModel | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels' memory that are kept."""
        return self._planned.nbytes if self._planned is not None else 0

    def run_task(self, graph: Graph, fed: Fed) -> Task[Outputs]:
        """The graph's outputs for one batch, by name; errors as :meth:`PlannedModel.run`."""
        again = self._graph is not None and self._graph() is graph and self._shapes == fed.shapes
        if not again:
            self.release()
            self._graph, self._shapes = weakref.ref(graph), fed.shapes
        planned, keep = self._planned or PlannedModel(graph, self._engine), False
        try:
            yield Progress(0, 1, "Compiling the model")
            outputs = yield from planned.run_task(fed)
            keep = again and planned.nbytes <= MOST
        finally:
            if not keep:
                planned.release()
        self._planned = planned if keep else None
        return outputs

    def release(self) -> None:
        """Forget what was run, and give all memory back."""
        if self._planned is not None:
            self._planned.release()
        self._planned = self._graph = None
