"""Planning that many operators share: constants, tables of functions, broadcasting."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators import find
from playground.operators._operator import Plan, Run
from playground.programs.call import Call
from playground.programs.planner import CodeFunction, Constant, Planner, Symbol


def float_function(planner: Planner, node: Node) -> tuple[Run, Call]:
    """The float function of a node and its arguments; UnsupportedError if there is none."""
    found = find(node)
    if found is None or found.run is None:
        raise UnsupportedError("this operator has no integer form")
    return found.run, found.call(node, len(node.outputs), room=planner.room)


def folded(planner: Planner, node: Node) -> Constant:
    """The result of an operator of constants."""
    run, call = float_function(planner, node)
    with np.errstate(all="ignore"):
        made = run(call, *(planner.known(name, "input") if name else None for name in node.inputs))
    if isinstance(made, tuple):
        raise UnsupportedError("operators with several outputs are not supported")
    return Constant(made)


def fold(planner: Planner, node: Node) -> Symbol:
    """Any operator of constants: computed now, by its float function."""
    known = all(planner.is_constant(name) for name in node.inputs if name)
    if not known:
        raise UnsupportedError("this operator has no integer form")
    return folded(planner, node)


def refusing(reason: str) -> Plan:
    """Planning of an operator that is known but not run in integers: why."""

    def refuse(planner: Planner, node: Node) -> Symbol:
        raise UnsupportedError(reason)

    return refuse


def function(planner: Planner, node: Node) -> Symbol:
    """A function of single values."""
    return table(planner, node) or refuse_float()


def refuse_float() -> NoReturn:
    """Raise UnsupportedError because an input is float32 that was not quantized."""
    raise UnsupportedError("the input is not quantized")


def table(planner: Planner, node: Node) -> Symbol | None:
    """The operator as a function of the codes of one value, or its result if all is known; None if it is neither."""
    names = [name for name in node.inputs if name]
    if all(planner.is_constant(name) for name in names):
        return folded(planner, node)
    value, arguments = "", []
    for name in names:
        if planner.is_constant(name):
            known = planner.known(name, "input")
            if known.size != 1 or known.ndim > len(planner.shape(node.inputs[0])):
                return None
            arguments.append(known.reshape(()))
            continue
        function = planner.function(planner.symbol(name))
        if function is None or value not in ("", function.value):
            return None
        value = function.value
        arguments.append(function.results)
    run, call = float_function(planner, node)
    with np.errstate(all="ignore"):
        results = np.asarray(run(call, *arguments), np.float32)
    return CodeFunction(value, results)


def broadcast_shape(planner: Planner, node: Node) -> tuple[int, ...]:
    """The shape of an elementwise result; UnsupportedError beyond four axes."""
    shape = np.broadcast_shapes(*(planner.shape(name) for name in node.inputs))
    if len(shape) > 4:
        raise UnsupportedError(f"values of {len(shape)} axes are not supported")
    return shape
