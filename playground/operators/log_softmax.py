"""LogSoftmax: the logarithm of softmax."""

from __future__ import annotations

from playground.operators._operator import Operator
from playground.operators._planning import float_tail
from playground.operators._ranks import as_input
from playground.operators._upgrades import rows_from_axis
from playground.operators.softmax import AXIS, log_softmax

OPERATOR = Operator(
    name="LogSoftmax",
    run=log_softmax,
    attributes=(AXIS,),
    rank=as_input,
    since=(13,),
    upgrade=rows_from_axis,
    plan=float_tail,
)
