"""LSTM whose weights are codes and whose states are quantized as they come: its step, and how it is planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Node
from playground.operators._dynamic import (
    DYNAMIC_QUANTIZE,
    DYNAMIC_RANGE,
    SCALE_SUMS,
    DynamicQuantize,
    DynamicRange,
    ScaleSums,
)
from playground.operators._float_recurrences import LSTM, first_state, outputs_of, require_plain, ways_of
from playground.operators._floats import float_input
from playground.operators._products import Weights, product_by, rows_times
from playground.programs import dynamic_ops, float_recurrences
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.dynamic_ops import Columns
from playground.programs.kernel_program import At
from playground.programs.packing import Values, pack
from playground.programs.planner import Dequantized, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering

_GATES = 4

MOST_STEPS = 512
"""Steps in time, of all directions: each is some calls of its own."""

_EVERY = (-math.inf, math.inf)


def matrices(codes: Array, scale: Array | None, point: Array | None) -> list[tuple[Array, Array, Array]]:
    """For each direction codes, scales and zero-points, which are numbers or have one for each column."""
    directions, _, columns = codes.shape
    if scale is None or scale.shape not in ((directions,), (directions, columns)):
        found = "none" if scale is None else list(scale.shape)
        raise InvalidInputError(
            f"weights of shape {list(codes.shape)} have scales of shape {found}",
            hint=f"Give scales of shape [{directions}] or [{directions}, {columns}]",
        )
    points = np.zeros(scale.shape, codes.dtype) if point is None else point
    if points.shape != scale.shape:
        raise InvalidInputError(
            f"zero-points of shape {list(points.shape)} do not fit scales of shape {list(scale.shape)}",
            hint="Give one for each scale",
        )
    return list(zip(codes, scale, points, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class DynamicRecurrence(Step):
    """The states of an LSTM (time, directions, batch, hidden), with the last cell behind them.

    Inputs are as those of ``Recurrence``. A state meets the weights as uint8 codes of its own range.

    Attributes:
        weights: of each direction, of the state: int16 (hidden, 4 * hidden), zero-points taken off.
        columns: of each direction: sums of these weights, their scales, and the state's bias.
        reverse: whether the last step comes first, for each direction.
    """

    weights: tuple[NDArray[np.int16], ...]
    columns: tuple[Columns, ...]
    reverse: tuple[bool, ...]

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """One step in time after the other."""
        made, count = np.empty(out.shape, np.float32), len(self.reverse)
        h, c = inputs[count:]
        for k, reverse in enumerate(self.reverse):
            sums_of = partial(self._sums, k)
            made[:-1, k], made[-1, k] = float_recurrences.lstm_by(sums_of, inputs[k], h[k], c[k], reverse=reverse)
        return made

    def _sums(self, k: int, state: Array) -> Array:
        found = dynamic_ops.dynamic_range(state)
        sums = ops.matmul_integer(dynamic_ops.dynamic_quantize(state, found), self.weights[k], 0)
        return dynamic_ops.scale_sums(sums, found, self.columns[k], _EVERY)

    def lower(self, to: Lowering) -> None:
        """DynamicRecurrence: range, codes, product, scales and cell of each step."""
        out, count = to.new(self.output), len(self.reverse)
        time, batch, wide = to.values[self.inputs[0]].shape
        hidden = wide // _GATES
        place, gates = 4 * batch * hidden, 4 * batch * wide
        found, codes = to.buffer(8), to.buffer(batch * hidden)
        sums, scratch = to.buffer(gates), to.buffer(gates)
        values = Values(False, 0, to.dot)
        for k, reverse in enumerate(self.reverse):
            product = self._product(to, k, values)
            columns = self.columns[k]
            column = {"column_sums": columns.sums, "scale": columns.scale, "bias": columns.bias}
            held = {name: to.constant(array) for name, array in column.items()}
            cell = At(out, (time * count + k) * place)
            h, c = (At(to.row(name), k * place) for name in self.inputs[count:])
            for t in reversed(range(time)) if reverse else range(time):
                to.call(DYNAMIC_RANGE, x=h, n=batch * hidden, range=found)
                to.call(DYNAMIC_QUANTIZE, x=h, n=batch * hidden, range=found, codes=codes)
                end = to.epilogue(ops.Target("int32"), sums)
                rows_times(to, codes, {"rows": batch, "depth": hidden}, values, {**product, "to": end})
                limits = dict(zip(("lo", "hi"), _EVERY, strict=True))
                to.call(
                    SCALE_SUMS,
                    sums=sums,
                    rows=batch,
                    columns=wide,
                    range=found,
                    **held,
                    **limits,
                    steps_of=None,
                    out=scratch,
                )
                state = At(out, (t * count + k) * place)
                to.call(
                    LSTM,
                    projected=At(to.row(self.inputs[k]), t * gates),
                    time=1,
                    batch=batch,
                    hidden=hidden,
                    is_reversed=False,
                    weights=None,
                    bias=None,
                    initial_h=h,
                    initial_c=c,
                    stride=batch * hidden,
                    h=state,
                    c=cell,
                    scratch=scratch,
                )
                h, c = state, cell

    def _product(self, to: Lowering, k: int, values: Values) -> dict[str, object]:
        """The weights of a direction, times which codes become int32 sums."""
        weights = self.weights[k]
        wide = weights.shape[1]
        bias, ones = np.zeros(wide, np.int32), np.ones(wide, np.float32)
        packed = to.packed(lambda: pack(weights[None], bias, ones, values), (weights,), "state codes", values)
        return to.product(packed, wide, {})


def plan_dynamic_lstm(planner: Planner, node: Node, defaults: Sequence[str]) -> tuple[Symbol, ...]:
    """DynamicQuantizeLSTM of sequences that are all as long; UnsupportedError of forms that are rare."""
    if not planner.floats:
        raise UnsupportedError("this operator has no integer form")
    require_plain(planner, node, defaults)
    given = (*node.inputs, *[""] * 12)[:12]
    known = [planner.known(name, "weights") if name else None for name in (*given[1:3], *given[8:])]
    w, r = (np.asarray(array) for array in known[:2])
    x, ways = float_input(planner, node.inputs[0]), ways_of(node)
    time, batch, features = planner.values[x].shape
    directions, hidden, wide = r.shape
    if (w.shape, wide, directions) != ((directions, features, _GATES * hidden), _GATES * hidden, len(ways)):
        raise UnsupportedError(f"weights of shapes {list(w.shape)} and {list(r.shape)} do not fit the input")
    if time * directions > MOST_STEPS:
        raise UnsupportedError(f"more than {MOST_STEPS} steps in time are not supported")
    planner.room.work(time * batch * directions * wide * (features + hidden))
    both = planner.known(given[3], "bias") if given[3] else np.zeros((directions, 2 * wide), np.float32)
    bias = both.reshape(directions, 2, wide)
    name = node.outputs[0] or next(filter(None, node.outputs))
    inward, back = matrices(w, *known[2:4]), matrices(r, *known[4:6])
    projected = _projected(planner, name, x, [_columns(m, b[0]) for m, b in zip(inward, bias, strict=True)])
    state = (directions, batch, hidden)
    first = [first_state(planner, node, place, state) for place in (5, 6)]
    own = [_columns(m, b[1]) for m, b in zip(back, bias, strict=True)]
    weights, columns = (tuple(part) for part in zip(*own, strict=True))
    step = DynamicRecurrence((*projected, *first), f"{name}:states", weights, columns, ways)
    planner.emit(step, (time + 1, *state), "float32")
    return outputs_of(planner, node, step.output, time, ways)


def _columns(matrix: tuple[Array, Array, Array], bias: Array) -> tuple[NDArray[np.int16], Columns]:
    """The offsets of weights, and what makes floats of sums of codes that keep their zero-point."""
    codes, scale, point = matrix
    offsets = codes.astype(np.int16) - point.astype(np.int16)
    scales = np.ascontiguousarray(np.broadcast_to(scale, offsets.shape[1:]), np.float32)
    return offsets, Columns(offsets.sum(axis=0, dtype=np.int32), scales, np.ascontiguousarray(bias, np.float32))


def _projected(planner: Planner, name: str, x: str, of: list[tuple[NDArray[np.int16], Columns]]) -> list[str]:
    """What the inputs add to the gates of each direction, their bias included."""
    found, codes = f"{name}:range", f"{name}:codes"
    planner.emit(DynamicRange((x,), found), (2,), "float32")
    planner.emit(DynamicQuantize((x, found), codes), planner.values[x].shape, "uint8")
    made = []
    for k, (offsets, columns) in enumerate(of):
        wide = offsets.shape[1]
        weights = Weights(offsets, np.ones(wide, np.float32))
        product = product_by(planner, Dequantized(codes, np.float32(1), 0), weights, np.zeros(wide, np.int32))
        sums, output = f"{name}:sums{k}", f"{name}:projected{k}"
        product.emit(sums, np.float32(1), ops.Target("int32"))
        planner.emit(ScaleSums((sums, found), output, -1, columns, _EVERY), product.shape, "float32")
        made.append(output)
    return made
