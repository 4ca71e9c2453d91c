"""SoftmaxCrossEntropyLoss: how unlikely the right classes are, given scores."""

from __future__ import annotations

import numpy as np

from playground.operators._losses import ATTRIBUTES, loss, require_fitting
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, scores: Array, target: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """The loss (see :func:`playground.operators._losses.loss`) and the log-probabilities, shaped as the scores."""
    require_fitting(scores, target, weight)
    shifted = scores - scores.max(axis=1, keepdims=True, initial=-np.inf)
    logs = np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
    return loss(call, logs, target, weight), logs


OPERATOR = Operator(
    name="SoftmaxCrossEntropyLoss",
    versions=(12, None),
    run=run,
    attributes=ATTRIBUTES,
    data=(0,),
    takes=(Takes.VALUES, Takes.INDICES, Takes.PARAMETER),
    ranks=(2, 6),
)
