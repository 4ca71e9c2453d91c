"""Names for what is added to a graph."""

from __future__ import annotations

from playground.model.graph import Graph
from playground.model.naming import free_name
from playground.ptq.placement import reads


class FreeNames:
    """Names that no value of a graph has yet."""

    def __init__(self, graph: Graph) -> None:
        """Those of ``graph`` are taken."""
        self._taken = {name for node in graph.nodes for name in (*reads(node), *node.outputs)}
        self._taken |= {*graph.initializers, *(value.name for value in graph.inputs)}

    def take(self, wanted: str) -> str:
        """The wanted name, or with a number behind it if it is taken; from now on it is, too."""
        name = free_name(wanted, self._taken)
        self._taken.add(name)
        return name
