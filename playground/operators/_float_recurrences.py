"""LSTM and GRU of float32: their steps, and how they are planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import FLAG, Count, Kernel, Words, floats
from playground.model.graph import Node
from playground.operators._attributes import text
from playground.operators._float_forms import float_constant
from playground.operators._float_products import product_by_constant
from playground.operators._floats import float_input
from playground.programs import float_recurrences
from playground.programs import integer_ops as ops
from playground.programs.call import Array
from playground.programs.float_products import STRIP, Finish, pack_floats, padded_columns
from playground.programs.integer_ops import Box
from playground.programs.kernel_program import At
from playground.programs.planner import Codes, Planner, Symbol
from playground.programs.program import Step, Value
from playground.programs.steps import Reshape, View

if TYPE_CHECKING:
    from playground.programs.lowering import Given, Lowering

_LSTM, _GRU = 4, 3
"""Gates, by which the two are told apart."""


def _padded(count: int) -> int:
    return -(-count // STRIP) * STRIP


def _weights(gates: Count) -> Count:
    return lambda w: 4 * _padded(gates(w) * int(w["hidden"])) * int(w["hidden"])


def _bias(gates: Count) -> Count:
    return lambda w: 4 * _padded(gates(w) * int(w["hidden"]))


def _states(w: Words) -> int:
    """Every step's states lie ``stride`` floats after those of the step before."""
    return 4 * int((w["time"] - 1) * w["stride"] + w["batch"] * w["hidden"])


def _of_gates(gates: int) -> Count:
    return lambda w: 4 * gates * int(w["time"] * w["batch"] * w["hidden"])


def _joined_gates(w: Words) -> int:
    return _GRU - (w["own_weights"] is not None)


def _some_steps(w: Words) -> str | None:
    return None if w["time"] and w["stride"] >= w["batch"] * w["hidden"] else "states of two steps overlap"


def _own_bias(w: Words) -> str | None:
    both = (w["own_weights"] is None) == (w["own_bias"] is None)
    return None if both else "the hidden gate has either weights or a bias of its own"


def _own_sums(w: Words) -> str | None:
    if (w["weights"] is None) != (w["bias"] is None):
        return "the state has either weights and a bias or neither"
    return None if w["weights"] is not None or w["time"] == 1 else "the state's share is that of one step"


_STATES = {
    "h": _states,
    "initial_h": floats("batch", "hidden"),
    "scratch": lambda w: 16 * int(w["batch"] * w["hidden"]),
}

LSTM = Kernel(
    "k_lstm_f32",
    {
        **{
            **_STATES,
            "projected": _of_gates(_LSTM),
            "weights": _weights(lambda w: _LSTM),
            "bias": _bias(lambda w: _LSTM),
        },
        **{name: floats("batch", "hidden") for name in ("initial_c", "c")},
    },
    ranges={"is_reversed": FLAG},
    rules=(_some_steps, _own_sums),
    optional=frozenset({"weights", "bias"}),
)
GRU = Kernel(
    "k_gru_f32",
    {
        **_STATES,
        **{"projected": _of_gates(_GRU), "weights": _weights(_joined_gates), "bias": _bias(_joined_gates)},
        **{"own_weights": _weights(lambda w: 1), "own_bias": _bias(lambda w: 1)},
    },
    ranges={"is_reversed": FLAG},
    rules=(_some_steps, _own_bias),
    optional=frozenset({"own_weights", "own_bias"}),
)


@dataclass(frozen=True, slots=True, eq=False)
class Recurrence(Step):
    """The states of an LSTM or GRU: (time, directions, batch, hidden), for an LSTM with the last cell behind them.

    Inputs are what the inputs add to the gates, a value for each direction, the first states (directions, batch,
    hidden), and for an LSTM the first cells.

    Attributes:
        gates: 4 for an LSTM, 3 for a GRU.
        weights: float32 (directions, hidden, gates * hidden), of the state.
        bias: float32 (directions, gates * hidden), of the state.
        reverse: whether the last step comes first, for each direction.
        linear: of a GRU, whether the reset gate applies to the product.
    """

    gates: int
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    reverse: tuple[bool, ...]
    linear: bool = False

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """One step in time after the other."""
        made, count = np.empty(out.shape, np.float32), len(self.reverse)
        first = inputs[count:]
        for k, reverse in enumerate(self.reverse):
            given = inputs[k], self.weights[k], self.bias[k], first[0][k]
            if self.gates == _LSTM:
                made[:-1, k], made[-1, k] = float_recurrences.lstm(*given, first[1][k], reverse=reverse)
            else:
                made[:, k] = float_recurrences.gru(*given, reverse=reverse, linear=self.linear)
        return made

    def lower(self, to: Lowering) -> None:
        """Recurrence: a call for each direction."""
        out, count = to.new(self.output), len(self.reverse)
        time, batch = to.values[self.inputs[0]].shape[:2]
        hidden = self.weights.shape[1]
        place = 4 * batch * hidden
        sizes = {"time": time, "batch": batch, "hidden": hidden, "stride": count * batch * hidden}
        scratch = to.buffer(4 * place)
        for k, reverse in enumerate(self.reverse):
            states = {"initial_h": At(to.row(self.inputs[count]), k * place), "h": At(out, k * place)}
            given = {**sizes, **states, "projected": to.row(self.inputs[k]), "is_reversed": reverse, "scratch": scratch}
            if self.gates == _LSTM:
                cells = {
                    "initial_c": At(to.row(self.inputs[count + 1]), k * place),
                    "c": At(out, (time * count + k) * place),
                }
                to.call(LSTM, **given, **cells, **self._packed(to, k, slice(None)))
            else:
                to.call(GRU, **given, **self._gru_weights(to, k, hidden))

    def _gru_weights(self, to: Lowering, k: int, hidden: int) -> Given:
        if self.linear:
            return {**self._packed(to, k, slice(None)), "own_weights": None, "own_bias": None}
        own = self._packed(to, k, slice(2 * hidden, None))
        return {**self._packed(to, k, slice(2 * hidden)), "own_weights": own["weights"], "own_bias": own["bias"]}

    def _packed(self, to: Lowering, k: int, columns: slice) -> Given:
        weights = self.weights
        packed = to.packed(lambda: pack_floats(weights[None, k, :, columns]), (weights,), "state", k, str(columns))
        return {"weights": to.placed(packed.weights), "bias": to.constant(padded_columns(self.bias[k][columns]))}


def plan_recurrence(planner: Planner, node: Node, gates: int, defaults: Sequence[str]) -> tuple[Symbol, ...]:
    """LSTM and GRU of a sequence whose samples are all as long; UnsupportedError of forms that are rare."""
    if not planner.floats:
        raise UnsupportedError("this operator has no integer form")
    require_plain(planner, node, defaults)
    w, r = (float_constant(planner, name, "weights") for name in node.inputs[1:3])
    x = float_input(planner, node.inputs[0])
    time, batch, features = planner.values[x].shape
    directions, wide, hidden = r.shape
    stated = node.attributes.get("hidden_size", hidden)
    ways = ways_of(node)
    if (w.shape, wide, stated) != ((directions, wide, features), gates * hidden, hidden) or directions != len(ways):
        raise UnsupportedError(f"weights of shapes {list(w.shape)} and {list(r.shape)} do not fit the input")
    planner.room.work(time * batch * directions * wide * (features + hidden))
    bias = _input(node, 3)
    both = float_constant(planner, bias, "bias") if bias else np.zeros((directions, 2 * wide), np.float32)
    both = both.reshape(directions, 2, wide)
    name = node.outputs[0] or next(filter(None, node.outputs))
    projected = []
    for k in range(directions):
        result = product_by_constant(planner, node.inputs[0], np.ascontiguousarray(w[k].T), Finish(both[k, 0]))
        result.emit(f"{name}:projected{k}", np.float32(1), ops.Target("float32"))
        projected.append(f"{name}:projected{k}")
    state = (directions, batch, hidden)
    first = [first_state(planner, node, place, state) for place in ((5, 6) if gates == _LSTM else (5,))]
    linear = bool(node.attributes.get("linear_before_reset", 0))
    step = Recurrence(
        (*projected, *first),
        f"{name}:states",
        gates,
        np.ascontiguousarray(r.transpose(0, 2, 1)),
        both[:, 1],
        ways,
        linear,
    )
    planner.emit(step, (time + (gates == _LSTM), *state), "float32")
    return outputs_of(planner, node, step.output, time, ways)


def _input(node: Node, place: int) -> str:
    return node.inputs[place] if len(node.inputs) > place else ""


def ways_of(node: Node) -> tuple[bool, ...]:
    """Whether the last step comes first, for each direction."""
    direction = text(node.attributes.get("direction", "forward"))
    return {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[direction]


def require_plain(planner: Planner, node: Node, defaults: Sequence[str]) -> None:
    """Raise UnsupportedError for what the kernels do not compute."""
    plain = all(not node.attributes.get(name) for name in ("clip", "input_forget", "layout", "activation_alpha"))
    given = [text(name).lower() for name in node.attributes.get("activations") or ()]
    usual = [name.lower() for name in defaults]
    if not plain or given not in ([], usual, usual * 2) or _input(node, 7):
        raise UnsupportedError("only the usual activations, without clip and peepholes, are supported")
    shape = planner.shape(node.inputs[0])
    if len(shape) != 3 or not math.prod(shape):
        raise UnsupportedError(f"an input of shape {list(shape)} is not a sequence")
    lengths = _input(node, 4)
    if lengths and not (planner.known(lengths, "length of a sequence") == shape[0]).all():
        raise UnsupportedError("sequences of different lengths are not supported")


def first_state(planner: Planner, node: Node, place: int, shape: tuple[int, ...]) -> str:
    """The value that holds an initial state; zeros where the node has none."""
    name = _input(node, place)
    if not name:
        return planner.constant(f"zeros:{shape}", np.zeros(shape, np.float32))
    value = float_input(planner, name)
    if planner.values[value].shape != shape:
        raise UnsupportedError(f"an initial state has shape {list(planner.values[value].shape)}")
    return value


def outputs_of(planner: Planner, node: Node, states: str, time: int, ways: tuple[bool, ...]) -> tuple[Symbol, ...]:
    """All states, the last state of each direction and the last cell, as copies of parts of a step's result."""
    total, directions, batch, hidden = planner.values[states].shape
    rows = f"{states}:rows"  # directions of a step lie behind each other
    planner.emit(Reshape((states,), rows), (total * directions, batch, hidden), "float32")
    ends = [(0 if reverse else time - 1) * directions + k for k, reverse in enumerate(ways)]
    state = (directions, batch, hidden)
    all_states, last, cell = (*node.outputs, "", "")[:3]
    views = {
        f"{all_states}:rows": _rows(0, (time * directions, batch, hidden)),
        last: _rows(ends[0], state, ends[-1] - ends[0] if directions > 1 else 1),
        cell: _rows(time * directions, state),
    }
    for output, view in views.items():
        if output and output != ":rows":
            planner.emit(View((rows,), output, view), view.shape, "float32")
    if all_states:
        planner.emit(Reshape((f"{all_states}:rows",), all_states), (time, *state), "float32")
    return tuple(Codes(name) for name in node.outputs)


def _rows(start: int, shape: tuple[int, ...], step: int = 1) -> Box:
    """Some rows of three axes, from one on."""
    return Box((0, 1, 2), (start, 0, 0), (step, 1, 1), shape)
