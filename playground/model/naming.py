"""Names for what is added to a graph."""

from __future__ import annotations

from collections.abc import Container, Iterable
from itertools import count

from playground.model.graph import Graph


class FreeNames:
    """Gives out names, each once, in a time that does not grow with how often the same one is wanted."""

    def __init__(self, taken: Iterable[str] = (), also: Container[str] = ()) -> None:
        """Never give out the names in ``taken``, nor those that are in ``also`` when a name is wanted."""
        self._taken, self._also = set(taken), also
        self._next: dict[str, int] = {}

    @classmethod
    def of(cls, graph: Graph) -> FreeNames:
        """Names that no value of a graph has, nor one inside it."""
        names = {name for node in graph.walk() for name in (*node.inputs, *node.outputs)}
        branches = [branch for node in graph.walk() for branch in node.branches]
        for held in (graph, *branches):
            names.update((*held.initializers, *(value.name for value in (*held.inputs, *held.outputs))))
        return cls(names)

    def __contains__(self, name: object) -> bool:
        """Whether a name is taken."""
        return name in self._taken or name in self._also

    def reserve(self, names: Iterable[str]) -> None:
        """Take these as they are, whether they are free or not."""
        self._taken.update(names)

    def take(self, wanted: str) -> str:
        """The wanted name, or with the first number behind it that makes it a free one. From now on it is taken."""
        name = wanted
        if wanted in self:
            # numbers up to the last one that was given out are taken: a search from 1 would be quadratic
            numbered = ((number, f"{wanted}_{number}") for number in count(self._next.get(wanted, 1)))
            number, name = next(found for found in numbered if found[1] not in self)
            self._next[wanted] = number + 1
        self._taken.add(name)
        return name
