"""TFLite's LSTM over a sequence, which ONNX has as one operator too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.readers._tflite_builder import Builder
from playground.model.readers._tflite_file import Operation

_INPUT, _RECURRENT, _PEEPHOLE, _BIAS, _PROJECTION, _NORMALIZATION = 1, 5, 9, 12, 16, 20
"""Where the inputs of each kind start."""

_GATES = (0, 3, 1, 2)
"""ONNX has the gates in the order input, output, forget, cell; TFLite input, forget, cell, output."""

_PEEPHOLES = (0, 2, 1)
"""The same of the three that look at the cell."""

_ACTIVATIONS = {1: "Relu", 4: "Tanh"}


def lstm(b: Builder, op: Operation) -> None:
    """A whole sequence. The state, a variable of the file, is 0 at the start of each run."""
    x, y = op.inputs[0], op.outputs[0]
    given = (*op.inputs, *(-1,) * (24 - len(op.inputs)))
    _refuse(b, op, given)
    attributes: dict[str, Any] = {"hidden_size": b.size(_recurrent(given), 1)}
    kind = _ACTIVATIONS[op.option(0, "b")]
    if kind != "Tanh":
        attributes |= {"activations": ["Sigmoid", kind, kind]}
    by_time = bool(op.option(3, "?", False))
    limit, steps = op.option(1, "f", 0.0), b.shape(x)[0 if by_time else 1]
    # each step adds at most 1 to a cell
    if limit > 0 and not (isinstance(steps, int) and steps <= limit):
        b.notes.append(f"LiteRT keeps the cell of operator {op.op} within {limit:g}, which is not done here")
    sequence = b.real(x) if by_time else b.real(x, (1, 0, 2))
    w, r, bias = (_joined(b, [given[at + gate] for gate in _GATES]) for at in (_INPUT, _RECURRENT, _BIAS))
    none = b.number(np.zeros(4 * b.size(_recurrent(given), 1)), "no_bias")
    both = b.emit("Concat", [bias, none], axis=0)
    inputs = [sequence, *(b.emit("Unsqueeze", [name, b.ints([0], "axes")]) for name in (w, r, both))]
    if given[_PEEPHOLE] >= 0:
        looks = _joined(b, [given[_PEEPHOLE + gate] for gate in _PEEPHOLES])
        inputs += ["", "", "", b.emit("Unsqueeze", [looks, b.ints([0], "axes")])]
    made = b.emit("LSTM", inputs, **attributes)
    made = b.emit("Squeeze", [made, b.ints([1], "axes")])
    b.give(y, made if by_time else b.emit("Transpose", [made], perm=[1, 0, 2]))


def _recurrent(given: Sequence[int]) -> int:
    return given[_RECURRENT + 1]


def _refuse(b: Builder, op: Operation, given: Sequence[int]) -> None:
    """Refuse what ONNX's operator does not have."""
    wrong = {
        "codes, not floats": b.codes(given[0]) is not None,
        "no input gate": given[_INPUT] < 0,
        "a projection": given[_PROJECTION] >= 0,
        "normalized gates": given[_NORMALIZATION + 1] >= 0,
        f"activation {op.option(0, 'b')}": op.option(0, "b") not in _ACTIVATIONS,
        "recurrent weights that are diagonals": b.rank(_recurrent(given)) != 2,
    }
    for what, is_so in wrong.items():
        if is_so:
            raise UnsupportedError(what)


def _joined(b: Builder, numbers: Sequence[int]) -> str:
    return b.emit("Concat", [b.real(number) for number in numbers], axis=0)


CONVERTERS: Mapping[str, Callable[[Builder, Operation], None]] = {"UNIDIRECTIONAL_SEQUENCE_LSTM": lstm}
