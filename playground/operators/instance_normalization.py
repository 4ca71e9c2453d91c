"""InstanceNormalization: each channel of each sample brought to mean 0 and variance 1."""

from __future__ import annotations

from playground.operators._attributes import Attribute
from playground.operators._operator import Form, Operator, Scales
from playground.operators._ranks import as_input

OPERATOR = Operator(
    name="InstanceNormalization",
    attributes=(Attribute("epsilon", "float", 1e-5, low=0),),
    data=(0,),
    bias=2,
    scales=Scales.NORMALIZATION,
    forms=Form.NAMED,
    rank=as_input,
)
