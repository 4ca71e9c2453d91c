"""The functions most callers need; ``playground`` re-exports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from playground import calibration
from playground.arrays import as_float32, require_values
from playground.convention_rules import CONVENTIONS, Convention
from playground.errors import InvalidInputError, shown
from playground.number_formats import FORMATS, NumberFormat
from playground.quantization import QTensor, Range, Scheme, as_scheme, quantize_values, rotated


def quantize(
    x: ArrayLike,
    scheme: Scheme | str | Mapping[str, Any] | None = None,
    range: Range | tuple[float, float] | None = None,  # noqa: A002
    *,
    zero_point: int | None = None,
    **fields: Any,
) -> QTensor:
    """Quantize an array: find its range (or take the given one), choose the parameters, encode.

    Args:
        x: real numbers of any shape and type, also tensors of other packages; they are worked on as float32.
        scheme: how: a scheme, the id of a number format, or a mapping of a scheme's fields; int8, symmetric, one scale,
            as ONNX Runtime does, when left out.
        range: clip here instead of where the scheme's calibrator would; one number for all channels is enough, and two
            numbers are a range.
        zero_point: use this zero-point; needs an asymmetric scheme.
        fields: fields of the scheme, as in ``format="int4", granularity="block", block_size=32``. Blocks lie along the
            last axis if none is named.

    Raises:
        InvalidInputError: x has no values, or NaN or infinite ones; an option is invalid or contradicts another.
        UnsupportedError: the scheme asks for something that is not available yet.
    """
    scheme = as_scheme(Scheme() if scheme is None else scheme, **fields)
    if scheme.granularity == "block" and scheme.axis is None:
        scheme = replace(scheme, axis=-1)
    range = _as_range(range)  # noqa: A001
    values = require_values(as_float32(x))
    needed = range is None and scheme.needs_range
    found = calibration.calibrate(rotated(values, scheme), scheme) if needed else range
    return quantize_values(values, found, scheme, zero_point)


def _as_range(given: Any) -> Range | None:
    if given is None or isinstance(given, Range):
        return given
    if isinstance(given, tuple | list) and len(given) == 2:
        return Range(*given)
    raise InvalidInputError(f"{shown(given)} is not a range", where="range", hint="Use Range(-1.0, 1.0) or (-1.0, 1.0)")


def formats() -> Mapping[str, NumberFormat]:
    """The number formats by id."""
    return FORMATS


def calibrators() -> Mapping[str, calibration.Calibrator]:
    """The calibrators by id."""
    return calibration.CALIBRATORS


def conventions() -> Mapping[str, Convention]:
    """The conventions by id."""
    return CONVENTIONS
