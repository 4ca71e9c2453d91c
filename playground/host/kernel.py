"""What a kernel reads, writes and accepts. A :class:`Kernel` is the only thing that a host calls.

The struct above a kernel in ``wasm_kernels/`` names its arguments. The module that uses the kernel states here what it
makes of them, and :mod:`playground.host.kernel_checks` holds every call against that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

Words = Mapping[str, Any]
"""The arguments of a call by field name: an int or a float, a tuple of ints for an array, for an address what was given
(None for no address). The fields of a struct inside have its name before theirs, as in ``to.kind``. ``dot`` is how the
kernels multiply: see ``Kernels.dot``."""

Touched = Callable[[Words], "int | tuple[int, int]"]
"""What a kernel reads or writes from an address on: a number of bytes, or the first byte and the one after the last."""

Count = Callable[[Words], int]

Rule = Callable[[Words], "str | None"]
"""What is wrong with arguments that are each in range, or None."""

ANY = range(-(2**31), 2**31)
COUNT = range(2**31)
POSITIVE = range(1, 2**31)
FLAG = range(2)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What several kernels have in common, mostly because their structs hold the same struct.

    Attributes:
        reach: of each address, what is touched.
        ranges: of each int, the values that it may have, if they are others than 0 to 2^31 - 1.
        rules: what else has to hold.
        optional: addresses that may be left out, as None.
    """

    reach: Mapping[str, Touched] = field(default_factory=dict)
    ranges: Mapping[str, Container[int]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel and what it does with its arguments. Every address in its struct has to have a reach.

    Attributes:
        name: ``k_...``, as in the C source.
        reach: as in :class:`Part`, as are the following.
        parts: added to what is stated here.
    """

    name: str
    reach: Mapping[str, Touched] = field(default_factory=dict)
    ranges: Mapping[str, Container[int]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    optional: frozenset[str] = frozenset()
    parts: tuple[Part, ...] = ()

    def whole(self) -> Part:
        """All of it and of its parts together; what the kernel states itself goes before what a part states."""
        every = (*self.parts, Part(self.reach, self.ranges, self.rules, self.optional))
        return Part(
            {name: touched for part in every for name, touched in part.reach.items()},
            {name: allowed for part in every for name, allowed in part.ranges.items()},
            tuple(rule for part in every for rule in part.rules),
            frozenset[str]().union(*(part.optional for part in every)),
        )


def size(w: Words, *names: str) -> int:
    """The product of some arguments, those of arrays included; exact, however large."""
    return math.prod(math.prod(v) if isinstance(v := w[name], tuple) else v for name in names)


def octets(*names: str, each: int = 1) -> Count:
    """As many elements as the product of some arguments, of ``each`` bytes."""
    return lambda w: each * size(w, *names)


def floats(*names: str) -> Count:
    """The same for float32 and int32."""
    return octets(*names, each=4)


def doubles(*names: str) -> Count:
    """The same for float64."""
    return octets(*names, each=8)


def fixed(count: int) -> Count:
    """Always so many bytes."""
    return lambda _: count


def box(sizes: tuple[int, ...], strides: tuple[int, ...], width: int = 1) -> tuple[int, int]:
    """The reach of a box of elements of ``width`` bytes with strides in bytes: from its lowest byte to its highest."""
    if 0 in sizes:
        return 0, 0
    steps = [(n - 1) * stride for n, stride in zip(sizes, strides, strict=True)]
    return sum(min(step, 0) for step in steps), sum(max(step, 0) for step in steps) + width
