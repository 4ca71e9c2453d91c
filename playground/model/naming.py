"""Names for what is added to a graph."""

from __future__ import annotations

from collections.abc import Container
from itertools import count


def free_name(wanted: str, taken: Container[str]) -> str:
    """The wanted name, or with the first number behind it that makes it another one than those that are taken."""
    numbered = (f"{wanted}_{number}" for number in count(1))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)


class FreeNames:
    """Names that nothing else has, in a time that does not grow with how often the same one is wanted."""

    def __init__(self, taken: Container[str]) -> None:
        """``taken`` are those that are no longer free; whoever takes a name adds it there."""
        self._taken = taken
        self._next: dict[str, int] = {}

    def free(self, wanted: str) -> str:
        """What :func:`free_name` gives, as long as no name that was taken is given up."""
        if wanted not in self._taken:
            return wanted
        number = self._next.get(wanted, 1)
        while f"{wanted}_{number}" in self._taken:
            number += 1
        self._next[wanted] = number
        return f"{wanted}_{number}"
