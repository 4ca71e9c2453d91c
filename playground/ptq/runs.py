"""Runs of a float graph that also give what flows inside it: prepared once, then batch after batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from playground import host
from playground.engines import interpreter, ort
from playground.engines.feeds import checked_feeds
from playground.errors import MissingError, UnsupportedError
from playground.model.graph import Graph, ValueInfo
from playground.work import Progress, Work

HEAVY = 8 * 2**20
"""Bytes of constants from which on ONNX Runtime is preferred where it is native: it has several threads."""

Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Tap:
    """A graph that is ready to be run, and the names of the tensors to return.

    Attributes:
        graph: the graph.
        names: what to return besides its outputs: inputs, constants or outputs of nodes.
        program: ONNX Runtime's; None: the interpreter runs it.
    """

    graph: Graph
    names: tuple[str, ...]
    program: ort.Program | None


def tap_work(graph: Graph, names: Collection[str]) -> Work[Tap]:
    """Prepare runs: in NumPy, or in ONNX Runtime where NumPy lacks an operator or the model is large.

    Raises:
        UnsupportedError: neither takes the model.
        MissingError: only ONNX Runtime would, and it is not installed.
    """
    lacking = interpreter.unsupported(graph)
    if not lacking and (host.IN_BROWSER or _weight(graph) < HEAVY):
        return Tap(graph, tuple(names), None)
    made_elsewhere = {value.name for value in graph.inputs} | set(graph.initializers)
    inner = _with_outputs(graph, [name for name in names if name not in made_elsewhere])
    try:
        program: ort.Program = yield ort.plan(inner, as_written=True)
    except (MissingError, UnsupportedError):
        if lacking:
            raise
        return Tap(graph, tuple(names), None)
    return Tap(graph, tuple(names), program)


def tapped_work(tap: Tap, feeds: Feeds, step: Progress) -> Work[Feeds]:
    """Run one batch; the outputs and the named tensors.

    Yields:
        ``step``, between nodes where the interpreter runs.

    Raises:
        InvalidInputError: the feeds do not fit the graph.
        EngineError: it cannot be run on them.
    """
    if tap.program is None:
        return (yield from _within(interpreter.run_graph_work(tap.graph, feeds, tap.names), step))
    yield step
    outputs: Feeds = yield ort.run(tap.program, feeds)
    held = {name: tap.graph.initializers[name].numpy() for name in tap.names if name in tap.graph.initializers}
    return {**outputs, **checked_feeds(tap.graph, feeds), **held}


def release_work(tap: Tap) -> Work[None]:
    """Give back what :func:`tap_work` took."""
    if tap.program is not None:
        yield tap.program.session.release()


def captured(graph: Graph, batches: Iterable[Feeds], names: Collection[str], step: Progress) -> Work[list[Feeds]]:
    """Run a few batches and return the outputs and the named tensors of each. Yields and raises as the above."""
    tap = yield from tap_work(graph, names)
    found = []
    for feeds in batches:
        found.append((yield from tapped_work(tap, feeds, step)))
    yield from release_work(tap)
    return found


def _weight(graph: Graph) -> int:
    return sum(tensor.nbytes for tensor in graph.initializers.values())


def _with_outputs(graph: Graph, names: Iterable[str]) -> Graph:
    have = {value.name for value in graph.outputs}
    more = tuple(ValueInfo(name, "", None) for name in names if name not in have)
    return graph.with_(outputs=(*graph.outputs, *more))


def _within(work: Work[Feeds], step: Progress) -> Work[Feeds]:
    """Inner work whose steps are told as one of the outer work's."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        yield step
