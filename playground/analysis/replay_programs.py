"""Runs some nodes of a graph as programs of our kernels, fed with the values that are known already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from playground.engines.feeds import Fed
from playground.engines.mixed import MixedProgram
from playground.engines.small_floats import small_floats
from playground.errors import EngineError, InvalidInputError, MissingError, UnsupportedError
from playground.host import kernels
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.graph_view import GraphView
from playground.operators import dequantize_linear, find, quantize_linear
from playground.programs.room import Room
from playground.programs.shared_weights import SharedWeights
from playground.tasks import Task

Values = dict[str, NDArray[Any]]

_FED = {"float32", "uint8", "int8"}
"""Types of what a program is fed. Values of other types are shapes and indices, which planning has to know."""


class ReplayPrograms:
    """Plans and runs parts of graphs, each once."""

    def __init__(self) -> None:
        """Nothing is packed yet."""
        self._weights: SharedWeights | None = None

    def run_task(
        self, graph: Graph, nodes: Sequence[Node], known: Mapping[str, NDArray[Any]], names: Sequence[str], room: Room
    ) -> Task[Values | None]:
        """The named values, or None where the nodes have to be run one by one.

        Args:
            graph: that the nodes are of.
            nodes: in its order.
            known: what they read and do not make, constants of the graph apart.
            names: values that they make.
            room: how large values may become.
        """
        if small_floats(graph):  # only the graph says that their codes are no whole numbers
            return None
        part = _part(graph, nodes, known, names)
        feeds = {value.name: known[value.name] for value in part.inputs}
        try:
            program = MixedProgram(part, self._shared(), room)
            try:
                return (yield from program.first_task(Fed(feeds, part.inputs)))
            finally:
                program.release()
        except (UnsupportedError, EngineError, InvalidInputError, MissingError):  # NumPy says what is wrong
            return None

    def _shared(self) -> SharedWeights:
        if self._weights is None:
            self._weights = SharedWeights(kernels())
        return self._weights


def _part(graph: Graph, nodes: Sequence[Node], known: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Graph:
    """These nodes as a graph of their own."""
    reads = dict.fromkeys(name for node in nodes for name in node.reads)
    held = {name: graph.initializers[name] for name in reads if name in graph.initializers}
    fed = {name: array for name, array in known.items() if array.ndim > 1 and array.dtype.name in _FED}
    held |= {name: Tensor.of(name, array) for name, array in known.items() if name not in fed}
    inputs = tuple(ValueInfo(name, array.dtype.name, array.shape) for name, array in fed.items())
    ends = tuple(ValueInfo(name, "", None) for name in names)
    return graph.with_(inputs=inputs, outputs=ends, nodes=tuple(nodes), initializers=held)


def worth_keeping(graph: Graph) -> list[str]:
    """The values of a graph by which all others are found quickly: codes, and floats that do not only become codes."""
    view = GraphView(graph)
    return [
        name
        for node in graph.nodes
        if find(node) not in dequantize_linear.OPERATORS
        for name in node.outputs
        if name and not _only_quantized(view, name)
    ]


def _only_quantized(view: GraphView, name: str) -> bool:
    readers = view.readers(name)
    return bool(readers) and name not in view.ends and all(find(r) in quantize_linear.OPERATORS for r in readers)
