"""Codes of one byte that are found in a table: by NumPy, and in the browser, where NumPy is slow, by a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import host
from playground.host.kernel import Kernel, Words, fixed, floats, octets
from playground.number_formats._float_bits import sticky_keys
from playground.number_formats._format import Codes, Reals

SMALL = 1 << 9
"""Values below which calling the kernel costs more than it saves."""


def _places(w: Words) -> int:
    return int(w["count"]) + 1


NEAREST = Kernel(
    "k_nearest",
    {"x": floats("n"), "boundaries": floats("count"), "order": _places, "codes": octets("n")},
    ranges={"count": range(256)},
    optional=frozenset({"order"}),
)
STICKY_CODES = Kernel("k_sticky_codes", {"x": floats("n"), "table": fixed(1 << 16), "codes": octets("n")})

_FEW = 40
"""Up to so many boundaries it is faster to compare with each of them than to search."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A way from float32 values to codes that are uint8.

    Attributes:
        kernel: the kernel of ``wasm_kernels/lookup.c`` that does it.
        table: what the kernel looks in, and how long it is said to be if the kernel asks.
        by_numpy: values and table -> codes, or places; the kernel gives the very same.
        order: the codes by place, if they are others than the places that ``by_numpy`` gives.
    """

    kernel: Kernel
    table: NDArray[Any]
    by_numpy: Callable[[Reals, NDArray[Any]], Codes]
    order: NDArray[np.uint8] | None = None

    def codes(self, values: Reals) -> Codes:
        """uint8 of the values' shape."""
        if host.numpy_is_slow() and values.size >= SMALL and values.dtype == np.float32:
            return self.by_kernel(values)
        places = self.by_numpy(values, self.table)
        return places if self.order is None else self.order.take(places)

    def by_kernel(self, values: Reals) -> Codes:
        """The same, whatever the host and the size are. MissingError without kernels."""
        kernels = host.kernels()
        x, table = kernels.resident(values), kernels.resident(self.table)
        codes = kernels.empty(values.shape, np.uint8)
        given = {"x": x, "n": x.size, "codes": codes}
        if self.kernel is NEAREST:
            order = None if self.order is None else kernels.resident(self.order)
            kernels.call(NEAREST, boundaries=table, count=table.size, order=order, **given)
        else:
            kernels.call(self.kernel, table=table, **given)
        return codes


def between(limits: Reals, order: NDArray[np.uint8] | None = None) -> Lookup:
    """How many of up to 255 ascending boundaries lie below a number, or the code of that place."""
    return Lookup(NEAREST, limits, count_below, order)


def over_keys(table: NDArray[np.uint8]) -> Lookup:
    """What a table of 65536 codes says of a number's :func:`sticky_keys`."""
    return Lookup(STICKY_CODES, table, _take)


def count_below(values: Reals, limits: Reals) -> Codes:
    """How many ascending boundaries lie below each value: uint8, or uint16 where they are more than 255."""
    dtype = np.uint8 if limits.size < 256 else np.uint16
    if limits.size > _FEW:
        return np.searchsorted(limits, values).astype(dtype)
    places = np.zeros(values.shape, dtype)
    for limit in limits:
        places += values > limit
    return places


def _take(values: Reals, table: NDArray[np.uint8]) -> Codes:
    found: Codes = table.take(sticky_keys(values))
    return found
