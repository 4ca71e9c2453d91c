"""Fourier transforms of complex numbers that are held as pairs on a last axis."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.programs.call import Array


def complex_of(x: Array) -> Array:
    """Complex numbers, complex128, of values (..., 1) or (..., 2); real ones stay float64.

    Raises:
        InvalidInputError: the last axis does not hold real and imaginary parts.
    """
    if x.ndim < 2 or x.shape[-1] not in (1, 2):
        raise InvalidInputError(
            f"values of shape {list(x.shape)} are not complex numbers",
            hint="Give a last axis of 1 (real) or 2 (real and imaginary)",
        )
    wide = x.astype(np.float64)
    return wide[..., 0] if x.shape[-1] == 1 else wide[..., 0] + 1j * wide[..., 1]


def pairs_of(values: Array, dtype: np.dtype[np.generic]) -> Array:
    """Complex numbers as pairs (..., 2)."""
    return np.stack([values.real, values.imag], -1).astype(dtype)
