"""The plain block formats of ggml: one scale, and for the ``_1`` ones an offset, to 32 values.

The order of operations is that of ``ggml-quants.c`` and of ``gguf.quants``, so that the bytes are the same.
"""

from __future__ import annotations

import numpy as np

from playground.number_formats._block import Blocks, Halves, Octets, Procedure
from playground.number_formats._format import Reals

SIZE = 32


def halves(values: Reals) -> Halves:
    """The fp16 bits of float32 numbers."""
    with np.errstate(over="ignore"):
        bits: Halves = values.astype(np.float16).view(np.uint16)
    return bits


def from_halves(bits: Halves) -> Reals:
    """fp16 bits as float32 numbers."""
    numbers: Reals = bits.view(np.float16).astype(np.float32)
    return numbers


def inverse(scale: Reals) -> Reals:
    """``1 / scale``, and 0 where it is 0."""
    with np.errstate(divide="ignore", over="ignore"):
        found: Reals = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
    return found


def extremes(x: Reals) -> tuple[Reals, Reals]:
    """The smallest and the largest value of each row.

    Turned over first: NumPy works on many short rows one by one, but on the columns of a few long rows at once.
    """
    columns = np.ascontiguousarray(x.T)
    return columns.min(axis=0), columns.max(axis=0)


def farthest(x: Reals) -> Reals:
    """The value farthest from zero in each row, the first if there are several: (rows,), its sign kept."""
    low, high = extremes(x)
    found: Reals = np.where(high > -low, high, low)
    ties = np.flatnonzero(high == -low)
    if ties.size:
        rows = x[ties]
        found[ties] = rows[np.arange(ties.size), np.abs(rows).argmax(axis=1)]
    return found


def symmetric(bits: int) -> Procedure:
    """Q4_0 and Q5_0: the value farthest from zero becomes the smallest code, -8 or -16."""
    middle = 1 << (bits - 1)

    def encode(x: Reals) -> Blocks:
        scale = farthest(x) / np.float32(-middle)
        steps = x * inverse(scale)[:, None]
        steps += np.float32(middle + 0.5)
        np.minimum(steps, np.float32(2 * middle - 1), out=steps)
        codes = steps.astype(np.int8)  # no step is below 0, so that cutting off is rounding
        codes -= np.int8(middle)
        return Blocks(codes, halves(scale))

    def to_bytes(blocks: Blocks) -> Octets:
        places = (blocks.codes + np.int8(middle)).view(np.uint8)
        return _joined(bits, places, blocks.scale)

    def from_bytes(data: Octets) -> Blocks:
        codes = _places(bits, data[:, 2:]).view(np.int8) - np.int8(middle)
        return Blocks(codes, _halves_at(data, 0))

    return Procedure(SIZE, _nbytes(bits, 1), encode, to_bytes, from_bytes)


def with_offset(bits: int) -> Procedure:
    """Q4_1 and Q5_1: the smallest value is stored, the codes count steps from it."""
    steps_in_range = (1 << bits) - 1

    def encode(x: Reals) -> Blocks:
        low, high = extremes(x)
        scale = (high - low) / np.float32(steps_in_range)
        steps = x - low[:, None]
        steps *= inverse(scale)[:, None]
        steps += np.float32(0.5)
        np.minimum(steps, np.float32(steps_in_range), out=steps)
        return Blocks(steps.astype(np.uint8), halves(scale), offset=halves(low))

    def to_bytes(blocks: Blocks) -> Octets:
        if blocks.offset is None:
            raise TypeError("a block of this format has an offset")
        return _joined(bits, blocks.codes, blocks.scale, blocks.offset)

    def from_bytes(data: Octets) -> Blocks:
        return Blocks(_places(bits, data[:, 4:]), _halves_at(data, 0), offset=_halves_at(data, 2))

    return Procedure(SIZE, _nbytes(bits, 2), encode, to_bytes, from_bytes)


def eight_bits() -> Procedure:
    """Q8_0: the largest absolute value becomes 127."""

    def encode(x: Reals) -> Blocks:
        low, high = extremes(x)
        scale = np.maximum(high, -low)
        scale /= np.float32(127)
        np.abs(scale, out=scale)  # a block of negative zeros has none either
        steps = x * inverse(scale)[:, None]
        whole = np.trunc(steps)
        steps -= whole  # C's roundf: ties away from zero
        steps *= np.float32(2)
        whole += np.trunc(steps)
        return Blocks(whole.astype(np.int8), halves(scale))

    def to_bytes(blocks: Blocks) -> Octets:
        out = np.empty((len(blocks.codes), 2 + SIZE), np.uint8)
        out[:, :2] = blocks.scale[:, None].view(np.uint8)
        out[:, 2:] = blocks.codes.view(np.uint8)
        return out

    def from_bytes(data: Octets) -> Blocks:
        return Blocks(np.ascontiguousarray(data[:, 2:]).view(np.int8), _halves_at(data, 0))

    return Procedure(SIZE, 2 + SIZE, encode, to_bytes, from_bytes)


def _nbytes(bits: int, halves_stored: int) -> int:
    return 2 * halves_stored + SIZE * bits // 8


def _halves_at(data: Octets, start: int) -> Halves:
    return np.ascontiguousarray(data[:, start : start + 2]).view(np.uint16).reshape(-1)


def _joined(bits: int, places: Octets, *stored: Halves) -> Octets:
    """fp16 numbers, for five bits the fifth ones, then two codes to a byte: of the first half and of the second."""
    fifths = [("fifths", "<u4")] if bits == 5 else []
    block = np.dtype([*((f"number{i}", "<u2") for i in range(len(stored))), *fifths, ("low", "<u8"), ("high", "<u8")])
    out = np.empty(len(places), block)
    for i, number in enumerate(stored):
        out[f"number{i}"] = number
    if bits == 5:
        out["fifths"] = np.packbits(places > 15, axis=1, bitorder="little").view("<u4")[:, 0]
        places = places & np.uint8(15)
    eights = np.ascontiguousarray(places).view("<u8")  # eight codes at a time, each in a byte of its own
    out["low"] = eights[:, 0] | eights[:, 2] << np.uint64(4)
    out["high"] = eights[:, 1] | eights[:, 3] << np.uint64(4)
    return out.view(np.uint8).reshape(len(places), block.itemsize)


def _places(bits: int, data: Octets) -> Octets:
    """The inverse, without the fp16 numbers."""
    places = np.empty((len(data), SIZE), np.uint8)
    nibbles = data[:, -SIZE // 2 :]
    places[:, : SIZE // 2] = nibbles & np.uint8(15)
    places[:, SIZE // 2 :] = nibbles >> np.uint8(4)
    if bits == 5:
        fifth = np.unpackbits(np.ascontiguousarray(data[:, :4]), axis=1, bitorder="little")
        places |= fifth << np.uint8(4)
    return places


def nibbles_of(places: Octets) -> Octets:
    """Two codes to a byte, those of the first half in the low bits: (blocks, 32) to (blocks, 16)."""
    return places[:, : SIZE // 2] | places[:, SIZE // 2 :] << np.uint8(4)
