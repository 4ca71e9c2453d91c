"""ArgMin: where the smallest value along an axis is."""

from __future__ import annotations

import numpy as np

from playground.operators._operator import Operator
from playground.operators.arg_max import ATTRIBUTES, place_of

OPERATOR = Operator(name="ArgMin", run=place_of(np.argmin), attributes=ATTRIBUTES)
