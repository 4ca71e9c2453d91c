"""How the blocks of ggml's K-quants lie in memory (``ggml-common.h``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.number_formats._block import Blocks, Halves, Octets

_SIGN = np.uint16(0x8000)


def _spread(data: Octets, width: int, run: int) -> Octets:
    """Codes of ``width`` bits: each byte of a run of ``run`` bytes holds one code of each following run of codes."""
    parts = data.reshape(len(data), -1, 1, run)
    shifts = np.arange(0, 8, width, dtype=np.uint8).reshape(1, 1, -1, 1)
    return ((parts >> shifts) & np.uint8((1 << width) - 1)).reshape(len(data), -1)


def _gathered(codes: Octets, width: int, run: int) -> Octets:
    """The inverse of :func:`_spread`: the lowest ``width`` bits of the codes."""
    each = 8 // width
    parts = (codes & np.uint8((1 << width) - 1)).reshape(len(codes), -1, each, run)
    out = parts[:, :, 0].copy()
    for i in range(1, each):
        out |= parts[:, :, i] << np.uint8(i * width)
    return out.reshape(len(codes), -1)


def _halves(data: Octets, start: int) -> Halves:
    return np.ascontiguousarray(data[:, start : start + 2]).view(np.uint16).reshape(-1)


def _octets(numbers: NDArray[Any]) -> Octets:
    return np.ascontiguousarray(numbers).reshape(len(numbers), -1).view(np.uint8)


def _present(part: NDArray[Any] | None) -> NDArray[Any]:
    if part is None:
        raise TypeError("a block of this format has sub-blocks with parameters of their own")
    return part


def _minimum_step(blocks: Blocks) -> Octets:
    """The step of the minima: what is stored is taken away, what :class:`Blocks` holds is added."""
    return _octets(_present(blocks.offset) ^ _SIGN)


def q2_to_bytes(blocks: Blocks) -> Octets:
    """Scales and minima in four bits each, codes, two fp16 steps."""
    both = _present(blocks.scale_codes) | _present(blocks.offset_codes) << np.uint8(4)
    return np.concatenate([both, _gathered(blocks.codes, 2, 32), _octets(blocks.scale), _minimum_step(blocks)], axis=1)


def q2_from_bytes(data: Octets) -> Blocks:
    """The inverse of :func:`q2_to_bytes`."""
    both = data[:, :16]
    return Blocks(
        _spread(data[:, 16:80], 2, 32),
        _halves(data, 80),
        both & np.uint8(15),
        _halves(data, 82) ^ _SIGN,
        both >> np.uint8(4),
    )


def q3_to_bytes(blocks: Blocks) -> Octets:
    """Third bits of the codes, two lower bits, scales in six bits, one fp16 step."""
    codes = (blocks.codes + np.int8(4)).view(np.uint8)
    scales = (_present(blocks.scale_codes) + np.int8(32)).view(np.uint8)
    low = scales[:, :8] & np.uint8(15) | (scales[:, 8:] & np.uint8(15)) << np.uint8(4)
    high = _gathered(scales >> np.uint8(4), 2, 4)
    third = _gathered(codes >> np.uint8(2), 1, 32)
    return np.concatenate([third, _gathered(codes, 2, 32), low, high, _octets(blocks.scale)], axis=1)


def q3_from_bytes(data: Octets) -> Blocks:
    """The inverse of :func:`q3_to_bytes`."""
    codes = _spread(data[:, 32:96], 2, 32) | _spread(data[:, :32], 1, 32) << np.uint8(2)
    low, high = data[:, 96:104], _spread(data[:, 104:108], 2, 4)
    scales = np.concatenate([low & np.uint8(15), low >> np.uint8(4)], axis=1) | high << np.uint8(4)
    return Blocks(codes.view(np.int8) - np.int8(4), _halves(data, 108), scales.view(np.int8) - np.int8(32))


def _six_bits(blocks: Blocks) -> Octets:
    """Eight scales and eight minima of six bits in twelve bytes."""
    scales, minima = _present(blocks.scale_codes), _present(blocks.offset_codes)
    first = scales[:, :4] | (scales[:, 4:] >> np.uint8(4)) << np.uint8(6)
    second = minima[:, :4] | (minima[:, 4:] >> np.uint8(4)) << np.uint8(6)
    third = scales[:, 4:] & np.uint8(15) | (minima[:, 4:] & np.uint8(15)) << np.uint8(4)
    return np.concatenate([first, second, third], axis=1)


def _from_six_bits(data: Octets) -> tuple[Octets, Octets]:
    first, second, third = data[:, :4], data[:, 4:8], data[:, 8:]
    low, top = np.uint8(63), np.uint8(6)
    scales = [first & low, third & np.uint8(15) | first >> top << np.uint8(4)]
    minima = [second & low, third >> np.uint8(4) | second >> top << np.uint8(4)]
    return np.concatenate(scales, axis=1), np.concatenate(minima, axis=1)


def q4_to_bytes(blocks: Blocks) -> Octets:
    """Two fp16 steps, scales and minima, codes."""
    head = [_octets(blocks.scale), _minimum_step(blocks), _six_bits(blocks)]
    return np.concatenate([*head, _gathered(blocks.codes, 4, 32)], axis=1)


def q4_from_bytes(data: Octets) -> Blocks:
    """The inverse of :func:`q4_to_bytes`."""
    scales, minima = _from_six_bits(data[:, 4:16])
    return Blocks(_spread(data[:, 16:], 4, 32), _halves(data, 0), scales, _halves(data, 2) ^ _SIGN, minima)


def q5_to_bytes(blocks: Blocks) -> Octets:
    """Two fp16 steps, scales and minima, fifth bits of the codes, four lower bits."""
    fifth = _gathered(blocks.codes >> np.uint8(4), 1, 32)
    head = [_octets(blocks.scale), _minimum_step(blocks), _six_bits(blocks), fifth]
    return np.concatenate([*head, _gathered(blocks.codes, 4, 32)], axis=1)


def q5_from_bytes(data: Octets) -> Blocks:
    """The inverse of :func:`q5_to_bytes`."""
    scales, minima = _from_six_bits(data[:, 4:16])
    codes = _spread(data[:, 48:], 4, 32) | _spread(data[:, 16:48], 1, 32) << np.uint8(4)
    return Blocks(codes, _halves(data, 0), scales, _halves(data, 2) ^ _SIGN, minima)


def q6_to_bytes(blocks: Blocks) -> Octets:
    """Four lower bits of the codes, two upper ones, scales in eight bits, one fp16 step."""
    codes = (blocks.codes + np.int8(32)).view(np.uint8)
    scales = _present(blocks.scale_codes).view(np.uint8)
    low, high = _gathered(codes, 4, 64), _gathered(codes >> np.uint8(4), 2, 32)
    return np.concatenate([low, high, scales, _octets(blocks.scale)], axis=1)


def q6_from_bytes(data: Octets) -> Blocks:
    """The inverse of :func:`q6_to_bytes`."""
    codes = _spread(data[:, :128], 4, 64) | _spread(data[:, 128:192], 2, 32) << np.uint8(4)
    scales = np.ascontiguousarray(data[:, 192:208]).view(np.int8)
    return Blocks(codes.view(np.int8) - np.int8(32), _halves(data, 208), scales)
