"""``run``: a model on one of the three engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.calls import BadUseError, public
from playground.engines import interpreter, onnxruntime
from playground.engines.feeds import checked_feeds, named_feeds
from playground.errors import (
    EngineError,
    InvalidInputError,
    MissingError,
    PlaygroundError,
    TooLargeError,
    UnsupportedError,
    one_of,
    typed,
)
from playground.model.graph import Graph
from playground.named import Named
from playground.opening import GivenModel, load
from playground.operators import Trait, find
from playground.tasks import Task, run_sync

if TYPE_CHECKING:
    from playground.engines.repeated import Repeated

T = TypeVar("T")
Outputs = dict[str, NDArray[Any]]


class RunOutputs(Named[NDArray[Any]]):
    """Output name -> array, a dict.

    Attributes:
        engine: the engine that computed them.
        reasons: for each engine that was tried before, a sentence on why it was not that.
    """

    def __init__(self, outputs: Outputs, engine: str, reasons: Sequence[str] = ()) -> None:
        """Keep the arrays."""
        super().__init__(outputs, "output")
        self.engine, self.reasons = engine, tuple(reasons)

    def __eq__(self, other: object) -> bool:
        """Whether another mapping has the same names, and arrays of the same values."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.keys() == other.keys() and all(np.array_equal(self[name], other[name]) for name in self)

    def __ne__(self, other: object) -> bool:
        """Not ``==``; a dict would compare array by array."""
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]
        """Raise BadUseError: a dict of arrays is no key."""
        hint = "Use the bytes of an array as a key: outputs['logits'].tobytes()"
        raise BadUseError("outputs cannot be a key, or an element of a set", where="RunOutputs", hint=hint)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The output, where there is only one (BadUseError)."""
        if len(self) != 1:
            raise BadUseError(
                f"{len(self)} outputs are not one array",
                where="RunOutputs",
                hint=f"Use outputs[{next(iter(self), '')!r}]",
            )
        return np.array(next(iter(self.values())), dtype, copy=copy)


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


def graph_of(model: GivenModel | Graph) -> Graph:
    """The graph of a model, however it is given.

    Raises:
        UnsupportedError: the file has tensors only.
        BadFileError, MissingError: as ``load``.
    """
    return model if isinstance(model, Graph) else load(model).required_graph()


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

AUTO = "auto"
"""Stands for the first of :data:`ENGINES` that is there and takes the model."""

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
        TooLargeError: what the model computes is too large, which holds for the other engines too.
    """
    reasons: list[str] = []
    for engine in engines[:-1]:
        try:
            return (yield from attempt(engine)), engine, tuple(reasons)
        except TooLargeError:
            raise
        except (UnsupportedError, MissingError) as error:  # it cannot run the model, or is not installed
            told = error.at("") if error.where == f"engine {engine}" else error
            reasons.append(f"Not on {engine}: {told}.")
    return (yield from attempt(engines[-1])), engines[-1], tuple(reasons)


def run_task(
    model: GivenModel | Graph, feeds: Mapping[str, ArrayLike] | ArrayLike, engine: str = AUTO
) -> Task[RunOutputs]:
    """The work of :func:`run`."""
    if engine not in (AUTO, *ENGINES):
        raise InvalidInputError(f"{engine!r} is not an engine", where="engine", hint=one_of(engine, (AUTO, *ENGINES)))
    graph = graph_of(model)
    named = named_feeds(graph, feeds)

    def attempt(name: str) -> Task[Outputs]:
        with typed(EngineError, f"{TITLES[name]} failed", where=graph.name, hint="Use another engine"):
            return (yield from ENGINES[name](graph, named))

    tried = tuple(ENGINES) if engine == AUTO else (engine,)
    return RunOutputs(*(yield from first_supporting_task(tried, attempt)))


@public(
    "run(model, {'image': array}, engine='auto')",
    {
        **dict.fromkeys(("device", "provider", "providers", "backend"), "engine='onnxruntime'"),
        **dict.fromkeys(("outputs", "output_names", "output"), "run(model, feeds)['logits'] for one output"),
        **dict.fromkeys(("inputs", "input", "data", "x", "input_feed", "batch"), "feeds={'image': array}"),
    },
)
def run(model: GivenModel | Graph, feeds: Mapping[str, ArrayLike] | ArrayLike, engine: str = AUTO) -> RunOutputs:
    """Run a model once.

    Args:
        model: a model or its graph, or whatever ``playground.load`` takes: a path, the bytes of a file, a ModelProto.
        feeds: input name -> array; or the array alone where the model has one input.
        engine: ``"auto"`` (the first of the others that is there and takes the model), ``"wasm"`` (our kernels; NumPy
            for what they have no form of), ``"reference"`` (NumPy: the same integer steps for a quantized model, else
            the float interpreter) or ``"onnxruntime"``.

    Returns:
        Output name -> array, a dict that also says which ``engine`` it was.

    Raises:
        InvalidInputError: no such engine, or the feeds do not fit the model.
        UnsupportedError: the engine cannot run the model; the message names the operators.
        EngineError, MissingError, BadFileError: it failed, or something is not there.
    """
    return run_sync(run_task(model, feeds, engine))
