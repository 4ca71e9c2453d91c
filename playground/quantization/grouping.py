"""The one shape rule: which values of a tensor share a scale, whatever the granularity.

Scales have the tensor's rank; a dimension is 1, the tensor's own, or ``ceil(n / block_size)``. To compute with them, a
tensor is seen as one or two :class:`Piece` s, four-dimensional views in which scales broadcast against values: the
second holds the blocks that the axis has not enough values to fill.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from playground.arrays import reduced_rows
from playground.errors import InvalidInputError

GRANULARITIES = ("tensor", "channel", "token", "block")

T = TypeVar("T", bound=np.generic)
Shape = tuple[int, ...]
Tile = tuple[slice, slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which values share a scale.

    Attributes:
        granularity: one scale for the whole ``"tensor"``, per ``"channel"`` (one index of ``axis``), per ``"token"``
            (one row along ``axis``), or per ``"block"`` of ``block_size`` neighbours along ``axis``.
        axis: counts from the end when negative. With ``"token"`` None means the last one. With ``"block"`` None means
            that blocks run through all values in C order, over the ends of rows, as bitsandbytes' do.
        block_size: values per block; the last block of a row has fewer if they do not divide it.
    """

    granularity: str
    axis: int | None = None
    block_size: int | None = None

    def scales_shape(self, shape: Shape) -> Shape:
        """The shape of the scales of a tensor of ``shape``.

        Raises:
            InvalidInputError: the tensor has no such axis, or the axis or the block size is missing.
        """
        if self.granularity == "tensor":
            return (1,) * len(shape)
        if self.granularity == "block" and self.axis is None:
            count = -(-math.prod(shape) // self._size())
            return (1,) * (self._rank(shape, None) - 1) + (count,)
        axis = self._axis_of(shape)
        if self.granularity == "channel":
            return tuple(n if i == axis else 1 for i, n in enumerate(shape))
        groups = 1 if self.granularity == "token" else -(-shape[axis] // self._size())
        return tuple(groups if i == axis else n for i, n in enumerate(shape))

    def pieces(self, shape: Shape) -> tuple[Piece, ...]:
        """The views in which scales broadcast against values; none of them is empty.

        Raises:
            InvalidInputError: as :meth:`scales_shape`.
        """
        groups, count = self.scales_shape(shape), math.prod(shape)
        if count == 0:
            return ()
        if self.granularity == "tensor" or (self.granularity == "block" and self.axis is None):
            before, length, after = 1, count, 1
        else:
            axis = self._axis_of(shape)
            before, length, after = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        scales = _three_of(groups, self.granularity, before, after)
        if self.granularity == "channel":
            return (Piece((before, length, after), slice(None), (before, length, 1, after), scales, slice(None)),)
        size = min(self._size(), length) if self.granularity == "block" else length
        whole, rest = divmod(length, size)
        three = before, length, after
        full = Piece(three, slice(0, whole * size), (before, whole, size, after), scales, slice(0, whole))
        if not rest:
            return (full,)
        return full, Piece(three, slice(whole * size, length), (before, 1, rest, after), scales, slice(whole, None))

    def expand(self, parameters: NDArray[T], shape: Shape) -> NDArray[T]:
        """One parameter per value: an array of ``shape``; ``parameters`` has the shape of the scales."""
        out = np.empty(shape, parameters.dtype)
        for piece in self.pieces(shape):
            piece.values(out)[...] = piece.parameters(parameters)
        return out

    def members(self, x: NDArray[T], number: int) -> NDArray[T]:
        """The values that share scale ``number`` (in the scales' C order), one-dimensional; ``x`` is C-contiguous."""
        scales = self.scales_shape(x.shape)
        numbers = np.arange(math.prod(scales)).reshape(scales)
        found = []
        for piece in self.pieces(x.shape):
            seen = piece.parameters(numbers)
            for place in np.argwhere(seen == number):
                index = tuple(int(i) if n != 1 else slice(None) for i, n in zip(place, seen.shape, strict=True))
                found.append(piece.values(x)[index].reshape(-1))
        return np.concatenate(found) if found else x.reshape(-1)[:0]

    def reduce(self, function: np.ufunc, x: NDArray[T]) -> NDArray[T]:
        """``function`` (``np.minimum``, ``np.maximum``, ``np.add``) over all values of each scale: the scales' shape.

        Args:
            function: a ufunc of two arguments.
            x: C-contiguous.
        """
        out = np.empty(self.scales_shape(x.shape), x.dtype)
        for piece in self.pieces(x.shape):
            kept = piece.parameters(out)
            values = piece.values(x)
            if self.granularity in ("block", "token") and values.shape[3] == 1:
                kept[...] = reduced_rows(function, values.reshape(-1, values.shape[2])).reshape(kept.shape)
                continue
            axes = tuple(i for i in range(4) if kept.shape[i] == 1)
            kept[...] = function.reduce(values, axis=axes, keepdims=True)
        return out

    def _size(self) -> int:
        if self.block_size is None:
            raise InvalidInputError("a block size is missing", where="block_size", hint="Use block_size=32")
        return self.block_size

    def _rank(self, shape: Shape, axis: int | None) -> int:
        if not shape:
            raise InvalidInputError(
                f"a scalar has no axis {axis}",
                where="axis",
                hint="Use granularity 'tensor' for a scalar",
            )
        return len(shape)

    def _axis_of(self, shape: Shape) -> int:
        axis = -1 if self.axis is None and self.granularity == "token" else self.axis
        rank = self._rank(shape, axis)
        if axis is None or not -rank <= axis < rank:
            raise InvalidInputError(
                f"{axis} is not a valid axis of a tensor of shape {shape}",
                where="axis",
                hint=f"Use a number from {-rank} to {rank - 1}" + ("" if axis is not None else ", for instance axis=0"),
            )
        return axis % rank


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a tensor whose groups all have the same size, and how to see it.

    Views are (outer, groups, size, inner); that of the parameters has 1 where a scale is shared.
    """

    _three: Shape
    _where: slice
    _view: tuple[int, int, int, int]
    _scales: Shape
    _which: slice

    def values(self, x: NDArray[T]) -> NDArray[T]:
        """The part of ``x`` (C-contiguous, of the tensor's shape), as a four-dimensional view."""
        return x.reshape(self._three, copy=False)[:, self._where].reshape(self._view, copy=False)

    def parameters(self, p: NDArray[T]) -> NDArray[T]:
        """The parameters of that part (C-contiguous, of the scales' shape), as a four-dimensional view."""
        return p.reshape(self._scales, copy=False)[:, self._which, None]

    def groups(self) -> Iterator[tuple[tuple[int | slice, ...], int]]:
        """Where the values of each scale are in the view, and the scale's number in C order."""
        numbers = np.arange(math.prod(self._scales)).reshape(self._scales)
        seen = self.parameters(numbers)
        for place in np.ndindex(seen.shape):
            index = tuple(i if n != 1 else slice(None) for i, n in zip(place, seen.shape, strict=True))
            yield index, int(seen[place])

    def tiles(self, budget: int) -> Iterator[Tile]:
        """Slices of the four-dimensional views that together cover them, of at most ``budget`` values each."""
        sizes, left = [1, 1, 1, 1], max(1, budget)
        for i in (3, 2, 1, 0):
            sizes[i] = max(1, min(self._view[i], left))
            left //= sizes[i]
        steps = (range(0, length, step) for length, step in zip(self._view, sizes, strict=True))
        for starts in itertools.product(*steps):
            yield tuple(slice(a, a + step) for a, step in zip(starts, sizes, strict=True))  # type: ignore[misc]


def _three_of(scales: Shape, granularity: str, before: int, after: int) -> Shape:
    """The scales' shape with all axes before and behind the grouped one taken together."""
    if granularity in ("tensor", "channel"):
        return (1, math.prod(scales), 1)
    return (before, math.prod(scales) // (before * after), after)


def tile_of(parameters: NDArray[Any], tile: Tile) -> NDArray[Any]:
    """The parameters that belong to a tile: dimensions of 1 are shared and stay."""
    return parameters[tuple(part if n != 1 else slice(None) for part, n in zip(tile, parameters.shape, strict=True))]
