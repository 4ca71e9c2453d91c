"""The arithmetic of softmax, normalisation and products of two activations, by NumPy.

As :mod:`playground.programs.integer_ops`, this is the specification that the WebAssembly kernels are tested against,
bit for bit: every float32 operation is rounded on its own, and sums are formed in a stated order. The tables that the
kernels take as arguments are made here too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError
from playground.programs.integer_ops import Codes, Float32, Target
from playground.programs.resizing import ROUNDINGS, coordinates, rounded

_SOFTMAX_SUMS = 16
_TRANSFORMS = ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners")


def exp_table(scale: float) -> Float32:
    """``float32(exp(-d * scale))`` for code differences d of 0 to 255: the table of :func:`softmax`."""
    return np.exp(-np.arange(256) * np.float64(scale)).astype(np.float32)


def softmax(codes: Codes, exps: Float32, ratio: float, to: Target) -> NDArray[Any]:
    """Softmax along the last axis.

    ``e = exps[largest code of the row - code]``, then ``e * (ratio / sum of e)`` through ``to``. The float32 sum: value
    j is added to sum ``j % 16``; then the upper half of the sums is added to the lower half until one is left.

    Args:
        codes: of any shape with a last axis that is not empty.
        exps: of :func:`exp_table`, for the scale of ``codes``.
        ratio: 1 over the scale of the output; 1 for floats.
        to: limits and type of the result.
    """
    wide = codes.astype(np.int32)
    e = exps[wide.max(axis=-1, keepdims=True) - wide]
    padded = np.pad(e, [(0, 0)] * (e.ndim - 1) + [(0, -e.shape[-1] % _SOFTMAX_SUMS)])
    sums = padded.reshape(*e.shape[:-1], -1, _SOFTMAX_SUMS)
    total = sums[..., 0, :].copy()
    for i in range(1, sums.shape[-2]):
        total += sums[..., i, :]
    while total.shape[-1] > 1:
        half = total.shape[-1] // 2
        total = total[..., :half] + total[..., half:]
    return to.finish(e * (np.float32(ratio) / total))


def layer_norm(
    codes: Codes, to: Target, *, zero_point: int, epsilon: float, gamma: Float32, beta: Float32, centred: bool = True
) -> NDArray[Any]:
    """Layer normalisation along the last axis, or RMS normalisation.

    With ``x = code - zero_point``, sums S of x and Q of x², exact, over n values: ``variance = (n Q - S²) / n²``
    (``Q / n`` if not centred) and ``1 / sqrt(variance + epsilon)`` in float64, that and ``mean = S / n`` rounded to
    float32; then ``((float32(x) - mean) * inverse) * gamma + beta`` in float32, through ``to``.

    Args:
        codes: (..., n).
        to: limits and type of the result.
        zero_point: of the codes.
        epsilon: over the square of the codes' scale.
        gamma: (n,), over the scale of the output.
        beta: (n,), likewise.
        centred: False for RMS normalisation.
    """
    x = codes.astype(np.int64) - zero_point
    n, total, squares = x.shape[-1], x.sum(axis=-1, keepdims=True), (x * x).sum(axis=-1, keepdims=True)
    if centred:
        variance = (n * squares - total * total).astype(np.float64) / np.float64(n * n)
    else:
        variance = squares.astype(np.float64) / np.float64(n)
    inverse = (1 / np.sqrt(variance + np.float64(np.float32(epsilon)))).astype(np.float32)
    mean = (total / np.float64(n)).astype(np.float32) if centred else np.float32(0)
    return to.finish((x.astype(np.float32) - mean) * inverse * gamma + beta)


def multiply(a: Codes, b: Codes, zero_points: tuple[int, int], ratio: np.float32, to: Target) -> NDArray[Any]:
    """``float32((a - za) * (b - zb)) * ratio`` through ``to``; ratio is both scales over the output's."""
    (za, zb) = zero_points
    product = (a.astype(np.int32) - za) * (b.astype(np.int32) - zb)
    return to.finish(product.astype(np.float32) * np.float32(ratio))


def nearest_indices(
    size: int,
    out_size: int,
    scale: float | None = None,
    transform: str = "half_pixel",
    rounding: str = "round_prefer_floor",
) -> NDArray[np.int32]:
    """Which of ``size`` places each of ``out_size`` places takes its value from, as ONNX's Resize in mode nearest does.

    Coordinates are float32, as in ONNX Runtime.

    Args:
        size: places along this axis.
        out_size: places of the output.
        scale: output over input; None: out_size / size.
        transform: ONNX's ``coordinate_transformation_mode``.
        rounding: ONNX's ``nearest_mode``.

    Returns:
        int32 (out_size,), within 0 .. size - 1.

    Raises:
        InvalidInputError: there is no such transform or rounding, or a size is not positive.
    """
    if size < 1 or out_size < 1:
        raise InvalidInputError(f"{size} places cannot be resized to {out_size}", hint="Give positive sizes")
    if transform not in _TRANSFORMS or rounding not in ROUNDINGS:
        hint = f"Use one of {', '.join(_TRANSFORMS)} and one of {', '.join(ROUNDINGS)}"
        raise InvalidInputError(f"{transform!r} with {rounding!r} is not a way to resize", hint=hint)
    return rounded(coordinates(size, out_size, scale, transform), size, rounding)
