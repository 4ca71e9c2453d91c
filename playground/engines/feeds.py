"""Feeds: the arrays for a graph's inputs, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.arrays import as_array
from playground.errors import InvalidInputError, one_of, plural
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, ValueInfo


class Fed(dict[str, NDArray[Any]]):
    """Feeds that have been checked with a graph's inputs, so that it is done once.

    Attributes:
        inputs: these inputs.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], inputs: tuple[ValueInfo, ...]) -> None:
        """Keep the arrays."""
        super().__init__(arrays)
        self.inputs = inputs

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of each."""
        return tuple(array.nbytes for array in self.values())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Input name -> shape."""
        return {name: array.shape for name, array in self.items()}


def named_feeds(graph: Graph, given: Any) -> Mapping[str, ArrayLike]:
    """Feeds by name: those that are given so, or the one array that a model with a single input is given.

    Raises:
        InvalidInputError: a single array, and the graph has another number of inputs; or no arrays at all.
    """
    if isinstance(given, Mapping):
        return given
    names = [value.name for value in graph.inputs]
    example = f"Give {{{', '.join(f'{name!r}: ...' for name in names[:4])}}}"
    if len(names) != 1:
        raise InvalidInputError(
            f"the model has {plural(len(names), 'input')}, and one array without a name was given",
            where="inputs",
            hint=example,
        )
    values = as_array(given, "inputs")
    if values.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"a value of type {type(given).__name__} is not an input of the model", where="inputs", hint=example
        )
    return {names[0]: values}


def checked_feeds(graph: Graph, feeds: Mapping[str, ArrayLike]) -> Fed:
    """The feeds as arrays of the types the graph asks for; those that have been checked already are passed on.

    Raises:
        InvalidInputError: an input is missing or unknown, or has another type or shape than the graph says.
    """
    if isinstance(feeds, Fed) and feeds.inputs == graph.inputs:
        return feeds
    names = [value.name for value in graph.inputs]
    for name in feeds:
        if name not in names:
            raise InvalidInputError(f"the model has no input {name!r}", where="inputs", hint=one_of(name, names))
    for name in names:
        if name not in feeds:
            raise InvalidInputError(f"the input {name!r} is missing", where="inputs", hint=f"Give {', '.join(names)}")
    return Fed(
        {value.name: _checked(value, as_array(feeds[value.name], f"input {value.name!r}")) for value in graph.inputs},
        graph.inputs,
    )


def _checked(value: ValueInfo, array: NDArray[Any]) -> NDArray[Any]:
    where = f"input {value.name!r}"
    element = BY_NAME.get(value.dtype)
    if element is not None and element.stored:
        if not np.can_cast(array.dtype, element.stored, "same_kind"):
            raise InvalidInputError(
                f"an array of {array.dtype} does not fit this input", where=where, hint=f"Give {value.dtype}"
            )
        array = array.astype(element.stored, copy=False)
    if not fits(value, array.shape):
        wanted = ", ".join("?" if dim is None else str(dim) for dim in value.shape or ())
        raise InvalidInputError(
            f"shape {list(array.shape)} does not fit this input", where=where, hint=f"Give shape [{wanted}]"
        )
    return array


def fits(value: ValueInfo, shape: Sequence[int]) -> bool:
    """Whether a shape is one that an input declares; it may leave sizes, or all of them, open."""
    if value.shape is None:
        return True
    return len(shape) == len(value.shape) and all(
        n == dim or not isinstance(dim, int) for n, dim in zip(shape, value.shape, strict=True)
    )
