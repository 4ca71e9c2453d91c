"""Codes without gaps: code ``i`` takes bits ``i * bits`` and up of one little-endian number, as ONNX packs INT4."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 16
"""Codes per step of packing, which spreads each bit over a byte; whole bytes whatever the width."""

Octets = NDArray[np.uint8]


def packed_nbytes(count: int, bits: int) -> int:
    """Bytes that ``count`` codes of ``bits`` take: whole bytes, the last one padded."""
    return -(-count * bits // 8)


def pack(codes: NDArray[Any], bits: int) -> Octets:
    """Pack integers, in C order, their lowest ``bits`` each.

    Args:
        codes: any shape and integer type.
        bits: 1 to 32.

    Returns:
        uint8 of shape ``(packed_nbytes(codes.size, bits),)``; padding bits are zero.
    """
    flat = codes.reshape(-1)
    if bits in (8, 16, 32):
        return np.ascontiguousarray(flat, f"<{flat.dtype.kind}{bits // 8}").view(np.uint8)
    if bits in (1, 2, 4):
        return _pack_fraction(flat, bits)
    packed = np.empty(packed_nbytes(flat.size, bits), np.uint8)
    for start in range(0, flat.size, _CHUNK):
        wide = flat[start : start + _CHUNK].astype("<u4" if flat.dtype.kind == "u" else "<i4").view(np.uint8)
        spread = np.unpackbits(wide.reshape(-1, 4), axis=1, count=bits, bitorder="little")
        some = np.packbits(spread.reshape(-1), bitorder="little")
        packed[packed_nbytes(start, bits) :][: some.size] = some
    return packed


def unpack(packed: Octets, count: int, bits: int) -> NDArray[Any]:
    """The inverse: ``count`` codes as unsigned integers, one-dimensional, in the smallest type of 8, 16 or 32 bits."""
    flat = packed.reshape(-1)
    if bits in (8, 16, 32):
        return flat.view(f"<u{bits // 8}").astype(f"=u{bits // 8}", copy=False)
    if bits in (1, 2, 4):
        return _unpack_fraction(flat, count, bits)
    wide = np.dtype(np.uint8 if bits < 8 else np.uint16 if bits < 16 else np.uint32)
    codes = np.empty(count, wide)
    for start in range(0, count, _CHUNK):
        some = codes[start : start + _CHUNK]
        stored = flat[packed_nbytes(start, bits) :][: packed_nbytes(some.size, bits)]
        spread = np.zeros((some.size, 8 * wide.itemsize), np.uint8)
        spread[:, :bits] = np.unpackbits(stored, count=some.size * bits, bitorder="little").reshape(-1, bits)
        some[:] = np.packbits(spread, axis=1, bitorder="little").reshape(-1).view(f"<u{wide.itemsize}")
    return codes


def _pack_fraction(flat: NDArray[Any], bits: int) -> Octets:
    """Several whole codes to a byte: shifts on whole arrays, much faster than bit by bit."""
    each, mask = 8 // bits, np.uint8((1 << bits) - 1)
    octets = np.zeros(-(-flat.size // each) * each, np.uint8)
    octets[: flat.size] = flat.astype(np.uint8, copy=False)
    octets &= mask
    rows = octets.reshape(-1, each)
    packed = rows[:, 0].copy()
    for place in range(1, each):
        packed |= rows[:, place] << np.uint8(place * bits)
    return packed


def _unpack_fraction(flat: Octets, count: int, bits: int) -> Octets:
    each, mask = 8 // bits, np.uint8((1 << bits) - 1)
    rows = np.empty((flat.size, each), np.uint8)
    for place in range(each):
        rows[:, place] = (flat >> np.uint8(place * bits)) & mask
    return rows.reshape(-1)[:count]
