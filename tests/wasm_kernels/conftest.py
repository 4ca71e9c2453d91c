"""Runs a kernel with each of its buffers flush against the end of the memory in turn, and canaries around the others.

An access beyond a buffer then either traps or is seen. The same checks run under wasmtime and, in the page's worker, on
the browser's own WebAssembly (tests/browser/test_kernels_in_page.py).

Every call is by the names of the kernel's struct and is held against what is stated of the kernel, as the hosts do
it. A buffer has to be just as large as is stated to be touched: that no run touches more then shows that no less is
stated.

``guarded`` runs the simd128 build, and once more one that traps on C's undefined behaviour. ``multiplying`` runs the
kernels of integer products in every way to multiply: the simd128 build; the relaxed build under wasmtime's
deterministic rules, which take both operands as signed; and, for machines that take one as unsigned, a relaxed build in
which relaxed_dot.h stands in for the instruction (wasmtime computes that exactly on no machine). In the page there is
the simd128 build, and the relaxed one if it is exact there.
"""

import importlib
import pkgutil
import struct
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from playground import host, operators, programs
from playground.host.kernel import Kernel
from playground.host.kernel_checks import arguments, bind, fields_of
from playground.host.kernel_module import read_module
from playground.number_formats import _lookup
from playground.programs.lowering import NOTHING_ADDED
from playground.tensor_view import fast_path_kernels

PAGES = 12
STACK_TOP = 65536
CANARY = 64
RANK = 6  # of k_copy

for package in (operators, programs):
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)

PACKAGES = ("playground.operators.", "playground.programs.")
STATED = [
    *(module for name, module in sorted(sys.modules.items()) if name.startswith(PACKAGES)),
    *(_lookup, fast_path_kernels),
]
"""The modules that state what kernels do; tests/contract/test_kernels.py finds them all."""

KERNELS = {kernel.name: kernel for module in STATED for kernel in vars(module).values() if isinstance(kernel, Kernel)}

BROADCASTS = {
    "equal": ((1, 1, 2, 33), (1, 1, 2, 33)),
    "channels": ((2, 3, 2, 17), (17,)),
    "channels first": ((17,), (2, 3, 2, 17)),
    "scalar": ((5, 9), (1,)),
    "scalar first": ((1, 1), (5, 8)),
    "rows": ((4, 19), (4, 1)),
    "both": ((3, 1, 11), (2, 1)),
    "images times gates": ((2, 3, 4, 9), (2, 1, 1, 9)),
    "one": ((1,), (1,)),
}
SANITIZED = [  # wasm loads from anywhere
    "-fsanitize=undefined,float-cast-overflow",
    "-fsanitize-trap=undefined,float-cast-overflow",
    "-fno-sanitize=alignment",
]
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


@dataclass(frozen=True, eq=False)
class Inside:
    """The address ``start`` bytes into a buffer, which is an argument too or is passed by this alone."""

    of: object
    start: int


def _nbytes(buffer):
    return buffer.array().nbytes if isinstance(buffer, Out) else buffer.nbytes


def _room(argument, written):
    """See playground.host.kernel_checks.Room."""
    buffer, start = (argument.of, argument.start) if isinstance(argument, Inside) else (argument, 0)
    if not isinstance(buffer, (Out, np.ndarray)) or (written and not isinstance(buffer, Out)):
        return None
    return start, _nbytes(buffer) - start


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

    def __call__(self, kernel, **given):
        """Run a kernel in all placements; returns its results (one array, or a list) after comparing them."""
        kernel = KERNELS[kernel] if isinstance(kernel, str) else kernel
        args = arguments(kernel, given, _room, self.dot)
        self._buffers_are_as_stated(kernel, given)
        given = []
        for a in args:
            buffer = a.of if isinstance(a, Inside) else a
            if not np.isscalar(buffer) and not any(buffer is other for other in given):
                given.append(buffer)
        buffers = [np.ascontiguousarray(a.array() if isinstance(a, Out) else a) for a in given]
        places = [self._place(a, given) for a in args]
        runs = [self._run(kernel.name, places, buffers, last) for last in range(len(buffers))]
        is_result = [isinstance(a, Out) for a in given]
        for run in runs:
            for result, before, first, after in zip(is_result, buffers, runs[0], run, strict=True):
                np.testing.assert_array_equal(after, first if result else before)
        results = [array for array, result in zip(runs[0], is_result, strict=True) if result]
        return results[0] if len(results) == 1 else results

    def _buffers_are_as_stated(self, kernel, given):
        words = {**fields_of(kernel, given), "dot": self.dot}
        for slot in bind(kernel).slots:
            value = words[slot.name]
            if slot.touched is not None and value is not None and not isinstance(value, Inside):
                reach = slot.touched(words)
                first, last = reach if isinstance(reach, tuple) else (0, reach)
                assert (first, last) == (0, _nbytes(value)), f"{kernel.name} touches {slot.name} from {first} to {last}"

    @staticmethod
    def at(buffer, skip):
        """An argument that starts ``skip`` octets into a buffer: unaligned."""
        return Inside(buffer, skip)

    @staticmethod
    def _place(argument, given):
        """The argument's word, or (index of a buffer, bytes from its start)."""
        if np.isscalar(argument):
            return Guarded.word(argument)
        buffer, start = (argument.of, argument.start) if isinstance(argument, Inside) else (argument, 0)
        return next(i for i, other in enumerate(given) if other is buffer), start

    def _run(self, name, places, buffers, last):
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
        words = [addresses[place[0]] + place[1] if isinstance(place, tuple) else place for place in places]
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


def compiled(*flags):
    """All kernels, built with more flags; kept until they or the compiler change."""
    from tools import kernels
    from tools.paths import LOCAL_CACHE, REQUIREMENTS
    from tools.steps import digest

    recipe = [
        kernels.WASM_KERNELS,
        Path(kernels.__file__),
        Path(__file__).with_name("relaxed_dot.h"),
        REQUIREMENTS / "site.txt",
        *flags,
    ]
    kept = LOCAL_CACHE / "test-kernels" / f"{digest(recipe)}.wasm"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Processes that run tests beside this one may be at it too: the last one to be done wins.
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            kernels.compile_module(Path(folder, kept.name), *flags)
            Path(folder, kept.name).replace(kept)
    return kept.read_bytes()


def slow(param):
    """Leaves a build to the tests that are not quick."""
    return pytest.param(param, marks=pytest.mark.slow)


@pytest.fixture(scope="session", params=["built"] if sys.platform == "emscripten" else ["built", slow("sanitized")])
def guarded(request):
    if request.param == "built":
        return Guarded(read_module(), "int16")
    from tools import kernels

    return Guarded(compiled(f"-mcpu={kernels.TARGETS[kernels.KERNELS_FILE]}", *SANITIZED), "int16")


def ways_to_multiply():
    """Values of ``Kernels.dot`` that can be tested here."""
    if sys.platform == "emscripten":
        return sorted({"int16", host.kernels().dot})
    return ["int16", slow("signed"), slow("unsigned")]


@pytest.fixture(scope="session")
def stand_in():
    """The relaxed build with relaxed_dot.h in place of the instruction, for the C macros that are given."""
    return lambda *macros: compiled(*STAND_IN, *SANITIZED, *macros)


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


@pytest.fixture(scope="session")
def inside():
    return Inside


@pytest.fixture(scope="session")
def sanitized():
    """The compiler's flags for a build that traps on undefined behaviour."""
    return SANITIZED


@pytest.fixture(params=BROADCASTS)
def broadcasting(request):
    """Shapes of two operands."""
    return BROADCASTS[request.param]


@pytest.fixture(scope="session")
def operands_of():
    """(a, b, zero-points) -> shape of the result, and ``struct operands``."""
    return _operands_of


def _strides_of(shape, size):
    """Strides in elements of a C-contiguous array of this shape that is broadcast to four dimensions."""
    full = (1,) * (4 - len(shape)) + tuple(shape)
    steps = [int(np.prod(full[i + 1 :])) for i in range(4)]
    return [0 if n == 1 and to != 1 else step for n, to, step in zip(full, size, steps, strict=True)]


def _operands_of(a, b, zero_points):
    size = np.broadcast_shapes((1, 1, 1, 1), a.shape, b.shape)
    return size, {
        **{"a": a, "b": b, "sizes": size, "a_strides": _strides_of(a.shape, size)},
        **{"b_strides": _strides_of(b.shape, size), "a_signed": a.dtype == np.int8, "za": zero_points[0]},
        **{"b_signed": b.dtype == np.int8, "zb": zero_points[1]},
    }


@pytest.fixture(scope="session")
def box_of():
    """(view, target) -> sizes and strides of ``struct copy_args``."""
    return _box_of


def _box_of(view, target):
    """Sizes and strides, in bytes, of the same places of two arrays."""
    more = RANK - view.ndim
    return {
        "sizes": (1,) * more + view.shape,
        "x_strides": (0,) * more + view.strides,
        "out_strides": (0,) * more + target.strides,
    }


@pytest.fixture(scope="session")
def images_of():
    """(x as (N, C, H, W), window) -> ``struct images``."""
    return _images_of


def _images_of(x, window):
    n, channels, height, width = x.shape
    images = {"x": np.ascontiguousarray(x.transpose(0, 2, 3, 1)), "batch": n, "height": height, "width": width}
    images |= {"channels": channels, "out_height": window.out[0], "out_width": window.out[1]}
    pairs = {"kernel": window.kernel, "stride": window.strides, "dilation": window.dilations}
    images |= {f"{name}_{axis}": pair[i] for name, pair in pairs.items() for i, axis in enumerate("hw")}
    return images | {"pad_top": window.pads[0], "pad_left": window.pads[1]}


@pytest.fixture(scope="session")
def epilogue():
    """(target, shape) -> ``struct epilogue``, whose results are of the target's type."""

    def made(to, shape):
        kind = {"float32": 1, "int32": 2}.get(to.dtype, 0)
        return {"lo": to.lo, "hi": to.hi, "zero_point": to.zero_point, "kind": kind, "out": Out(shape, to.dtype)}

    return made


@pytest.fixture(scope="session")
def product():
    """(packed weights, columns, epilogue) -> ``struct product``."""

    def made(packed, columns, to, **added):
        fields = {name: getattr(packed, name) for name in ("weights", "bias", "shift", "multiplier")}
        return {**fields, **NOTHING_ADDED, **added, "columns": columns, "to": to}

    return made
