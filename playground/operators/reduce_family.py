"""Sums, largest and smallest values over any axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.operators._operator import Operator, Takes
from playground.operators._ranks import reduced
from playground.operators._reductions import ATTRIBUTES, SINCE, SINCE_OF_SUMS, reduction
from playground.operators._upgrades import integers_as_input
from playground.programs.call import Array


def _reduction(name: str, function: Callable[..., Array], since: tuple[int, int] = SINCE) -> Operator:
    return Operator(
        name=name,
        takes=(Takes.VALUES, Takes.AXES),
        run=reduction(function),
        attributes=ATTRIBUTES,
        data=(0,),
        rank=reduced,
        since=since,
        upgrade=integers_as_input("axes", 1, before=since[1]),
    )


OPERATORS = (
    _reduction("ReduceMax", np.max),
    _reduction("ReduceMin", np.min),
    _reduction("ReduceSum", np.sum, SINCE_OF_SUMS),
)
