"""Dropout, which at inference gives its input as it is."""

from __future__ import annotations

import numpy as np

from playground.operators import identity
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator
from playground.programs.call import Array, Call


def run(call: Call, x: Array, *_: Array | None) -> Array | tuple[Array, Array]:
    """At inference the identity, and a mask that keeps everything."""
    return (x, np.ones(x.shape, bool)) if call.outputs > 1 else x


OPERATOR = Operator(
    name="Dropout",
    run=run,
    attributes=(Attribute("ratio", "float", 0.5), Attribute("seed", "int")),
    data=(0,),
    traits=identity.OPERATOR.traits,
    plan=identity.plan,
)
