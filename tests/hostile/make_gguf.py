"""Files of ggml, .gguf, that are nearly well formed."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from typing import Any

from tests.hostile.mutate import INTEGERS, mutated_bytes

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TEXT, LIST = 8, 9


def text(value: bytes | str, size: int | None = None) -> bytes:
    """A text; ``size``: what it claims."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", (len(data) if size is None else size) % 2**64) + data


def entry(key: str, kind: int, value: Any) -> bytes:
    """An entry of the metadata; ``value`` as bytes is written as it is, a list as (kind of its items, items)."""
    return text(key) + struct.pack("<I", kind) + item(kind, value)


def item(kind: int, value: Any) -> bytes:
    """A value of the metadata."""
    if kind == TEXT:
        return text(value)
    if kind == LIST:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(item(inner, each) for each in items)
    return struct.pack(SCALARS[kind], value) if kind in SCALARS else bytes(value)


def info(name: str, shape: Iterable[int], kind: int, offset: int) -> bytes:
    """What a file says about a tensor; ``shape`` as NumPy has it."""
    sizes = list(shape)[::-1]
    numbers = struct.pack(f"<I{len(sizes)}Q", len(sizes), *(size % 2**64 for size in sizes))
    return text(name) + numbers + struct.pack("<IQ", kind % 2**32, offset % 2**64)


def gguf(
    entries: list[bytes],
    infos: list[bytes],
    data: bytes = b"",
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A file; ``counts``: how many tensors and entries it claims to have."""
    tensors, pairs = (len(infos), len(entries)) if counts is None else counts
    head = b"GGUF" + struct.pack("<IQQ", version % 2**32, tensors % 2**64, pairs % 2**64)
    body = head + b"".join(entries) + b"".join(infos)
    return body + bytes(-len(body) % 32) + data


BLOCKS = {
    **{2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 10: (256, 84), 11: (256, 110)},
    **{12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98)},
    **{19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 29: (256, 56), 34: (256, 54)},
    **{35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18)},
    **{0: (1, 4), 1: (1, 2), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2)},
}
"""ggml's number of a type -> values and bytes of a block."""

_ENTRIES = [
    entry("general.architecture", TEXT, "llama"),
    entry("general.alignment", 4, 32),
    entry("split.count", 2, 1),
    entry("flag", 7, True),
    entry("eps", 6, 1e-6),
    entry("tokens", LIST, (TEXT, [f"token {i}" for i in range(40)])),
    entry("scores", LIST, (6, [0.5] * 40)),
    entry("nested", LIST, (LIST, [(4, [1, 2]), (TEXT, ["a"])])),
]


def make_gguf(rng: random.Random) -> bytes:
    entries = [rng.choice(_ENTRIES) if rng.random() < 0.1 else each for each in _ENTRIES if rng.random() < 0.9]
    if rng.random() < 0.2:
        kind = rng.choice((*SCALARS, TEXT, 13, 99))
        value = rng.choice(("x", b"")) if kind == TEXT else b"\x00" * 8 if kind not in SCALARS else 1
        entries.append(entry(rng.choice(("general.alignment", "split.count", "split.no", "k" * 5000)), kind, value))
    infos, data = [], b""
    for index in range(rng.choice((0, 1, 2, 4))):
        kind = rng.choice(list(BLOCKS)) if rng.random() < 0.97 else rng.choice((4, 31, 99, 2**32 - 1))
        values, nbytes = BLOCKS.get(kind, (1, 1))
        shape = [rng.choice((1, 1, 2)), values * rng.choice((1, 1, 2))][rng.choice((0, 0, 1)) :]
        stored = shape[0] * shape[-1] // values * nbytes if len(shape) == 2 else shape[0] // values * nbytes
        if rng.random() < 0.05:
            shape[-1] = rng.choice(INTEGERS)
        offset = len(data) if rng.random() < 0.95 else rng.choice((*INTEGERS, len(data) + 32))
        infos.append(info(rng.choice((f"t{index}",) * 9 + ("t0",)), shape, kind, offset))
        data += rng.randbytes(stored) + bytes(-stored % 32)
    counts = None if rng.random() < 0.9 else (rng.choice(INTEGERS), rng.choice((len(entries), *INTEGERS)))
    made = gguf(entries, infos, data, version=rng.choice((3,) * 12 + (2, 1, 0x03000000)), counts=counts)
    return mutated_bytes(rng, made) if rng.random() < 0.4 else made
