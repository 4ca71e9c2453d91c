"""Packed weights that programs of one graph share: planning it for other shapes packs nothing again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from playground.engines.packing import Packed
from playground.host import Kernels


class SharedWeights:
    """Weights in the kernels' memory, by the value that the product with them makes."""

    def __init__(self, kernels: Kernels) -> None:
        """Start without any."""
        self._kernels = kernels
        self._packed: dict[str, tuple[Packed, NDArray[Any]]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes they take."""
        return sum(held.nbytes for _, held in self._packed.values())

    def packed(self, output: str, make: Callable[[], Packed]) -> tuple[Packed, int]:
        """What ``make`` gave when it was first asked for, and the address of its weights."""
        if output not in self._packed:
            packed = make()
            held = self._kernels.empty(packed.weights.shape, packed.weights.dtype)
            held[...] = packed.weights
            self._packed[output] = packed, held
        packed, held = self._packed[output]
        return packed, self._kernels.address(held)
