"""What the fuzzer feeds: for each format what makes an input, and what reads it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import playground
from playground.analysis.inventory import inventory
from tests.hostile.make_arrays import make_npz, make_safetensors
from tests.hostile.make_calibration import make_calibration, use_calibration
from tests.hostile.make_onnx import make_onnx
from tests.hostile.make_texts import make_query, make_recipe, use_query, use_recipe
from tests.hostile.make_tflite import make_tflite


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
    "tflite": Format(make_tflite, lambda data: _use_model(data, "model.tflite")),
    "queries": Format(make_query, use_query),
    "recipes": Format(make_recipe, use_recipe),
    "calibration": Format(make_calibration, use_calibration),
}
