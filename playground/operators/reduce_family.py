"""Sums, norms, products, largest and smallest values over any axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.operators._float_rows import reduction_of_floats
from playground.operators._floats import floats_only
from playground.operators._operator import Operator, Plan, Takes
from playground.operators._ranks import reduced
from playground.operators._reductions import SINCE, SINCE_OF_SUMS, attributes, largest, reduction, smallest
from playground.operators._upgrades import integers_as_input
from playground.programs.call import Array


def _sum(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    # Sums of float16 pass its largest number soon; those of integers wrap around in their own type
    return np.asarray(np.sum(x, axis=axis, keepdims=keepdims, dtype=_exact(x)))


def _absolutes(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return _sum(np.abs(x), axis=axis, keepdims=keepdims)


def _squares(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return _sum(np.square(x, dtype=_exact(x)), axis=axis, keepdims=keepdims)


def _length(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.sqrt(_squares(x, axis=axis, keepdims=keepdims))


def _log_sum(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.log(_sum(x, axis=axis, keepdims=keepdims))


def _log_sum_exp(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    # The largest exponential is 1, so that none overflows
    top = largest(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    logs = np.log(_sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return logs if keepdims else logs.reshape(_sum(x, axis=axis, keepdims=False).shape)


def _product(x: Array, *, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.asarray(np.prod(x, axis=axis, keepdims=keepdims, dtype=_exact(x)))


def _exact(x: Array) -> np.dtype[np.generic]:
    return np.dtype(np.float32) if x.dtype == np.float16 else x.dtype


def _reduction(
    name: str,
    function: Callable[..., Array],
    alone: Callable[[Array], Array] = np.asarray,
    since: int = SINCE,
    plan: Plan | None = None,
) -> Operator:
    return Operator(
        name=name,
        takes=(Takes.VALUES, Takes.AXES),
        run=reduction(function, alone),
        attributes=attributes(since),
        data=(0,),
        rank=reduced,
        since=(1, since),
        upgrade=integers_as_input("axes", 1, before=since),
        plan=None if plan is None else floats_only(plan),
    )


OPERATORS = (
    _reduction("ReduceL1", _absolutes, np.abs, plan=reduction_of_floats("sum", "abs", alone="abs")),
    _reduction("ReduceL2", _length, np.abs, plan=reduction_of_floats("sum", "square", "sqrt", "abs")),
    _reduction("ReduceLogSum", _log_sum, np.log, plan=reduction_of_floats("sum", after="log", alone="log")),
    _reduction("ReduceLogSumExp", _log_sum_exp),
    _reduction("ReduceMax", largest, plan=reduction_of_floats("max")),
    _reduction("ReduceMin", smallest, plan=reduction_of_floats("min")),
    _reduction("ReduceProd", _product),
    _reduction("ReduceSum", _sum, since=SINCE_OF_SUMS, plan=reduction_of_floats("sum")),
    _reduction("ReduceSumSquare", _squares, np.square, plan=reduction_of_floats("sum", "square", alone="square")),
)
