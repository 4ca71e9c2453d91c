"""Changes to bytes, texts and JSON that readers stumble over."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

INTEGERS = [0, 1, 2, 7, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1]
ODD = [
    *(None, True, False, "", "a", "\ud7ff", "x" * 5000, [], {}, [[]], [None], {"a": {}}, 0, -1, 1.5, -0.0),
    *(
        10**400,
        -(10**400),
        2**63,
        2**64,
        1e308,
        "NaN",
        "1e999",
        "int8",
        [1] * 40,
        "*" * 200,
        "[" * 60,
        "\x00",
        "é\u202e",
    ),
]


def mutated_bytes(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The bytes with one to eight changes."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if not made:
            return rng.randbytes(rng.randrange(64))
        rng.choice(_BYTES)(rng, made)
    if others and rng.random() < 0.1:
        other = rng.choice(others)
        made[rng.randrange(len(made) + 1) :] = other[rng.randrange(len(other) + 1) :]
    return bytes(made)


def _flip(rng: random.Random, made: bytearray) -> None:
    made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, made: bytearray) -> None:
    made[rng.randrange(len(made))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _number(rng: random.Random, made: bytearray) -> None:
    """An integer that means a size, an offset or a count, over four or eight bytes or as a varint."""
    at, value = rng.randrange(len(made)), rng.choice(INTEGERS)
    size = rng.choice((2, 4, 8))
    made[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")


def _varint(rng: random.Random, made: bytearray) -> None:
    at, value = rng.randrange(len(made)), rng.choice(INTEGERS)
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    made[at : at + rng.choice((1, len(octets)))] = octets


def _cut(rng: random.Random, made: bytearray) -> None:
    at = rng.randrange(len(made))
    del made[at : at + rng.choice((1, 2, 8, len(made)))]


def _insert(rng: random.Random, made: bytearray) -> None:
    at = rng.randrange(len(made) + 1)
    made[at:at] = rng.choice((rng.randbytes(rng.randrange(1, 17)), bytes(rng.randrange(1, 500))))


def _repeat(rng: random.Random, made: bytearray) -> None:
    at = rng.randrange(len(made))
    piece = made[at : at + rng.randrange(1, 60)]
    made[at:at] = piece * rng.choice((1, 2, 50))


_BYTES: Sequence[Callable[[random.Random, bytearray], None]] = (_flip, _set, _number, _varint, _cut, _insert, _repeat)


def mutated_json(rng: random.Random, value: Any, descend: float = 0.98) -> Any:
    """Plain data with a value replaced, removed, wrapped or repeated somewhere; ``descend``: rather inside it."""
    if isinstance(value, dict) and value and rng.random() < descend:
        return _mutated_object(rng, value)
    if isinstance(value, list) and value and rng.random() < descend:
        made = list(value)
        at = rng.randrange(len(made))
        action = rng.random()
        if action < 0.1:
            return made * rng.choice((2, 30))
        if action < 0.2:
            del made[at]
        else:
            made[at] = mutated_json(rng, made[at], 0.9)
        return made
    return _replaced(rng, value)


def _mutated_object(rng: random.Random, value: dict[str, Any]) -> dict[str, Any]:
    made = dict(value)
    name = rng.choice(list(made))
    action = rng.random()
    if action < 0.1:
        del made[name]
    elif action < 0.2:
        made[str(rng.choice(ODD))[:5000]] = made[name]
    elif action < 0.25:
        made[name] = made
        made[name] = dict(value)
    else:
        made[name] = mutated_json(rng, made[name], 0.9)
    return made


def _replaced(rng: random.Random, value: Any) -> Any:
    if isinstance(value, bool | None) or rng.random() < 0.5:
        return rng.choice(ODD)
    if isinstance(value, int):
        return rng.choice(
            (value + 1, -value, value * 2**40, rng.choice(INTEGERS), value / 2 if abs(value) < 2**63 else 0)
        )
    if isinstance(value, str):
        return rng.choice((value + "\x00", value * 50, value[:-1], value.upper(), rng.choice(("*", ".*", "("))))
    return [value, value]
