"""Builds the flat program that the kernel ``k_run`` walks: kernel calls over buffers that share one arena."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines.kernel_checks import Room, check_call
from playground.host import Arena, Kernels
from playground.host.heap import Heap
from playground.host.kernel_module import ALIGNMENT

FOREVER = sys.maxsize
"""The call after all calls: a buffer used then is never taken by another one."""


@dataclass(slots=True, eq=False)
class Buffer:
    """A run of bytes of the arena, alive from the first call that uses it to the last."""

    nbytes: int
    first: int = FOREVER
    last: int = -1
    offset: int = -1

    def used_at(self, call: int) -> None:
        """Extend its life to this call."""
        self.first, self.last = min(self.first, call), max(self.last, call)


@dataclass(frozen=True, slots=True)
class At:
    """A place inside a buffer, in bytes from its start."""

    buffer: Buffer
    offset: int


Argument = At | int | float | np.integer[Any] | np.floating[Any] | Buffer
KernelCall = tuple[str, tuple[Argument, ...]]


class KernelProgramBuilder:
    """Collects kernel calls, then lays out the arena and writes everything into it.

    Attributes:
        calls: kernels and their args, in order.
        constants: what is in a buffer before the first call.
    """

    def __init__(self) -> None:
        """Start without calls."""
        self.calls: list[KernelCall] = []
        self.constants: list[tuple[Buffer, NDArray[Any]]] = []
        self._buffers: list[Buffer] = []

    def buffer(self, nbytes: int, *, kept: bool = False) -> Buffer:
        """A buffer for results; one that is ``kept`` shares its bytes with no other."""
        made = Buffer(nbytes)
        if kept:
            made.used_at(-1)
            made.used_at(FOREVER)
        self._buffers.append(made)
        return made

    def constant(self, array: NDArray[Any]) -> Buffer:
        """A buffer that is filled once."""
        made = self.buffer(array.nbytes, kept=True)
        self.constants.append((made, array))
        return made

    def call(self, kernel: str, *args: Argument) -> None:
        """Append a kernel call; its args are the fields of the kernel's struct.

        Raises:
            InvalidInputError: the kernel would reach beyond a buffer, or an argument has no meaning.
        """
        check_call(kernel, args, _room)
        for arg in args:
            if isinstance(arg, (Buffer, At)):
                (arg.buffer if isinstance(arg, At) else arg).used_at(len(self.calls))
        self.calls.append((kernel, args))

    def build(self, kernels: Kernels) -> tuple[Arena, int]:
        """The arena with constants and program in it, and the program's address."""
        words = sum(2 + len(args) for _, args in self.calls)
        program = self.buffer(4 * words, kept=True)
        arena = kernels.arena(self.lay_out())
        for buffer, array in self.constants:
            arena.view(buffer.offset, array.shape, array.dtype)[...] = array
        arena.view(program.offset, (words,), np.int32)[:] = self._words(kernels, arena.address)
        return arena, arena.address + program.offset

    def lay_out(self) -> int:
        """Give every buffer its offset, bytes being reused once a buffer's last call is over; the bytes needed."""
        heap = Heap(0, 0, ALIGNMENT, grow=lambda end: end)
        born, gone = _by_call(self._buffers, "first"), _by_call(self._buffers, "last")
        for call in range(-1, len(self.calls)):
            for buffer in born.get(call, ()):
                buffer.offset = heap.allocate(buffer.nbytes)
            for buffer in gone.get(call, ()):
                heap.free(buffer.offset)
        return heap.end

    def _words(self, kernels: Kernels, base: int) -> list[int]:
        words: list[int] = []
        for kernel, args in self.calls:
            words += [kernels.slots[kernel], len(args)]
            words += [kernels.word(placed(arg, base)) for arg in args]
        return words


def _room(arg: Argument) -> Room | None:
    """What lies around an address; None for a number."""
    if isinstance(arg, At):
        return Room(arg.offset, arg.buffer.nbytes - arg.offset)
    return Room(0, arg.nbytes) if isinstance(arg, Buffer) else None


def placed(arg: Argument, base: int) -> int | float | np.integer[Any] | np.floating[Any]:
    """An argument with buffers as addresses."""
    if isinstance(arg, At):
        return base + arg.buffer.offset + arg.offset
    return base + arg.offset if isinstance(arg, Buffer) else arg


def _by_call(buffers: list[Buffer], end: str) -> dict[int, list[Buffer]]:
    groups: dict[int, list[Buffer]] = {}
    for buffer in buffers:
        groups.setdefault(getattr(buffer, end), []).append(buffer)
    return groups
