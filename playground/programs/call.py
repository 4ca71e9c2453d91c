"""The arguments of an operator's float function besides its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Graph
from playground.programs.room import WIDEST, Room
from playground.tasks import Task

Array: TypeAlias = NDArray[Any]


def _no_graphs(graph: Graph, inputs: Sequence[Array]) -> Task[tuple[Array, ...]]:
    raise UnsupportedError("a graph inside a node cannot be run here", hint="Use engine='onnxruntime'")


@dataclass(frozen=True, slots=True)
class Call:
    """One use of an operator.

    Attributes:
        attributes: the node's attributes.
        outputs: how many outputs the node has, up to the last that has a name.
        stored: for every input the element type its file states, if it is a constant or the model's input,
            or that follows from these.
        room: how large what it makes may be. A function that makes more than it was given asks before it allocates.
        run_graph: runs a graph of the node's attributes on its inputs, in order, and returns its outputs. The graph
            sees the values around the node.
    """

    attributes: Mapping[str, Any]
    outputs: int = 1
    stored: tuple[str, ...] = ()
    room: Room = WIDEST
    run_graph: Callable[[Graph, Sequence[Array]], Task[tuple[Array, ...]]] = _no_graphs

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or what it is if the node does not have it."""
        return self.attributes.get(name, default)

    def axes(self, given: Array | None) -> list[int] | None:
        """Axes given as an input; None without it."""
        return None if given is None else [int(axis) for axis in given.reshape(-1)]
