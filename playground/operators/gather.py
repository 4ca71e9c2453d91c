"""Gather: slices along an axis; an embedding is a gather from constant codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.host.kernel import Kernel, Words, fixed, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._moves import Movable, moved_constant
from playground.operators._operator import Form, Operator, Scales, Takes, Trait, Weight
from playground.operators._ranks import ConstantOf, RankOf
from playground.programs.call import Array, Call
from playground.programs.planner import Codes, Constant, ConstantDequantized, Deferred, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, x: Array, indices: Array) -> Array:
    """Slices of x along ``axis``; a negative index counts from the end."""
    axis = call.get("axis")
    rows = x.shape[axis]
    call.room.octets(x.nbytes // max(rows, 1) * indices.size, [*x.shape, *indices.shape])
    return np.take(x, indices, axis)


def _table_has_rows(w: Words) -> str | None:
    return "there is no row to take" if w["n"] * w["outer"] and not w["rows"] else None


GATHER = Kernel(
    "k_gather",
    {
        "x": octets("outer", "rows", "row_bytes"),
        "indices": octets("n", "index_width"),
        "out": octets("outer", "n", "row_bytes"),
        "outside": fixed(4),
    },
    ranges={"index_width": (4, 8)},
    rules=(_table_has_rows,),
)


@dataclass(frozen=True, slots=True, eq=False)
class Gather(Step):
    """Slices of the first input along an axis, chosen by the second (int32 or int64, negative from the end)."""

    axis: int

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The slices; InvalidInputError if an index is out of range."""
        rows = inputs[0].shape[self.axis]
        if ((inputs[1] < -rows) | (inputs[1] >= rows)).any():
            raise InvalidInputError(
                f"an index is outside of {rows} rows", where=self.output, hint=f"Use indices from {-rows} to {rows - 1}"
            )
        return np.take(inputs[0], inputs[1], axis=self.axis)

    def check_feeds(self, feeds: Mapping[str, Array], values: Mapping[str, Value]) -> None:
        """Raise InvalidInputError if an index that is fed is none of the slices'."""
        if self.inputs[1] not in feeds:
            return
        given, rows = feeds[self.inputs[1]], values[self.inputs[0]].shape[self.axis]
        if given.min() < -rows or given.max() >= rows:
            raise InvalidInputError(
                f"indices from {given.min()} to {given.max()} are outside of {rows} rows",
                where=self.inputs[1],
                hint=f"Use indices from {-rows} to {rows - 1}",
            )

    def lower(self, to: Lowering) -> None:
        """Gather: rows by their indices."""
        name, chosen = self.inputs
        shape = to.values[name].shape
        to.call(
            GATHER,
            x=to.row(name),
            outer=math.prod(shape[: self.axis]),
            rows=shape[self.axis],
            row_bytes=math.prod(shape[self.axis + 1 :]) * to.width(name),
            indices=to.row(chosen),
            n=math.prod(to.values[chosen].shape),
            index_width=to.width(chosen),
            out=to.new(self.output),
            outside=to.faults(self.output, *_outside(shape[self.axis])),
        )


def plan(planner: Planner, node: Node) -> Symbol:
    """Gather along an axis; an embedding is a gather from constant codes."""
    table = planner.symbol(node.inputs[0])
    if isinstance(table, (Constant, ConstantDequantized)) and planner.is_constant(node.inputs[1]):
        places = planner.known(node.inputs[1], "list of indices")
        whole = planner.shape(node.inputs[0])
        rows = whole[int(node.attributes["axis"])]
        planner.room.octets(4 * math.prod(whole) // max(rows, 1) * places.size, [*whole, *places.shape])
        return moved_constant(table, lambda x: np.take(x, places, int(node.attributes["axis"])))
    data = _gathered_from(planner, node.inputs[0])
    indices_at = planner.symbol(node.inputs[1])
    if isinstance(indices_at, Constant) and indices_at.array.dtype in (np.int32, np.int64):
        source = planner.constant(f"{node.inputs[1]}:indices", indices_at.array.astype(np.int64))
    elif isinstance(indices_at, Codes) and planner.values[indices_at.value].dtype in ("int32", "int64"):
        source = indices_at.value
    else:
        raise UnsupportedError("the indices are not integers")
    shape, chosen = planner.values[data.value].shape, planner.values[source].shape
    axis = axis_of(node.attributes["axis"], len(shape))
    if not shape[axis] and 0 not in chosen:
        raise UnsupportedError("there are indices but the table has no rows")
    _check_places(indices_at, shape[axis])
    step = Gather((data.value, source), node.outputs[0], axis)
    out_shape = (*shape[:axis], *chosen, *shape[axis + 1 :])
    planner.emit(step, out_shape, planner.values[data.value].dtype)
    return replace(data, value=node.outputs[0])


def _outside(rows: int) -> tuple[str, str]:
    """What is wrong, and the remedy, where an index is out of range."""
    return f"an index is outside of {rows} rows", f"Use indices from {-rows} to {rows - 1}"


def _check_places(indices: Symbol, rows: int) -> None:
    if (
        isinstance(indices, Constant)
        and indices.array.size
        and (indices.array.min() < -rows or indices.array.max() >= rows)
    ):
        raise UnsupportedError(f"an index is outside of {rows} rows")


def _gathered_from(planner: Planner, name: str) -> Movable:
    symbol = planner.symbol(name)
    if isinstance(symbol, ConstantDequantized):
        return planner.codes(name)
    if planner.floats and isinstance(symbol, (Constant, Deferred)):
        return Codes(planner.floating(name))
    if isinstance(symbol, Deferred) or (isinstance(symbol, Constant) and symbol.array.dtype.kind == "f"):
        raise UnsupportedError("the table is not quantized")
    if isinstance(symbol, Constant):
        return Codes(planner.constant(name, symbol.array))
    return symbol


def _rank(node: Node, rank: RankOf, known: ConstantOf) -> int | None:
    table, places = rank(node.inputs[0]), rank(node.inputs[1])
    return None if table is None or places is None else table - 1 + places


OPERATOR = Operator(
    name="Gather",
    takes=(Takes.VALUES, Takes.INDICES),
    run=run,
    attributes=(Attribute("axis", "int", 0),),
    data=(0,),
    weights=(Weight(0, lambda node, rank: None),),
    scales=Scales.LOOKUP,
    traits=Trait.MOVES,
    forms=Form.FURTHER | Form.NAMED | Form.DYNAMIC | Form.WEIGHT_ONLY,
    rank=_rank,
    plan=plan,
)
