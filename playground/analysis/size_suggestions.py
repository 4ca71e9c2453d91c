"""Sizes for inputs that leave some open: what the graph hints at, each tried on made-up inputs before it is offered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from playground.analysis.size_hints import Hints
from playground.engines import interpreter, onnxruntime
from playground.engines.batch_axes import batch_axes, open_sizes
from playground.errors import MissingError, PlaygroundError, UnsupportedError
from playground.model.graph import Graph, Model
from playground.ptq.made_up import made_up_feeds
from playground.tasks import Progress, Task, run_sync

MOST = 6
"""Suggestions that are offered."""

SECONDS = 8.0
"""For all trials together."""

MOST_BYTES = 400_000_000
"""Bytes of constants beyond which nothing is tried: loading the model a second time would take too much memory."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Sizes that the graph runs with.

    Attributes:
        shapes: input -> its sizes, 1 along the axis of samples; of the inputs that leave sizes open.
        about: why, in a few words; empty where the sizes are merely common.
    """

    shapes: Mapping[str, tuple[int, ...]]
    about: str = ""


def size_suggestions(model: Model, most: int = MOST, seconds: float = SECONDS) -> tuple[Suggestion, ...]:
    """Sizes for a model's inputs that leave some open.

    Args:
        model: the model.
        most: how many suggestions at most.
        seconds: how long they may be tried.

    Returns:
        The likeliest first; none where no size is open, or none of those that were tried runs.
    """
    return run_sync(size_suggestions_task(model, most, seconds))


def size_suggestions_task(model: Model, most: int = MOST, seconds: float = SECONDS) -> Task[tuple[Suggestion, ...]]:
    """The work of :func:`size_suggestions`."""
    graph = model.graph
    if graph is None or not open_sizes(graph) or any(value.shape is None for value in graph.inputs):
        return ()
    if sum(tensor.nbytes for tensor in graph.initializers.values()) > MOST_BYTES:
        return ()
    trial = _Trial(graph, time.perf_counter() + seconds)
    found: list[Suggestion] = []
    yield Progress(0, most, "Looking for sizes")
    yield from trial.prepare_task()
    for shapes, about in Hints(graph, model.metadata).candidates():
        if len(found) >= most or trial.is_over:
            break
        sizes = ", ".join(" × ".join(map(str, shape)) for shape in shapes.values())
        yield Progress(len(found), most, f"Trying {sizes}")
        if (yield from trial.runs_task(shapes)):
            found.append(Suggestion(shapes, about))
    yield from trial.release_task()
    return tuple(found)


class _Trial:
    """Runs a graph on made-up inputs of some sizes: in ONNX Runtime where it is at hand, else in the interpreter."""

    def __init__(self, graph: Graph, end: float) -> None:
        self._graph, self._axes, self._end = graph, batch_axes(graph), end
        self._program: onnxruntime.Program | None = None

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.perf_counter() > self._end

    def prepare_task(self) -> Task[None]:
        """Load the graph."""
        try:
            self._program = yield onnxruntime.plan(self._graph)
        except (MissingError, UnsupportedError):
            self._program = None

    def release_task(self) -> Task[None]:
        """Give back what it took."""
        if self._program is not None:
            yield self._program.session.release()

    def runs_task(self, shapes: Mapping[str, Sequence[int]]) -> Task[bool]:
        """Whether the graph runs with inputs of these sizes, before the time is up, and keeps samples apart."""
        try:
            feeds = made_up_feeds(self._graph, shapes, samples=1)
            if all(axis is None for axis in self._axes.axes.values()):
                feeds = {name: values[0] for name, values in feeds.items()}
            if self._program is not None:
                outputs: dict[str, NDArray[Any]] = yield onnxruntime.run(self._program, feeds)
                return self._keeps_apart(outputs)
            work = interpreter.run_graph_task(self._graph, feeds)
            while not self.is_over:
                try:
                    yield next(work)
                except StopIteration as end:
                    return self._keeps_apart(end.value)
        except PlaygroundError:
            pass
        return False

    def _keeps_apart(self, outputs: Mapping[str, NDArray[Any]]) -> bool:
        """Whether one sample gives one row: a reshape to ``[-1, 400]`` makes several of a larger image."""
        names = {
            (value.shape or ())[axis]
            for value in self._graph.inputs
            if (axis := self._axes.axes[value.name]) is not None and value.shape
        }
        return all(
            len(outputs[value.name]) == 1
            for value in self._graph.outputs
            if value.shape and isinstance(value.shape[0], str) and value.shape[0] in names
        )
