"""How many axes the output of an operator has, as far as it follows from its inputs' numbers of axes."""

from __future__ import annotations

from collections.abc import Callable

from playground.model.graph import Node
from playground.programs.call import Array

RankOf = Callable[[str], int | None]
"""Name of a value -> how many axes it has; None if that is not known."""

ConstantOf = Callable[[str], Array | None]
"""Name of a constant -> its values; None of other values."""

Rank = Callable[[Node, RankOf, ConstantOf], int | None]
"""Node, what is known of its inputs -> how many axes its outputs have; None if that is not known."""


def as_input(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    """As many as the first input has."""
    return rank(node.inputs[0])


def broadcast(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    """As many as the input with the most."""
    found = [rank(name) for name in node.inputs if name]
    numbers = [n for n in found if n is not None]
    return max(numbers) if found and len(numbers) == len(found) else None


def always(number: int) -> Rank:
    """The same number, whatever it reads."""
    return lambda node, rank, known: number


def length_of(place: int) -> Rank:
    """As many as the constant list at an input has entries."""

    def count(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
        held = known(node.inputs[place]) if place < len(node.inputs) else None
        return None if held is None else int(held.size)

    return count


def reduced(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    """As many as the first input has, or without ``keepdims`` fewer: those that the second input lists are gone."""
    given = rank(node.inputs[0])
    if node.attributes.get("keepdims", 1) or given is None:
        return given
    gone = axes(node, known)
    return None if gone is None else given - gone if gone else 0


def axes(node: Node, known: ConstantOf) -> int | None:
    """How many axes the second input lists; 0 without one, None if it is no constant."""
    if len(node.inputs) < 2 or not node.inputs[1]:
        return 0
    held = known(node.inputs[1])
    return None if held is None else int(held.size)
