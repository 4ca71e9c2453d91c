"""Functions of single values that NumPy has."""

from __future__ import annotations

import numpy as np

from playground.operators._dynamic_biases import floored, or_dynamic
from playground.operators._elementwise import unary
from playground.operators._floats import float_function, function_of_floats
from playground.operators._operator import Form, Operator, Scales, Trait, always
from playground.operators._planning import function
from playground.operators._ranks import as_input

SQRT = Operator(
    name="Sqrt",
    run=unary(np.sqrt),
    scales=Scales.FUNCTION,
    traits=Trait.MONOTONIC,
    spreads=always,
    forms=Form.FURTHER,
    plan=function_of_floats("sqrt"),
)

LOG = Operator(
    name="Log",
    run=unary(np.log),
    scales=Scales.FUNCTION,
    traits=Trait.MONOTONIC,
    spreads=always,
    forms=Form.FURTHER,
    plan=function_of_floats("log"),
)

OPERATORS = (
    Operator(name="Abs", run=unary(np.abs), scales=Scales.FUNCTION, forms=Form.FURTHER, plan=function_of_floats("abs")),
    Operator(
        name="Ceil",
        run=unary(np.ceil),
        scales=Scales.FUNCTION,
        traits=Trait.MONOTONIC,
        forms=Form.FURTHER,
        plan=function_of_floats("ceil"),
    ),
    Operator(name="Cos", run=unary(np.cos), scales=Scales.FUNCTION, plan=function),
    Operator(
        name="Exp",
        run=unary(np.exp),
        scales=Scales.FUNCTION,
        traits=Trait.MONOTONIC,
        spreads=always,
        forms=Form.FURTHER,
        plan=function_of_floats("exp"),
    ),
    Operator(
        name="Floor",
        run=unary(np.floor),
        scales=Scales.FUNCTION,
        traits=Trait.MONOTONIC | Trait.TAKES_DYNAMIC,
        forms=Form.FURTHER,
        plan=or_dynamic(floored, function_of_floats("floor")),
    ),
    LOG,
    Operator(
        name="Neg", run=unary(np.negative), scales=Scales.FUNCTION, forms=Form.FURTHER, plan=function_of_floats("neg")
    ),
    Operator(
        name="Reciprocal",
        run=unary(lambda x: 1 / x),
        scales=Scales.FUNCTION,
        spreads=always,
        forms=Form.FURTHER,
        plan=function_of_floats("reciprocal"),
    ),
    Operator(
        name="Round",
        run=unary(np.rint),
        scales=Scales.FUNCTION,
        traits=Trait.MONOTONIC,
        forms=Form.FURTHER,
        plan=function_of_floats("round"),
    ),
    Operator(
        name="Sign", run=unary(np.sign), scales=Scales.FUNCTION, traits=Trait.MONOTONIC, plan=function_of_floats("sign")
    ),
    Operator(name="Sin", run=unary(np.sin), scales=Scales.FUNCTION, plan=function),
    Operator(name="Sinh", run=unary(np.sinh), traits=Trait.MONOTONIC, rank=as_input),
    Operator(
        name="Softsign",
        run=unary(lambda x: x / (1 + np.abs(x))),
        traits=Trait.MONOTONIC | Trait.BY_CHANNEL,
        rank=as_input,
        plan=float_function("softsign"),
    ),
    SQRT,
    Operator(name="Tan", run=unary(np.tan), rank=as_input),
    Operator(
        name="Tanh",
        run=unary(np.tanh),
        scales=Scales.FUNCTION,
        output_range=(-1.0, 1.0),
        traits=Trait.MONOTONIC | Trait.BY_CHANNEL,
        forms=Form.FURTHER,
        plan=function_of_floats("tanh"),
    ),
)
