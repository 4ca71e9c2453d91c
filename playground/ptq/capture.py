"""Runs a float graph and returns inner values too: prepared once, then run batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from playground import host
from playground.engines import interpreter, onnxruntime
from playground.engines.feeds import checked_feeds
from playground.errors import MissingError, UnsupportedError
from playground.model.graph import Graph, ValueInfo
from playground.tasks import Progress, Task, as_step

HEAVY = 8 * 2**20
"""Bytes of constants from which on ONNX Runtime is preferred where it is native: it has several threads."""

Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Capture:
    """A graph that is ready to be run, and the names of the tensors to return.

    Attributes:
        graph: the graph.
        names: what to return besides its outputs: inputs, constants or outputs of nodes.
        program: ONNX Runtime's; None: the interpreter runs it.
    """

    graph: Graph
    names: tuple[str, ...]
    program: onnxruntime.Program | None


def tap_task(graph: Graph, names: Collection[str]) -> Task[Capture]:
    """Prepare runs: in NumPy, or in ONNX Runtime where NumPy lacks an operator or the model is large.

    Raises:
        UnsupportedError: neither takes the model.
        MissingError: only ONNX Runtime would, and it is not installed.
    """
    lacking = interpreter.unsupported(graph)
    if not lacking and (host.IN_BROWSER or _weight(graph) < HEAVY):
        return Capture(graph, tuple(names), None)
    made_elsewhere = {value.name for value in graph.inputs} | set(graph.initializers)
    inner = _with_outputs(graph, [name for name in names if name not in made_elsewhere])
    try:
        program: onnxruntime.Program = yield onnxruntime.plan(inner, as_written=True)
    except (MissingError, UnsupportedError):
        if lacking:
            raise
        return Capture(graph, tuple(names), None)
    return Capture(graph, tuple(names), program)


def tapped_task(tap: Capture, feeds: Feeds, step: Progress) -> Task[Feeds]:
    """Run one batch; the outputs and the named tensors.

    Yields:
        ``step``, between nodes where the interpreter runs.

    Raises:
        InvalidInputError: the feeds do not fit the graph.
        EngineError: it cannot be run on them.
    """
    if tap.program is None:
        return (yield from as_step(interpreter.run_graph_task(tap.graph, feeds, tap.names), step))
    yield step
    outputs: Feeds = yield onnxruntime.run(tap.program, feeds)
    held = {name: tap.graph.initializers[name].numpy() for name in tap.names if name in tap.graph.initializers}
    return {**outputs, **checked_feeds(tap.graph, feeds), **held}


def release_task(tap: Capture) -> Task[None]:
    """Give back what :func:`tap_task` took."""
    if tap.program is not None:
        yield tap.program.session.release()


def captured(graph: Graph, batches: Iterable[Feeds], names: Collection[str], step: Progress) -> Task[list[Feeds]]:
    """Run a few batches and return the outputs and the named tensors of each. Yields and raises as the above."""
    tap = yield from tap_task(graph, names)
    found = []
    for feeds in batches:
        found.append((yield from tapped_task(tap, feeds, step)))
    yield from release_task(tap)
    return found


def _weight(graph: Graph) -> int:
    return sum(tensor.nbytes for tensor in graph.initializers.values())


def _with_outputs(graph: Graph, names: Iterable[str]) -> Graph:
    have = {value.name for value in graph.outputs}
    more = tuple(ValueInfo(name, "", None) for name in names if name not in have)
    return graph.with_(outputs=(*graph.outputs, *more))
