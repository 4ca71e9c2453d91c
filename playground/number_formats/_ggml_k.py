"""ggml's K-quants: super-blocks of 256 values, with quantized scales (and minima) for sub-blocks of 16 or 32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from playground.number_formats import _ggml_layout as layout
from playground.number_formats import _ggml_search as search
from playground.number_formats._block import Blocks, Procedure
from playground.number_formats._format import Reals
from playground.number_formats._ggml import SIZE, from_halves, halves, nibbles_of

SUPER = 256
IQ4_NL = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
"""The table of IQ4_NL (``kvalues_iq4nl``)."""


@dataclass(frozen=True, slots=True)
class _Search:
    """How a format with minima finds its scales: see :func:`_ggml_search.scale_and_minimum`."""

    sub: int
    bits: int
    scale_bits: int
    weights: Callable[[Reals], Reals]
    first: float
    trials: int
    absolute: bool = False


def _by_size_and_spread(x: Reals) -> Reals:
    mean_square = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
    weights: Reals = np.sqrt(mean_square) + np.abs(x)
    return weights


_Q2 = _Search(16, 2, 4, np.abs, -0.5, 15, absolute=True)
_Q4 = _Search(32, 4, 6, _by_size_and_spread, -1.0, 20)
_Q5 = _Search(32, 5, 6, _by_size_and_spread, -0.5, 15)


def _with_minima(x: Reals, how: _Search) -> Blocks:
    """Q2_K, Q4_K and Q5_K: a scale and a minimum for each sub-block, themselves in steps of one fp16 number each."""
    top, scale_top = (1 << how.bits) - 1, (1 << how.scale_bits) - 1
    rows = x.reshape(-1, how.sub)
    scales, minima = search.scale_and_minimum(
        rows, how.weights(rows), top, first=how.first, trials=how.trials, absolute=how.absolute
    )
    d, codes = _in_steps(scales.reshape(len(x), -1), scale_top)
    dmin, minimum_codes = _in_steps(minima.reshape(len(x), -1), scale_top)
    scale = (from_halves(d)[:, None] * codes).reshape(-1, 1)
    minimum = (from_halves(dmin)[:, None] * minimum_codes).reshape(-1, 1)
    levels = np.clip(np.rint(search.quotient(rows + minimum, scale)), 0, top)
    return Blocks(
        levels.astype(np.uint8).reshape(x.shape),
        d,
        codes.astype(np.uint8),
        dmin ^ np.uint16(0x8000),  # what is added is minus the minimum
        minimum_codes.astype(np.uint8),
    )


def _in_steps(values: Reals, top: int) -> tuple[NDArray[np.uint16], Reals]:
    """Numbers that are not negative in steps of the largest over ``top``: fp16 bits of the step, and the counts."""
    largest = values.max(axis=1)
    inverse = search.quotient(np.full_like(largest, top), largest)
    return halves(largest / np.float32(top)), search.steps(values, inverse[:, None], 0, top)


def _with_signed_scales(x: Reals, scales: Reals, bits: int, scale_top: int) -> Blocks:
    """Q3_K and Q6_K: signed scales in steps of one fp16 number; the farthest from zero becomes ``-scale_top``."""
    scales = scales.reshape(len(x), -1)
    peak = search.largest_by_size(scales)
    peak = np.where(np.abs(peak) < search.SMALL, np.float32(0), peak)
    inverse = search.quotient(np.full_like(peak, -scale_top), peak)
    codes = search.steps(scales, inverse, -scale_top, scale_top - 1)
    d = halves(search.quotient(np.ones_like(inverse), inverse)[:, 0])
    scale = (from_halves(d)[:, None] * codes).reshape(-1, 1)
    half = 1 << (bits - 1)
    rows = x.reshape(scale.size, -1)
    levels = np.clip(np.rint(search.quotient(rows, scale)), -half, half - 1)
    return Blocks(levels.astype(np.int8).reshape(x.shape), d, codes.astype(np.int8))


def _q3(x: Reals) -> Blocks:
    return _with_signed_scales(x, search.scale_by_single_moves(x.reshape(-1, 16), 4), 3, 32)


def _q6(x: Reals) -> Blocks:
    return _with_signed_scales(x, search.scale_by_trials(x.reshape(-1, 16), 32), 6, 128)


def _iq4(x: Reals) -> Blocks:
    table = np.array(IQ4_NL, np.float32)
    scale = search.scale_for_table(x, table)
    codes = search.nearest_in(table, x * search.quotient(np.ones_like(scale), scale))
    return Blocks(codes, halves(scale[:, 0]))


def _iq4_to_bytes(blocks: Blocks) -> NDArray[np.uint8]:
    return np.concatenate([blocks.scale[:, None].view(np.uint8), nibbles_of(blocks.codes)], axis=1)


def _iq4_from_bytes(data: NDArray[np.uint8]) -> Blocks:
    nibbles = data[:, 2:]
    codes = np.concatenate([nibbles & np.uint8(15), nibbles >> np.uint8(4)], axis=1)
    return Blocks(codes, np.ascontiguousarray(data[:, :2]).view(np.uint16).reshape(-1))


PROCEDURES = {
    "q2_k": Procedure(SUPER, 84, partial(_with_minima, how=_Q2), layout.q2_to_bytes, layout.q2_from_bytes),
    "q3_k": Procedure(SUPER, 110, _q3, layout.q3_to_bytes, layout.q3_from_bytes),
    "q4_k": Procedure(SUPER, 144, partial(_with_minima, how=_Q4), layout.q4_to_bytes, layout.q4_from_bytes),
    "q5_k": Procedure(SUPER, 176, partial(_with_minima, how=_Q5), layout.q5_to_bytes, layout.q5_from_bytes),
    "q6_k": Procedure(SUPER, 210, _q6, layout.q6_to_bytes, layout.q6_from_bytes),
    "iq4_nl": Procedure(SIZE, 18, _iq4, _iq4_to_bytes, _iq4_from_bytes),
}
"""How each of them is made and stored, by format id."""
