"""The gallery: small trained models and the digits they are measured on. NumPy is all it needs.

``train.py`` beside this file made everything that is read here; ``measured.json`` holds what it measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import MissingError

if TYPE_CHECKING:
    from playground.model.graph import Model

__all__ = [
    "Entry",
    "Samples",
    "calibration",
    "digits",
    "entries",
    "float_accuracy",
    "model_bytes",
    "open_model",
    "to_input",
]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the gallery.

    Attributes:
        id: its name here and the stem of its file.
        title: a few words for a list.
        about: one sentence on what it shows.
        tensor: the name of the weight tensor to look at first.
        input: the name of its input, float32 (batch, 1, 8, 8), grey levels in 0..1.
        output: the name of its output, float32 (batch, 10), logits.
        parameters: number of weights and biases.
        float_accuracy: share of the held-out digits that the float model gets right, by ONNX Runtime.
        float_cross_entropy: its mean cross-entropy on them, in nats.
    """

    id: str
    title: str
    about: str
    tensor: str
    input: str
    output: str
    parameters: int
    float_accuracy: float
    float_cross_entropy: float


@dataclass(frozen=True, slots=True)
class Samples:
    """Digits and what they are.

    Attributes:
        images: float32 (n, 1, 8, 8), grey levels in 0..1.
        labels: int64 (n,), 0..9.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


_DESCRIPTIONS = (
    (
        "digits-mlp",
        "Handwritten digits, multilayer perceptron",
        "A few far-out weights stretch the grid: at 3 bits min-max breaks the model and clipping repairs it.",
        "fc2.weight",
    ),
    (
        "digits-convnet",
        "Handwritten digits, depthwise-separable convolutions",
        "Folded batch normalisation left channels of unequal ranges: at 4 bits per-channel scales save the model.",
        "pointwise1.weight",
    ),
)


@cache
def entries() -> Mapping[str, Entry]:
    """The models of the gallery by id, in the order in which a list shows them."""
    measured: dict[str, dict[str, Any]] = json.loads((_FOLDER / "measured.json").read_text(encoding="utf-8"))
    found = {
        model_id: Entry(model_id, title, about, tensor, input="image", output="logits", **measured[model_id])
        for model_id, title, about, tensor in _DESCRIPTIONS
    }
    return MappingProxyType(found)


float_accuracy: Mapping[str, float] = MappingProxyType(
    {name: entry.float_accuracy for name, entry in entries().items()}
)
"""Share of the held-out digits that each float model gets right, by id."""


def model_bytes(model_id: str) -> bytes:
    """The ONNX file of a model.

    Raises:
        MissingError: the gallery has no such model.
    """
    return (_FOLDER / f"{_entry(model_id).id}.onnx").read_bytes()


def open_model(model_id: str) -> Model:
    """A model of the gallery, read as any uploaded file is.

    Raises:
        MissingError: the gallery has no such model.
    """
    from playground.model.loading import load

    return load(model_bytes(model_id), f"{model_id}.onnx")


def digits() -> Samples:
    """The 360 digits that no model here was trained on, stratified by label."""
    return Samples(to_input(_arrays()["images"]), _arrays()["labels"].astype(np.int64))


def calibration(model_id: str) -> dict[str, NDArray[np.float32]]:
    """64 of the training digits, as the model's feeds: input name -> float32 (64, 1, 8, 8).

    Raises:
        MissingError: the gallery has no such model.
    """
    return {_entry(model_id).input: to_input(_arrays()["calibration_images"])}


def to_input(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey levels 0..16, uint8 (n, 8, 8), as the models take them: float32 (n, 1, 8, 8) in 0..1."""
    return grey[:, np.newaxis].astype(np.float32) / np.float32(16)


def _entry(model_id: str) -> Entry:
    if model_id not in entries():
        raise MissingError(f"the gallery has no model {model_id!r}", hint=f"It has {', '.join(entries())}")
    return entries()[model_id]


@cache
def _arrays() -> Mapping[str, NDArray[np.uint8]]:
    with np.load(_FOLDER / "digits.npz") as file:
        return {name: file[name] for name in file.files}
