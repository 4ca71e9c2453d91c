"""The kernels' host under CPython."""

import gc
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from playground import host
from playground.errors import EngineError, InvalidInputError, MissingError
from playground.host import kernel_module
from playground.host.cpython import WasmtimeKernels
from playground.host.kernel import Kernel
from playground.number_formats._lookup import NEAREST
from playground.tensor_view.fast_path_kernels import MINMAX

PROJECT = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def kernels():
    return WasmtimeKernels()


def test_there_is_one_per_process():
    assert host.kernels() is host.kernels()


@pytest.mark.parametrize(("shape", "dtype"), [((3, 4), np.float32), (5, np.int8), ((), np.float64), ((0, 7), np.int32)])
def test_empty_arrays_are_ordinary_arrays(kernels, shape, dtype):
    array = kernels.empty(shape, dtype)
    assert (array.shape, array.dtype) == (np.empty(shape, dtype).shape, dtype)
    assert array.flags.c_contiguous and array.flags.writeable
    array[...] = 3
    assert (array == 3).all()
    assert kernels.address(array) % 64 == 0


def test_memory_is_given_back_when_the_last_view_of_an_array_goes(kernels):
    before = kernels.used
    array = kernels.empty(1000, np.float32)
    view = array[10:20].reshape(2, 5)
    del array
    gc.collect()
    assert kernels.used >= before + 4000
    del view
    gc.collect()
    assert kernels.used == before


def test_arrays_survive_the_growth_of_the_memory(kernels):
    array = kernels.resident(np.arange(100, dtype=np.int32))
    address = kernels.address(array)
    large = kernels.empty(1 << 25, np.uint8)
    large[-1] = 1
    assert kernels.address(array) == address
    np.testing.assert_array_equal(array, np.arange(100))


def test_resident_copies_only_what_is_elsewhere_or_scattered(kernels):
    outside = np.arange(12, dtype=np.float32).reshape(3, 4)
    inside = kernels.resident(outside)
    np.testing.assert_array_equal(inside, outside)
    assert kernels.resident(inside) is inside
    scattered = inside[:, ::2]
    assert kernels.resident(scattered).flags.c_contiguous
    for array in (outside, scattered):
        with pytest.raises(InvalidInputError, match="resident"):
            kernels.address(array)


@pytest.mark.parametrize(
    ("value", "word"),
    [(5, 5), (-1, -1), (2**32 - 1, -1), (1.0, 0x3F800000), (-0.0, -(2**31))],
)
def test_words(kernels, value, word):
    assert kernels.word(value) == word


def test_an_unknown_kernel_and_a_trap_are_typed_errors(kernels):
    with pytest.raises(MissingError, match="k_nothing"):
        kernels.call(Kernel("k_nothing"))
    words = kernels.resident(np.array([-16, 100, 0, 0], np.int32))
    with pytest.raises(EngineError, match="k_minmax"):
        kernels._invoke("k_minmax", kernels.address(words))


def minmax(kernels, x, n, found=None):
    found = kernels.empty(2, np.float32) if found is None else found
    kernels.call(MINMAX, x=x, n=n, range=found, nan_count=kernels.empty(1, np.int32))
    return found


def test_every_direct_call_is_held_against_its_arrays(kernels):
    x = kernels.resident(np.arange(10, dtype=np.float32))
    for _ in range(2):  # the second time the numbers are known
        np.testing.assert_array_equal(minmax(kernels, x, 10), [0, 9])
        with pytest.raises(InvalidInputError, match="k_minmax: x is touched from byte 0 to 44"):
            minmax(kernels, x, 11)
        with pytest.raises(InvalidInputError, match="k_minmax: x is touched from byte 0 to 40"):
            minmax(kernels, x[1:], 10)
        found = kernels.empty(2, np.float32)
        found.flags.writeable = False
        with pytest.raises(InvalidInputError, match="range is a constant or read-only array"):
            minmax(kernels, x, 10, found)
        with pytest.raises(InvalidInputError, match="resident"):
            minmax(kernels, np.zeros(10, np.float32), 10)


def test_an_array_that_may_be_left_out_is_told_from_one_that_is_given(kernels):
    a = kernels.resident(np.ones(5, np.float32))
    order, codes = kernels.resident(np.array([7, 9], np.uint8)), kernels.empty(5, np.uint8)
    limit = kernels.resident(np.zeros(1, np.float32))
    for given, expected in ((None, 1), (order, 9), (None, 1), (order, 9)):
        kernels.call(NEAREST, x=a, n=5, boundaries=limit, count=1, order=given, codes=codes)
        np.testing.assert_array_equal(codes, expected)


def test_too_large_a_request_is_a_typed_error(kernels):
    with pytest.raises(EngineError, match="cannot grow"):
        kernels.empty(1 << 33, np.uint8)


def test_an_arena_is_zero_filled_aligned_and_bounded(kernels):
    arena = kernels.arena(100)
    assert arena.address % 64 == 0
    view = arena.view(4, (24,), np.float32)
    assert (view == 0).all() and kernels.address(view) == arena.address + 4
    with pytest.raises(InvalidInputError, match="outside"):
        arena.view(8, (24,), np.float32)
    arena.release()
    arena.release()
    with pytest.raises(EngineError, match="released"):
        arena.view(0, (1,), np.int8)


def test_kernels_that_were_not_built_are_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_module, "FOLDER", tmp_path)
    with pytest.raises(MissingError, match="have not been built"):
        WasmtimeKernels()


def test_without_wasmtime_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    with pytest.raises(MissingError, match=r"Run `pip install wasmtime==(\d+)\.\*`") as error:
        WasmtimeKernels()
    major = re.search(r"wasmtime==(\d+)", str(error.value))[1]
    (asked,) = (each for each in PROJECT["dependencies"] if each.startswith("wasmtime"))
    assert asked.startswith(f"wasmtime>={major}.")
