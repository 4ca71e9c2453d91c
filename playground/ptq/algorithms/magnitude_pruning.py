"""Magnitude pruning: the smallest weights become zero. Shapes stay, so a file gets smaller only when it is compressed.

Han et al., "Learning both Weights and Connections for Efficient Neural Networks", 2015, without training afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from playground.arrays import Float32
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.tasks import Progress, Task


def pruned(values: Float32, sparsity: float) -> Float32:
    """The values with the share ``sparsity`` of them that is smallest set to zero (rounded down to whole weights)."""
    count = int(sparsity * values.size)
    if count == 0:
        return values
    flat = values.reshape(-1).copy()
    flat[np.argpartition(np.abs(flat), count - 1)[:count]] = 0
    return flat.reshape(values.shape)


def pruned_below(values: Float32, threshold: float) -> Float32:
    """The values with those whose absolute value is below the threshold set to zero."""
    return np.where(np.abs(values) < threshold, np.float32(0), values)


def _threshold(context: Context, names: list[str], sparsity: float) -> float:
    """The absolute value below which the share ``sparsity`` of all these weights lies."""
    sizes = np.concatenate([np.abs(context.values(name)).reshape(-1) for name in names])
    count = int(sparsity * sizes.size)
    return float(np.partition(sizes, count)[count]) if count < sizes.size else float("inf")


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    sparsity, together = parameters["sparsity"], bool(parameters["together"])
    products = context.products()
    names = [name for name in products if context.graph.initializers[name].dtype == "float32"]
    threshold = _threshold(context, names, sparsity) if together and names else 0.0
    changed, shares = {}, {}
    for index, name in enumerate(names):
        yield Progress(index, len(names), f"Pruning {name}")
        values = context.values(name)
        changed[name] = pruned_below(values, threshold) if together else pruned(values, sparsity)
        shares[name] = float(np.mean(values == 0)), float(np.mean(changed[name] == 0))
    weights = [context.graph.initializers[name].size for name in names] or [1]
    before, after = (float(np.average([pair[i] for pair in shares.values()] or [0.0], weights=weights)) for i in (0, 1))
    return Outcome(
        graph=context.graph.with_constants(changed),
        before={"zeros": before},
        after={"zeros": after},
        tensors={name: {"zeros": pair} for name, pair in shares.items()},
        skipped={name: "it is no float32" for name in products if name not in names},
        notes=("Zeros take as much room as other weights: the file gets smaller only when it is compressed.",),
    )


ALGORITHM = Algorithm(
    id="magnitude_pruning",
    name="Magnitude pruning",
    summary="Sets the smallest weights to zero.",
    source="Han et al. 2015, https://arxiv.org/abs/1506.02626, without training afterwards",
    stage="graph",
    apply=_apply,
    parameters=(
        Parameter("sparsity", 0.3, 0.0, 0.99, False, "The share of weights that become zero."),
        Parameter("together", 0, 0, 1, True, "0: this share of every tensor; 1: of all weights together."),
    ),
)
