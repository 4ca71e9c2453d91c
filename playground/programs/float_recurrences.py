"""LSTM and GRU of float32 over a sequence, by NumPy: the specification of ``wasm_kernels/recurrent_f32.c``.

Sums of products are formed as in :mod:`playground.programs.float_products`; every other operation is rounded on its
own. What the inputs add to the gates comes in as ``projected`` (time, batch, gates * hidden), their bias included.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.programs.float_functions import sigmoid, tanh
from playground.programs.float_products import ordered_sums
from playground.programs.integer_ops import Float32


def lstm(
    projected: Float32, weights: Float32, bias: Float32, h: Float32, c: Float32, *, reverse: bool
) -> tuple[Float32, Float32]:
    """All states, and the last cell: :func:`lstm_by` with ``s = h @ weights + bias``.

    Args:
        projected: (time, batch, 4 * hidden), gates in the order i, o, f, g.
        weights: (hidden, 4 * hidden).
        bias: (4 * hidden,).
        h: (batch, hidden), the first state.
        c: (batch, hidden), the first cell.
        reverse: whether the last step comes first.

    Returns:
        (time, batch, hidden), in the order of the inputs, and (batch, hidden).
    """
    return lstm_by(lambda state: ordered_sums(state, weights) + bias, projected, h, c, reverse=reverse)


def lstm_by(
    sums_of: Callable[[Float32], Float32], projected: Float32, h: Float32, c: Float32, *, reverse: bool
) -> tuple[Float32, Float32]:
    """All states, and the last cell.

    With ``s = sums_of(h)`` and ``p`` of the step: ``i, o, f = sigmoid(p + s)``, ``g = tanh(p + s)``,
    ``c = f * c + i * g`` and ``h = o * tanh(c)``.

    Args:
        sums_of: the state's share of the gates (batch, 4 * hidden).
        projected: (time, batch, 4 * hidden), gates in the order i, o, f, g.
        h: (batch, hidden), the first state.
        c: (batch, hidden), the first cell.
        reverse: whether the last step comes first.

    Returns:
        (time, batch, hidden), in the order of the inputs, and (batch, hidden).
    """
    states = np.empty((*projected.shape[:2], h.shape[1]), np.float32)
    with np.errstate(all="ignore"):
        for t in _order(len(projected), reverse=reverse):
            i, o, f, g = np.split(projected[t] + sums_of(h), 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            states[t] = h
    return states, c


def gru(projected: Float32, weights: Float32, bias: Float32, h: Float32, *, reverse: bool, linear: bool) -> Float32:
    """All states.

    With ``s = h @ weights + bias`` and ``p`` of the step: ``z, r = sigmoid(p + s)``; ``n = tanh(p + r * s)`` if
    ``linear`` (the product is reset), else ``n = tanh(p + ((r * h) @ weights + bias))``; ``h = (1 - z) * n + z * h``.

    Args:
        projected: (time, batch, 3 * hidden), gates in the order z, r, n.
        weights: (hidden, 3 * hidden).
        bias: (3 * hidden,).
        h: (batch, hidden), the first state.
        reverse: whether the last step comes first.
        linear: ONNX's ``linear_before_reset``.

    Returns:
        (time, batch, hidden), in the order of the inputs.
    """
    states, hidden = np.empty((*projected.shape[:2], h.shape[1]), np.float32), h.shape[1]
    two = 2 * hidden
    with np.errstate(all="ignore"):
        for t in _order(len(projected), reverse=reverse):
            sums = ordered_sums(h, weights if linear else weights[:, :two]) + (bias if linear else bias[:two])
            z, r = np.split(sigmoid(projected[t][:, :two] + sums[:, :two]), 2, axis=1)
            own = r * sums[:, two:] if linear else ordered_sums(r * h, weights[:, two:]) + bias[two:]
            h = (np.float32(1) - z) * tanh(projected[t][:, two:] + own) + z * h
            states[t] = h
    return states


def _order(time: int, *, reverse: bool) -> range:
    return range(time - 1, -1, -1) if reverse else range(time)
