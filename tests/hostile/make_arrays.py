"""Files of arrays, .npz and .safetensors, that are nearly well formed."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.mutate import INTEGERS, mutated_bytes, mutated_json

CASES = Path(__file__).parent / "cases"


def npy(header: bytes, data: bytes = b"", version: int = 1, size: int | None = None) -> bytes:
    """An .npy file with any header; ``size``: what it claims about the header."""
    size = len(header) if size is None else size
    prefix = struct.pack("<H", size % 65536) if version == 1 else struct.pack("<I", size % 2**32)
    return b"\x93NUMPY" + bytes((version % 256, 0)) + prefix + header + data


def npz_of(arrays: Mapping[str, np.ndarray], compressed: bool = False) -> bytes:
    made = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(made, **arrays)
    return made.getvalue()


@cache
def _npz_seeds() -> list[bytes]:
    arrays = {
        "w": np.arange(12, dtype=np.float32).reshape(3, 4),
        "fortran": np.asfortranarray(np.ones((5, 3))),
        "bool": np.zeros(3, bool),
        "big": np.arange(3, dtype=">i4"),
        "scalar": np.float16(1),
        "none": np.zeros((0, 2**40)),
    }
    files = [path.read_bytes() for path in sorted(CASES.glob("*.npz")) + sorted(CASES.glob("npz*.bin"))]
    return [*files, npz_of(arrays), npz_of(arrays, True), npz_of({"x": np.zeros(20_000, np.int8)}, True)]


_DESCR = (
    "'<f4'",
    "'<f4'",
    "'<f4'",
    "'|i1'",
    "'|O'",
    "'<U3'",
    "'>i8'",
    "'|V8'",
    "[('a', '<f4')]",
    "'<M8[s]'",
    "None",
    "'<f4', '<f4'",
    "3",
    "'<c8'",
)
_SHAPES = (
    "(3,)",
    "(3,)",
    "(1,)",
    "(4, 4)",
    "(0,)",
    "()",
    "(2**62,)",
    "(-1,)",
    "(3.5,)",
    "3",
    "(3,)*50",
    "(4611686018427387904, 4)",
    "None",
    "(True,)",
)


@cache
def _npy_seeds() -> list[bytes]:
    made = []
    for values in (
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.asfortranarray(np.ones((5, 3))),
        np.zeros(3, bool),
    ):
        stream = io.BytesIO()
        np.save(stream, values)
        made.append(stream.getvalue())
    return made


def make_npy(rng: random.Random) -> bytes:
    return mutated_bytes(rng, rng.choice(_npy_seeds())) if rng.random() < 0.5 else _odd_npy(rng)


def _odd_npy(rng: random.Random) -> bytes:
    header = (
        f"{{'descr': {rng.choice(_DESCR)}, 'fortran_order': {rng.choice(('False', 'True', '1'))}, "
        f"'shape': {rng.choice(_SHAPES)}, }}"
    ).encode()
    if rng.random() < 0.3:
        header = mutated_bytes(rng, header)
    size = None if rng.random() < 0.9 else rng.choice(INTEGERS)
    return npy(header, rng.randbytes(rng.choice((0, 3, 4, 12, 12, 64))), rng.choice((1,) * 8 + (2, 2, 3, 0)), size)


def make_npz(rng: random.Random) -> bytes:
    if rng.random() < 0.6:
        return mutated_bytes(rng, rng.choice(_npz_seeds()), _npz_seeds())
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", rng.choice((0,) * 6 + (8,) * 6 + (12, 14))) as archive:
        warnings.simplefilter("ignore")
        # zipfile warns of names that stand twice
        for index in range(rng.choice((1, 1, 2, 5))):
            content = _odd_npy(rng)
            name = rng.choice(
                (f"a{index}.npy",) * 8 + ("a.npy", "a\x00.npy", "é.npy", "../a.npy", "a" * 5000 + ".npy", "a")
            )
            archive.writestr(zipfile.ZipInfo(name), content, archive.compression)
    data = made.getvalue()
    return mutated_bytes(rng, data) if rng.random() < 0.3 else data


def safetensors(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file with any header (a text or plain data); ``size``: what it claims about it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", (len(text) if size is None else size) % 2**64) + text + data


_SAFETENSORS: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "c": {"dtype": "I64", "shape": [0, 5], "data_offsets": [32, 32]},
    "d": {"dtype": "U8", "shape": [], "data_offsets": [32, 33]},
}


def make_safetensors(rng: random.Random) -> bytes:
    header: Any = _SAFETENSORS
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        header = mutated_json(rng, header)
    text = json.dumps(header).encode()
    if rng.random() < 0.2:
        text = mutated_bytes(rng, text)
    data = safetensors(text, bytes(33), None if rng.random() < 0.9 else rng.choice(INTEGERS))
    return mutated_bytes(rng, data) if rng.random() < 0.2 else data
