"""Rows that are added to the codes of a product: part of the product's step, where nothing else reads these codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.operators._products import AddedRow, Product
from playground.operators.add import Add
from playground.programs.program import Step, Value


def with_added_rows(
    steps: Sequence[Step],
    values: Mapping[str, Value],
    constants: Mapping[str, NDArray[Any]],
    kept: Collection[str],
) -> tuple[Step, ...]:
    """The steps of a program, each addition of a constant row to a product's codes being part of the product.

    Args:
        steps: all that are needed, in order.
        values: of the program.
        constants: values of the program that are known.
        kept: values that are read by others than these steps.
    """
    uses = Counter(name for step in steps for name in step.inputs)
    uses.update(kept)
    products = {step.output: step for step in steps if isinstance(step, Product) and uses[step.output] == 1}
    joined = {}
    for step in steps:
        if isinstance(step, Add):
            for place, name in enumerate(step.inputs):
                product, other = products.get(name), constants.get(step.inputs[1 - place])
                if product is None or other is None or values[name].shape != values[step.output].shape:
                    continue
                if (added := _added(product, step, place, other)) is not None:
                    joined[step.output] = replace(product, output=step.output, added=added)
    gone = {name for step in steps if step.output in joined for name in step.inputs}
    return tuple(joined.get(step.output, step) for step in steps if step.output not in gone)


def _added(product: Product, step: Add, place: int, other: NDArray[Any]) -> AddedRow | None:
    """What an addition adds to a product's codes; None if that is no row of numbers, or the results are no codes."""
    columns = product.bias.size
    if other.size not in (1, columns) or (other.size > 1 and other.shape[-1] != columns):
        return None
    if product.added is not None or {product.to.dtype, step.to.dtype} - {"int8", "uint8"}:
        return None
    if step.zero_points[place] != product.to.zero_point:
        return None
    offsets = (other.astype(np.int32) - step.zero_points[1 - place]).astype(np.float32)
    row = np.broadcast_to(offsets.reshape(-1) * np.float32(step.ratios[1 - place]), (columns,))
    return AddedRow(np.ascontiguousarray(row), np.float32(step.ratios[place]), step.to)
