"""NegativeLogLikelihoodLoss: how unlikely the right classes are, given log-probabilities."""

from __future__ import annotations

from playground.operators._losses import ATTRIBUTES, loss
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, scores: Array, target: Array, weight: Array | None = None) -> Array:
    """See :func:`playground.operators._losses.loss`."""
    return loss(call, scores, target, weight)


OPERATOR = Operator(
    name="NegativeLogLikelihoodLoss",
    versions=(12, None),
    run=run,
    attributes=ATTRIBUTES,
    data=(0,),
    takes=(Takes.VALUES, Takes.INDICES, Takes.PARAMETER),
    ranks=(2, 6),
)
