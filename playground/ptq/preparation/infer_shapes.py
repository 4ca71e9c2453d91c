"""Shape inference: outputs whose shape or type the file leaves open get what the graph makes of its inputs.

The graph is run once on zeros; where the number of samples is open, twice with different numbers, so that what grows
with it is told from what does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import interpreter
from playground.errors import PlaygroundError
from playground.model.graph import Dim, Graph, ValueInfo
from playground.model.graph_view import GraphView
from playground.ptq.preparation._pass import Pass
from playground.tasks import Task, run_sync

_SAMPLES = (2, 3)


def apply(view: GraphView) -> tuple[Graph, tuple[str, ...]]:
    """Fill in the graph's outputs."""
    graph = view.graph
    if all(value.dtype and value.shape is not None and None not in value.shape for value in graph.outputs):
        return graph, ()
    found = inferred(graph, [value.name for value in graph.outputs])
    filled = tuple(_filled(value, found.get(value.name)) for value in graph.outputs)
    if filled == graph.outputs:
        return graph, ()
    count = sum(old != new for old, new in zip(graph.outputs, filled, strict=True))
    return graph.with_(outputs=filled), (f"Found the shapes of {count} outputs.",)


def _filled(value: ValueInfo, found: ValueInfo | None) -> ValueInfo:
    if found is None:
        return value
    shape = found.shape
    if value.shape is not None and found.shape is not None and len(value.shape) == len(found.shape):
        shape = tuple(known if old is None else old for old, known in zip(value.shape, found.shape, strict=True))
    return ValueInfo(value.name, value.dtype or found.dtype, shape)


def inferred(graph: Graph, names: list[str]) -> dict[str, ValueInfo]:
    """Type and shape of tensors; nothing if the interpreter cannot run the graph, or sizes besides the first are open.

    A size that grows with the first open one of the inputs has its name (or None, if it has none).
    """
    return run_sync(inferred_task(graph, names))


def inferred_task(graph: Graph, names: list[str]) -> Task[dict[str, ValueInfo]]:
    """The work of :func:`inferred`."""
    openings = [dim for value in graph.inputs for dim in (value.shape or (None, None)) if not isinstance(dim, int)]
    known = all(v.shape is not None and all(isinstance(d, int) for d in v.shape[1:]) for v in graph.inputs)
    if not known or len(set(openings)) > 1 or interpreter.unsupported(graph):
        return {}
    runs = []
    for samples in _SAMPLES if openings else _SAMPLES[:1]:
        feeds = {v.name: np.zeros(_sizes(v, samples), v.dtype) for v in graph.inputs}
        try:
            found = yield from interpreter.run_graph_task(graph, feeds, names)
            runs.append({name: (values.dtype.name, values.shape) for name, values in found.items()})
        except (PlaygroundError, TypeError):  # zeros are no inputs for it, or a type is not NumPy's
            return {}
    name = openings[0] if openings else None
    return {
        tensor: ValueInfo(tensor, runs[0][tensor][0], _shape(runs[0][tensor][1], runs[-1][tensor][1], name))
        for tensor in names
    }


def values_task(graph: Graph, names: list[str]) -> Task[dict[str, NDArray[Any]]]:
    """Values of tensors when inputs are zero; nothing if a size of an input is open, or the graph cannot be run."""
    known = all(v.shape is not None and all(isinstance(d, int) for d in v.shape) for v in graph.inputs)
    if not known or interpreter.unsupported(graph):
        return {}
    try:
        feeds = {v.name: np.zeros(_sizes(v, 1), v.dtype) for v in graph.inputs}
        found = yield from interpreter.run_graph_task(graph, feeds, names)
    except (PlaygroundError, TypeError):
        return {}
    return {name: found[name] for name in names}


def _sizes(value: ValueInfo, samples: int) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else samples for dim in value.shape or ())


def _shape(one: tuple[int, ...], other: tuple[int, ...], name: Dim) -> tuple[Dim, ...] | None:
    if len(one) != len(other):
        return None
    return tuple(a if a == b else (name if (a, b) == _SAMPLES else None) for a, b in zip(one, other, strict=True))


PASS = Pass("infer_shapes", 50, "Outputs get the shapes and types that the graph gives them.", apply)
