"""Shortcuts between float32 and narrower floats, on the bits; each gives what ``FloatFormat.round_exactly`` gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from playground.number_formats._format import Codes, Reals


def sticky_keys(values: Reals) -> NDArray[np.uint16]:
    """The upper half of each float32, its last bit set if the lower half is not zero."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    keys = (bits >> np.uint32(16)).astype(np.uint16)
    keys |= (bits & np.uint32(0xFFFF)) != 0
    return keys


def _to_fp16(values: Reals) -> Codes:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).view(np.uint16)


def _rounded_bits(values: Reals, dropped: int) -> NDArray[np.uint32]:
    """The bits of float32 values rounded half to even to all but the ``dropped`` last ones, which stay as they fall."""
    given: NDArray[np.uint32] = values.view(np.uint32)
    bits = given >> np.uint32(dropped)
    bits &= np.uint32(1)  # ties go to the even one
    bits += np.uint32((1 << (dropped - 1)) - 1)
    bits += given
    if values.size and np.isnan(values.max()):
        nan = np.isnan(values)
        bits[nan] = given[nan] | np.uint32(1 << 22)
    return bits


def _to_bf16(values: Reals) -> Codes:
    halves = _rounded_bits(np.ascontiguousarray(values), 16).astype("<u4", copy=False).view("<u2")
    upper = halves.reshape(-1)[1::2].astype(np.uint16)
    return upper.reshape(values.shape)


def _to_tf32(values: Reals) -> Codes:
    return _rounded_bits(np.ascontiguousarray(values), 13) & np.uint32(~0x1FFF & 0xFFFFFFFF)


def _to_fp32(values: Reals) -> Codes:
    return np.ascontiguousarray(values).view(np.uint32).copy()


FAST: dict[tuple[str, str], Callable[[Reals], Codes]] = {
    ("fp16", "half_even"): _to_fp16,
    ("bf16", "half_even"): _to_bf16,
    ("tf32", "half_even"): _to_tf32,
    **{
        ("fp32", rounding): _to_fp32
        for rounding in ("half_even", "half_away", "half_up", "floor", "ceil", "toward_zero")
    },
}
"""(Format, rounding) -> the same codes as ``round_exactly`` gives, by the machine's own conversions or on the bits."""


def _from_fp16(codes: Codes) -> Reals:
    numbers: Reals = np.ascontiguousarray(codes).view(np.float16).astype(np.float32)
    return numbers


def _from_bf16(codes: Codes) -> Reals:
    bits = codes.astype(np.uint32)
    bits <<= np.uint32(16)
    numbers: Reals = bits.view(np.float32)
    return numbers


WIDENED: dict[str, Callable[[Codes], Reals]] = {"fp16": _from_fp16, "bf16": _from_bf16}
"""Format -> what its table says, by the machine's own conversions or on the bits."""
