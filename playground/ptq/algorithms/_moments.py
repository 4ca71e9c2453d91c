"""Statistics of what weights are multiplied with: streamed over the calibration data, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.ptq.algorithms._algorithm import Context, Values
from playground.ptq.algorithms._matrices import Matrices
from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]

MEMORY = 2**28
"""Bytes that second moments may take at once; more layers need one more pass over the data."""


class Moments:
    """Sums over the columns that a weight meets.

    Attributes:
        count: how many columns there were.
        total: float64 ``[groups, inputs]``, their sum.
        absolute: likewise, the sum of absolute values.
        largest: likewise, the largest absolute value.
        squares: likewise, the sum of squares.
        second: float64 ``[groups, inputs, inputs]``, the sum of ``x @ x.T``; empty where it was not asked for.
    """

    def __init__(self, groups: int, inputs: int, second: bool) -> None:
        """Start at zero."""
        self.count = 0
        self.total, self.absolute, self.largest, self.squares = (np.zeros((groups, inputs)) for _ in range(4))
        self.second = np.zeros((groups, inputs, inputs) if second else (0, 0, 0))

    def update(self, columns: Float32) -> None:
        """Take columns ``[groups, inputs, n]`` into account."""
        self.count += columns.shape[2]
        size = np.abs(columns)
        self.total += columns.sum(axis=2, dtype=np.float64)
        self.absolute += size.sum(axis=2, dtype=np.float64)
        np.maximum(self.largest, size.max(axis=2, initial=0), out=self.largest)
        if self.second.size:
            self.second += np.matmul(columns, columns.swapaxes(1, 2))
            self.squares = np.einsum("gii->gi", self.second).copy()
        else:
            self.squares += np.square(size).sum(axis=2, dtype=np.float64)

    @property
    def mean(self) -> Float64:
        """The mean column, ``[groups, inputs]``."""
        return self.total / max(1, self.count)


def passes(layers: Mapping[str, Matrices]) -> list[dict[str, Matrices]]:
    """The layers in groups of which the second moments fit into memory together, in their order."""
    parts: list[dict[str, Matrices]] = [{}]
    sources: dict[Any, int] = {}
    for name, layer in layers.items():
        nbytes = 0 if layer.source in sources else layer.groups * layer.inputs**2 * 8
        if parts[-1] and sum(sources.values()) + nbytes > MEMORY:
            parts, sources, nbytes = [*parts, {}], {}, layer.groups * layer.inputs**2 * 8
        sources.setdefault(layer.source, nbytes)
        parts[-1][name] = layer
    return [part for part in parts if part]


def moments_task(context: Context, layers: Mapping[str, Matrices], second: bool = False) -> Task[dict[str, Moments]]:
    """Moments of what each layer meets in the float model, by weight; layers that meet the same share them.

    Args:
        context: its graph is run once on all calibration samples.
        layers: weight -> how it is seen.
        second: whether the matrices of second moments are needed, as by GPTQ.

    Raises:
        InvalidInputError: there is no calibration data.
    """
    by_source: dict[Any, tuple[Matrices, Moments]] = {}
    for layer in layers.values():
        if layer.source not in by_source:
            by_source[layer.source] = layer, Moments(layer.groups, layer.inputs, second)

    def take(values: Values) -> Iterator[Progress]:
        for layer, moments in by_source.values():
            for columns in layer.columns(values[layer.node.inputs[0]]):
                moments.update(columns)
                yield Progress(0, 1, f"Statistics of what {layer.node.name} reads")

    names = {layer.node.inputs[0] for layer in layers.values()}
    yield from interleaved(context, names, take)
    return {name: by_source[layer.source][1] for name, layer in layers.items()}


def interleaved(context: Context, names: set[str], take: Any, graph: Any = None) -> Task[None]:
    """As ``Context.stream``, but what ``take`` does with a batch is work of several steps itself."""
    waiting: list[Values] = []
    work = context.stream(sorted(names), waiting.append, graph)
    answer: Any = None
    while True:
        try:
            item = work.send(answer)
        except StopIteration:
            break
        while waiting:
            yield from take(waiting.pop())
        answer = yield item
    while waiting:
        yield from take(waiting.pop())
