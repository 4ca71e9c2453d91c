"""``run``: a model on one of the three engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines import interpreter, onnxruntime
from playground.engines.feeds import checked_feeds
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Graph, Model
from playground.model.loading import load
from playground.operators import Trait, find
from playground.tasks import Progress, Task, run_sync

Outputs = dict[str, NDArray[Any]]


def is_quantized(graph: Graph) -> bool:
    """Whether a graph holds quantized activations, so that integer engines have something to do."""
    found = (find(node) for node in graph.nodes)
    return any(operator is not None and Trait.QUANTIZED in operator.traits for operator in found)


def refused(graph: Graph | None) -> list[dict[str, str]] | None:
    """The nodes of a quantized graph that no integer engine runs: ``node``, ``op``, ``reason``. None if it is float.

    Nothing is run. Such a model runs in ONNX Runtime as a whole.
    """
    if graph is None or not is_quantized(graph):
        return None
    from playground.engines.planning.plan import refusals

    try:
        return [asdict(refusal) for refusal in refusals(graph)]
    except InvalidInputError as error:
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


def _reference(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
    """The integer program where the graph has one, else the float interpreter."""
    from playground.engines import reference  # the first view needs no integer engine

    fed = checked_feeds(graph, feeds)
    if is_quantized(graph):
        try:
            program = reference.plan(graph, _shapes(fed))
        except UnsupportedError:
            pass  # the interpreter runs such a graph by the specification of its operators
        else:
            return reference.run(program, fed)
    return (yield from interpreter.run_graph_task(graph, fed))


def _wasm(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
    from playground.engines import wasm

    fed = checked_feeds(graph, feeds)
    yield Progress(0, 2, "Compiling the model")
    program = wasm.plan(graph, _shapes(fed))
    try:
        yield Progress(1, 2, "Running the model")
        return wasm.run(program, fed)
    finally:
        program.release()


def _onnxruntime(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Task[Outputs]:
    fed = checked_feeds(graph, feeds)
    program: onnxruntime.Program = yield onnxruntime.plan(graph)
    outputs: Outputs = yield onnxruntime.run(program, fed)
    yield program.session.release()
    return outputs


def _shapes(feeds: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    return {name: np.shape(values) for name, values in feeds.items()}


ENGINES: dict[str, Callable[[Graph, Mapping[str, ArrayLike]], Task[Outputs]]] = {
    "wasm": _wasm,
    "reference": _reference,
    "onnxruntime": _onnxruntime,
}
"""Engine id -> the work of running a graph on it once."""


def run_task(
    model: Model | Graph | bytes | str | Path, feeds: Mapping[str, ArrayLike], engine: str = "wasm"
) -> Task[Outputs]:
    """The work of :func:`run`."""
    if engine not in ENGINES:
        raise InvalidInputError(f"there is no engine {engine!r}", where="engine", hint=f"Use {', '.join(ENGINES)}")
    return (yield from ENGINES[engine](graph_of(model), feeds))


def run(
    model: Model | Graph | bytes | str | Path, feeds: Mapping[str, ArrayLike], engine: str = "wasm"
) -> dict[str, NDArray[Any]]:
    """Run a model once.

    Args:
        model: a model or its graph, or an ONNX file as bytes or path.
        feeds: input name -> array.
        engine: ``"wasm"`` (our int8 kernels: quantized models only), ``"reference"`` (NumPy: the same integer program
            for a quantized model it can run, else the float interpreter) or ``"onnxruntime"``.

    Returns:
        Output name -> array.

    Raises:
        InvalidInputError: no such engine, or the feeds do not fit the model.
        UnsupportedError: the engine cannot run the model; the message names the operators.
        EngineError, MissingError, BadFileError: it failed, or something is not there.
    """
    return run_sync(run_task(model, feeds, engine))
