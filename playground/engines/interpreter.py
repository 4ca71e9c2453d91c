"""The float interpreter: runs an ONNX graph node by node in NumPy, QDQ graphs by the specification of their operators.

:func:`run_graph` runs once and keeps little memory. A :class:`Runner` keeps every value, so that it can show at once
what changes when one weight does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.engines.evaluation import Around, Values, can_run, evaluate, nodes_task, require_outputs
from playground.engines.feeds import checked_feeds
from playground.engines.small_floats import misread
from playground.errors import EngineError, MissingError, UnsupportedError, one_of
from playground.model.graph import Graph, Node
from playground.operators import id_of, validate
from playground.programs.room import room_of
from playground.tasks import Task, run_sync


def unsupported(graph: Graph) -> tuple[str, ...]:
    """The operators of a graph that are not available here, or not for its small floats; each once, sorted."""
    lacking = {id_of(node) for node in graph.nodes if not can_run(node)}
    lacking.update(name for node in graph.nodes for branch in node.branches for name in unsupported(branch))
    lacking.update(misread(graph))
    return tuple(sorted(lacking))


def require_operators(graph: Graph) -> None:
    """Raise UnsupportedError if operators are not available here, InvalidInputError if attributes are wrong."""
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


def run_graph_task(
    graph: Graph,
    feeds: Mapping[str, ArrayLike],
    capture: Iterable[str] = (),
    overrides: Mapping[str, ArrayLike] | None = None,
) -> Task[Values]:
    """The work of :func:`run_graph`, one step a node."""
    require_operators(graph)
    wanted = {value.name for value in graph.outputs} | set(capture)
    fed = checked_feeds(graph, feeds)
    values = _constants(graph, overrides) | fed
    yield from nodes_task(graph, values, wanted, Around((graph,), values, room_of(graph, fed.sizes)))
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
    require_outputs(graph, values)
    return {name: values[name] for name in dict.fromkeys([*(value.name for value in graph.outputs), *capture])}


class Runner:
    """A graph that is run again and again with a few constants changed.

    What depends on constants alone is computed once; after :meth:`run`, :meth:`rerun` computes only the nodes
    downstream of the constants that it replaces.
    """

    def __init__(self, graph: Graph) -> None:
        """Compute what depends on constants alone. Raises UnsupportedError as :func:`run_graph` does."""
        require_operators(graph)
        self.graph = graph
        self._fixed = _constants(graph, None)
        self._live: list[Node] = []
        room = room_of(graph, ())
        for node in graph.nodes:
            if all(name in self._fixed for name in node.reads):
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
            if any(name in changed for name in node.reads):
                made = evaluate(self.graph, node, values)
                changed.update(made)
                values.update(made)
        return _wanted(self.graph, values, capture)
