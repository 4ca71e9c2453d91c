"""The float interpreter: runs an ONNX graph node by node in NumPy, QDQ graphs by the specification of their operators.

:func:`run_graph` runs once and keeps little memory. A :class:`Runner` keeps every value, so that it can show at once
what changes when one weight does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.feeds import checked_feeds
from playground.errors import EngineError, MissingError, PlaygroundError, UnsupportedError, one_of
from playground.model.graph import Graph, Node
from playground.operators import Trait, find, id_of, validate
from playground.programs.room import WIDEST, Room, room_of
from playground.tasks import Progress, Task, run_sync

Values = dict[str, NDArray[Any]]


def unsupported(graph: Graph) -> tuple[str, ...]:
    """The operators of a graph that are not available here, each once, sorted."""
    return tuple(sorted({id_of(node) for node in graph.nodes if not _can_run(node)}))


def _can_run(node: Node) -> bool:
    operator = find(node)
    return operator is not None and operator.run is not None


def _check(graph: Graph) -> None:
    lacking = unsupported(graph)
    if lacking:
        raise UnsupportedError(
            f"the NumPy interpreter has no {', '.join(lacking)}",
            where=graph.name,
            hint="Use engine='onnxruntime'",
        )
    validate(graph)


def _constants(graph: Graph, overrides: Mapping[str, ArrayLike] | None) -> Values:
    values = {name: tensor.numpy() for name, tensor in graph.initializers.items() if name not in (overrides or {})}
    for name, given in (overrides or {}).items():
        if name not in graph.initializers:
            raise MissingError(
                f"the model has no constant {name!r}", where=graph.name, hint=one_of(name, graph.initializers)
            )
        values[name] = np.asarray(given)
    return values


def evaluate(graph: Graph, node: Node, values: Mapping[str, NDArray[Any]], room: Room = WIDEST) -> Values:
    """The outputs of one node, by name; ``values`` holds its inputs.

    Raises:
        EngineError: the operator failed; the message names it and the shapes. A PlaygroundError keeps its kind.
        UnsupportedError: the operator has no float function, or its result is too large.
    """
    where = f"{graph.name}: node {node.name!r} ({node.op})"
    operator = find(node)
    if operator is None or operator.run is None:
        raise UnsupportedError(
            f"the NumPy interpreter has no {id_of(node)}", where=where, hint="Use engine='onnxruntime'"
        )
    for name in node.inputs:
        if name and name not in values:
            raise EngineError(
                f"no node before this one computes its input {name!r}", where=where, hint="Sort the nodes of the graph"
            )
    inputs = [values[name] if name else None for name in node.inputs]
    fed = {value.name: value.dtype for value in graph.inputs} if Trait.STORED_TYPES in operator.traits else {}
    stored = tuple(
        graph.initializers[name].dtype if name in graph.initializers else fed.get(name, "") for name in node.inputs
    )
    asked = max((place for place, name in enumerate(node.outputs, 1) if name), default=0)
    call = operator.call(node, graph.opset, asked, stored, room)
    try:
        with np.errstate(all="ignore"):  # NaN and infinity are results, as ONNX has it
            made = operator.run(call, *inputs)
    except PlaygroundError as error:
        raise error.at(error.where or where) from error
    # attributes, constants and shapes that contradict an operator raise exceptions of any type
    except Exception as error:
        shapes = ", ".join("none" if x is None else str(list(x.shape)) for x in inputs)
        raise EngineError(
            f"the operator cannot run on shapes {shapes} ({error})",
            where=where,
            hint="Correct the shapes of the inputs",
        ) from error
    return dict(zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=False))


def run_graph_task(
    graph: Graph,
    feeds: Mapping[str, ArrayLike],
    capture: Iterable[str] = (),
    overrides: Mapping[str, ArrayLike] | None = None,
) -> Task[Values]:
    """The work of :func:`run_graph`, one step a node."""
    _check(graph)
    wanted = {value.name for value in graph.outputs} | set(capture)
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    fed = checked_feeds(graph, feeds)
    values, room = _constants(graph, overrides) | fed, room_of(graph, fed.sizes)
    for index, node in enumerate(graph.nodes):
        yield Progress(index, len(graph.nodes), node.name)
        values.update(evaluate(graph, node, values, room))
        for name in (*node.inputs, *node.outputs):
            if last_use.get(name, -1) <= index and name not in wanted:
                values.pop(name, None)
    return _wanted(graph, values, capture)


def run_graph(
    graph: Graph,
    feeds: Mapping[str, ArrayLike],
    capture: Iterable[str] = (),
    overrides: Mapping[str, ArrayLike] | None = None,
) -> Values:
    """Run a graph once.

    Args:
        graph: any graph of operators that have a float function in :mod:`playground.operators`.
        feeds: input name -> array.
        capture: names of further values to return (any node's output, an input or a constant).
        overrides: constant name -> values to use instead.

    Returns:
        Name -> array, for the graph's outputs and what was captured.

    Raises:
        UnsupportedError: an operator is not available here; all such are named.
        InvalidInputError: the feeds do not fit the graph.
        MissingError: ``capture`` or ``overrides`` names what the graph does not have.
        EngineError: a node failed; the message names it and its shapes.
    """
    return run_sync(run_graph_task(graph, feeds, capture, overrides))


def _wanted(graph: Graph, values: Mapping[str, NDArray[Any]], capture: Iterable[str]) -> Values:
    for name in capture:
        if name not in values:
            raise MissingError(f"the model has no value {name!r}", where=graph.name, hint=one_of(name, values))
    for value in graph.outputs:
        if value.name not in values:
            raise EngineError(
                f"no node computes the output {value.name!r}",
                where=graph.name,
                hint="Remove the output, or add its node",
            )
    return {name: values[name] for name in dict.fromkeys([*(value.name for value in graph.outputs), *capture])}


class Runner:
    """A graph that is run again and again with a few constants changed.

    What depends on constants alone is computed once; after :meth:`run`, :meth:`rerun` computes only the nodes
    downstream of the constants that it replaces.
    """

    def __init__(self, graph: Graph) -> None:
        """Compute what depends on constants alone. Raises UnsupportedError as :func:`run_graph` does."""
        _check(graph)
        self.graph = graph
        self._fixed = _constants(graph, None)
        self._live: list[Node] = []
        room = room_of(graph, ())
        for node in graph.nodes:
            if all(name in self._fixed or not name for name in node.inputs):
                self._fixed.update(evaluate(graph, node, self._fixed, room))
            else:
                self._live.append(node)
        self._values: Values = {}

    def run(self, feeds: Mapping[str, ArrayLike], capture: Iterable[str] = ()) -> Values:
        """Run with new inputs, keeping every value. See :func:`run_graph` for arguments, result and errors."""
        fed = checked_feeds(self.graph, feeds)
        values, room = self._fixed | fed, room_of(self.graph, fed.sizes)
        for node in self._live:
            values.update(evaluate(self.graph, node, values, room))
        self._values = values
        return _wanted(self.graph, values, capture)

    def rerun(self, overrides: Mapping[str, ArrayLike], capture: Iterable[str] = ()) -> Values:
        """Run on the last inputs with some constants replaced; the next call starts from the originals again.

        Args:
            overrides: constant name -> values of the same shape.
            capture: names of further values to return.

        Raises:
            EngineError: nothing has been run yet.
            MissingError: a name is no constant of the graph.
        """
        if not self._values:
            raise EngineError("the interpreter has no inputs", where=self.graph.name, hint="Call run(feeds) first")
        for name in overrides:
            if name not in self.graph.initializers:
                raise MissingError(
                    f"the model has no constant {name!r}",
                    where=self.graph.name,
                    hint=one_of(name, self.graph.initializers),
                )
        changed: Values = {name: np.asarray(values) for name, values in overrides.items()}
        values = self._values | changed
        for node in self.graph.nodes:
            if any(name in changed for name in node.inputs):
                made = evaluate(self.graph, node, values)
                changed.update(made)
                values.update(made)
        return _wanted(self.graph, values, capture)
