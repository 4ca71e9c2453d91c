"""What the built module promises to its hosts."""

import contextlib
import re
from pathlib import Path

import pytest
import wasmtime

from playground.host.kernel_module import read_module

SOURCES = Path(__file__).parents[2] / "wasm_kernels"
DATA_SECTION = 11


def section_ids(module):
    """Ids of the module's sections: each is an id, a LEB128 length, and that many bytes."""
    at, ids = 8, []
    while at < len(module):
        ids.append(module[at])
        at += 1
        length = shift = 0
        while True:
            octet = module[at]
            at += 1
            length |= (octet & 127) << shift
            shift += 7
            if octet < 128:
                break
        at += length
    return ids


RELAXED_ONLY = {"k_relaxed_dot"}


@pytest.fixture(params=["int16", "unsigned"], ids=["simd128", "relaxed"])
def module(request):
    """Each build."""
    return read_module(request.param)


def test_has_no_data_segment(module):
    assert DATA_SECTION not in section_ids(module)


def test_imports_nothing_but_an_unbounded_unshared_memory(module):
    (memory,) = wasmtime.Module(wasmtime.Engine(), module).imports
    assert (memory.module, memory.name) == ("env", "memory")
    assert isinstance(memory.type, wasmtime.MemoryType)
    assert memory.type.limits.max is None


def test_exports_every_kernel_of_the_sources_and_all_take_one_address(module):
    exports = {e.name: e.type for e in wasmtime.Module(wasmtime.Engine(), module).exports}
    defined = {name for file in SOURCES.glob("*.c") for name in re.findall(r"^KERNEL\((\w+)\)", file.read_text(), re.M)}
    assert defined > RELAXED_ONLY
    if module == read_module("int16"):
        defined -= RELAXED_ONLY
    assert set(exports) == defined | {"__stack_pointer", "__indirect_function_table"}
    for name in defined:
        assert [str(t) for t in exports[name].params] == ["i32"]
        assert list(exports[name].results) == []


@pytest.mark.parametrize(("dot", "valid"), [("int16", True), ("unsigned", False)])
def test_the_plain_build_needs_no_relaxed_instruction(dot, valid):
    config = wasmtime.Config()
    config.wasm_relaxed_simd = False
    engine = wasmtime.Engine(config)
    with contextlib.nullcontext() if valid else pytest.raises(wasmtime.WasmtimeError):
        wasmtime.Module.validate(engine, read_module(dot))
