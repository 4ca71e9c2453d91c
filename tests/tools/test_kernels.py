import pytest

from tools import kernels
from tools.kernels import check_module, sections
from tools.steps import BuildError

HEADER = b"\0asm\1\0\0\0"


def section(number, content):
    return bytes([number, len(content)]) + content


def memory_import(limits):
    return b"\3env\6memory\2" + limits


IMPORTS_BEFORE = b"\3env\1f\0\0" + b"\3env\1t\1\x70\1\1\2" + b"\3env\1g\3\x7f\1"
"""A function, a table with a maximum and a global, which have to be stepped over."""


def module(limits, *more):
    return HEADER + section(2, b"\4" + IMPORTS_BEFORE + memory_import(limits)) + b"".join(more)


def test_a_plain_imported_memory_is_accepted():
    check_module(module(b"\0\1"))
    check_module(module(b"\0\1", section(11, b"\0")))


@pytest.mark.parametrize(("limits", "flags"), [(b"\1\1\x10", 1), (b"\3\1\x10", 3)], ids=["maximum", "shared"])
def test_a_memory_with_a_maximum_is_refused(limits, flags):
    with pytest.raises(BuildError, match=f"without a maximum; limits flags {flags}"):
        check_module(module(limits))


def test_a_memory_of_its_own_is_refused():
    with pytest.raises(BuildError, match="none is imported"):
        check_module(HEADER + section(5, b"\1\0\1"))


def test_a_data_segment_is_refused():
    with pytest.raises(BuildError, match="data segment"):
        check_module(module(b"\0\1", section(11, b"\1\1\1x")))


def test_what_is_no_module_is_refused():
    with pytest.raises(BuildError, match="not a WebAssembly module"):
        list(sections(b"\x7fELF"))


@pytest.mark.parametrize("path", kernels.TARGETS, ids=lambda path: path.stem)
def test_the_built_kernels_pass_and_long_sections_are_stepped_over(path):
    content = path.read_bytes()
    check_module(content)
    found = dict(sections(content))
    assert len(found[10]) > 127  # a size of more than one LEB128 byte
    assert sum(len(part) for part in found.values()) < len(content)


def test_modules_that_are_too_large_together_are_refused(tmp_path, monkeypatch):
    files = [tmp_path / "a.wasm", tmp_path / "b.wasm"]
    for path in files:
        path.write_bytes(bytes(range(256)))  # gzip makes it no smaller
    monkeypatch.setattr(kernels, "SIZE_BUDGET", 600)
    kernels.check_size(files)
    monkeypatch.setattr(kernels, "SIZE_BUDGET", 500)
    with pytest.raises(BuildError, match="the limit is 500"):
        kernels.check_size(files)
