"""Selu: a scaled exponential below 0, a scaled line above."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators._attributes import Attribute
from playground.operators._floats import float_function
from playground.operators._operator import Operator, Trait
from playground.operators._ranks import as_input
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """Gamma * x where positive, gamma * alpha * (exp(x) - 1) elsewhere."""
    alpha, gamma = (x.dtype.type(call.get(name)) for name in ("alpha", "gamma"))
    return np.asarray(gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


def _slopes(node: Node) -> tuple[float, float]:
    alpha, gamma = (np.float32(node.attributes[name]) for name in ("alpha", "gamma"))
    return float(alpha * gamma), float(gamma)


OPERATOR = Operator(
    name="Selu",
    run=run,
    attributes=(
        Attribute("alpha", "float", 1.67326319217681884765625),
        Attribute("gamma", "float", 1.05070102214813232421875),
    ),
    traits=Trait.BY_CHANNEL,
    rank=as_input,
    plan=float_function("elu", _slopes),
)
