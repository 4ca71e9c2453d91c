"""Refuses a kernel call whose arguments reach beyond their buffers or have no meaning, before it is made.

Kernels trust their arguments: they have no errors to raise. What each of them reads and writes is stated in
:mod:`playground.engines.kernel_signatures`; :func:`check_call` holds a call against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playground.engines.kernel_signatures import ACCUMULATORS, CODES, SIGNATURES, Signature, Words
from playground.errors import InvalidInputError

_SIZES = {
    "rows",
    "columns",
    "n",
    "batch",
    "nbytes",
    "outer",
    "row_bytes",
    "pixels",
    "channels",
    "height",
    "width",
    "pixel",
}


@dataclass(frozen=True, slots=True)
class Room:
    """What lies around an address: bytes of its buffer before it, and from it on."""

    before: int
    after: int


def check_call(kernel: str, args: Sequence[Any], room: Callable[[Any], Room | None]) -> None:
    """Hold a call against what its kernel reads and writes. Kernels that are not in ``SIGNATURES`` pass.

    Args:
        kernel: its name.
        args: one for each word.
        room: for an argument that is an address, what lies around it; None for numbers.

    Raises:
        InvalidInputError: a word is missing or too many, a size is negative, a buffer ends before the kernel does, a
            zero-point or the limits are no codes.
    """
    signature = SIGNATURES.get(kernel)
    if signature is None:
        return
    names = signature.names()
    if len(names) != len(args):
        raise InvalidInputError(f"it takes {len(names)} words, not {len(args)}", where=kernel)
    words = dict(zip(names, args, strict=True))
    for name, word in words.items():
        is_size = name in _SIZES or name.startswith("sizes[")
        if is_size and room(word) is None and word < 0:
            raise InvalidInputError(f"{name} is {word}", where=kernel, hint="Sizes are not negative")
    _check_codes(kernel, words, signature)
    _check_reach(kernel, words, signature, room)


def _check_reach(kernel: str, words: Words, signature: Signature, room: Callable[[Any], Room | None]) -> None:
    for name, reach_of in signature.reach.items():
        reach = reach_of(words)
        first, last = reach if isinstance(reach, tuple) else (0, reach)
        around = room(words[name])
        if first == last:
            continue
        if around is None:
            raise InvalidInputError(f"{name} is not an address but {words[name]}", where=kernel)
        if first < -around.before or last > around.after:
            raise InvalidInputError(
                f"{name} is touched from byte {first} to {last}, but there are {around.before} bytes before and"
                f" {around.after} after its address",
                where=kernel,
                hint="The buffer is too small, or a size or stride is wrong",
            )


def _check_codes(kernel: str, words: Words, signature: Signature) -> None:
    for name, signed in signature.zero_points:
        lowest, highest = (-128, 127) if words[signed] else (0, 255)
        if not lowest <= words[name] <= highest:
            raise InvalidInputError(f"{name} is {words[name]}, not a code of {lowest} to {highest}", where=kernel)
    if "kind" not in words:
        return
    kind, lo, hi, point = (words[name] for name in ("kind", "lo", "hi", "zero_point"))
    if kind not in range(ACCUMULATORS + 1):
        raise InvalidInputError(f"kind is {kind}, not one of 0 to {ACCUMULATORS}", where=kernel)
    if kind == CODES and not (-128 <= lo + point <= hi + point <= 255):
        raise InvalidInputError(f"the limits {lo} to {hi} around the zero-point {point} are no codes", where=kernel)
