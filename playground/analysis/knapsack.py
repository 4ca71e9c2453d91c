"""One choice for each layer, each with bytes and a cost: finds the best combination for every size.

The cost of a combination is the sum of its choices' costs. Exact by dynamic programming over layers, of which only
undominated partial combinations are carried on (Nemhauser and Ullmann, Discrete dynamic programming and capital
allocation, Management Science 15, 1969); and greedy, for comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError

MOST_STATES = 200_000
"""Partial combinations that are carried on at most; beyond that the result says that it is not exact."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to store a layer: ``bytes`` (0 or more) and ``cost``, any finite number; less is better in both."""

    bytes: int
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """All combinations that no other one betters, by ascending bytes and descending cost.

    Attributes:
        bytes: int64 (points,), strictly ascending.
        costs: float64 (points,), strictly descending.
        picks: int64 (points, layers), the index of each layer's choice.
        exact: whether nothing had to be left out to bound memory.
    """

    bytes: NDArray[np.int64]
    costs: NDArray[np.float64]
    picks: NDArray[np.int64]
    exact: bool

    def within_bytes(self, budget: int) -> int:
        """The point of the least cost in a budget of bytes.

        Raises:
            InvalidInputError: even the smallest is larger.
        """
        fitting = int(np.searchsorted(self.bytes, budget, side="right"))
        if not fitting:
            raise InvalidInputError(
                f"the smallest combination takes {self.bytes[0]} bytes",
                where=f"budget of {budget} bytes",
                hint="Allow more bytes",
            )
        return fitting - 1

    def within_cost(self, budget: float) -> int:
        """The smallest point whose cost is within a budget.

        Raises:
            InvalidInputError: even the best costs more.
        """
        fitting = np.flatnonzero(self.costs <= budget)
        if not fitting.size:
            raise InvalidInputError(
                f"the best combination costs {self.costs[-1]:.3g}",
                where=f"budget of {budget:.3g}",
                hint="Allow a larger cost",
            )
        return int(fitting[0])


def front(layers: Sequence[Sequence[Choice]], most_states: int = MOST_STATES) -> Front:
    """Every combination that is not dominated.

    Args:
        layers: the choices of each layer.
        most_states: how many partial combinations to carry on at most.

    Raises:
        InvalidInputError: a layer has no choice, or one that is not finite.
    """
    _check(layers)
    sizes, costs = np.zeros(1, np.int64), np.zeros(1)
    trail: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    exact = True
    for choices in layers:
        count = sizes.size
        sizes = np.add.outer(np.asarray([c.bytes for c in choices], np.int64), sizes).reshape(-1)
        costs = np.add.outer(np.asarray([c.cost for c in choices], np.float64), costs).reshape(-1)
        kept = _undominated(sizes, costs)
        if kept.size > most_states:
            kept, exact = _thinned(kept, sizes, most_states), False
        trail.append((kept % count, kept // count))
        sizes, costs = sizes[kept], costs[kept]
    return Front(sizes, costs, _picks(trail, sizes.size), exact)


def _check(layers: Sequence[Sequence[Choice]]) -> None:
    for index, choices in enumerate(layers):
        if not choices:
            raise InvalidInputError("the layer has no choices", where=f"layer {index}", hint="Give at least one")
        for choice in choices:
            if choice.bytes < 0 or not np.isfinite(choice.cost):
                raise InvalidInputError(
                    f"{choice} is not a valid choice",
                    where=f"layer {index}",
                    hint="Use non-negative bytes and a finite cost",
                )


def _undominated(sizes: NDArray[np.int64], costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the undominated, by ascending size; of equals the first."""
    order = np.lexsort((costs, sizes))
    ordered = costs[order]
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(ordered)[:-1]])
    return order[ordered < best_before].astype(np.int64)


def _thinned(kept: NDArray[np.int64], sizes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Of those whose sizes fall into the same of ``most`` equal parts the last, which costs least; and the ends."""
    low, high = int(sizes[kept[0]]), int(sizes[kept[-1]])
    part = (sizes[kept] - low) * (most - 1) // max(1, high - low)
    last = np.append(np.flatnonzero(np.diff(part)), kept.size - 1)
    chosen: NDArray[np.int64] = kept[np.union1d([0], last)]
    return chosen


def _picks(trail: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], points: int) -> NDArray[np.int64]:
    """Each point's choices, found from the last layer back to the first."""
    picks = np.zeros((points, len(trail)), np.int64)
    state = np.arange(points)
    for layer in range(len(trail) - 1, -1, -1):
        before, choice = trail[layer]
        picks[:, layer] = choice[state]
        state = before[state]
    return picks


def greedy(layers: Sequence[Sequence[Choice]], budget: int) -> NDArray[np.int64]:
    """Start with each layer's cheapest choice by cost; take the step that costs least per byte saved until it fits.

    Returns:
        int64 (layers,), the index of each layer's choice.

    Raises:
        InvalidInputError: as :func:`front`, or even the smallest choices do not fit.
    """
    _check(layers)
    smallest = sum(min(choice.bytes for choice in choices) for choices in layers)
    if smallest > budget:
        raise InvalidInputError(
            f"the smallest combination takes {smallest} bytes",
            where=f"budget of {budget} bytes",
            hint="Allow more bytes",
        )
    picks = [min(range(len(c)), key=lambda i, c=c: (c[i].cost, c[i].bytes)) for c in layers]  # type: ignore[misc]
    while sum(choices[pick].bytes for choices, pick in zip(layers, picks, strict=True)) > budget:
        _, layer, index = min(
            ((choice.cost - choices[pick].cost) / (choices[pick].bytes - choice.bytes), layer, index)
            for layer, (choices, pick) in enumerate(zip(layers, picks, strict=True))
            for index, choice in enumerate(choices)
            if choice.bytes < choices[pick].bytes
        )
        picks[layer] = index
    return np.asarray(picks, np.int64)
