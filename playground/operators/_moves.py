"""Planning of what moves codes and leaves them what they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.operators._attributes import axes_among
from playground.operators._dynamic_biases import is_bias
from playground.programs import integer_ops as ops
from playground.programs.integer_ops import Box
from playground.programs.planner import (
    CodeFunction,
    Codes,
    Constant,
    ConstantDequantized,
    Deferred,
    Dequantized,
    Dynamic,
    Planner,
    Symbol,
)
from playground.programs.steps import Reshape, View

MOST_AXES = 6

Movable = Codes | Dequantized | CodeFunction | Dynamic


def moved_constant(
    symbol: Constant | ConstantDequantized, move: Callable[[NDArray[Any]], NDArray[Any]]
) -> Constant | ConstantDequantized:
    """A constant after a move; it keeps its codes if one scale is theirs."""
    if isinstance(symbol, ConstantDequantized):
        if symbol.axis is None and symbol.scale.size == 1:
            scale, zero_point = symbol.scale.reshape(()), symbol.zero_point.reshape(())
            return ConstantDequantized(np.asarray(move(symbol.codes)), scale, zero_point, None)
        return Constant(np.asarray(move(symbol.real())))
    return Constant(np.asarray(move(symbol.array)))


def to_shape(planner: Planner, node: Node, shape: tuple[int, ...]) -> Symbol:
    """A node's first input in another shape, whatever it is."""
    symbol, output = planner.symbol(node.inputs[0]), node.outputs[0]
    if math.prod(shape) != math.prod(old := planner.shape(node.inputs[0])) or min(shape, default=0) < 0:
        raise UnsupportedError(f"values of shape {old} cannot have shape {shape}")
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return moved_constant(symbol, lambda x: x.reshape(shape))
    if isinstance(symbol, Deferred):
        return reshaped(planner, symbol, shape)
    if is_bias(symbol):
        return replace(symbol, bias=symbol.bias.reshape(shape))
    planner.emit(Reshape((symbol.value,), output), shape, planner.values[symbol.value].dtype)
    return replace(symbol, value=output)


@dataclass(frozen=True, slots=True)
class Blocks:
    """A change of shape, of the order of axes, and of shape again.

    Attributes:
        inner: the first shape, of at most six axes.
        order: which of its axes come first, second and so on.
        shape: the last one.
    """

    inner: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    def of(self, x: NDArray[Any]) -> NDArray[Any]:
        """An array so changed."""
        return x.reshape(self.inner).transpose(self.order).reshape(self.shape)


def rearranged(planner: Planner, node: Node, blocks: Blocks) -> Symbol:
    """A node's first input in blocks that are put elsewhere, whatever it is."""
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return moved_constant(symbol, blocks.of)

    def move(whole: Movable, output: str) -> Movable:
        dtype = planner.values[whole.value].dtype
        planner.emit(Reshape((whole.value,), f"{output}:blocks"), blocks.inner, dtype)
        box = turned(blocks.inner, blocks.order)
        moved = viewed(planner, replace(whole, value=f"{output}:blocks"), f"{output}:moved", box)
        planner.emit(Reshape((moved.value,), output), blocks.shape, dtype)
        return replace(moved, value=output)

    if not isinstance(symbol, Deferred):
        return move(symbol, node.outputs[0])
    deferred = symbol

    def emit(name: str, scale: np.float32, to: ops.Target) -> None:
        deferred.emit(f"{name}:whole", scale, to)
        move(Codes(f"{name}:whole"), name)

    return Deferred(blocks.shape, emit, deferred.lo, deferred.hi)


def reshaped(planner: Planner, deferred: Deferred, shape: tuple[int, ...]) -> Deferred:
    """The same deferred result in another shape."""

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        inner = f"{output}:before_reshape"
        deferred.emit(inner, scale, to)
        planner.emit(Reshape((inner,), output), shape, to.dtype)

    return Deferred(shape, emit, deferred.lo, deferred.hi)


def axes_of(planner: Planner, node: Node, rank: int) -> list[int] | None:
    """The axes that a node's second input names, counted from the first one of ``rank``; None: it has no such input."""
    if len(node.inputs) < 2 or not node.inputs[1]:
        return None
    return axes_among(planner.known(node.inputs[1], "list of axes").reshape(-1), rank)


def viewed(planner: Planner, symbol: Movable, name: str, box: Box) -> Movable:
    """A box of a value."""
    if len(box.shape) > MOST_AXES or 0 in box.shape:
        raise UnsupportedError(f"a result of shape {box.shape} is not supported")
    box.require_inside(planner.values[symbol.value].shape)
    planner.emit(View((symbol.value,), name, box), box.shape, planner.values[symbol.value].dtype)
    return replace(symbol, value=name)


def turned(shape: Sequence[int], order: Sequence[int]) -> Box:
    """All of an array, its axes in another order; UnsupportedError if that does not name each axis once."""
    if sorted(order) != list(range(len(shape))):
        raise UnsupportedError(f"the order {list(order)} does not name each of {len(shape)} axes once")
    return Box(tuple(order), (0,) * len(order), (1,) * len(order), tuple(shape[a] for a in order))


def part_of(planner: Planner, node: Node, output: str, box: Box) -> Symbol:
    """A box of whatever a node's first input is; UnsupportedError if it reaches outside."""
    box.require_inside(planner.shape(node.inputs[0]))
    planner.room.value(box.shape, np.float32)
    symbol = planner.symbol(node.inputs[0])
    if isinstance(symbol, (Constant, ConstantDequantized)):
        return moved_constant(symbol, box.of)
    if not isinstance(symbol, Deferred):
        return viewed(planner, symbol, output, box)
    deferred = symbol

    def emit(name: str, scale: np.float32, to: ops.Target) -> None:
        inner = f"{name}:whole"
        deferred.emit(inner, scale, to)
        viewed(planner, Codes(inner), name, box)

    return Deferred(box.shape, emit, deferred.lo, deferred.hi)
