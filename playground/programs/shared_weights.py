"""Packed weights that programs of one graph share: planning it for other shapes packs nothing again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from playground.host import Kernels
from playground.programs.float_products import PackedFloats
from playground.programs.packing import Packed, PackedCodes

AnyPacked = TypeVar("AnyPacked", Packed, PackedFloats, PackedCodes)
"""Packed weights of some kind of product."""

_SAMPLE = 256
"""Bytes that are compared first, which tells most arrays apart without reading them whole."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Shared(Generic[AnyPacked]):
    """Packed weights in the kernels' memory. Who uses them has to keep this.

    Attributes:
        packed: the result.
        of: the arrays that were packed.
    """

    packed: AnyPacked
    of: tuple[NDArray[Any], ...]


class SharedWeights:
    """Weights in the kernels' memory, each content once, for as long as a program uses them."""

    def __init__(self, kernels: Kernels) -> None:
        """Start without any."""
        self._kernels = kernels
        self._held: dict[tuple[object, ...], list[ref[Shared[Any]]]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes they take."""
        held = (shared() for some in self._held.values() for shared in some)
        return sum(shared.packed.weights.nbytes for shared in held if shared is not None)

    def packed(self, make: Callable[[], AnyPacked], of: tuple[NDArray[Any], ...], *how: object) -> Shared[AnyPacked]:
        """What ``make`` gives, its weights in the kernels' memory.

        Args:
            make: packs; it is not called if the same has been packed before.
            of: the arrays that it packs, known by their shapes and contents.
            how: what else the result depends on.
        """
        held = self._held.setdefault((*how, *map(_known_by, of)), [])
        alive: list[Shared[Any]] = [shared for shared in (reference() for reference in held) if shared is not None]
        for shared in alive:
            if all(_same(a, b) for a, b in zip(shared.of, of, strict=True)):
                return shared
        packed = make()
        made = Shared(replace(packed, weights=self._kernels.resident(packed.weights)), of)
        held[:] = [ref(shared) for shared in (*alive, made)]
        return made


def _known_by(array: NDArray[Any]) -> tuple[object, ...]:
    """Shape, type and some of the content."""
    values = array.reshape(-1)
    return array.shape, array.dtype.str, values[:: values.size // _SAMPLE + 1].tobytes()


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays of one shape and type have the same bits."""
    if a.dtype.kind == "f":
        a, b = (np.ascontiguousarray(array).view(f"i{array.itemsize}") for array in (a, b))
    return np.array_equal(a, b)
