"""TFLite files that are nearly well formed."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from tests.hostile.mutate import INTEGERS, mutated_bytes
from tests.model.readers.flatbuffer_writer import Number, Numbers, flatbuffer
from tests.model.readers.tflite_nets import files

_MOST_SEED = 40_000
"""Bytes: larger nets are mostly weights, in which a change is no fault."""


@cache
def _seeds() -> list[bytes]:
    return [file for _, file in sorted(files().items()) if len(file) <= _MOST_SEED]


def tensor(shape: list[int], kind: int = 0, buffer: int = 0, name: str = "t", **more: Any) -> dict[int, Any]:
    """A tensor; ``more``: ``scales``, ``zero_points``, ``axis``, ``signature``."""
    made: dict[int, Any] = {0: Numbers("i", shape), 1: Number("b", kind), 2: Number("I", buffer), 3: name}
    if "scales" in more:
        points = Numbers("q", more.get("zero_points", [0] * len(more["scales"])))
        made[4] = {2: Numbers("f", more["scales"]), 3: points, 6: Number("i", more.get("axis", 0))}
    if "signature" in more:
        made[7] = Numbers("i", more["signature"])
    return made


def operator(
    inputs: list[int], outputs: list[int], options: dict[int, Any] | None = None, code: int = 0, kind: int = 0
) -> dict[int, Any]:
    """An operator; ``kind``: what its options are."""
    made: dict[int, Any] = {0: Number("I", code), 1: Numbers("i", inputs), 2: Numbers("i", outputs)}
    return made if options is None else made | {3: Number("B", kind), 4: options}


def model(
    tensors: list[dict[int, Any]],
    operators: list[dict[int, Any]],
    codes: list[int],
    buffers: list[bytes] | None = None,
    ends: tuple[list[int], list[int]] = ([0], [1]),
) -> dict[int, Any]:
    """A model as :func:`flatbuffer` takes it; the first buffer is the empty one."""
    graph = {0: tensors, 1: Numbers("i", ends[0]), 2: Numbers("i", ends[1]), 3: operators, 4: "main"}
    held: list[dict[int, Any]] = [{}, *({0: Numbers("B", data)} for data in buffers or [])]
    kinds = [{0: Number("b", min(code, 127)), 3: Number("i", code)} for code in codes]
    return {0: Number("I", 3), 1: kinds, 2: [graph], 3: "made here", 4: held}


_CODES = (0, 2, 3, 4, 9, 14, 17, 22, 25, 32, 34, 39, 40, 44, 45, 49, 65, 67, 83, 97, 114, 126, 150, 300)


def _size(rng: random.Random) -> int:
    return rng.choice((1, 1, 2, 3, 4, 8, 0, -1, rng.choice(INTEGERS) % 2**31))


def _sparse(rng: random.Random) -> dict[int, Any]:
    """Levels of any kind."""
    places = [[rng.choice((0, 1, 2, 3, 255)) for _ in range(rng.choice((0, 1, 2, 5)))] for _ in range(2)]
    levels = [
        {
            **{0: Number("b", rng.choice((0, 1))), 1: Number("i", _size(rng)), 2: Number("B", 3)},
            **{3: {0: Numbers("B", places[0])}, 4: Number("B", 3), 5: {0: Numbers("B", places[1])}},
        }
        for _ in range(rng.choice((1, 2, 3)))
    ]
    orders = [rng.choice((0, 1, 2, -1)) for _ in range(len(levels))]
    order = list(range(len(levels))) if rng.random() < 0.7 else orders
    return {0: Numbers("i", order), 1: Numbers("i", orders[:1] if rng.random() < 0.3 else []), 2: levels}


def _drawn(rng: random.Random) -> bytes:
    """A graph of a few operators with any inputs and options."""
    tensors, buffers = [], []
    for index in range(rng.choice((2, 4, 8))):
        shape = [_size(rng) for _ in range(rng.choice((0, 1, 2, 3, 4, 4, 5)))]
        more: dict[str, Any] = {}
        if rng.random() < 0.4:
            count = rng.choice((1, 1, 2, 4))
            more = {"scales": [rng.choice((0.1, 1.0, 0.0, -1.0, float("nan"))) for _ in range(count)]}
            more["zero_points"] = [rng.choice((0, 3, -128, 2**40)) for _ in range(count)]
            more["axis"] = rng.choice((0, 1, 3, -1, 99))
        buffer = 0
        if rng.random() < 0.4:
            buffers.append(rng.randbytes(rng.choice((0, 1, 4, 8, 16, 36, 64))))
            buffer = len(buffers)
        kind = rng.choice((0, 0, 2, 9, 9, 4, 3, 7, 17, 5, 99))
        made = tensor(shape, kind, buffer, rng.choice((f"t{index}", "t", "", "é\x00")), **more)
        tensors.append(made | {6: _sparse(rng)} if rng.random() < 0.1 else made)
    numbers = range(-1, len(tensors))
    operators = [
        operator(
            [rng.choice(numbers) for _ in range(rng.choice((0, 1, 2, 3, 4)))],
            [rng.choice(numbers) for _ in range(rng.choice((1, 1, 2, 0)))],
            {slot: Number("i", rng.choice((0, 1, 2, 3, -1, 2**31 - 1))) for slot in range(rng.choice((0, 3, 7)))},
        )
        for _ in range(rng.choice((0, 1, 1, 2, 5)))
    ]
    return flatbuffer(model(tensors, operators, [rng.choice(_CODES)], buffers))


def make_tflite(rng: random.Random) -> bytes:
    if rng.random() < 0.7:
        return mutated_bytes(rng, rng.choice(_seeds()), _seeds())
    data = _drawn(rng)
    return mutated_bytes(rng, data) if rng.random() < 0.3 else data
