"""The searches by which ggml finds the scales of its K-quants: weighted least squares over many trial scales.

Functions of ``ggml-quants.c`` on a whole batch of groups at once; a group is a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.number_formats._format import Reals

SMALL = np.float32(1e-15)
"""Groups with a smaller largest absolute value count as zero."""


def largest_by_size(x: Reals) -> Reals:
    """The entry farthest from zero in each row, the first if there are several, its sign kept: (rows, 1)."""
    return np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)


def quotient(a: Reals, b: Reals) -> Reals:
    """``a / b``, and 0 where b is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found: Reals = np.where(b == 0, np.float32(0), a / b)
    return found


def steps(x: Reals, scale: Reals, low: int, high: int) -> Reals:
    """``x * scale`` to the nearest integer from low to high, half to even, as floats."""
    out = x * scale
    np.rint(out, out=out)
    return np.clip(out, low, high, out=out)


def _dot(a: Reals, b: Reals) -> Reals:
    sums: Reals = np.einsum("ij,ij->i", a, b)[:, None]
    return sums


def scale_by_trials(x: Reals, top: int) -> Reals:
    """``make_qx_quants``: codes from ``-top`` to ``top - 1``, errors weighted by x²; Q6_K's. Scales (rows, 1)."""
    peak = largest_by_size(x)
    weighted = x * x
    weighted_x = weighted * x
    scale, best = np.zeros_like(peak), np.full_like(peak, -1)
    for trial in (0, *range(-9, 0), *range(1, 10)):
        codes = steps(x, quotient(np.full_like(peak, -(top + np.float32(0.1) * trial)), peak), -top, top - 1)
        xl, ll = _dot(weighted_x, codes), _dot(weighted * codes, codes)
        better = (ll > 0) & (xl * xl > best * ll)
        found = quotient(xl, ll)
        scale = np.where(better, found, scale)
        best = np.where(better, found * xl, best)
    return np.where(np.abs(peak) < SMALL, np.float32(0), scale)


def scale_by_single_moves(x: Reals, top: int) -> Reals:
    """``make_q3_quants``: codes are moved one at a time while that helps, errors weighted by x²; Q3_K's."""
    peak = largest_by_size(x)
    codes = steps(x, quotient(np.full_like(peak, -top), peak), -top, top - 1)
    weights = x * x
    xl, ll = _dot(weights * x, codes)[:, 0], _dot(weights * codes, codes)[:, 0]
    for _ in range(5):
        before = codes.copy()
        for i in range(x.shape[1]):
            xl, ll = _move(x[:, i], weights[:, i], codes[:, i], (xl, ll), top)
        if (codes == before).all():
            break
    scale = quotient(xl, ll)[:, None]
    return np.where(np.abs(peak) < SMALL, np.float32(0), scale)


def _move(x: Reals, weight: Reals, code: Reals, sums: tuple[Reals, Reals], top: int) -> tuple[Reals, Reals]:
    """Give one value of every row its best code, given the others; ``code`` is changed in place."""
    xl, ll = sums
    others_xl, others_ll = xl - weight * x * code, ll - weight * code * code
    wanted = np.clip(np.rint(x * quotient(others_ll, others_xl)), -top, top - 1)
    new_xl, new_ll = others_xl + weight * x * wanted, others_ll + weight * wanted * wanted
    better = (others_xl > 0) & (wanted != code) & (new_ll > 0) & (new_xl * new_xl * ll > xl * xl * new_ll)
    code[better] = wanted[better]
    return np.where(better, new_xl, xl), np.where(better, new_ll, ll)


def scale_and_minimum(
    x: Reals, weights: Reals, top: int, *, first: float, trials: int, absolute: bool = False
) -> tuple[Reals, Reals]:
    """``make_qkx2_quants``: codes from 0 to ``top`` above a minimum that is not positive.

    Args:
        x: (rows, values).
        weights: how much each error counts.
        top: the largest code.
        first: the trial scales reach ``top + first``, ``top + first + 0.1``, ... steps across the range.
        trials: how many there are after the first.
        absolute: errors count by size instead of squared.

    Returns:
        Scales and minima with the sign turned round, both not negative, (rows, 1).
    """
    low, high = np.minimum(x.min(axis=1, keepdims=True), 0), x.max(axis=1, keepdims=True)
    span = high - low
    sum_w, sum_x = weights.sum(axis=1, keepdims=True), _dot(weights, x)
    inverse = quotient(np.full_like(span, top), span)
    scale, minimum = quotient(np.ones_like(span), inverse), low.copy()
    best = _error(scale * steps(x - low, inverse, 0, top) + minimum - x, weights, absolute)
    for trial in range(trials + 1):
        # From the best minimum so far, not from the lowest value: so does ggml
        reach = np.full_like(span, np.float32(first) + np.float32(0.1) * trial + top)
        codes = steps(x - minimum, quotient(reach, high - minimum), 0, top)
        weighted = weights * codes
        sum_l, sum_ll, sum_xl = weighted.sum(axis=1, keepdims=True), _dot(weighted, codes), _dot(weighted, x)
        determinant = sum_w * sum_ll - sum_l * sum_l
        new_scale = quotient(sum_w * sum_xl - sum_x * sum_l, determinant)
        new_minimum = quotient(sum_ll * sum_x - sum_l * sum_xl, determinant)
        above = new_minimum > 0
        new_scale = np.where(above, quotient(sum_xl, sum_ll), new_scale)
        new_minimum = np.minimum(new_minimum, 0)
        error = _error(new_scale * codes + new_minimum - x, weights, absolute)
        better = (determinant > 0) & (error < best)
        scale, minimum = np.where(better, new_scale, scale), np.where(better, new_minimum, minimum)
        best = np.where(better, error, best)
    flat = span <= 0
    # Less than nothing and not its negative: no negative zeros
    return np.where(flat, np.float32(0), scale), np.float32(0) - np.where(flat, low, minimum)


def _error(difference: Reals, weights: Reals, absolute: bool) -> Reals:
    return _dot(weights, np.abs(difference) if absolute else difference * difference)


def nearest_in(table: NDArray[np.float32], values: Reals) -> NDArray[np.uint8]:
    """Places of the nearest numbers in an ascending table; ties go up, as in ``best_index_int8``."""
    places = np.zeros(values.shape, np.uint8)
    for middle in (table[:-1] + table[1:]) / np.float32(2):
        places += values >= middle
    return places


def scale_for_table(x: Reals, table: NDArray[np.float32], trials: int = 7) -> Reals:
    """``quantize_row_iq4_nl_impl`` with its seven trials either way, errors weighted by x²: IQ4_NL's."""
    peak = largest_by_size(x)
    weights = x * x
    weighted_x = weights * x
    scale, best = np.zeros_like(peak), np.full_like(peak, -1)
    starts = (-table[0], *(np.float32(trial) + table[0] for trial in range(-trials, trials + 1)))
    for start in starts:
        numbers = table.take(nearest_in(table, x * quotient(np.full_like(peak, start), peak)))
        xl, ll = _dot(weighted_x, numbers), _dot(weights * numbers, numbers)
        better = (ll > 0) & (xl * xl > best * ll)
        found = quotient(xl, ll)
        scale, best = np.where(better, found, scale), np.where(better, found * xl, best)
    return np.where(np.abs(peak) < SMALL, np.float32(0), scale)
