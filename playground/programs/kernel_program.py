"""Builds the flat program that the kernel ``k_run`` walks: kernel calls over buffers that share one arena."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import EngineError
from playground.host import Arena, Kernels
from playground.host.heap import Heap
from playground.host.kernel import Kernel, floats
from playground.host.kernel_checks import arguments
from playground.host.kernel_module import ALIGNMENT, Dot
from playground.limits import MOST_VALUE_BYTES

RUN = Kernel("k_run", {"program": floats("words")})
"""The words of the program are those of calls that were checked when they were appended."""

FOREVER = sys.maxsize
"""The call after all calls: a buffer used then is never taken by another one."""


@dataclass(slots=True, eq=False)
class Buffer:
    """A run of bytes of the arena, alive from the first call that uses it to the last."""

    nbytes: int
    first: int = FOREVER
    last: int = -1
    offset: int = -1
    constant: bool = False

    def used_at(self, call: int) -> None:
        """Extend its life to this call."""
        self.first, self.last = min(self.first, call), max(self.last, call)


@dataclass(frozen=True, slots=True)
class At:
    """A place inside a buffer, in bytes from its start."""

    buffer: Buffer
    offset: int


Place = Buffer | At | NDArray[Any]
"""What is an address in a program: a buffer, a place inside one, or an array that is in the kernels' memory already."""

Argument = Place | int | float
KernelCall = tuple[str, list[Argument]]


class KernelProgramBuilder:
    """Collects kernel calls, then lays out the arena and writes everything into it.

    Attributes:
        dot: how the kernels multiply that will run it.
        calls: names of kernels and their checked arguments, one a word, in order.
        constants: what is in a buffer before the first call.
    """

    def __init__(self, dot: Dot) -> None:
        """Start without calls."""
        self.dot = dot
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
        made.constant = True
        self.constants.append((made, array))
        return made

    def call(self, kernel: Kernel, /, **given: Any) -> None:
        """Append a kernel call.

        Args:
            kernel: which one.
            given: its arguments by the names of its struct: numbers, places, None for no address, a dict for a struct
                inside.

        Raises:
            InvalidInputError: an argument is missing, unknown or out of range, or the kernel would reach beyond a
                buffer or write to a constant.
        """
        args = arguments(kernel, given, _room, self.dot)
        for arg in args:
            if isinstance(arg, (Buffer, At)):
                (arg.buffer if isinstance(arg, At) else arg).used_at(len(self.calls))
        self.calls.append((kernel.name, args))

    def build(self, kernels: Kernels) -> tuple[Arena, NDArray[np.int32]]:
        """The arena with constants and program in it, and the program's words, which are in the arena too.

        Raises:
            EngineError: there is no memory left, or the kernels multiply in another way than the arguments are for.
        """
        if kernels.dot != self.dot:
            raise EngineError(
                f"the program is for products by {self.dot}, not {kernels.dot}",
                where="program",
                hint="Plan the program again",
            )
        words = self.places()[-1]
        program = self.buffer(4 * words, kept=True)
        nbytes = self.lay_out()
        if nbytes > MOST_VALUE_BYTES:
            raise EngineError(
                f"the program needs {nbytes} bytes at once",
                where="the kernels' memory",
                hint=f"Use smaller batches or a smaller model: the limit is {MOST_VALUE_BYTES}",
            )
        arena = kernels.arena(nbytes)
        for buffer, array in self.constants:
            arena.view(buffer.offset, array.shape, array.dtype)[...] = array
        view = arena.view(program.offset, (words,), np.int32)
        view[:] = self._words(kernels, arena.address)
        return arena, view

    def places(self) -> list[int]:
        """Where the words of each call begin in the program of all calls, and last where they end."""
        return list(accumulate((2 + len(args) for _, args in self.calls), initial=0))

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
            words += [arg if type(arg) is int else kernels.word(placed(arg, base)) for arg in args]
        return words


def _room(argument: Any, written: bool) -> tuple[int, int] | None:
    """See :data:`playground.host.kernel_checks.Room`."""
    if isinstance(argument, np.ndarray):
        return None if written else (0, argument.nbytes)
    buffer, offset = (argument.buffer, argument.offset) if isinstance(argument, At) else (argument, 0)
    if not isinstance(buffer, Buffer) or (written and buffer.constant):
        return None
    return offset, buffer.nbytes - offset


def placed(arg: Argument, base: int) -> int | float | NDArray[Any]:
    """An argument with buffers as addresses."""
    if isinstance(arg, At):
        return base + arg.buffer.offset + arg.offset
    return base + arg.offset if isinstance(arg, Buffer) else arg


def _by_call(buffers: list[Buffer], end: str) -> dict[int, list[Buffer]]:
    groups: dict[int, list[Buffer]] = {}
    for buffer in buffers:
        groups.setdefault(getattr(buffer, end), []).append(buffer)
    return groups
