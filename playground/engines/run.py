"""``run``: a model on one of the three engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from numpy.typing import ArrayLike, NDArray

from playground.engines import interpreter, onnxruntime
from playground.engines.feeds import checked_feeds
from playground.errors import (
    EngineError,
    InvalidInputError,
    MissingError,
    PlaygroundError,
    UnsupportedError,
    one_of,
    typed,
)
from playground.model.graph import Graph, Model
from playground.opening import load
from playground.operators import Trait, find
from playground.tasks import Task, run_sync

if TYPE_CHECKING:
    from playground.engines.repeated import Repeated

T = TypeVar("T")
Outputs = dict[str, NDArray[Any]]


def is_quantized(graph: Graph) -> bool:
    """Whether a graph holds quantized activations, so that integer engines have something to do."""
    found = (find(node) for node in graph.nodes)
    return any(operator is not None and Trait.QUANTIZED in operator.traits for operator in found)


def refused(graph: Graph | None) -> list[dict[str, str]] | None:
    """The nodes of a quantized graph that do not run in integers: ``node``, ``op``, ``reason``. None if it is float.

    Nothing is run. Such nodes are computed in floats, by kernels or NumPy.
    """
    if graph is None or not is_quantized(graph):
        return None
    from playground.engines.planning.plan import refusals

    try:
        return [asdict(refusal) for refusal in refusals(graph)]
    except PlaygroundError as error:
        return [{"node": graph.name, "op": "", "reason": str(error)}]


def graph_of(model: Model | Graph | bytes | str | Path) -> Graph:
    """The graph of a model, however it is given.

    Raises:
        UnsupportedError: the file has tensors only.
        BadFileError, MissingError: as ``load``.
    """
    if isinstance(model, Graph):
        return model
    loaded = model if isinstance(model, Model) else load(model)
    return loaded.required_graph()


@cache
def _repeated(engine: Literal["wasm", "reference"]) -> Repeated:
    from playground.engines.repeated import Repeated  # the first view needs no integer engine

    return Repeated(engine)


def _reference(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
    """The program of a quantized graph, its integer steps computed by NumPy; the float interpreter for others."""
    fed = checked_feeds(graph, feeds)
    if is_quantized(graph):
        return (yield from _repeated("reference").run_task(graph, fed))
    return (yield from interpreter.run_graph_task(graph, fed))


def _wasm(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
    return (yield from _repeated("wasm").run_task(graph, checked_feeds(graph, feeds)))


def _onnxruntime(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
    fed = checked_feeds(graph, feeds)
    program: onnxruntime.Program = yield onnxruntime.plan(graph)
    outputs: Outputs = yield onnxruntime.run(program, fed)
    yield program.session.release()
    return outputs


ENGINES: dict[str, Callable[[Graph, Mapping[str, ArrayLike]], Task[Outputs]]] = {
    "wasm": _wasm,
    "reference": _reference,
    "onnxruntime": _onnxruntime,
}
"""Engine id -> the work of running a graph on it once."""

TITLES = {"wasm": "our int8 kernels", "reference": "NumPy", "onnxruntime": "ONNX Runtime"}
"""Engine id -> what it is called in sentences."""

FLOAT_ENGINES = ("reference", "onnxruntime")
"""Engines to try in this order on float models."""


def engines_for(graph: Graph, shapes: Mapping[str, Sequence[int]] | None = None) -> tuple[str, ...]:
    """Engines to try in this order: our kernels first where they compute the whole of a quantized graph.

    Where they compute only a part, ONNX Runtime is first: NumPy is slower than its kernels at what is left.

    Args:
        graph: any graph.
        shapes: as for :func:`playground.engines.planning.plan.refusals`.
    """
    if not is_quantized(graph):
        return FLOAT_ENGINES
    from playground.engines.planning.plan import refusals

    return ("onnxruntime", "wasm") if refusals(graph, shapes) else ("wasm", "reference", "onnxruntime")


def first_supporting_task(
    engines: Sequence[str], attempt: Callable[[str], Task[T]]
) -> Task[tuple[T, str, tuple[str, ...]]]:
    """Attempt something on one engine after the other, until one takes the model.

    Args:
        engines: ids, in order; at least one.
        attempt: engine id -> the work.

    Returns:
        What came of it, the engine, and for each one before that, a sentence on why it was not that.

    Raises:
        PlaygroundError: what the last one raises; or an engine failed that took the model.
    """
    reasons: list[str] = []
    for engine in engines[:-1]:
        try:
            return (yield from attempt(engine)), engine, tuple(reasons)
        except (UnsupportedError, MissingError) as error:  # it cannot run the model, or is not installed
            reasons.append(f"Not on {engine}: {error}.")
    return (yield from attempt(engines[-1])), engines[-1], tuple(reasons)


def run_task(
    model: Model | Graph | bytes | str | Path, feeds: Mapping[str, ArrayLike], engine: str = "wasm"
) -> Task[Outputs]:
    """The work of :func:`run`."""
    if engine not in ENGINES:
        raise InvalidInputError(f"{engine!r} is not an engine", where="engine", hint=one_of(engine, ENGINES))
    graph = graph_of(model)
    with typed(EngineError, f"{TITLES[engine]} failed", where=graph.name, hint="Use another engine"):
        return (yield from ENGINES[engine](graph, feeds))


def run(
    model: Model | Graph | bytes | str | Path, feeds: Mapping[str, ArrayLike], engine: str = "wasm"
) -> dict[str, NDArray[Any]]:
    """Run a model once.

    Args:
        model: a model or its graph, or an ONNX file as bytes or path.
        feeds: input name -> array.
        engine: ``"wasm"`` (our kernels; NumPy for what has no integer form), ``"reference"`` (NumPy: the same integer
            steps for a quantized model, else the float interpreter) or ``"onnxruntime"``.

    Returns:
        Output name -> array.

    Raises:
        InvalidInputError: no such engine, or the feeds do not fit the model.
        UnsupportedError: the engine cannot run the model; the message names the operators.
        EngineError, MissingError, BadFileError: it failed, or something is not there.
    """
    return run_sync(run_task(model, feeds, engine))
