"""Runs nodes in NumPy, one by one. Graphs inside them (branches of If, bodies of Loop and Scan) see the values around
them, as ONNX has it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import limits
from playground.engines.bodies import Bodies
from playground.engines.small_floats import small_floats
from playground.errors import EngineError, PlaygroundError, UnsupportedError, plural
from playground.model.graph import Graph, Node
from playground.operators import Trait, find, id_of
from playground.programs.room import WIDEST, Room
from playground.tasks import Progress, Task, as_step, run_sync

Values = dict[str, NDArray[Any]]


def can_run(node: Node) -> bool:
    """Whether a node's operator has a float function."""
    operator = find(node)
    return operator is not None and (operator.run is not None or operator.run_graphs is not None)


@dataclass(slots=True)
class Around:
    """What is around the graphs inside a node.

    Attributes:
        graphs: the graph that the node is in, and those around that one, from the inside out.
        values: by name, those that the node sees.
        room: of the whole model.
        left: how many nodes inside the outermost one may still run.
        constants: those of the graphs inside, which are read once.
        bodies: programs of the graphs inside; None: NumPy runs them node by node.
    """

    graphs: tuple[Graph, ...]
    values: Mapping[str, NDArray[Any]]
    room: Room
    left: list[int] = field(default_factory=lambda: [limits.MOST_INNER_NODES])
    constants: dict[int, Values] = field(default_factory=dict)
    bodies: Bodies | None = None

    def run_task(self, graph: Graph, inputs: Sequence[NDArray[Any]]) -> Task[tuple[NDArray[Any], ...]]:
        """Run one of the graphs inside on its inputs."""
        if len(inputs) != len(graph.inputs):
            raise EngineError(
                f"the graph takes {plural(len(graph.inputs), 'input')} and is given {len(inputs)}",
                hint="Give the node as many values as its graph takes",
            )
        self.left[0] -= 1 + len(graph.nodes)
        if self.left[0] < 0:
            raise UnsupportedError(
                f"the graphs inside run more than {limits.MOST_INNER_NODES} nodes",
                hint="Use fewer iterations",
            )
        if self.bodies is not None:
            made = yield from self.bodies.run_task(graph, inputs, self)
            if made is not None:
                return made
        if id(graph) not in self.constants:
            self.constants[id(graph)] = {name: tensor.numpy() for name, tensor in graph.initializers.items()}
        own: Values = {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)}
        values = ChainMap(own, self.constants[id(graph)], self.values)  # type: ignore[arg-type]  # only own is changed
        ends = [value.name for value in graph.outputs]
        yield from nodes_task(graph, values, ends, replace(self, graphs=(graph, *self.graphs), values=values))
        require_outputs(graph, values)
        return tuple(values[name] for name in ends)


def evaluate(graph: Graph, node: Node, values: Mapping[str, NDArray[Any]], room: Room = WIDEST) -> Values:
    """The outputs of one node. See :func:`evaluate_task`."""
    return run_sync(evaluate_task(graph, node, values, room))


def evaluate_task(
    graph: Graph,
    node: Node,
    values: Mapping[str, NDArray[Any]],
    room: Room = WIDEST,
    bodies: Bodies | None = None,
) -> Task[Values]:
    """The outputs of one node, by name; ``values`` holds what it reads, its branches included.

    Yields:
        between the nodes of its branches.

    Raises:
        EngineError: the operator failed; the message names it and the shapes. A PlaygroundError keeps its kind.
        UnsupportedError: the operator has no float function, or its result is too large.
    """
    around = Around((graph,), values, room, bodies=bodies)
    if bodies is not None and bodies.left is not None:
        around.left = bodies.left
    return _node_task(node, around)


def _node_task(node: Node, around: Around) -> Task[Values]:
    where = f"{around.graphs[-1].name}: node {node.name!r} ({node.op})"
    operator = find(node)
    if operator is None:
        raise _lacking(node).at(where)
    for name in node.inputs:
        if name and name not in around.values:
            raise EngineError(
                f"no node before this one computes its input {name!r}", where=where, hint="Sort the nodes of the graph"
            )
    inputs = [around.values[name] if name else None for name in node.inputs]
    stored = stored_types(node, around.graphs) if Trait.STORED_TYPES in operator.traits else ()
    asked = max((place for place, name in enumerate(node.outputs, 1) if name), default=0)
    call = operator.call(node, asked, stored, around.room)
    try:
        if operator.run_graphs is not None:
            made = yield from operator.run_graphs(replace(call, run_graph=around.run_task), *inputs)
        elif operator.run is not None:
            with np.errstate(all="ignore"):  # NaN and infinity are results, as ONNX has it
                found = operator.run(call, *inputs)
            made = found if isinstance(found, tuple) else (found,)
        else:
            raise _lacking(node)
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
    return dict(zip(node.outputs, made, strict=False))


def _lacking(node: Node) -> UnsupportedError:
    return UnsupportedError(
        f"the NumPy interpreter has no {id_of(node)}", where=f"node {node.name!r}", hint="Use engine='onnxruntime'"
    )


def stored_types(node: Node, graphs: Sequence[Graph]) -> tuple[str, ...]:
    """The element types that the file states of a node's inputs, or that follow from it; ``""`` where there is none.

    Args:
        node: whose inputs they are of.
        graphs: the graph that it is in, and those around that one, from the inside out.
    """
    small = small_floats(*graphs)
    return tuple(small.get(name) or stated_type(name, graphs) for name in node.inputs)


def stated_type(name: str, graphs: Iterable[Graph]) -> str:
    """The element type of the innermost input or constant of this name."""
    for graph in graphs:
        if name in graph.initializers:
            return graph.initializers[name].dtype
        found = next((value.dtype for value in graph.inputs if value.name == name), "")
        if found:
            return found
    return ""


def nodes_task(
    graph: Graph, values: MutableMapping[str, NDArray[Any]], wanted: Collection[str], around: Around
) -> Task[None]:
    """Run all nodes of a graph, and forget values that are not wanted and were read for the last time."""
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.reads}
    for index, node in enumerate(graph.nodes):
        step = Progress(index, len(graph.nodes), node.name)
        yield step
        values.update((yield from as_step(_node_task(node, around), step)))
        for name in (*node.reads, *node.outputs):
            if last_use.get(name, -1) <= index and name not in wanted:
                values.pop(name, None)


def require_outputs(graph: Graph, values: Mapping[str, NDArray[Any]]) -> None:
    """Raise EngineError if an output of a graph is not among the values."""
    for value in graph.outputs:
        if value.name not in values:
            raise EngineError(
                f"no node computes the output {value.name!r}",
                where=graph.name,
                hint="Remove the output, or add its node",
            )
