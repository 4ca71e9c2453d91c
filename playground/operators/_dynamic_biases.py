"""Biases that a file brings to codes while it runs: ``Cast(Floor(bias / scale))``, added to the sums of codes.

The scale is that of the codes times that of the weights. The sums' step forms such a bias itself (``ScaleSums``): until
then it is a symbol of planning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._operator import Plan
from playground.programs.planner import Constant, Dynamic, Planner, Symbol

_PARTS = ("quotient", "floor", "bias")
"""What becomes of a bias, one after the other."""


def or_dynamic(of_dynamic: Callable[[Planner, Node], Symbol | None], plan: Plan) -> Plan:
    """Planning of an operator that may be part of such a bias: by ``of_dynamic`` if an input is ``Dynamic``."""

    def planned(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
        symbols = [planner.symbol(name) for name in node.inputs if name]
        if not any(isinstance(symbol, Dynamic) for symbol in symbols):
            return plan(planner, node)
        found = of_dynamic(planner, node)
        if found is None:
            raise UnsupportedError("only biases in steps of the sums are computed like this")
        return found

    return planned


def over_scale(planner: Planner, node: Node) -> Symbol | None:
    """A float32 constant over the scale of codes and weights."""
    real, scale = (planner.symbol(name) for name in node.inputs)
    if not isinstance(real, Constant) or real.array.dtype != np.float32:
        return None
    if not isinstance(scale, Dynamic) or scale.part != "scale":
        return None
    return replace(scale, value="", part="quotient", bias=real.array)


def floored(planner: Planner, node: Node) -> Symbol | None:
    """The quotient rounded down."""
    symbol = planner.symbol(node.inputs[0])
    return _next(symbol, "quotient")


def as_integers(symbol: Symbol) -> Symbol | None:
    """The rounded quotient as int32."""
    return _next(symbol, "floor")


def _next(symbol: Symbol, part: str) -> Symbol | None:
    if isinstance(symbol, Dynamic) and symbol.part == part:
        return replace(symbol, part=_PARTS[_PARTS.index(part) + 1])
    return None


def is_bias(symbol: Symbol) -> TypeGuard[Dynamic]:
    """Whether it is such a bias, or on the way to one."""
    return isinstance(symbol, Dynamic) and symbol.part in _PARTS


def added(planner: Planner, node: Node) -> Symbol | None:
    """Sums with such a bias."""
    symbols = [planner.symbol(name) for name in node.inputs]
    for sums, bias in (symbols, symbols[::-1]):
        if not isinstance(sums, Dynamic) or not isinstance(bias, Dynamic):
            return None
        if (sums.part, bias.part, sums.found) == ("sums", "bias", bias.found) and not sums.bias.size:
            return replace(sums, bias=bias.bias, factor=bias.factor)
    return None
