"""Packing of every width, with Python's big integers as the definition."""

import numpy as np
import pytest

from playground.number_formats import FORMATS, _packing


@pytest.mark.parametrize("bits", range(1, 33))
@pytest.mark.parametrize("count", [0, 1, 5, 8, 1000])
def test_code_i_takes_bits_from_i_times_bits_on(bits: int, count: int) -> None:
    rng = np.random.default_rng(bits)
    codes = rng.integers(0, 1 << bits, count, dtype=np.uint64).astype(np.uint32)
    number = sum(int(code) << (i * bits) for i, code in enumerate(codes))
    packed = _packing.pack(codes, bits)
    assert packed.tobytes() == number.to_bytes(_packing.packed_nbytes(count, bits), "little")
    np.testing.assert_array_equal(_packing.unpack(packed, count, bits), codes)


def test_more_codes_than_are_packed_at_once() -> None:
    codes = np.arange(200_003, dtype=np.uint32) % 31
    np.testing.assert_array_equal(_packing.unpack(_packing.pack(codes, 5), codes.size, 5), codes)


def test_five_ternary_codes_to_a_byte() -> None:
    ternary = FORMATS["ternary"]
    codes = np.array([0, 1, 2, 2, 1, 2, 0], np.uint8)
    assert ternary.pack(codes).tolist() == [0 + 1 * 3 + 2 * 9 + 2 * 27 + 1 * 81, 2]
    assert ternary.packed_nbytes(1000) == 200
    assert ternary.unpack(ternary.pack(codes), 7).tolist() == codes.tolist()
