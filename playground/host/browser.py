"""What the page's worker gives: the kernels on Pyodide's own memory, and dropped files read by ranges."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import addressof, c_char
from typing import Any

import js
import numpy as np
import pyodide_js
from numpy.typing import DTypeLike, NDArray
from pyodide.ffi import to_js

from playground.errors import BadFileError, EngineError, InvalidInputError, plural, typed
from playground.host.kernel_module import RELAXED_OPCODE, STACK_BYTES, Dot, Kernels, dot_found, read_module
from playground.host.sources import check_range


def _instantiate(stack_top: int, dot: Dot) -> Any:
    """The exports of a new instance that imports Pyodide's memory and has its stack below ``stack_top``."""
    memory = pyodide_js._module.memory
    imports = to_js({"env": {"memory": memory}}, dict_converter=js.Object.fromEntries)
    module = js.WebAssembly.Module.new(to_js(read_module(dot)))
    exports = js.WebAssembly.Instance.new(module, imports).exports
    exports.__stack_pointer.value = stack_top
    return exports


def _fill_table(exports: Any) -> dict[str, int]:
    """Put every kernel into the function table; kernel name -> slot."""
    names = [name for name in js.Object.keys(exports) if name.startswith("k_")]
    table = exports.__indirect_function_table
    first = table.grow(len(names))
    for i, name in enumerate(names):
        table.set(first + i, getattr(exports, name))
    return {name: first + i for i, name in enumerate(names)}


def _fastest(stack_top: int) -> tuple[Dot, Any]:
    """How this machine multiplies best, and the exports of the build for it."""
    if js.WebAssembly.validate(to_js(RELAXED_OPCODE)):
        exports = _instantiate(stack_top, "unsigned")
        found, words = np.zeros(1, np.int32), np.zeros(1, np.int32)
        words[0] = found.ctypes.data
        exports.k_relaxed_dot(int(words.ctypes.data))
        dot = dot_found(int(found[0]))
        if dot != "int16":
            return dot, exports
    return "int16", _instantiate(stack_top, "int16")


class PyodideKernels(Kernels):
    """See :class:`playground.host.kernel_module.Kernels`. Every C-contiguous array is used where it is."""

    def __init__(self, dot: Dot | None = None) -> None:
        """Compile and instantiate the kernels (MissingError if they have not been built).

        Args:
            dot: how they multiply; by default what is fastest here.
        """
        self._stack = np.empty(STACK_BYTES, np.uint8)
        stack_top = (self._stack.ctypes.data + STACK_BYTES) // 16 * 16
        self.dot, self._exports = (dot, _instantiate(stack_top, dot)) if dot else _fastest(stack_top)
        self.slots = _fill_table(self._exports)
        self._functions = {name: getattr(self._exports, name) for name in self.slots}
        super().__init__()

    def empty(self, shape: int | Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """See :meth:`Kernels.empty`."""
        try:
            return np.empty(shape, dtype)
        except MemoryError as error:
            raise EngineError(
                f"the page has not enough memory for an array of shape {shape}",
                where="browser",
                hint="Use a smaller batch or model",
            ) from error

    def address(self, array: NDArray[Any]) -> int:
        """See :meth:`Kernels.address`."""
        try:
            return addressof(c_char.from_buffer(array.data))  # in a third of the time that array.ctypes takes
        except (TypeError, ValueError, BufferError):  # it is read-only, empty, or not C-contiguous
            pass
        if not array.flags.c_contiguous:
            hint = "Pass it through kernels.resident() first"
            raise InvalidInputError(
                f"an array of shape {array.shape} is not C-contiguous", where="kernel argument", hint=hint
            )
        return int(array.ctypes.data)

    def _address_of(self, array: NDArray[Any], nbytes: int, written: bool) -> int:
        """See :meth:`Kernels._address_of`; the array's own view says all of it at once, in half of the time."""
        try:
            view = array.data
            if view.nbytes >= nbytes and not view.readonly:
                return addressof(c_char.from_buffer(view))
        except (TypeError, ValueError, BufferError):  # it is empty, or not C-contiguous
            pass
        return super()._address_of(array, nbytes, written)

    def resident(self, array: NDArray[Any]) -> NDArray[Any]:
        """See :meth:`Kernels.resident`."""
        return np.ascontiguousarray(array)

    def _invoke(self, name: str, words_address: int) -> None:
        try:
            self._functions[name](words_address)
        except Exception as error:
            raise EngineError(
                f"the kernel failed: {error}", where=f"kernel {name}", hint="Use engine='reference'"
            ) from error


class JsFileSource:
    """A JavaScript ``File`` or ``Blob``, read by ranges: works in workers only (it uses ``FileReaderSync``)."""

    def __init__(self, file: Any) -> None:
        """Take the name and the size; nothing is read yet."""
        self._file, self.name, self.size = file, str(getattr(file, "name", "")), int(file.size)
        self._reader = js.FileReaderSync.new()

    def read(self, offset: int, size: int) -> bytes:
        """See :meth:`playground.host.sources.Source.read`."""
        check_range(self, offset, size)
        hint = "Choose the file again, in case it was changed or moved, or use a smaller one"
        what = f"{plural(size, 'byte')} at offset {offset} cannot be read"
        with typed(BadFileError, what, where=self.name, hint=hint):
            data: bytes = self._reader.readAsArrayBuffer(self._file.slice(offset, offset + size)).to_bytes()
            return data
