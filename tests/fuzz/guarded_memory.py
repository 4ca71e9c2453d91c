"""The kernels on a memory in which every array lies between guards.

Guards are octets that must not be written; a kernel that reads them gives other numbers than the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import DTypeLike, NDArray

from playground.engines import planned, wasm
from playground.host import Arena, Kernels
from playground.host.cpython import WasmtimeKernels
from playground.host.kernel_module import ALIGNMENT
from playground.programs.kernel_program import KernelProgramBuilder

GUARD = 128
"""Octets before and after each array and each buffer."""


class GuardedKernels(WasmtimeKernels):
    """Kernels whose arrays (arenas, feeds, packed weights, argument words) have guards around them."""

    def __init__(self) -> None:
        self._held: list[NDArray[np.uint8]] = []
        self._arenas: list[tuple[NDArray[np.uint8], NDArray[np.bool_]]] = []
        self.pattern = np.uint8(0xA5)
        super().__init__()

    def empty(self, shape: int | Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        nbytes = int(np.prod(sizes, dtype=np.int64)) * np.dtype(dtype).itemsize
        whole = super().empty((nbytes + 2 * GUARD,), np.uint8)
        whole[:] = self.pattern
        self._held.append(whole)
        return whole[GUARD : GUARD + nbytes].view(dtype).reshape(sizes)

    def guard_arena(self, octets: NDArray[np.uint8], used: NDArray[np.bool_]) -> None:
        """Watch the octets of an arena that belong to no buffer."""
        octets[~used] = self.pattern
        self._arenas.append((octets, ~used))

    def changed(self) -> int:
        """How many guarded octets have been written to."""
        around = sum(
            int(np.count_nonzero(whole[:GUARD] != self.pattern) + np.count_nonzero(whole[-GUARD:] != self.pattern))
            for whole in self._held
        )
        return around + sum(int(np.count_nonzero(octets[free] != self.pattern)) for octets, free in self._arenas)

    def forget(self, pattern: int) -> None:
        """Give all memory back that programs have used; guards are of another pattern from now on."""
        del self._held[1:]  # the first is that of the argument words
        self._arenas.clear()
        self.pattern = np.uint8(pattern)
        if self._held:
            self._held[0][:GUARD] = self._held[0][-GUARD:] = self.pattern


class GuardedBuilder(KernelProgramBuilder):
    """Lays out an arena without reuse, with a guard around each buffer."""

    def lay_out(self) -> int:
        end = GUARD
        for buffer in self._buffers:
            buffer.offset = end
            end = -(-(end + max(buffer.nbytes, 1) + GUARD) // ALIGNMENT) * ALIGNMENT
        return end

    def build(self, kernels: Kernels) -> tuple[Arena, NDArray[np.int32]]:
        arena, words = super().build(kernels)
        assert isinstance(kernels, GuardedKernels)
        used = np.zeros(arena.nbytes, np.bool_)
        for buffer in self._buffers:
            used[buffer.offset : buffer.offset + buffer.nbytes] = True
        kernels.guard_arena(arena.view(0, (arena.nbytes,), np.uint8), used)
        return arena, words


@contextmanager
def guarded_kernels(kernels: GuardedKernels, *, apart: bool) -> Iterator[None]:
    """The wasm engine on these kernels; ``apart``: every buffer of a program has its own place, between guards."""
    builder = GuardedBuilder if apart else KernelProgramBuilder
    with (
        patch.object(wasm, "kernels", lambda: kernels),
        patch.object(planned, "kernels", lambda: kernels),
        patch.object(wasm, "KernelProgramBuilder", builder),
    ):
        yield
