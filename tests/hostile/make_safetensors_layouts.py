"""Models in several .safetensors files, and weights as bitsandbytes stores them, that are nearly well formed."""

from __future__ import annotations

import json
import random
from typing import Any

import playground
from playground.analysis.inventory import inventory
from playground.host.sources import BytesSource
from tests.hostile.make_arrays import safetensors
from tests.hostile.mutate import mutated_bytes, mutated_json

_FILES = ("m-1.safetensors", "m-2.safetensors")
_INDEX: Any = {"metadata": {"total_size": 16}, "weight_map": {"a": _FILES[0], "b": _FILES[1]}}


def _one(name: str) -> bytes:
    return safetensors({name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8))


def make_shards(rng: random.Random) -> list[tuple[str, bytes]]:
    """The files of one model by name: an index and two more."""
    index = _INDEX
    for _ in range(rng.choice((0, 1, 1, 2))):
        index = mutated_json(rng, index)
    files = [("m.safetensors.index.json", json.dumps(index).encode()), (_FILES[0], _one("a")), (_FILES[1], _one("b"))]
    files = [(name, mutated_bytes(rng, data) if rng.random() < 0.1 else data) for name, data in files]
    return rng.sample(files, 3 if rng.random() < 0.7 else 2)


def use_shards(files: list[tuple[str, bytes]]) -> None:
    model = playground.load([BytesSource(data, name) for name, data in files if data])
    inventory(model)
    for tensor in model.tensors.values():
        tensor.numpy()


_STATE: Any = {
    **{"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [6, 32]},
    **{"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.5},
}
_SHAPES = {
    "w": ("U8", [96, 1], 96),
    "w.absmax": ("U8", [3], 3),
    "w.quant_map": ("F32", [16], 64),
    "w.nested_absmax": ("F32", [1], 4),
    "w.nested_quant_map": ("F32", [256], 1024),
    "v.weight": ("I8", [3, 4], 12),
    "v.SCB": ("F32", [3], 12),
    "v.weight_format": ("U8", [], 1),
}


def make_bitsandbytes(rng: random.Random) -> bytes:
    state = _STATE
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        state = mutated_json(rng, state)
    text = json.dumps(state).encode()
    if rng.random() < 0.1:
        text = mutated_bytes(rng, text)
    shapes = {"w.quant_state.bitsandbytes__nf4": ("U8", [len(text)], len(text)), **_SHAPES}
    if rng.random() < 0.2:
        del shapes[rng.choice(list(shapes))]
    header, data = {}, b""
    for name, (dtype, shape, nbytes) in shapes.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + nbytes]}
        data += text if name.endswith("nf4") else bytes(nbytes) if name.endswith("format") else rng.randbytes(nbytes)
    changed = mutated_json(rng, header) if rng.random() < 0.2 else header
    return safetensors(changed, data)
