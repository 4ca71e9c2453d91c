"""What the built module promises to its hosts."""

import re
from pathlib import Path

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


def test_has_no_data_segment():
    assert DATA_SECTION not in section_ids(read_module())


def test_imports_nothing_but_an_unbounded_unshared_memory():
    (memory,) = wasmtime.Module(wasmtime.Engine(), read_module()).imports
    assert (memory.module, memory.name) == ("env", "memory")
    assert isinstance(memory.type, wasmtime.MemoryType)
    assert memory.type.limits.max is None


def test_exports_every_kernel_of_the_sources_and_all_take_one_address():
    exports = {e.name: e.type for e in wasmtime.Module(wasmtime.Engine(), read_module()).exports}
    defined = {name for file in SOURCES.glob("*.c") for name in re.findall(r"^KERNEL\((\w+)\)", file.read_text(), re.M)}
    assert set(exports) == defined | {"__stack_pointer", "__indirect_function_table"}
    for name in defined:
        assert [str(t) for t in exports[name].params] == ["i32"]
        assert list(exports[name].results) == []
