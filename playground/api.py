"""The functions most callers need; ``playground`` re-exports them."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from playground import calibration
from playground.arrays import as_float32, require_values
from playground.convention_rules import CONVENTIONS, Convention
from playground.number_formats import FORMATS, NumberFormat
from playground.quantization import QTensor, Range, Scheme, quantize_values, rotated


def quantize(
    x: ArrayLike,
    scheme: Scheme | None = None,
    range: Range | None = None,  # noqa: A002
    *,
    zero_point: int | None = None,
) -> QTensor:
    """Quantize an array: find its range (or take the given one), choose the parameters, encode.

    Args:
        x: real numbers of any shape and type; they are worked on as float32.
        scheme: how; int8, symmetric, one scale, as ONNX Runtime does, when left out.
        range: clip here instead of where the scheme's calibrator would; one number for all channels is enough.
        zero_point: use this zero-point; needs an asymmetric scheme.

    Raises:
        InvalidInputError: x has no values, or NaN or infinite ones; an option is invalid or contradicts another.
        UnsupportedError: the scheme asks for something that is not available yet.
    """
    scheme = scheme or Scheme()
    values = require_values(as_float32(x))
    needed = range is None and scheme.needs_range
    found = calibration.calibrate(rotated(values, scheme), scheme) if needed else range
    return quantize_values(values, found, scheme, zero_point)


def formats() -> Mapping[str, NumberFormat]:
    """The number formats by id."""
    return FORMATS


def calibrators() -> Mapping[str, calibration.Calibrator]:
    """The calibrators by id."""
    return calibration.CALIBRATORS


def conventions() -> Mapping[str, Convention]:
    """The conventions by id."""
    return CONVENTIONS
