"""PyTorch's checkpoints that are nearly well formed: pickles written instruction by instruction, in a zip archive."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.hostile.mutate import INTEGERS, ODD, mutated_bytes


@dataclass(frozen=True)
class Call:
    """A function that a pickle names, and calls with arguments."""

    name: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Named:
    """A function or class that a pickle only names."""

    name: str


@dataclass(frozen=True)
class Stored:
    """Something beside the pickle, by what it says about it."""

    told: Any


def pickled(value: Any) -> bytes:
    """A pickle of protocol 2."""
    return b"\x80\x02" + _instructions(value) + b"."


def _sized(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes((len(data) % 256,)) + data


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def _all(values: Iterable[Any]) -> bytes:
    return b"".join(map(_instructions, values))


def _name(value: Named) -> bytes:
    module, _, attribute = value.name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"\x88" if value else b"\x89",
    int: _sized,
    float: lambda value: b"G" + struct.pack(">d", value),
    str: _text,
    bytes: lambda value: b"C" + bytes((len(value) % 256,)) + value,
    tuple: lambda value: b"(" + _all(value) + b"t",
    list: lambda value: b"](" + _all(value) + b"e",
    dict: lambda value: b"}(" + _all(each for pair in value.items() for each in pair) + b"u",
    Named: _name,
    Call: lambda value: _name(Named(value.name)) + _instructions(value.arguments) + b"R",
    Stored: lambda value: _instructions(value.told) + b"Q",
}


def _instructions(value: Any) -> bytes:
    return _WRITERS[type(value)](value)


def storage(key: str, count: Any, kind: str = "torch.FloatStorage") -> Stored:
    """A storage, as PyTorch describes it."""
    return Stored(("storage", Named(kind), key, "cpu", count))


def tensor(held: Any, shape: Any, strides: Any, offset: Any = 0) -> Call:
    """A tensor, as PyTorch describes it."""
    hooks = Call("collections.OrderedDict")
    return Call("torch._utils._rebuild_tensor_v2", (held, offset, shape, strides, False, hooks))


def checkpoint(value: Any, storages: dict[str, bytes], *, method: int = 0, **others: bytes) -> bytes:
    """A file; ``value`` as bytes is the pickle, ``others`` are further files by name."""
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", method) as archive:
        # zipfile warns of names that stand twice
        warnings.simplefilter("ignore")
        archive.writestr("w/data.pkl", value if isinstance(value, bytes) else pickled(value))
        for name, data in others.items():
            archive.writestr(f"w/{name}", data)
        for key, data in storages.items():
            archive.writestr(f"w/data/{key}", data)
    return made.getvalue()


_NAMES = (
    *("os.system", "builtins.eval", "builtins.getattr", "posix.system", "torch.load", "collections.OrderedDict"),
    *("torch._utils._rebuild_parameter", "torch._tensor._rebuild_from_type_v2", "torch.Size", "torch.float32"),
    *("torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_qtensor", "_codecs.encode", "builtins.set"),
)


def _odd(rng: random.Random) -> Any:
    found = rng.choice((*ODD, *INTEGERS, (), (1, 2)))
    return rng.choice((1, "x")) if isinstance(found, int) and found.bit_length() > 1900 else found


def _value(rng: random.Random, depth: int = 0) -> Any:
    chance = rng.random()
    if chance < 0.5 or depth > 3:
        shape, strides = (2, 3), rng.choice(((3, 1), (3, 1), (1, 2), (0, 1), (0, 0), (2**62, 1), (-1, 1)))
        held = storage(rng.choice("001"), 6, rng.choice(("torch.FloatStorage",) * 6 + ("torch.HalfStorage", "torch.X")))
        if rng.random() < 0.1:
            shape = rng.choice(((6,), (2**40, 2**40), (0, 2**62), (), (1,) * 40, _odd(rng)))
        return tensor(held if rng.random() < 0.95 else _odd(rng), shape, strides, rng.choice((0, 0, 0, 1, -1, 2**63)))
    if chance < 0.7:
        return {rng.choice(("a", "b", 3, "x" * 5000, "é")): _value(rng, depth + 1) for _ in range(rng.randrange(4))}
    if chance < 0.8:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if chance < 0.9:
        return Call(rng.choice(_NAMES), tuple(_value(rng, depth + 1) for _ in range(rng.randrange(7))))
    return _odd(rng)


def make_torch(rng: random.Random) -> bytes:
    content = {f"t{i}": tensor(storage("01"[i % 2], 6), (2, 3), (3, 1)) for i in range(rng.choice((0, 1, 3)))}
    if rng.random() < 0.7:
        content["odd"] = _value(rng)
    data = pickled(content)
    if rng.random() < 0.4:
        data = mutated_bytes(rng, data)
    others = {"byteorder": rng.choice((b"little",) * 9 + (b"big",)), "version": b"3\n"}
    made = checkpoint(data, {"0": bytes(24), "1": rng.randbytes(24)}, method=rng.choice((0,) * 9 + (8,)), **others)
    return mutated_bytes(rng, made) if rng.random() < 0.2 else made
