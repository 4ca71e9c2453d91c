"""Compile ``wasm_kernels/`` and check that the module is what the hosts rely on."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tools import kernel_structs
from tools.paths import (
    DOWNLOADS,
    KERNELS_FILE,
    PYTHON,
    RELAXED_KERNELS_FILE,
    STRUCTS_FILE,
    STRUCTS_MODULE,
    STRUCTS_TYPES,
    WASM_KERNELS,
)
from tools.steps import BuildError, Command, run

FLAGS = [
    "--target=wasm32-freestanding",
    *("-std=c11", "-O3", "-Wall", "-Wextra", "-Werror"),
    "-ffp-contract=off",  # NumPy rounds after every operation, so the kernels must as well
    "-fno-builtin-memset",  # memory.fill, into which short loops would be turned, costs a call
    *("-nostdlib", "-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export=__stack_pointer"),
    *("-Wl,--export-table", "-Wl,--growable-table", "-Wl,--strip-all", "-Wl,-z,stack-size=16384"),
]

TARGETS = {
    KERNELS_FILE: "generic+simd128+bulk_memory",
    RELAXED_KERNELS_FILE: "generic+simd128+relaxed_simd+bulk_memory",
}
"""The builds of the same sources: file -> what the machine has to have."""

BUILT = [*TARGETS, STRUCTS_FILE, STRUCTS_MODULE, STRUCTS_TYPES]
"""What :func:`compile_kernels` writes."""

SIZE_BUDGET = 110_000
"""Bytes that all builds may take together, compressed by gzip."""

_IMPORT, _DATA = 2, 11
_FUNCTION, _TABLE, _MEMORY, _GLOBAL = range(4)


def compile_kernels() -> None:
    """Build ``playground/kernels/``: the modules, and which arguments their kernels take.

    Raises:
        BuildError: the compiler, :func:`check_module` or ``kernel_structs`` complained, or they have become too large.
    """
    layouts = kernel_structs.layouts(WASM_KERNELS)
    for path, cpu in TARGETS.items():
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial")
        compile_module(partial, f"-mcpu={cpu}")
        check_module(partial.read_bytes())
        partial.replace(path)
    check_size(TARGETS)
    STRUCTS_FILE.write_text(kernel_structs.as_json(layouts), "utf-8")
    STRUCTS_MODULE.write_text(kernel_structs.as_javascript(layouts), "utf-8")
    STRUCTS_TYPES.write_text(kernel_structs.as_typescript(layouts), "utf-8")


def compile_limits(source: Path, folder: Path) -> None:
    """Build the bench page's ``limit-simd128.wasm`` and ``limit-relaxed.wasm``.

    Raises:
        BuildError: the compiler complained.
    """
    for path, cpu in TARGETS.items():
        compile_module(folder / path.name.replace("kernels", "limit"), f"-mcpu={cpu}", sources=[source])


def compile_module(to: Path, *flags: str, sources: Sequence[Path] = ()) -> None:
    """Build one module with PyPI's ziglang, of all kernels if no ``sources`` are given.

    Raises:
        BuildError: the compiler complained.
    """
    given = sources or sorted(WASM_KERNELS.glob("*.c"))
    cache = str(DOWNLOADS / "zig")
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    command: Command = [PYTHON, "-m", "ziglang", "cc", *FLAGS, *flags, "-o", to, *given]
    run(command, "The kernels did not compile.", cwd=WASM_KERNELS, environment=environment)


def check_size(files: Iterable[Path]) -> None:
    """Check that the modules stay small.

    Raises:
        BuildError: they are larger than SIZE_BUDGET.
    """
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)
    if size > SIZE_BUDGET:
        raise BuildError(f"The kernels take {size} bytes compressed; the limit is {SIZE_BUDGET}. Make them smaller.")


def check_module(module: bytes) -> None:
    """Check the two things that let one module live in any memory, Pyodide's included.

    Raises:
        BuildError: it has a data segment, does not import its memory, or states a maximum for it.
    """
    memories = []
    for section, content in sections(module):
        if section == _DATA and content[:1] != b"\0":
            raise BuildError("The kernels have a data segment, which a static table makes. Pass tables as arguments.")
        if section == _IMPORT:
            memories += [flags for kind, flags in _imports(content) if kind == _MEMORY]
    if memories != [0]:
        found = f"limits flags {memories[0]}" if memories else "none is imported"
        raise BuildError(f"The kernels must import one plain memory without a maximum; {found}.")


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """The sections of a WebAssembly module: (id, content).

    Raises:
        BuildError: it is not a module.
    """
    if module[:8] != b"\0asm\1\0\0\0":
        raise BuildError("The compiled kernels are not a WebAssembly module. Check the compiler.")
    at = 8
    while at < len(module):
        section = module[at]
        size, at = _leb128(module, at + 1)
        yield section, module[at : at + size]
        at += size


def _imports(content: bytes) -> Iterator[tuple[int, int]]:
    """Of each import its kind and, for a table or memory, the flags of its limits (bit 0: has a maximum)."""
    count, at = _leb128(content, 0)
    for _ in range(count):
        for _name in ("module", "field"):
            length, at = _leb128(content, at)
            at += length
        kind = content[at]
        at += 1
        flags = 0
        if kind == _TABLE:
            at += 1  # the element type
        if kind in (_TABLE, _MEMORY):
            flags, at = _leb128(content, at)
            for _bound in range(1 + (flags & 1)):
                _, at = _leb128(content, at)
        elif kind == _FUNCTION:
            _, at = _leb128(content, at)
        elif kind == _GLOBAL:
            at += 2  # type and mutability
        yield kind, flags


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def built_kernels() -> list[Path]:
    """Every built module, for the checks."""
    return sorted(KERNELS_FILE.parent.glob("*.wasm"))
