"""The ways from a real number to an integer, by id. Ties are where implementations differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from playground.arrays import Float32


@dataclass(frozen=True, slots=True)
class Rounding:
    """One way to round.

    Attributes:
        id: stable name, as in ``Scheme.rounding``.
        apply: rounds float32 values, finite or infinite, in place.
        reach: the largest distance, in steps, at which a value still gets a given code.
    """

    id: str
    apply: Callable[[Float32], None]
    reach: float


def _half_even(x: Float32) -> None:
    np.rint(x, out=x)


def _half_away(x: Float32) -> None:
    whole = np.trunc(x)
    with np.errstate(invalid="ignore"):  # infinity stays as it is
        rest = np.abs(x - whole)  # exact, which x + 0.5 would not be
    np.add(whole, np.where(rest >= 0.5, np.copysign(np.float32(1), x), np.float32(0)), out=x)


def _toward_zero(x: Float32) -> None:
    np.trunc(x, out=x)


ROUNDINGS: Mapping[str, Rounding] = MappingProxyType(
    {
        rounding.id: rounding
        for rounding in (
            Rounding("half_even", _half_even, 0.5),  # IEEE 754's default: ONNX, PyTorch
            Rounding("half_away", _half_away, 0.5),  # C's round(): TFLite, ggml
            Rounding("toward_zero", _toward_zero, 1.0),  # what a plain cast does
        )
    }
)
"""Rounding id -> rounding, read-only."""
