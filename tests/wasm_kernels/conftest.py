"""Runs a kernel with each of its buffers flush against the end of the memory in turn, and canaries around the others.

An access beyond a buffer then either traps or is seen.
"""

import struct
from dataclasses import dataclass

import numpy as np
import pytest
import wasmtime

from playground.host.kernel_module import read_module

PAGES = 12
STACK_TOP = 65536
CANARY = 64


@dataclass(frozen=True)
class Out:
    """A result of this shape and dtype; ``start`` is what is in it before."""

    shape: tuple
    dtype: str
    start: int = 0x5A

    def array(self):
        octets = np.full(int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize, self.start, np.uint8)
        return octets.view(self.dtype).reshape(self.shape)


class Guarded:
    """The kernels on a small memory of their own."""

    def __init__(self):
        self.store = wasmtime.Store()
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(PAGES, PAGES)))
        module = wasmtime.Module(self.store.engine, read_module())
        self.exports = wasmtime.Instance(self.store, module, [self.memory]).exports(self.store)
        self.exports["__stack_pointer"].set_value(self.store, STACK_TOP)

    def __call__(self, name, *args):
        """Run a kernel in all placements; returns its results (one array, or a list) after comparing them."""
        buffers = [np.ascontiguousarray(a.array() if isinstance(a, Out) else a) for a in args if not np.isscalar(a)]
        runs = [self._run(name, args, buffers, last) for last in range(len(buffers))]
        is_result = [isinstance(a, Out) for a in args if not np.isscalar(a)]
        for run in runs:
            for result, before, first, after in zip(is_result, buffers, runs[0], run, strict=True):
                np.testing.assert_array_equal(after, first if result else before)
        results = [array for array, result in zip(runs[0], is_result, strict=True) if result]
        return results[0] if len(results) == 1 else results

    def _run(self, name, args, buffers, last):
        end = PAGES * 65536
        self.memory.write(self.store, bytes([0xA5]) * (end - STACK_TOP), STACK_TOP)
        addresses, at = [], STACK_TOP + 1024
        for i, buffer in enumerate(buffers):
            addresses.append(end - buffer.nbytes if i == last else at + CANARY)
            if buffer.nbytes:
                self.memory.write(self.store, buffer.tobytes(), addresses[i])
            if i != last:
                at = (addresses[i] + buffer.nbytes + CANARY + 15) // 16 * 16
        assert at <= end - buffers[last].nbytes - CANARY, "the test needs more memory"
        following = iter(addresses)
        words = [self.word(a) if np.isscalar(a) else next(following) for a in args]
        self.memory.write(self.store, struct.pack(f"<{len(words)}i", *words), STACK_TOP)
        self.exports[name](self.store, STACK_TOP)
        for address, buffer in zip(addresses, buffers, strict=True):
            around = [(address - CANARY, address)]
            if address + buffer.nbytes < end:
                around.append((address + buffer.nbytes, address + buffer.nbytes + CANARY))
            for start, stop in around:
                assert set(self.memory.read(self.store, start, stop)) == {0xA5}, f"{name} wrote outside a buffer"
        return [self._read(a, b) for a, b in zip(addresses, buffers, strict=True)]

    def _read(self, address, like):
        octets = bytes(self.memory.read(self.store, address, address + like.nbytes))
        return np.frombuffer(octets, like.dtype).reshape(like.shape)

    @staticmethod
    def word(value):
        if isinstance(value, (float, np.floating)):
            return struct.unpack("<i", struct.pack("<f", value))[0]
        return int(value)


@pytest.fixture(scope="session")
def guarded():
    return Guarded()


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def out():
    return Out
