"""Keras's archives and HDF5 files that are nearly well formed."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from functools import cache
from typing import Any

from tests.hostile.mutate import INTEGERS, ODD, mutated_bytes, mutated_json
from tests.model.readers.keras_nets import files


@cache
def _seeds(ending: str) -> list[bytes]:
    return [data for name, data in sorted(files().items()) if name.endswith(ending) and "program" not in name]


@cache
def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as held:
        return {name: held.read(name) for name in held.namelist()}


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A ``.keras`` file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as held:
        for name, data in members.items():
            held.writestr(name, data)
    return made.getvalue()


def _places(data: bytes) -> list[int]:
    """Where something stands that is not zero, in steps of two bytes: files of HDF5 are mostly empty."""
    return [at for at in range(0, len(data) - 8, 2) if data[at : at + 2] != b"\0\0"]


def _structure(rng: random.Random, data: bytes) -> bytes:
    """The file with some numbers replaced: by others, by near ones, or by numbers from elsewhere in the file."""
    made, places = bytearray(data), _places(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, size = rng.choice(places), rng.choice((1, 2, 4, 8, 8))
        value = int.from_bytes(made[at : at + size], "little")
        value = rng.choice(
            (
                rng.choice(INTEGERS),
                value + rng.choice((-1, 1, 8, -8)),
                int.from_bytes(data[(other := rng.choice(places)) : other + size], "little"),
                rng.randrange(len(data)),
            )
        )
        made[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    return bytes(made)


def make_hdf5(rng: random.Random) -> bytes:
    """An HDF5 file: mostly a number of its structure is another one, or another array's."""
    data = rng.choice(_seeds(".h5"))
    chance = rng.random()
    if chance < 0.75:
        return _structure(rng, data)
    if chance < 0.8:
        # what one array is told to be, another one is
        size = rng.choice((8, 24, 40, 64))
        one, other = (rng.choice(_places(data)) // 8 * 8 for _ in range(2))
        return data[:one] + data[other : other + size] + data[one + size :]
    return mutated_bytes(rng, data, _seeds(".h5"))


_LAYERS = (
    "Dense",
    "Conv2D",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "Add",
    "Reshape",
    "Functional",
    "Sequential",
    "Own",
)


def _config(rng: random.Random, text: bytes) -> Any:
    """A configuration with something of a layer replaced."""
    config = json.loads(text)
    layers = config["config"]["layers"]
    for _ in range(rng.choice((1, 1, 2, 3))):
        layer = rng.choice(layers)
        chance = rng.random()
        if chance < 0.5:
            key = rng.choice(sorted(layer["config"]))
            layer["config"][key] = rng.choice(
                (rng.choice(ODD[:24]), rng.choice(INTEGERS), mutated_json(rng, layer["config"][key]))
            )
        elif chance < 0.7 and "inbound_nodes" in layer:
            layer["inbound_nodes"] = mutated_json(rng, layer["inbound_nodes"])
        elif chance < 0.8:
            layer["class_name"] = rng.choice(_LAYERS)
        else:
            config = mutated_json(rng, config)
            break
    return config


def make_keras(rng: random.Random) -> bytes:
    """An archive: mostly the configuration contradicts itself, or the weights."""
    members = dict(_members(rng.choice(_seeds(".keras"))))
    chance = rng.random()
    if chance < 0.6:
        made = _config(rng, members["config.json"])
        members["config.json"] = json.dumps(made).encode("utf-8", "surrogatepass")
    elif chance < 0.75:
        members["model.weights.h5"] = _structure(rng, members["model.weights.h5"])
    elif chance < 0.85:
        members["config.json"] = mutated_bytes(rng, members["config.json"])
    elif chance < 0.9:
        del members[rng.choice(sorted(members))]
    made_archive = archive(members, rng.choice((0, 0, 0, zipfile.ZIP_DEFLATED)))
    return mutated_bytes(rng, made_archive) if chance >= 0.9 else made_archive


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """The file with what stands there once replaced."""
    assert data.count(old) == 1, data.count(old)
    return data.replace(old, new)


def number(value: int) -> bytes:
    """A number of eight bytes."""
    return struct.pack("<Q", value)
