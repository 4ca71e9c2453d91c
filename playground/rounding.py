"""The ways from a real number to an integer, by id. Ties are where implementations differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[Any]
"""float32 or float64 values."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """One way to round.

    Attributes:
        id: stable name, as in ``Scheme.rounding``.
        apply: rounds float32 or float64 values, finite or infinite, in place; takes a random generator too, which all
            but ``stochastic`` leave alone.
        reach: the largest distance, in steps, at which a value still gets a given code.
        summary: one line: where a value between two integers goes.
    """

    id: str
    apply: Callable[[Reals, np.random.Generator | None], None]
    reach: float
    summary: str

    @property
    def random(self) -> bool:
        """Whether it needs a random generator."""
        return self.id == "stochastic"


def _half_even(x: Reals, _: np.random.Generator | None = None) -> None:
    np.rint(x, out=x)


def _half_away(x: Reals, _: np.random.Generator | None = None) -> None:
    # The number before one half: with it a tie gets to the next integer by the sum's own rounding, and what lies just
    # below a tie does not, which one half itself would let happen.
    almost_half = np.nextafter(x.dtype.type(0.5), x.dtype.type(0))
    np.add(x, np.copysign(almost_half, x), out=x)
    np.trunc(x, out=x)


def _half_up(x: Reals, _: np.random.Generator | None = None) -> None:
    whole = np.floor(x)
    with np.errstate(invalid="ignore"):
        rest = x - whole  # inexact only close to 1, where it makes no difference
    np.add(whole, rest >= 0.5, out=x)


def _floor(x: Reals, _: np.random.Generator | None = None) -> None:
    np.floor(x, out=x)


def _ceil(x: Reals, _: np.random.Generator | None = None) -> None:
    np.ceil(x, out=x)


def _toward_zero(x: Reals, _: np.random.Generator | None = None) -> None:
    np.trunc(x, out=x)


def _stochastic(x: Reals, random: np.random.Generator | None = None) -> None:
    generator = random or np.random.default_rng(0)
    whole = np.floor(x)
    with np.errstate(invalid="ignore"):
        rest = x - whole
    np.add(whole, generator.random(x.shape, x.dtype) < rest, out=x)


ROUNDINGS: Mapping[str, Rounding] = MappingProxyType(
    {
        rounding.id: rounding
        for rounding in (
            # IEEE 754's default: ONNX, PyTorch
            Rounding("half_even", _half_even, 0.5, "to the nearest, ties to the even one"),
            # C's round(): TFLite, ggml
            Rounding("half_away", _half_away, 0.5, "to the nearest, ties away from zero"),
            # floor(x + 1/2): fixed-point hardware that adds half and shifts
            Rounding("half_up", _half_up, 0.5, "to the nearest, ties upwards"),
            Rounding("floor", _floor, 1.0, "downwards"),
            Rounding("ceil", _ceil, 1.0, "upwards"),
            # what a plain cast does
            Rounding("toward_zero", _toward_zero, 1.0, "toward zero"),
            # Gupta et al. 2015, https://arxiv.org/abs/1502.02551: unbiased
            Rounding("stochastic", _stochastic, 1.0, "up with the probability of the rest, else down"),
        )
    }
)
"""Rounding id -> rounding, read-only."""
