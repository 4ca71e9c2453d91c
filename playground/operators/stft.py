"""STFT: Fourier transforms of pieces of a signal that overlap."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import flag, single
from playground.operators._operator import Operator, Takes
from playground.operators._spectra import complex_of, pairs_of
from playground.programs.call import Array, Call


def run(call: Call, signal: Array, step: Array, window: Array | None = None, length: Array | None = None) -> Array:
    """Transforms of pieces of the signal, as pairs (batch, pieces, bins, 2).

    Args:
        call: has ``onesided``: only the first half of each transform.
        signal: (batch, length) or (batch, length, 1 or 2).
        step: from one piece to the next.
        window: factors of the values of a piece.
        length: of a piece; that of the window, or of the whole signal, by default.

    Raises:
        InvalidInputError: a piece is longer than the signal or not as long as the window, or the step is not positive.
    """
    values = complex_of(signal[..., None] if signal.ndim == 2 else signal)
    if values.ndim != 2:
        raise InvalidInputError(f"values of shape {list(signal.shape)} are no signals", hint="Give (batch, length, 1)")
    whole = values.shape[1] if window is None else window.size
    size, by = whole if length is None else int(single(length, "length")), int(single(step, "step"))
    if not 1 <= size <= values.shape[1] or by < 1 or (window is not None and window.shape != (size,)):
        raise InvalidInputError(
            f"pieces of {size} in steps of {by} do not fit a signal of {values.shape[1]} and its window",
            hint="Use a positive step, and pieces as long as the window and not longer than the signal",
        )
    onesided = bool(call.get("onesided"))
    if onesided and np.iscomplexobj(values):
        raise InvalidInputError("a complex signal has no onesided transform", hint="Use onesided 0")
    pieces = 1 + (values.shape[1] - size) // by
    call.room.value((len(values), pieces, size, 2), np.float64)
    cut = np.lib.stride_tricks.sliding_window_view(values, size, axis=1)[:, ::by]
    weighted = cut if window is None else cut * window.astype(np.float64)
    return pairs_of(np.fft.rfft(weighted) if onesided else np.fft.fft(weighted), signal.dtype)


OPERATOR = Operator(
    name="STFT",
    versions=(17, None),
    run=run,
    attributes=(flag("onesided", True),),
    data=(0,),
    takes=(Takes.VALUES, Takes.NUMBER, Takes.PARAMETER, Takes.NUMBER),
    ranks=(2, 3),
)
