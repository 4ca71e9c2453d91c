"""MaxPool: the largest value of each window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.host.kernel import FLAG, Kernel, octets
from playground.model.graph import Node
from playground.operators._attributes import WINDOW, flag
from playground.operators._floats import pooled
from playground.operators._images import LINES, four_axes, of_signals, pool_window
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._ranks import as_input
from playground.programs import integer_ops as ops
from playground.programs.call import Array, Call
from playground.programs.fast_products import larger
from playground.programs.integer_ops import Window
from playground.programs.kernel_parts import PIXELS, images
from playground.programs.planner import CodeFunction, Codes, Planner, Symbol
from playground.programs.program import Step, Value
from playground.programs.windows import Windows, windows

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, x: Array) -> Array | tuple[Array, Array]:
    """The largest value of each window, and where in x it is (int64) if asked; padding never wins."""
    geometry = windows(call, x.shape[2:], tuple(call.get("kernel_shape")))
    geometry.require_room(call, x, x.shape[1])
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = geometry.pad(x, lowest)
    if call.outputs > 1:
        return _with_places(geometry, padded, _places(call, x.shape))
    return reduce(larger, geometry.taps(padded)).copy()


def _places(call: Call, shape: tuple[int, ...]) -> Array:
    """The number of every place of images, counted line by line or, with ``storage_order`` 1, column by column."""
    call.room.value(shape, np.int64)
    order: Literal["C", "F"] = "F" if call.get("storage_order") else "C"
    images, sizes = math.prod(shape[:2]), shape[2:]
    own = np.arange(math.prod(sizes)).reshape(sizes, order=order)
    firsts = np.arange(images).reshape(*shape[:2], *[1] * len(sizes)) * own.size
    return np.asarray(firsts + own, np.int64)


def _with_places(geometry: Windows, padded: Array, places: Array) -> tuple[Array, Array]:
    """The largest value of each window, and its place; the first of equal ones."""
    best, found = None, None
    for values, here in zip(geometry.taps(padded), geometry.taps(geometry.pad(places, -1)), strict=True):
        if best is None or found is None:
            best, found = values.copy(), here.copy()
            continue
        # Values as low as padding win over it
        wins = (here >= 0) & ((values > best) | (found < 0))
        best, found = np.where(wins, values, best), np.where(wins, here, found)
    if best is None or found is None:
        raise InvalidInputError("a window without a place has no largest value", hint="Use a larger window")
    return best, found


MAX_POOL = Kernel("k_maxpool_s8", {"out": octets(*PIXELS)}, {"is_signed": FLAG}, parts=(images(),))


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool(Step):
    """Largest codes; scale and zero-point stay."""

    window: Window

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The largest code under each window."""
        return ops.max_pool(inputs[0], self.window)

    def lower(self, to: Lowering) -> None:
        """MaxPool."""
        (name,) = self.inputs
        images = to.images(name, self.window)
        to.call(MAX_POOL, images=images, is_signed=to.is_signed(name), out=to.new(self.output, image=True))


def plan(planner: Planner, node: Node) -> Symbol:
    """MaxPool: the codes' own maximum, so scale and zero-point stay."""
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedError("the second output (indices) is not supported")
    shape = planner.shape(node.inputs[0])
    if len(shape) == LINES:
        return of_signals(planner, node, plan)
    window = pool_window(node, four_axes(shape), planner.room)
    symbol = planner.symbol(node.inputs[0])
    rises = isinstance(symbol, CodeFunction) and _rises(symbol, planner.values[symbol.value].dtype)
    floats = None if rises else pooled(planner, node, window, mean=False)
    if floats is not None:
        return floats
    of_codes = isinstance(symbol, Codes) and planner.values[symbol.value].dtype in ("int8", "uint8")
    x = symbol if isinstance(symbol, (Codes, CodeFunction)) and (rises or of_codes) else planner.real(node.inputs[0])
    step = MaxPool((x.value,), node.outputs[0], window)
    planner.emit(step, (*shape[:2], *window.out), planner.values[x.value].dtype)
    return replace(x, value=node.outputs[0])


def _rises(function: CodeFunction, dtype: str) -> bool:
    """Whether a larger code never gives a smaller result: then that of the largest code is the largest."""
    places = np.argsort(np.arange(256, dtype=np.uint8).view(dtype), kind="stable")
    results = function.results[places]
    return bool((results[1:] >= results[:-1]).all())


OPERATOR = Operator(
    name="MaxPool",
    ranks=(3, 5),
    run=run,
    attributes=(*WINDOW, flag("ceil_mode"), flag("storage_order")),
    scales=Scales.PASSES,
    traits=Trait.MONOTONIC | Trait.HOMOGENEOUS | Trait.BY_CHANNEL | Trait.MOVES,
    forms=Form.DEFAULT,
    rank=as_input,
    plan=plan,
)
