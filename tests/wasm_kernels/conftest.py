"""Runs a kernel with each of its buffers flush against the end of the memory in turn, and canaries around the others.

An access beyond a buffer then either traps or is seen. The same checks run under wasmtime and, in the page's worker, on
the browser's own WebAssembly (tests/browser/test_kernels_in_page.py).

``guarded`` runs the simd128 build, and once more one that traps on C's undefined behaviour. ``multiplying`` runs the
kernels of integer products in every way to multiply: the simd128 build; the relaxed build under wasmtime's
deterministic rules, which take both operands as signed; and, for machines that take one as unsigned, a relaxed build in
which relaxed_dot.h stands in for the instruction (wasmtime computes that exactly on no machine). In the page there is
the simd128 build, and the relaxed one if it is exact there.
"""

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from playground import host
from playground.host.kernel_module import read_module

PAGES = 12
STACK_TOP = 65536
CANARY = 64
SANITIZED = ["-fsanitize=undefined", "-fsanitize-trap=undefined", "-fno-sanitize=alignment"]  # wasm loads from anywhere
STAND_IN = [
    "-mcpu=generic+simd128+relaxed_simd+bulk_memory",
    "-include",
    str(Path(__file__).with_name("relaxed_dot.h")),
]


def codes(rng, shape, dtype):
    """Any codes of a dtype, the extremes among them."""
    limits = np.iinfo(dtype)
    made = rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
    made.reshape(-1)[:2] = [limits.min, limits.max][: made.size]
    return made


@dataclass(frozen=True)
class Out:
    """A result of this shape and dtype; ``start`` is what is in it before."""

    shape: tuple
    dtype: str
    start: int = 0x5A

    def array(self):
        octets = np.full(int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize, self.start, np.uint8)
        return octets.view(self.dtype).reshape(self.shape)


@dataclass(frozen=True)
class At:
    """An argument that is the address ``skip`` octets into this buffer."""

    buffer: np.ndarray
    skip: int


class WasmtimeMemory:
    """The kernels on a memory of PAGES pages that cannot grow, by wasmtime."""

    def __init__(self, octets, dot):
        import wasmtime

        config = wasmtime.Config()
        config.wasm_relaxed_simd_deterministic = dot == "signed"
        self._store = wasmtime.Store(wasmtime.Engine(config))
        self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(PAGES, PAGES)))
        module = wasmtime.Module(self._store.engine, octets)
        self._exports = wasmtime.Instance(self._store, module, [self._memory]).exports(self._store)
        self._exports["__stack_pointer"].set_value(self._store, STACK_TOP)

    def write(self, octets, start):
        self._memory.write(self._store, octets, start)

    def read(self, start, stop):
        return bytes(self._memory.read(self._store, start, stop))

    def call(self, name):
        """Run a kernel on the argument words at STACK_TOP; a trap is an exception."""
        self._exports[name](self._store, STACK_TOP)


class JavaScriptMemory:
    """The same by JavaScript's WebAssembly: a memory of its own, not Pyodide's."""

    def __init__(self, octets, dot):
        import js
        from pyodide.ffi import to_js

        sizes = to_js({"initial": PAGES, "maximum": PAGES}, dict_converter=js.Object.fromEntries)
        memory = js.WebAssembly.Memory.new(sizes)
        imports = to_js({"env": {"memory": memory}}, dict_converter=js.Object.fromEntries)
        module = js.WebAssembly.Module.new(to_js(octets))
        self._octets = js.Uint8Array.new(memory.buffer)
        self._exports = js.WebAssembly.Instance.new(module, imports).exports
        getattr(self._exports, "__stack_pointer").value = STACK_TOP  # the plain name would be mangled in a class

    def write(self, octets, start):
        self._octets.subarray(start, start + len(octets)).assign(octets)

    def read(self, start, stop):
        return self._octets.subarray(start, stop).to_bytes()

    def call(self, name):
        getattr(self._exports, name)(STACK_TOP)


class Guarded:
    """The kernels on a small memory of their own.

    Attributes:
        dot: how they multiply.
    """

    def __init__(self, octets, dot):
        self.dot = dot
        self.memory = (JavaScriptMemory if sys.platform == "emscripten" else WasmtimeMemory)(octets, dot)

    def __call__(self, name, *args):
        """Run a kernel in all placements; returns its results (one array, or a list) after comparing them."""
        buffers = [np.ascontiguousarray(self._array(a)) for a in args if not np.isscalar(a)]
        runs = [self._run(name, args, buffers, last) for last in range(len(buffers))]
        is_result = [isinstance(a, Out) for a in args if not np.isscalar(a)]
        for run in runs:
            for result, before, first, after in zip(is_result, buffers, runs[0], run, strict=True):
                np.testing.assert_array_equal(after, first if result else before)
        results = [array for array, result in zip(runs[0], is_result, strict=True) if result]
        return results[0] if len(results) == 1 else results

    @staticmethod
    def at(buffer, skip):
        """An argument that starts ``skip`` octets into a buffer: unaligned."""
        return At(buffer, skip)

    @staticmethod
    def _array(arg):
        return arg.array() if isinstance(arg, Out) else arg.buffer if isinstance(arg, At) else arg

    def _run(self, name, args, buffers, last):
        end = PAGES * 65536
        self.memory.write(bytes([0xA5]) * (end - STACK_TOP), STACK_TOP)
        addresses, at = [], STACK_TOP + 1024
        for i, buffer in enumerate(buffers):
            addresses.append(end - buffer.nbytes if i == last else at + CANARY)
            if buffer.nbytes:
                self.memory.write(buffer.tobytes(), addresses[i])
            if i != last:
                at = (addresses[i] + buffer.nbytes + CANARY + 15) // 16 * 16
        assert at <= end - buffers[last].nbytes - CANARY, "the test needs more memory"
        following = iter(addresses)
        words = [self.word(a) if np.isscalar(a) else next(following) + getattr(a, "skip", 0) for a in args]
        self.memory.write(struct.pack(f"<{len(words)}i", *words), STACK_TOP)
        self.memory.call(name)
        for address, buffer in zip(addresses, buffers, strict=True):
            around = [(address - CANARY, address)]
            if address + buffer.nbytes < end:
                around.append((address + buffer.nbytes, address + buffer.nbytes + CANARY))
            for start, stop in around:
                assert set(self.memory.read(start, stop)) == {0xA5}, f"{name} wrote outside a buffer"
        return [self._read(a, b) for a, b in zip(addresses, buffers, strict=True)]

    def _read(self, address, like):
        octets = self.memory.read(address, address + like.nbytes)
        return np.frombuffer(octets, like.dtype).reshape(like.shape)

    @staticmethod
    def word(value):
        if isinstance(value, (float, np.floating)):
            return struct.unpack("<i", struct.pack("<f", value))[0]
        return int(value)


@pytest.fixture(scope="session", params=["built"] if sys.platform == "emscripten" else ["built", "sanitized"])
def guarded(request, tmp_path_factory):
    if request.param == "built":
        return Guarded(read_module(), "int16")
    from builder import kernels

    module = tmp_path_factory.mktemp("kernels") / "sanitized.wasm"
    kernels.compile_module(module, f"-mcpu={kernels.TARGETS[kernels.KERNELS_FILE]}", *SANITIZED)
    return Guarded(module.read_bytes(), "int16")


def ways_to_multiply():
    """Values of ``Kernels.dot`` that can be tested here."""
    if sys.platform == "emscripten":
        return sorted({"int16", host.kernels().dot})
    return ["int16", "signed", "unsigned"]


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """The relaxed build with relaxed_dot.h in place of the instruction, for the C macros that are given."""

    def compiled(*macros):
        from builder import kernels

        module = tmp_path_factory.mktemp("kernels") / "relaxed.wasm"
        kernels.compile_module(module, *STAND_IN, *SANITIZED, *macros)
        return module.read_bytes()

    return compiled


@pytest.fixture(scope="session", params=ways_to_multiply())
def multiplying(request, stand_in):
    if request.param == "unsigned" and sys.platform != "emscripten":
        return Guarded(stand_in(), "unsigned")
    return Guarded(read_module(request.param), request.param)


@pytest.fixture(scope="session")
def any_codes():
    return codes


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def out():
    return Out
