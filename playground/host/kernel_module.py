"""The kernels as Python sees them, wherever it runs: one module of ``wasm_kernels/`` on one memory.

A kernel takes one argument, the address of a run of 32-bit words, which are the fields of the struct that stands above
it in its C file. Arrays it works on have to be in the kernels' memory: under CPython that is a memory of their own, in
the browser it is Pyodide's, in which every NumPy array is already.

There are two builds. Integer products are twice as fast by the relaxed dot product where the machine computes it
exactly, which the kernel ``k_relaxed_dot`` of that build finds out; elsewhere the simd128 build is used.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from playground.errors import EngineError, InvalidInputError, MissingError
from playground.host.kernel import Kernel
from playground.host.kernel_checks import arguments, bind

Dot = Literal["int16", "unsigned", "signed"]
"""How integer products are formed: of int16 (the simd128 build), or of octets by the relaxed dot product of a machine
that takes the second operand as uint8 (x86 with AVX-VNNI) or as int8 (Arm with dot products)."""

FOLDER = Path(__file__).parent.parent / "kernels"
PLAIN, RELAXED = "kernels-simd128.wasm", "kernels-relaxed.wasm"
RELAXED_OPCODE = bytes.fromhex("0061736d0100000001080160037b7b7b017b030201000a0d010b00200020012002fd93020b")
"""A module of one function, which is ``i32x4.relaxed_dot_i8x16_i7x16_add_s``: valid where that exists."""
STACK_BYTES = 65536
ALIGNMENT = 64
_ARGUMENT_WORDS = 64
_MOST_SEEN = 256
_HIGHEST = 2**31 - 1
_UNSIGNED, _SIGNED = 1, 2  # of wasm_kernels/relaxed_dot.c


def read_module(dot: Dot = "int16") -> bytes:
    """The built kernels, for hosts that multiply like this.

    Raises:
        MissingError: they have not been built.
    """
    path = FOLDER / (PLAIN if dot == "int16" else RELAXED)
    if not path.is_file():
        raise MissingError(
            "the WebAssembly kernels have not been built",
            where=str(path),
            hint="Run `python build.py site`, or use engine='reference'",
        )
    return path.read_bytes()


def dot_found(found: int) -> Dot:
    """How to multiply where ``k_relaxed_dot`` has found this."""
    return "unsigned" if found == _UNSIGNED else "signed" if found == _SIGNED else "int16"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A call that has been checked, and is as good with other arrays that are as large.

    Attributes:
        words: its arguments as the kernel takes them.
        arrays: place among the words, name, bytes and whether it is written to, of each array.
    """

    words: bytes
    arrays: list[tuple[int, str, int, bool]]


class Kernels(ABC):
    """The instantiated module. There is one per process: ``host.kernels()``.

    Attributes:
        slots: kernel name -> its place in the module's function table, which programs for ``k_run`` hold.
        dot: how they multiply, which decides how weights are packed.
    """

    slots: Mapping[str, int]
    dot: Dot

    def __init__(self) -> None:
        """Set the argument words aside; a subclass calls this when ``empty`` and ``address`` work."""
        words = self.empty((_ARGUMENT_WORDS,), np.int32)
        self._words_address = self.address(words)
        self._words = memoryview(words.data)  # keeps the array alive, and is faster than it
        self._octets = self._words.cast("B")
        self._seen: dict[tuple[object, ...], _Seen] = {}

    @abstractmethod
    def empty(self, shape: int | Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """An uninitialised C-contiguous array in the kernels' memory, given back when it is garbage-collected.

        Raises:
            EngineError: the memory cannot grow by that much.
        """

    @abstractmethod
    def address(self, array: NDArray[Any]) -> int:
        """Where a C-contiguous array starts in the kernels' memory.

        Raises:
            InvalidInputError: it is not C-contiguous, or lies elsewhere (see :meth:`resident`).
        """

    @abstractmethod
    def _invoke(self, name: str, words_address: int) -> None:
        """Call an existing kernel; EngineError if it traps."""

    @abstractmethod
    def resident(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array itself if it is C-contiguous and in the kernels' memory, else a copy that is."""

    def call(self, kernel: Kernel, /, **given: Any) -> None:
        """Run one kernel.

        Args:
            kernel: which one.
            given: its arguments by the names of its struct: numbers, arrays in the kernels' memory (see
                :meth:`resident`), None for no array, a dict for a struct inside.

        Raises:
            InvalidInputError: an argument is missing, unknown or out of range, or an array is too small.
            MissingError: there is no such kernel in the built module.
            EngineError: it read or wrote outside the memory.
        """
        # A call takes microseconds: where the same numbers have been checked before, only the arrays are looked at
        key = (kernel, *given, *[np.ndarray if type(value) is np.ndarray else value for value in given.values()])
        try:
            seen = self._seen.get(key)
        except TypeError:  # a struct inside, or an array of numbers
            seen = None
        words = self._words
        if seen is not None:
            self._octets[: len(seen.words)] = seen.words
            for i, name, nbytes, written in seen.arrays:
                address = self._address_of(given[name], nbytes, written)
                if address < 0:
                    break
                words[i] = address if address <= _HIGHEST else address - 2**32
            else:
                self._invoke(kernel.name, self._words_address)
                return
        checked = self._check(kernel, given, key)
        self._octets[: len(checked)] = checked
        self._invoke(kernel.name, self._words_address)

    def _address_of(self, array: NDArray[Any], nbytes: int, written: bool) -> int:
        """Where an array starts; -1 if it is smaller, or may not be written to although it will be."""
        if array.nbytes < nbytes or (written and not array.flags.writeable):
            return -1
        return self.address(array)

    def _check(self, kernel: Kernel, given: dict[str, Any], key: tuple[object, ...]) -> bytes:
        """The words of a call that is held against what its kernel does: see :func:`arguments`."""
        if kernel.name not in self.slots:
            raise MissingError(f"there is no kernel {kernel.name!r}", where=str(FOLDER), hint="Build the kernels again")
        args = arguments(kernel, given, _room, self.dot)
        words = struct.pack(f"<{len(args)}i", *map(self.word, args))
        slots = bind(kernel).slots
        # -0.0 equals 0.0 and is another float32: calls with floats are checked anew
        if all(slot.kind != "float" and not slot.length and "." not in slot.name for slot in slots):
            if len(self._seen) == _MOST_SEEN:
                self._seen.clear()
            arrays = [
                (i, slot.name, array.nbytes, slot.kind == "write")
                for i, (slot, array) in enumerate(zip(slots, args, strict=True))
                if isinstance(array, np.ndarray)
            ]
            self._seen[key] = _Seen(words, arrays)
        return words

    def word(self, value: float | NDArray[Any]) -> int:
        """One checked argument as the int32 that a kernel finds at its place: addresses up to 2^32 - 1 wrap."""
        if isinstance(value, np.ndarray):
            value = self.address(value)
        if isinstance(value, int):
            return value if value <= _HIGHEST else value - 2**32
        bits: int = struct.unpack("<i", struct.pack("<f", value))[0]
        return bits

    def arena(self, nbytes: int) -> Arena:
        """A block of kernel memory that is cut into arrays, and given back by :meth:`Arena.release`."""
        return Arena(self, nbytes)


def _room(argument: Any, written: bool) -> tuple[int, int] | None:
    """All of an array, from its first byte on."""
    if not isinstance(argument, np.ndarray) or (written and not argument.flags.writeable):
        return None
    return 0, argument.nbytes


class Arena:
    """Zero-filled memory at an address that is a multiple of 64, for everything that one program needs.

    Attributes:
        address: where it starts; ``nbytes``: how long it is.
    """

    def __init__(self, kernels: Kernels, nbytes: int) -> None:
        """Take ``nbytes`` of the kernels' memory."""
        self._buffer: NDArray[np.uint8] | None = kernels.empty((nbytes + ALIGNMENT,), np.uint8)
        self._buffer[:] = 0
        start = kernels.address(self._buffer)
        self._skip = -start % ALIGNMENT
        self.address, self.nbytes = start + self._skip, nbytes

    def view(self, offset: int, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """The array of ``shape`` and ``dtype`` that starts ``offset`` bytes into the arena (no copy).

        Raises:
            EngineError: the arena has been released.
            InvalidInputError: the array would reach beyond the arena.
        """
        if self._buffer is None:
            raise EngineError("the arena has been released", where="arena", hint="Plan the program again")
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if offset < 0 or offset + size > self.nbytes:
            raise InvalidInputError(
                f"bytes {offset} to {offset + size} are outside the arena",
                where="arena",
                hint=f"Stay within its {self.nbytes} bytes",
            )
        start = self._skip + offset
        return self._buffer[start : start + size].view(dtype).reshape(shape)

    def release(self) -> None:
        """Give the memory back as soon as no view of it is left. Calling it twice does nothing."""
        self._buffer = None
