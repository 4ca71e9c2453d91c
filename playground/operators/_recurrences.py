"""What LSTM, GRU and RNN share: directions, lengths of sequences, activations, layouts.

Inside, time comes first: inputs are (time, sample, feature), states (sample, hidden).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.errors import InvalidInputError, one_of
from playground.model.graph import Node
from playground.operators import sigmoid
from playground.operators._attributes import Attribute, text
from playground.operators._operator import Form, Operator, Run, Scales, Shapes, Takes, Weight
from playground.programs.call import Array, Call
from playground.programs.fast_products import product

Function = Callable[[Array], Array]
States = tuple[Array, ...]

ATTRIBUTES = (
    Attribute("activation_alpha", "floats"),
    Attribute("activation_beta", "floats"),
    Attribute("activations", "strings"),
    Attribute("clip", "float", low=0.0),
    Attribute("direction", "string", "forward", choices=("forward", "reverse", "bidirectional")),
    Attribute("hidden_size", "int", low=1),
    Attribute("layout", "int", 0, choices=(0, 1), since=14),
)
"""Those that all three have."""


def _sigmoid(x: Array) -> Array:
    return sigmoid.run(Call({}), x)


FUNCTIONS: dict[str, tuple[tuple[float, ...], Callable[..., Array]]] = {
    "Affine": ((0.0, 0.0), lambda x, a, b: a * x + b),
    "Elu": ((1.0,), lambda x, a: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x)),
    "HardSigmoid": ((0.2, 0.5), lambda x, a, b: np.clip(a * x + b, 0, 1)),
    "LeakyRelu": ((0.01,), lambda x, a: np.where(x < 0, a * x, x)),
    "Relu": ((), lambda x: np.maximum(x, 0)),
    "ScaledTanh": ((0.0, 0.0), lambda x, a, b: a * np.tanh(b * x)),
    "Sigmoid": ((), _sigmoid),
    "Softplus": ((), lambda x: np.logaddexp(x, 0)),
    "Softsign": ((), lambda x: x / (1 + np.abs(x))),
    "Tanh": ((), np.tanh),
    "ThresholdedRelu": ((0.0,), lambda x, a: np.where(x > a, x, 0)),
}
"""Name of an activation -> its alpha and beta as ONNX Runtime has them by default; itself."""

_PROPER = {name.lower(): name for name in FUNCTIONS}
"""Files write names in any letters."""


def functions_of(call: Call, defaults: Sequence[str], directions: int) -> list[list[Function]]:
    """The activations of each direction.

    ``activation_alpha`` and ``activation_beta`` hold numbers for those activations only that take some, in order.

    Raises:
        InvalidInputError: their number is wrong, or one is not known.
    """
    stated = [text(name) for name in call.get("activations") or list(defaults) * directions]
    names = [_PROPER.get(name.lower(), name) for name in stated]
    if len(names) != len(defaults) * directions:
        raise InvalidInputError(
            f"the node names {len(names)} activations", hint=f"Name {len(defaults)} for each direction"
        )
    unknown = [name for name in names if name not in FUNCTIONS]
    if unknown:
        raise InvalidInputError(f"{unknown[0]!r} is not a valid activation", hint=one_of(unknown[0], FUNCTIONS))
    given = [iter(call.get(f"activation_{which}") or ()) for which in ("alpha", "beta")]
    made = []
    for name in names:
        numbers, run = FUNCTIONS[name]
        made.append(_bound(run, [float(next(own, number)) for number, own in zip(numbers, given, strict=False)]))
    return [made[k * len(defaults) : (k + 1) * len(defaults)] for k in range(directions)]


def _bound(run: Callable[..., Array], numbers: Sequence[float]) -> Function:
    return lambda x: np.asarray(run(x, *map(x.dtype.type, numbers)), x.dtype)


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a recurrent operator.

    Attributes:
        place: which one: along the first axis of weights and biases.
        project: sums of all gates that the inputs give: (rows, features) -> (rows, gates * hidden).
        recur: sums of some gates that a state gives: (samples, hidden), first and last gate -> (samples, ...).
        bias: (2, gates * hidden): of the inputs and of the state.
        functions: its activations.
        clip: limit of what goes into them; None: there is none.
        hidden: size of the state.
    """

    place: int
    project: Callable[[Array], Array]
    recur: Callable[[Array, int, int], Array]
    bias: Array
    functions: Sequence[Function]
    clip: float | None
    hidden: int

    def gate(self, sums: Array, function: int) -> Array:
        """An activation of sums, which are clipped first."""
        if self.clip is not None:
            sums = np.clip(sums, -self.clip, self.clip).astype(sums.dtype)
        return self.functions[function](sums)


Products = Callable[[int], tuple[Callable[[Array], Array], Callable[[Array, int, int], Array]]]
"""Direction -> how it multiplies inputs and states with the weights."""


def float_products(w: Array, r: Array) -> Products:
    """Products with weights (direction, gates * hidden, features) and (direction, gates * hidden, hidden)."""

    def of(k: int) -> tuple[Callable[[Array], Array], Callable[[Array, int, int], Array]]:
        inward, back, hidden = np.ascontiguousarray(w[k].T), np.ascontiguousarray(r[k].T), r.shape[2]

        def recur(h: Array, first: int, last: int) -> Array:
            return product(h, back[:, first * hidden : last * hidden])

        return lambda x: product(x, inward), recur

    return of


Cell = Callable[[Direction, Array, States], States]
"""``cell(direction, projected, states)``: the states after one step; the first is the output."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of what a recurrent operator computes: steps in time, samples, features, directions, gates, hidden."""

    time: int
    samples: int
    features: int
    directions: int
    gates: int
    hidden: int


def sizes_of(call: Call, x: Array, w: Sequence[int], r: Sequence[int], gates: int) -> Sizes:
    """The sizes that inputs, weights (direction, gates * hidden, ...) and attributes agree on.

    Raises:
        InvalidInputError: they do not.
        UnsupportedError: the outputs are too large.
    """
    directions = 2 if text(call.get("direction", "forward")) == "bidirectional" else 1
    if x.ndim != 3 or len(w) != 3 or len(r) != 3:
        raise InvalidInputError("the input and both weights need 3 axes", hint="Correct their shapes")
    first, second = (1, 0) if call.get("layout", 0) else (0, 1)
    found = Sizes(x.shape[first], x.shape[second], x.shape[2], directions, gates, r[2])
    stated = call.get("hidden_size", found.hidden)
    wanted = [(directions, gates * found.hidden, found.features), (directions, gates * found.hidden, found.hidden)]
    if [tuple(w), tuple(r)] != wanted or stated != found.hidden:
        raise InvalidInputError(
            f"weights of shapes {list(w)} and {list(r)} do not fit an input of shape {list(x.shape)}, "
            f"{directions} directions and a hidden size of {stated}",
            hint=f"Give shapes {list(wanted[0])} and {list(wanted[1])}",
        )
    rows = found.time * found.samples
    call.room.value((rows, directions, gates * found.hidden), x.dtype)
    call.room.work(rows * directions * gates * found.hidden * (found.features + found.hidden))
    return found


def shaped(given: Array | None, shape: tuple[int, ...], what: str, dtype: Any) -> Array:
    """An optional input of this shape; zeros where it is not given."""
    if given is None:
        return np.zeros(shape, dtype)
    if given.shape != shape:
        raise InvalidInputError(f"{what} has shape {list(given.shape)}", hint=f"Give it shape {list(shape)}")
    return given


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A recurrent operator on its inputs.

    Attributes:
        call: attributes of the node.
        sizes: of what it computes.
        products: how weights are multiplied.
        defaults: names of the activations of a direction.
        cell: one step in time.
    """

    call: Call
    sizes: Sizes
    products: Products
    defaults: Sequence[str]
    cell: Cell

    def run(self, x: Array, bias: Array | None, lengths: Array | None, *initial: Array | None) -> tuple[Array, ...]:
        """The outputs of all steps, and the states after the last one.

        Args:
            x: inputs, time or samples first, as the attribute ``layout`` says.
            bias: (directions, 2 * gates * hidden).
            lengths: of the sequences; None: all are whole.
            initial: the first states, directions or samples first.

        Returns:
            Outputs (time, directions, samples, hidden) or (samples, time, directions, hidden), 0 behind the end of a
            sequence; and each state like ``initial``.
        """
        s, batch_first = self.sizes, bool(self.call.get("layout", 0))
        wide = s.gates * s.hidden
        biases = shaped(bias, (s.directions, 2 * wide), "the bias", x.dtype).reshape(s.directions, 2, wide)
        state = (s.samples, s.directions, s.hidden) if batch_first else (s.directions, s.samples, s.hidden)
        starts = [shaped(given, state, "an initial state", x.dtype) for given in initial]
        if batch_first:
            x, starts = x.swapaxes(0, 1), [start.swapaxes(0, 1) for start in starts]
        ends = self._ends(lengths)
        functions = functions_of(self.call, self.defaults, s.directions)
        backwards = text(self.call.get("direction", "forward")) == "reverse"
        y = np.empty((s.time, s.directions, s.samples, s.hidden), x.dtype)
        last: list[States] = []
        for k in range(s.directions):
            way = Direction(k, *self.products(k), biases[k], functions[k], self.call.get("clip"), s.hidden)
            given = tuple(start[k] for start in starts)
            y[:, k], states = self._along(way, x, given, ends, reverse=backwards or k == 1)
            last.append(states)
        finals = [np.stack(column) for column in zip(*last, strict=True)]
        if batch_first:
            return y.transpose(2, 0, 1, 3), *(final.swapaxes(0, 1) for final in finals)
        return y, *finals

    def _ends(self, lengths: Array | None) -> Array | None:
        """The lengths of sequences; None if all are whole."""
        if lengths is None:
            return None
        ends = lengths.astype(np.int64)
        if ends.shape != (self.sizes.samples,) or ((ends < 0) | (ends > self.sizes.time)).any():
            raise InvalidInputError(
                f"{lengths.reshape(-1)[:4].tolist()} are not valid lengths of {self.sizes.samples} sequences",
                hint=f"Give each a length from 0 to {self.sizes.time}",
            )
        return None if (ends == self.sizes.time).all() else ends

    def _along(
        self, way: Direction, x: Array, states: States, ends: Array | None, *, reverse: bool
    ) -> tuple[Array, States]:
        """The outputs of one direction, in the order of the inputs, and its last states."""
        s = self.sizes
        projected = way.project(np.ascontiguousarray(x).reshape(-1, s.features)).reshape(s.time, s.samples, -1)
        times = np.broadcast_to(np.arange(s.time)[:, None], (s.time, s.samples))
        held = None if ends is None else times < ends
        if reverse:
            times = (s.time if ends is None else ends) - 1 - times
        # Steps behind the end of a sequence read anything: what they give is not kept
        order = np.where(times < 0, 0, times), np.arange(s.samples)
        if reverse:
            projected = projected[order]
        y = np.zeros((s.time, s.samples, s.hidden), x.dtype)
        for t in range(s.time):
            made = self.cell(way, projected[t], states)
            if held is not None and not held[t].all():
                made = tuple(np.where(held[t][:, None], new, old) for new, old in zip(made, states, strict=True))
            states = made
            y[t] = states[0]
        if held is not None:
            y[~held] = 0
        if not reverse:
            return y, states
        turned = y[order]
        if held is not None:
            turned[~held] = 0
        return turned, states


WEIGHTS = (Weight(1, lambda node, rank: 1), Weight(2, lambda node, rank: 1))
"""Weights of the inputs and of the state: directions first, then the outputs of all gates."""


def cost(node: Node, shapes: Shapes) -> int:
    """A multiply-add for each weight, step in time and sample."""
    x, w, r = (shapes[name] for name in node.inputs[:3])
    return x[0] * x[1] * w[0] * w[1] * (w[2] + r[2])


def operator(name: str, run: Run, *own: Attribute, data: tuple[int, ...] = (0, 1, 2, 3, 5)) -> Operator:
    """One of the three operators.

    Args:
        name: its name.
        run: its float function.
        *own: the attributes that it has besides those of all three.
        data: places of the inputs that carry values.
    """
    return Operator(
        name=name,
        takes=(Takes.VALUES, Takes.VALUES, Takes.VALUES, Takes.VALUES, Takes.SIZES, Takes.VALUES),
        ranks=(3, 3),
        run=run,
        attributes=(*ATTRIBUTES, *own),
        data=data,
        weights=WEIGHTS,
        scales=Scales.RECURRENT,
        forms=Form.DEFAULT | Form.DYNAMIC | Form.WEIGHT_ONLY,
        cost=cost,
    )
