"""How ggml stores tensors in blocks, and the numbers that the blocks stand for.

Every operation is done in float32 and in the order of ``ggml-quants.c`` and ``gguf.quants``, so that the numbers are
the same to the last bit. Blocks come as uint8 (blocks, bytes), numbers are float32 (blocks, values).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.number_formats import FORMATS, BlockFormat, Procedure

Octets = NDArray[np.uint8]
Reals = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BlockType:
    """A way to store values in blocks.

    Attributes:
        values: values of a block.
        nbytes: bytes of a block.
        decode: from blocks to the numbers that they stand for.
    """

    values: int
    nbytes: int
    decode: Callable[[Octets], Reals]


_E2M1_TWICE = np.array((0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12), np.float32)
"""What four bits stand for in MXFP4 and NVFP4, twice: the scales are halves of what they are elsewhere."""


def _as(data: Octets, dtype: str) -> NDArray[Any]:
    """Columns of bytes as numbers: (blocks, numbers)."""
    return np.ascontiguousarray(data).view(dtype)


def _from_halves(bits: NDArray[np.uint16]) -> Reals:
    return bits.view(np.float16).astype(np.float32)


def _half(data: Octets, start: int) -> Reals:
    """The fp16 number at a byte, one a block: (blocks, 1)."""
    return _from_halves(_as(data[:, start : start + 2], "<u2"))


def _fields(data: NDArray[Any], *shifts: int, run: int = 1) -> NDArray[Any]:
    """Bit fields: for each run of ``run`` numbers its fields at the first shift, then those at the second."""
    parts = data.reshape(len(data), -1, 1, run)
    fields: NDArray[Any] = parts >> np.array(shifts, data.dtype).reshape(1, 1, -1, 1)
    return fields.reshape(len(data), -1)


def _nibbles(data: Octets, run: int) -> Octets:
    return _fields(data, 0, 4, run=run) & np.uint8(15)


def _scaled(scales: Reals, values: NDArray[Any]) -> Reals:
    """``scales * values`` with as many values to a scale as there are: (blocks, scales), (blocks, values)."""
    blocks, count = scales.shape
    product: Reals = scales[:, :, None] * values.reshape(blocks, count, -1)
    return product.reshape(blocks, -1)


def _by_procedure(data: Octets, form: BlockFormat, procedure: Procedure) -> Reals:
    """Blocks of a format that the package can write too."""
    blocks = procedure.from_bytes(data)
    scales, codes = _from_halves(blocks.scale)[:, None], form.decode(blocks.codes)
    if blocks.scale_codes is not None:
        scales = scales * blocks.scale_codes.astype(np.float32)
    values = _scaled(scales, codes)
    if blocks.offset is not None:
        offsets = _from_halves(blocks.offset)[:, None]
        if blocks.offset_codes is not None:
            offsets = offsets * blocks.offset_codes.astype(np.float32)
        values.reshape(*offsets.shape, -1)[:] += offsets[:, :, None]
    return values


def _q1_0(data: Octets) -> Reals:
    bits = np.unpackbits(data[:, 2:], axis=1, bitorder="little")
    scale = _half(data, 0)
    return np.where(bits, scale, -scale)


def _q2_0(data: Octets) -> Reals:
    return _half(data, 0) * ((_fields(data[:, 2:], 0, 2, 4, 6) & np.uint8(3)).astype(np.int8) - np.int8(1))


def _int8_behind(data: Octets, start: int, count: int) -> Reals:
    """Q8_1 and Q8_K: a float32 scale, and codes; sums of the codes are there for products only."""
    return _as(data[:, :4], "<f4") * _as(data[:, start : start + count], "|i1").astype(np.float32)


def _tq1_0(data: Octets) -> Reals:
    """Five ternary digits in a byte, as a fraction of 256: multiplied by powers of three, they come out at the top."""
    powers = np.array((1, 3, 9, 27, 81), np.uint8)
    parts = ((data[:, :32], 5), (data[:, 32:48], 5), (data[:, 48:52], 4))
    digits = [(part[:, None, :] * powers[:count, None]).reshape(len(data), -1) for part, count in parts]
    codes = (np.concatenate(digits, axis=1).astype(np.uint16) * np.uint16(3)) >> np.uint16(8)
    return _half(data, 52) * (codes.astype(np.float32) - np.float32(1))


def _tq2_0(data: Octets) -> Reals:
    codes = _fields(data[:, :64], 0, 2, 4, 6, run=32) & np.uint8(3)
    return _half(data, 64) * (codes.astype(np.float32) - np.float32(1))


def _mxfp4(data: Octets) -> Reals:
    powers = data[:, :1].astype(np.uint32)
    # half of 2 ** (power - 127): the two smallest are denormal
    bits = np.where(powers < 2, np.uint32(0x00200000) << powers, (powers - np.uint32(1)) << np.uint32(23))
    return bits.view(np.float32) * _E2M1_TWICE.take(_nibbles(data[:, 1:], 16))


@cache
def _ue4m3_halves() -> Reals:
    """Half of what each byte stands for as E4M3 without a sign: the sign's bit is not looked at, and NaN is 0."""
    exponents, fractions = (np.arange(256) >> 3) & 15, np.arange(256) & 7
    values = np.where(
        exponents == 0, fractions * 2.0**-9, (1 + fractions / 8) * 2.0 ** (exponents.astype(np.float64) - 7)
    )
    values[[0x00, 0x7F]] = 0
    return (values / 2).astype(np.float32)


def _nvfp4(data: Octets) -> Reals:
    return _scaled(_ue4m3_halves().take(data[:, :4]), _E2M1_TWICE.take(_nibbles(data[:, 4:], 8)))


def _iq4_xs(data: Octets) -> Reals:
    high = _fields(_as(data[:, 2:4], "<u2"), *range(0, 16, 2)).astype(np.uint8) & np.uint8(3)
    scales = (_fields(data[:, 4:8], 0, 4) & np.uint8(15)) | (high << np.uint8(4))
    steps = _half(data, 0) * (scales.astype(np.float32) - np.float32(32))
    return _scaled(steps, _own_format("iq4_nl").decode(_nibbles(data[:, 8:], 16)))


@cache
def _signs() -> Reals:
    """1 or -1 for each bit of a byte: (256, 8)."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    return np.float32(1) - np.float32(2) * bits


@cache
def _even_signs() -> Reals:
    """The same for seven bits and an eighth that makes the number of minus signs even: (128, 8)."""
    return _signs()[[low | (low.bit_count() & 1) << 7 for low in range(128)]]


def _points(name: str, places: NDArray[Any]) -> Reals:
    # few files need the grids
    from playground.model.readers._gguf_grids import grid

    return grid(name).take(places, axis=0).reshape(len(places), -1)


def _signed(scales: Reals, points: Reals, signs: Reals) -> Reals:
    return _scaled(scales, points) * signs.reshape(points.shape)


def _sign_fields(words: NDArray[np.uint32]) -> Reals:
    """The signs in the lower 28 bits of a word, seven for eight values."""
    return _even_signs().take(_fields(words, 0, 7, 14, 21) & np.uint32(127), axis=0)


def _iq2_xxs(data: Octets) -> Reals:
    words = _as(data[:, 2:], "<u4").reshape(len(data), 8, 2)
    places, packed = np.ascontiguousarray(words[:, :, 0]).view(np.uint8), words[:, :, 1]
    scales = _half(data, 0) * (np.float32(0.5) + (packed >> np.uint32(28)).astype(np.float32)) * np.float32(0.25)
    return _signed(scales, _points("iq2_xxs", places), _sign_fields(packed))


def _quarters(data: Octets, packed: Octets) -> Reals:
    """IQ2_XS and IQ2_S: scales in four bits."""
    scales = _half(data, 0) * (np.float32(0.5) + (_fields(packed, 0, 4) & np.uint8(15)))
    return scales * np.float32(0.25)


def _iq2_xs(data: Octets) -> Reals:
    words = _as(data[:, 2:66], "<u2")
    points, signs = _points("iq2_xs", words & np.uint16(511)), _even_signs().take(words >> np.uint16(9), axis=0)
    return _signed(_quarters(data, data[:, 66:]), points, signs)


def _iq2_s(data: Octets) -> Reals:
    high = (_fields(data[:, 66:74], 0, 2, 4, 6) & np.uint8(3)).astype(np.uint16) << np.uint16(8)
    points, signs = _points("iq2_s", data[:, 2:34] | high), _signs().take(data[:, 34:66], axis=0)
    return _signed(_quarters(data, data[:, 74:]), points, signs)


def _iq3_xxs(data: Octets) -> Reals:
    words = _as(data[:, 66:], "<u4")
    scales = _half(data, 0) * (np.float32(0.5) + (words >> np.uint32(28)).astype(np.float32)) * np.float32(0.5)
    return _signed(scales, _points("iq3_xxs", data[:, 2:66]), _sign_fields(words))


def _iq3_s(data: Octets) -> Reals:
    high = np.unpackbits(data[:, 66:74], axis=1, bitorder="little").astype(np.uint16) << np.uint16(8)
    scales = _half(data, 0) * (1 + 2 * (_fields(data[:, 106:110], 0, 4) & np.uint8(15)))
    return _signed(scales, _points("iq3_s", data[:, 2:66] | high), _signs().take(data[:, 74:106], axis=0))


_DELTA = np.float32(0.125)


def _shifted(scales: Reals, points: Reals, shifted_down: NDArray[np.bool_]) -> Reals:
    """IQ1_S and IQ1_M: points are moved by an eighth, up or down, before they are scaled."""
    delta = np.where(shifted_down, -_DELTA, _DELTA)
    moved = points.reshape(*delta.shape, -1) + delta[:, :, None]
    return _scaled(scales, moved)


def _iq1_s(data: Octets) -> Reals:
    high = _as(data[:, 34:], "<u2")
    scales = _half(data, 0) * (np.uint16(2) * ((high >> np.uint16(12)) & np.uint16(7)) + np.uint16(1))
    places = data[:, 2:34] | (_fields(high, 0, 3, 6, 9) & np.uint16(7)) << np.uint16(8)
    return _shifted(scales, _points("iq1_s", places), (high & np.uint16(0x8000)) != 0)


def _iq1_m(data: Octets) -> Reals:
    packed = _as(data[:, 48:], "<u2")
    # the fp16 scale lies in the upper four bits of four numbers
    quarters = (packed & np.uint16(0xF000)) >> np.array((12, 8, 4, 0), np.uint16)
    scale = _from_halves(np.bitwise_or.reduce(quarters, axis=1))[:, None]
    scales = scale * (np.uint16(2) * (_fields(packed, 0, 3, 6, 9) & np.uint16(7)) + np.uint16(1))
    high = _fields(data[:, 32:48], 0, 4)
    places = data[:, :32] | (high & np.uint8(7)).astype(np.uint16) << np.uint16(8)
    return _shifted(scales, _points("iq1_s", places), (high & np.uint8(8)) != 0)


def _own_format(name: str) -> BlockFormat:
    """A block format of the package."""
    form = FORMATS[name]
    if not isinstance(form, BlockFormat):
        raise TypeError(f"{name} is not a block format")
    return form


def _own(name: str) -> BlockType:
    form = _own_format(name)
    if form.procedure is None:
        raise TypeError(f"{name} is not a format of ggml")
    held = form.procedure
    return BlockType(held.values, held.nbytes, partial(_by_procedure, form=form, procedure=held))


_OWN = ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl")
BLOCK_TYPES: dict[str, BlockType] = {
    **{name: _own(name) for name in _OWN},
    "q8_1": BlockType(32, 40, partial(_int8_behind, start=8, count=32)),
    "q8_k": BlockType(256, 292, partial(_int8_behind, start=4, count=256)),
    "q1_0": BlockType(128, 18, _q1_0),
    "q2_0": BlockType(64, 18, _q2_0),
    "tq1_0": BlockType(256, 54, _tq1_0),
    "tq2_0": BlockType(256, 66, _tq2_0),
    "mxfp4": BlockType(32, 17, _mxfp4),
    "nvfp4": BlockType(64, 36, _nvfp4),
    "iq1_s": BlockType(256, 50, _iq1_s),
    "iq1_m": BlockType(256, 56, _iq1_m),
    "iq2_xxs": BlockType(256, 66, _iq2_xxs),
    "iq2_xs": BlockType(256, 74, _iq2_xs),
    "iq2_s": BlockType(256, 82, _iq2_s),
    "iq3_xxs": BlockType(256, 98, _iq3_xxs),
    "iq3_s": BlockType(256, 110, _iq3_s),
    "iq4_xs": BlockType(256, 136, _iq4_xs),
}
"""Name -> how its blocks are decoded. Q8_1 is that of ``gguf``, with float32 numbers; ggml's own has halves now, and
writes it to no file."""
