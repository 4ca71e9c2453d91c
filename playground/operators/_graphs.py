"""What operators that run the graphs inside their nodes share: If, Loop and Scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.errors import InvalidInputError
from playground.model.graph import ValueInfo
from playground.programs.call import Array, Call


def condition(given: Array) -> bool:
    """A condition: one value, whatever its axes."""
    if given.size != 1:
        raise InvalidInputError(f"a condition of shape {list(given.shape)} is not one value", hint="Give one value")
    return bool(given.reshape(())[()])


class Stack:
    """Values of the same shape, one an iteration, that are stacked when all are there."""

    def __init__(self, call: Call, info: ValueInfo) -> None:
        """Start with none; ``info`` says what the graph gives."""
        self._call, self._info = call, info
        self._values: list[Array] = []

    def add(self, value: Array) -> None:
        """Append one.

        Raises:
            InvalidInputError: its shape or type is not that of the others.
            UnsupportedError: together they are too large.
        """
        if self._values and (self._values[0].shape, self._values[0].dtype) != (value.shape, value.dtype):
            first = self._values[0]
            raise InvalidInputError(
                f"the output {self._info.name!r} is {first.dtype} {list(first.shape)} in the first iteration and "
                f"{value.dtype} {list(value.shape)} in iteration {len(self._values) + 1}",
                hint="Give it one shape in all iterations",
            )
        self._values.append(value)
        count = len(self._values)
        self._call.room.octets(count * value.nbytes, [count, *value.shape])

    def stacked(self, axis: int = 0, *, reverse: bool = False) -> Array:
        """All of them along a new axis; without any, of what the graph says about them, open sizes as 0."""
        if self._values:
            return np.stack(self._values[::-1] if reverse else self._values, axis)
        shape = [dim if isinstance(dim, int) else 0 for dim in self._info.shape or ()]
        shape.insert(axis % (len(shape) + 1), 0)
        return np.zeros(shape, self._info.dtype or "float32")


def require_outputs(found: int, wanted: int, outputs: Sequence[ValueInfo]) -> None:
    """Raise InvalidInputError if a body does not have the outputs that its node needs."""
    if found < wanted:
        names = ", ".join(repr(value.name) for value in outputs)
        raise InvalidInputError(
            f"the body has {found} outputs ({names}) where {wanted} are needed", hint="Correct the body's outputs"
        )
