"""Every number format keeps these promises; a new one is tested by existing."""

import numpy as np
import pytest

import playground
from playground.errors import InvalidInputError
from playground.number_formats import NumberFormat

FORMATS = list(playground.formats().values())
each_format = pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.id)


def all_codes(fmt: NumberFormat) -> np.ndarray:
    return np.arange(fmt.qmin, fmt.qmax + 1).astype(fmt.dtype)


def test_the_ids_promised_by_the_documentation_exist() -> None:
    assert {f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 17)} <= set(playground.formats())


@each_format
def test_there_are_as_many_codes_as_the_bits_allow_and_zero_is_one(fmt: NumberFormat) -> None:
    assert fmt.qmax - fmt.qmin + 1 == 2**fmt.bits
    assert fmt.qmin <= 0 <= fmt.qmax
    assert all_codes(fmt).tolist() == list(range(fmt.qmin, fmt.qmax + 1))  # dtype holds them all
    assert fmt.limits(narrow_range=True) == (fmt.qmin + 1, fmt.qmax)


@each_format
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 255, 65_536, 131_077])
def test_codes_survive_packing(fmt: NumberFormat, count: int) -> None:
    codes = np.resize(all_codes(fmt), count)
    packed = fmt.pack(codes)
    assert packed.dtype == np.uint8
    assert packed.shape == (fmt.packed_nbytes(count),)
    unpacked = fmt.unpack(packed, count)
    assert unpacked.dtype == fmt.dtype
    np.testing.assert_array_equal(unpacked, codes)


@each_format
def test_packing_is_one_little_endian_number(fmt: NumberFormat) -> None:
    """The definition, with Python's big integers: code i takes bits ``i * bits`` and up."""
    codes = np.resize(all_codes(fmt), 37)
    number = sum((int(code) % 2**fmt.bits) << (i * fmt.bits) for i, code in enumerate(codes))
    assert fmt.pack(codes).tobytes() == number.to_bytes(fmt.packed_nbytes(37), "little")


@each_format
def test_packing_follows_c_order_whatever_the_memory_layout(fmt: NumberFormat) -> None:
    codes = np.resize(all_codes(fmt), (4, 6))
    np.testing.assert_array_equal(fmt.pack(np.asfortranarray(codes)), fmt.pack(codes.reshape(-1)))
    np.testing.assert_array_equal(fmt.pack(codes[:, ::2]), fmt.pack(codes[:, ::2].copy()))


@each_format
def test_codes_that_do_not_fit_are_refused(fmt: NumberFormat) -> None:
    for bad in (fmt.qmin - 1, fmt.qmax + 1):
        with pytest.raises(InvalidInputError, match=rf"do not fit {fmt.id}\. Its codes run from"):
            fmt.pack(np.array([0, bad], np.int64))
    with pytest.raises(InvalidInputError, match="codes are integers, not float32"):
        fmt.pack(np.zeros(3, np.float32))
    with pytest.raises(InvalidInputError, match="codes take"):
        fmt.unpack(np.zeros(fmt.packed_nbytes(100) + 1, np.uint8), 100)
