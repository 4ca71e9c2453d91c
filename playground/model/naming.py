"""Names for what is added to a graph."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from playground.model.graph import Graph


class FreeNames:
    """Gives out names, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Never give out the names in ``taken``."""
        self._taken = set(taken)

    @classmethod
    def of(cls, graph: Graph) -> FreeNames:
        """Names that no value of a graph has."""
        names = {name for node in graph.nodes for name in (*node.reads, *node.outputs)}
        return cls(names | {*graph.initializers, *(value.name for value in graph.inputs)})

    def __contains__(self, name: object) -> bool:
        """Whether a name is taken."""
        return name in self._taken

    def reserve(self, names: Iterable[str]) -> None:
        """Take these as they are, whether they are free or not."""
        self._taken.update(names)

    def take(self, wanted: str) -> str:
        """The wanted name, or with the first number behind it that makes it a free one. From now on it is taken."""
        numbered = (f"{wanted}_{number}" for number in count(1))
        name = wanted if wanted not in self._taken else next(one for one in numbered if one not in self._taken)
        self._taken.add(name)
        return name
