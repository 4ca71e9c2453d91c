"""Holds a call of a kernel against what the kernel reads, writes and accepts, before it is made.

Kernels trust their arguments: they have no errors to raise. All sizes are Python's integers here, so no product
overflows; what a kernel works out in int32 stays in range, since no buffer that it touches has 2^31 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from playground.errors import EngineError, InvalidInputError, MissingError, plural
from playground.host.kernel import COUNT, Kernel, Rule, Touched
from playground.host.kernel_structs import structs

Room = Callable[[Any, bool], "tuple[int, int] | None"]
"""(argument, whether it is written to) -> bytes of its buffer before its address, and from there on. None for what is
not an address, or may not be written to."""

Layout = Mapping[str, "Layout | None"]
"""The names of a struct in order; those of a struct inside."""

MOST_BYTES = 2**31 - 1
_TOO_LARGE = 2.0**128 - 2.0**103
"""Numbers from here on have no float32."""


class Slot(NamedTuple):
    """A field of a kernel's struct, and what is stated of it: see ``Field`` and ``Part``. ``plain``: a single int32."""

    name: str
    kind: str
    length: int
    allowed: Container[int]
    touched: Touched | None
    optional: bool
    plain: bool


class Bound(NamedTuple):
    """A kernel's struct together with what is stated of it.

    Attributes:
        slots: its fields in order.
        layout: their names as a caller gives them.
        rules: what else has to hold.
    """

    slots: tuple[Slot, ...]
    layout: Layout
    rules: tuple[Rule, ...]


@cache
def bind(kernel: Kernel) -> Bound:
    """Put both together.

    Raises:
        MissingError: the build has no such kernel.
        EngineError: an address has no reach, or something is stated of a field that is not there.
    """
    fields = structs().get(kernel.name)
    if fields is None:
        raise MissingError(
            f"there is no kernel {kernel.name!r}", where="playground/kernels", hint="Build the kernels again"
        )
    whole = kernel.whole()
    addresses = {field.name for field in fields if field.is_address}
    words = {field.name for field in fields if field.kind == "word"}
    wrong = (addresses ^ set(whole.reach)) | (set(whole.ranges) - words) | (whole.optional - addresses)
    if wrong:
        raise EngineError(
            f"the statements about {', '.join(sorted(wrong))} do not match the fields of the struct",
            where=kernel.name,
            hint="State a reach for every address, and ranges for int32 only",
        )
    slots = tuple(
        Slot(
            *field,
            allowed=whole.ranges.get(field.name, COUNT),
            touched=whole.reach.get(field.name),
            optional=field.name in whole.optional,
            plain=field.kind == "word" and not field.length,
        )
        for field in fields
    )
    return Bound(slots, _layout([field.name.split(".") for field in fields]), whole.rules)


def _layout(paths: list[list[str]]) -> Layout:
    inside: dict[str, list[list[str]]] = {}
    for first, *rest in paths:
        inside.setdefault(first, []).append(rest)
    return {name: _layout(rests) if rests[0] else None for name, rests in inside.items()}


def arguments(kernel: Kernel, given: Mapping[str, Any], room: Room, dot: str) -> list[Any]:
    """The arguments of a call, one for each word of the struct: int, float, or what was given as an address.

    Args:
        kernel: which is called.
        given: its arguments by field name; a mapping for a struct inside, a sequence for an array, None for no address.
        room: tells what lies around an address.
        dot: how the kernels multiply.

    Raises:
        InvalidInputError: a field is missing or unknown, a number out of range, a buffer ends before the kernel does.
        EngineError, MissingError: as :func:`bind`.
    """
    bound = bind(kernel)
    values: list[Any] = []
    _collect(kernel, bound.layout, given, values)
    words: dict[str, Any] = {"dot": dot}
    made: list[Any] = []
    for slot, one in zip(bound.slots, values, strict=True):
        usual = slot.touched is not None or (type(one) is int and slot.plain and one in slot.allowed)
        value = one if usual else _checked(kernel, slot, one)
        words[slot.name] = value
        if isinstance(value, tuple):
            made += value
        else:
            made.append(0 if value is None else value)
    for rule in bound.rules:
        wrong = rule(words)
        if wrong is not None:
            raise InvalidInputError(wrong, where=kernel.name, hint="Correct the arguments")
    for slot, value in zip(bound.slots, values, strict=True):
        if slot.touched is not None and not (value is None and slot.optional):
            _check_reach(kernel, slot, value, slot.touched(words), room)
    return made


def fields_of(kernel: Kernel, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given by field name, unchecked; InvalidInputError if a field is missing or unknown."""
    values: list[Any] = []
    _collect(kernel, bind(kernel).layout, given, values)
    return {
        slot.name: tuple(value) if slot.length else value
        for slot, value in zip(bind(kernel).slots, values, strict=True)
    }


def _collect(kernel: Kernel, layout: Layout, given: Mapping[str, Any], values: list[Any], before: str = "") -> None:
    """Append the given values in the order of the struct."""
    if not isinstance(given, dict) or given.keys() != layout.keys():
        names, found = set(layout), set(given) if isinstance(given, dict) else set()
        missing, unknown = (
            ", ".join(before + name for name in sorted(some)) or "none" for some in (names - found, found - names)
        )
        raise InvalidInputError(
            f"the call does not name the fields of the struct (missing: {missing}; unknown: {unknown})",
            where=kernel.name,
            hint="Name every field once",
        )
    for name, inside in layout.items():
        if inside is None:
            values.append(given[name])
        else:
            _collect(kernel, inside, given[name], values, f"{before}{name}.")


def _checked(kernel: Kernel, slot: Slot, value: Any) -> int | float | tuple[int, ...]:
    """A number, or the numbers of an array, if they are in range."""
    if slot.kind == "float":
        return _float(kernel, slot.name, value)
    if not slot.length:
        return _word(kernel, slot, value)
    if not isinstance(value, (list, tuple)) or len(value) != slot.length:
        raise InvalidInputError(
            f"{slot.name} is {value!r}", where=kernel.name, hint=f"Give {plural(slot.length, 'number')}"
        )
    return tuple(_word(kernel, slot, one) for one in value)


def _word(kernel: Kernel, slot: Slot, value: Any) -> int:
    if not isinstance(value, (int, np.integer, np.bool_)):
        raise InvalidInputError(f"{slot.name} is {value!r}", where=kernel.name, hint="Give an integer")
    value, allowed = int(value), slot.allowed
    if value not in allowed:
        hint = f"Use {allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else f"Use one of {allowed}"
        raise InvalidInputError(f"{slot.name} is {value}", where=kernel.name, hint=hint)
    return int(value)


def _float(kernel: Kernel, name: str, value: Any) -> float:
    if not isinstance(value, (float, int, np.floating, np.integer)):
        raise InvalidInputError(f"{name} is {value!r}", where=kernel.name, hint="Give a number")
    try:
        made = float(value)
    except OverflowError:
        made = _TOO_LARGE
    if _TOO_LARGE <= abs(made) < float("inf"):
        raise InvalidInputError(f"{name} is {value}", where=kernel.name, hint="Give a number that float32 holds")
    return made


def _check_reach(kernel: Kernel, slot: Slot, value: Any, reach: int | tuple[int, int], room: Room) -> None:
    first, last = reach if isinstance(reach, tuple) else (0, reach)
    around = room(value, slot.kind == "write")
    if around is None:
        what = "an address that may be written to" if slot.kind == "write" else "an address"
        shown = "a constant or read-only array" if hasattr(value, "nbytes") or hasattr(value, "buffer") else repr(value)
        raise InvalidInputError(f"{slot.name} is {shown}", where=kernel.name, hint=f"Give {what}")
    if first == last:
        return
    before, after = around
    if first < -before or last > after or last - first > MOST_BYTES:
        raise InvalidInputError(
            f"{slot.name} is touched from byte {first} to {last}, but there are {before} bytes before and"
            f" {after} after its address",
            where=kernel.name,
            hint="Use a larger buffer, or correct the sizes and strides",
        )
