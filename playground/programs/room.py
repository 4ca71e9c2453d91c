"""How large the values of a graph may become, and how much work one operator may be. Checked before allocating."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from playground import limits
from playground.errors import TooLargeError
from playground.model.graph import Graph


@dataclass(frozen=True, slots=True)
class Room:
    """What a graph may take, in proportion to what it was given.

    Attributes:
        nbytes: of one value.
        operations: of one operator: multiply-adds, or values that a window sees.
    """

    nbytes: int = limits.MOST_VALUE_BYTES
    operations: int = limits.MOST_OPERATIONS

    def value(self, shape: Sequence[int], dtype: DTypeLike) -> None:
        """Raise TooLargeError if a value of this shape and type is too large."""
        self.octets(math.prod(shape) * np.dtype(dtype).itemsize, shape)

    def octets(self, nbytes: int, shape: Sequence[int]) -> None:
        """Raise TooLargeError if so many bytes, those of a value of this shape, are too many."""
        if nbytes > self.nbytes:
            raise TooLargeError(
                f"a value of shape {list(shape)} would take {nbytes} bytes",
                hint=f"Use smaller inputs: the limit for this model and these inputs is {self.nbytes} bytes a value",
            )

    def work(self, operations: int) -> None:
        """Raise TooLargeError if an operator is too much work."""
        if operations > self.operations:
            raise TooLargeError(
                f"the operator would need {operations} operations",
                hint=f"Use smaller inputs: the limit for this model and these inputs is {self.operations}",
            )


WIDEST = Room()

STEP = 1024
"""Operations that one turn of a loop in Python takes at least, in time: values without elements can ask for many."""


def room_of(graph: Graph, fed: Iterable[int]) -> Room:
    """The room of a graph whose inputs take so many bytes each."""
    given = sum(tensor.nbytes for tensor in graph.initializers.values()) + sum(fed)
    return Room(limits.value_bytes(given), limits.operations(given))
