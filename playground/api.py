"""The functions most callers need; ``playground`` re-exports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from playground import calibration
from playground.arrays import as_float32, require_values
from playground.calls import public
from playground.convention_rules import CONVENTIONS, Convention
from playground.number_formats import FORMATS, NumberFormat
from playground.quantization import QTensor, Range, Scheme, as_range, as_scheme, quantize_values, rotated
from playground.quantization.other_names import FIELDS

_X = dict.fromkeys(
    ("values", "tensor", "array", "data", "input", "weight", "weights", "arr", "t"), "quantize(x, 'int8')"
)


@public("quantize(x, 'int8')", {**FIELDS, **_X}, lambda: [held.name for held in fields_of(Scheme)])
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
    range = None if range is None else as_range(range)  # noqa: A001
    values = require_values(as_float32(x))
    needed = range is None and scheme.needs_range
    found = calibration.calibrate(rotated(values, scheme), scheme) if needed else range
    return quantize_values(values, found, scheme, zero_point)


@public("formats()['int4']")
def formats() -> Mapping[str, NumberFormat]:
    """The number formats by id."""
    return FORMATS


@public("calibrators()['minmax']")
def calibrators() -> Mapping[str, calibration.Calibrator]:
    """The calibrators by id."""
    return calibration.CALIBRATORS


@public("conventions()['onnxruntime']")
def conventions() -> Mapping[str, Convention]:
    """The conventions by id."""
    return CONVENTIONS
