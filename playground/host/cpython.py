"""The kernels under CPython: ``wasmtime`` runs them on a memory of its own."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from playground.errors import EngineError, InvalidInputError, MissingError
from playground.host.heap import Heap
from playground.host.kernel_module import ALIGNMENT, STACK_BYTES, Dot, Kernels, read_module

_PAGE = 65536


class WasmtimeKernels(Kernels):
    """See :class:`playground.host.kernel_module.Kernels`."""

    def __init__(self, dot: Dot = "int16") -> None:
        """Compile and instantiate the kernels.

        Args:
            dot: which build to use, and how it multiplies. wasmtime has no machine instruction for the relaxed dot
                product, so that the simd128 build is the fast one. The others are for tests: asked for ``"signed"``
                wasmtime computes exactly that, and ``"unsigned"`` is what it does on x86 where no pair of products
                overflows int16.

        Raises:
            MissingError: wasmtime is not installed, or the kernels have not been built.
        """
        try:
            import wasmtime
        except ImportError as error:
            raise MissingError(
                "the package wasmtime is not installed",
                where="engine wasm",
                hint="Run `pip install wasmtime==50.*`, or use engine='reference'",
            ) from error
        self._errors = (wasmtime.WasmtimeError, wasmtime.Trap)
        config = wasmtime.Config()
        config.wasm_relaxed_simd_deterministic = dot == "signed"
        self.dot = dot
        self._store = wasmtime.Store(wasmtime.Engine(config))
        pages = 2 + STACK_BYTES // _PAGE
        self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(pages, None)))
        module = wasmtime.Module(self._store.engine, read_module(dot))
        exports = wasmtime.Instance(self._store, module, [self._memory]).exports(self._store)
        stack_pointer, table = exports["__stack_pointer"], exports["__indirect_function_table"]
        assert isinstance(stack_pointer, wasmtime.Global) and isinstance(table, wasmtime.Table)  # noqa: S101 (types)
        stack_pointer.set_value(self._store, STACK_BYTES)
        self._functions = {n: f for n, f in exports.items() if n.startswith("k_") and isinstance(f, wasmtime.Func)}
        first = table.grow(self._store, len(self._functions), None)
        self.slots = {name: first + i for i, name in enumerate(self._functions)}
        for name, slot in self.slots.items():
            table.set(self._store, slot, self._functions[name])
        self._base = self._base_now()
        self._heap = Heap(STACK_BYTES, self._memory.data_len(self._store), ALIGNMENT, self._grow)
        super().__init__()

    def _base_now(self) -> int:
        return ctypes.addressof(self._memory.data_ptr(self._store).contents)

    def _grow(self, end: int) -> int:
        missing = end - self._memory.data_len(self._store)
        try:
            self._memory.grow(self._store, -(-missing // _PAGE))
        except self._errors as error:
            hint = "Use smaller batches, or a smaller model"
            raise EngineError(f"memory cannot grow to {end} bytes", where="kernels", hint=hint) from error
        # on 64-bit hosts wasmtime reserves 4 GiB of addresses, so that memory grows in place
        if self._base_now() != self._base:
            raise EngineError(
                "the memory has moved", where="kernels", hint="Use a 64-bit Python, or engine='reference'"
            )
        return self._memory.data_len(self._store)

    def empty(self, shape: int | Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """See :meth:`Kernels.empty`."""
        kind = np.dtype(dtype)
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        count = int(np.prod(sizes, dtype=np.int64))
        start = self._heap.allocate(count * kind.itemsize)
        buffer = (ctypes.c_uint8 * max(count * kind.itemsize, 1)).from_address(self._base + start)
        weakref.finalize(buffer, self._heap.free, start)
        octets = np.frombuffer(memoryview(buffer), np.uint8)  # keeps the buffer, and so the finalizer, alive
        array: NDArray[Any] = octets[: count * kind.itemsize].view(kind).reshape(sizes)
        return array

    @property
    def used(self) -> int:
        """Bytes of the memory that arrays and arenas hold at the moment."""
        return self._heap.used

    def _holds(self, array: NDArray[Any]) -> bool:
        start = array.ctypes.data - self._base
        inside = start >= 0 and start + array.nbytes <= self._memory.data_len(self._store)
        return inside and array.flags.c_contiguous

    def address(self, array: NDArray[Any]) -> int:
        """See :meth:`Kernels.address`."""
        if not self._holds(array):
            hint = "Pass it through kernels.resident() first"
            raise InvalidInputError(
                f"an array of shape {array.shape} is not in the kernels' memory", where="kernel argument", hint=hint
            )
        return int(array.ctypes.data - self._base)

    def resident(self, array: NDArray[Any]) -> NDArray[Any]:
        """See :meth:`Kernels.resident`."""
        if self._holds(array):
            return array
        copy = self.empty(array.shape, array.dtype)
        copy[...] = array
        return copy

    def _invoke(self, name: str, words_address: int) -> None:
        try:
            self._functions[name](self._store, words_address)
        except self._errors as error:
            raise EngineError(
                f"the kernel failed: {str(error).splitlines()[-1].strip()}",
                where=f"kernel {name}",
                hint="Use engine='reference'",
            ) from error
