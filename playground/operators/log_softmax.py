"""LogSoftmax: the logarithm of softmax."""

from __future__ import annotations

from playground.operators._attributes import AXIS
from playground.operators._operator import Operator
from playground.operators._planning import float_tail
from playground.operators.softmax import log_softmax

OPERATOR = Operator(name="LogSoftmax", run=log_softmax, attributes=(AXIS,), plan=float_tail)
