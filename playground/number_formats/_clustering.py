"""The best levels for given values: one-dimensional k-means, solved exactly by dynamic programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

EXACT = 1 << 14
"""Up to so many different values the result is the optimum. Of more, neighbours are taken together so that so many
groups remain, the optimum among levels that part them is found, and Lloyd's iteration moves it to the nearest one."""

_ROUNDS = 100


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over the first values, in ascending order: entry ``i`` is over ``i`` groups."""

    weight: Float64
    first: Float64
    second: Float64

    def cost(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Float64:
        """Squared distances of the groups ``start .. stop - 1`` from their mean; 0 where there are none."""
        weight = self.weight[stop] - self.weight[start]
        first = self.first[stop] - self.first[start]
        cost: Float64 = self.second[stop] - self.second[start] - first * first / np.maximum(weight, 1)
        return np.maximum(cost, 0)


def optimal_levels(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The ``count`` numbers to which values have the smallest mean squared distance, ascending.

    Args:
        values: finite, at least one, any shape.
        count: how many; where there are fewer different values the last level repeats.
    """
    numbers, counts = np.unique(values, return_counts=True)
    numbers = numbers.astype(np.float64)
    if numbers.size <= count:
        levels = np.concatenate([numbers, np.repeat(numbers[-1:], count - numbers.size)])
        return levels.astype(np.float32)
    centre = float(np.average(numbers, weights=counts))
    centred: Float64 = np.subtract(numbers, centre, dtype=np.float64)
    every = _sums(centred, counts, np.arange(numbers.size + 1))
    edges = np.arange(numbers.size + 1)
    if numbers.size > EXACT:
        shares = np.linspace(0, every.weight[-1], EXACT + 1)
        edges = np.unique(np.searchsorted(every.weight, shares).astype(np.int64))
    cuts = edges[_best_cuts(_sums(centred, counts, edges), count)]
    if numbers.size > EXACT:
        cuts = _lloyd(centred, every, cuts)
    return (_means(every, cuts) + centre).astype(np.float32)


def _sums(numbers: Float64, counts: NDArray[np.int64], edges: NDArray[np.int64]) -> _Sums:
    def up_to(terms: Float64) -> Float64:
        return np.concatenate([[0.0], np.cumsum(terms)])[edges]

    weights = counts.astype(np.float64)
    return _Sums(up_to(weights), up_to(weights * numbers), up_to(weights * numbers * numbers))


def _means(sums: _Sums, cuts: NDArray[np.int64]) -> Float64:
    means: Float64 = np.diff(sums.first[cuts]) / np.diff(sums.weight[cuts])
    return means


def _best_cuts(sums: _Sums, count: int) -> NDArray[np.int64]:
    """Where the groups are parted so that the total cost is least: ``count + 1`` ascending places."""
    n = sums.weight.size - 1
    stops = np.arange(n + 1)
    best = sums.cost(np.zeros(n + 1, np.int64), stops)
    starts = []
    for _ in range(count - 1):
        best, chosen = _one_more(sums, best)
        starts.append(chosen)
    cuts = [n]
    for chosen in reversed(starts):
        cuts.append(int(chosen[cuts[-1]]))
    return np.array([0, *reversed(cuts)], np.int64)


def _one_more(sums: _Sums, best: Float64) -> tuple[Float64, NDArray[np.int64]]:
    """The least cost of every prefix with one cluster more, and where the last cluster starts.

    That place never moves back as the prefix grows, so it is found for every second, fourth ... prefix first, and lies
    between those of the neighbours for the ones in between: all candidates together are few.
    """
    n = best.size - 1
    found, chosen = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64)
    step = 1 << max(0, int(n).bit_length() - 1)
    while step:
        stops = np.arange(step, n + 1, 2 * step)
        low = chosen[stops - step]
        high = np.where(stops + step <= n, chosen[np.minimum(stops + step, n)], stops - 1)
        high = np.minimum(high, stops - 1)
        sizes = (np.maximum(high - low, 0) + 1).astype(np.intp)  # 32 bits in the browser, and repeat takes no wider
        ends = np.cumsum(sizes)
        offsets = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
        candidates = np.repeat(low, sizes) + offsets
        costs = best[candidates] + sums.cost(candidates, np.repeat(stops, sizes))
        least = np.minimum.reduceat(costs, ends - sizes)
        first = np.where(costs == np.repeat(least, sizes), candidates, n)
        found[stops] = least
        chosen[stops] = np.minimum.reduceat(first, ends - sizes)
        step //= 2
    found[0] = 0.0
    return found, chosen


def _lloyd(numbers: Float64, sums: _Sums, cuts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Assign values to the nearest mean and form the means again, until nothing moves."""
    for _ in range(_ROUNDS):
        means = _means(sums, cuts)
        moved = np.searchsorted(numbers, (means[:-1] + means[1:]) / 2, side="right")
        new = np.concatenate([[0], moved, [numbers.size]])
        if (new == cuts).all() or (np.diff(sums.weight[new]) == 0).any():
            break
        cuts = new
    return cuts
