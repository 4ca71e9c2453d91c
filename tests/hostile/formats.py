"""What the fuzzer feeds: for each format what makes an input, and what reads it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import playground
from playground.analysis.inventory import inventory
from tests.hostile.make_arrays import make_npy, make_npz, make_safetensors
from tests.hostile.make_calibration import make_calibration, use_calibration
from tests.hostile.make_gguf import make_gguf
from tests.hostile.make_keras import make_hdf5, make_keras
from tests.hostile.make_onnx import make_onnx
from tests.hostile.make_safetensors_layouts import make_bitsandbytes, make_shards, use_shards
from tests.hostile.make_texts import make_query, make_recipe, use_query, use_recipe
from tests.hostile.make_tflite import make_tflite
from tests.hostile.make_torch import make_torch


@dataclass(frozen=True)
class Format:
    """One kind of thing that comes from outside.

    Attributes:
        make: an input, from a generator of random numbers.
        use: reads it; raises PlaygroundError where it refuses.
    """

    make: Callable[[random.Random], Any]
    use: Callable[[Any], Any]


def _use_model(data: bytes, name: str) -> None:
    """All that a reader promises: the tensors, their list, and the values of those that are not large."""
    model = playground.load(data, name)
    inventory(model)
    for tensor in list(model.tensors.values())[:20]:
        if tensor.nbytes < 10**6:
            tensor.numpy()


FORMATS: Mapping[str, Format] = {
    "onnx": Format(make_onnx, lambda data: _use_model(data, "model.onnx")),
    "npz": Format(make_npz, lambda data: _use_model(data, "arrays.npz")),
    "safetensors": Format(make_safetensors, lambda data: _use_model(data, "model.safetensors")),
    "gguf": Format(make_gguf, lambda data: _use_model(data, "model.gguf")),
    "npy": Format(make_npy, lambda data: _use_model(data, "array.npy")),
    "shards": Format(make_shards, use_shards),
    "bitsandbytes": Format(make_bitsandbytes, lambda data: _use_model(data, "model.safetensors")),
    "pt": Format(make_torch, lambda data: _use_model(data, "model.pt")),
    "tflite": Format(make_tflite, lambda data: _use_model(data, "model.tflite")),
    "keras": Format(make_keras, lambda data: _use_model(data, "model.keras")),
    "h5": Format(make_hdf5, lambda data: _use_model(data, "model.h5")),
    "queries": Format(make_query, use_query),
    "recipes": Format(make_recipe, use_recipe),
    "calibration": Format(make_calibration, use_calibration),
}
