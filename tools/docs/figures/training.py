"""What training can repair: quantization-aware training, pruning and fine-tuning of a softmax regression on digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import playground
from playground import gallery
from tools.docs.charts import Axis, Line, chart

Floats = NDArray[np.float32]

_TRAINED, _STEPS, _RATE = 1437, 300, 1.0
"""Samples to train on (360 are left to measure), steps over all of them, and how long the first one is."""


@cache
def _samples() -> tuple[Floats, NDArray[np.int64]]:
    """8 by 8 images of digits as rows of 64 values from 0 to 1, in a random order, and which digit each shows."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return (images[order] / 16).astype(np.float32), labels[order]


def fake_quantized(weights: Floats, bits: int) -> Floats:
    """The weights on the grid of an integer format: quantized and dequantized, one scale for all of them."""
    return playground.quantize(weights, f"int{bits}").dequantize()


def _trained(weights: Floats, bias: Floats, used: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Gradient descent on the cross-entropy. The forward pass sees ``used(weights)``; gradients pass it as they are."""
    images, labels = (part[:_TRAINED] for part in _samples())
    wanted = np.eye(10, dtype=np.float32)[labels]
    weights, bias = weights.copy(), bias.copy()
    for step in range(_STEPS):
        logits = images @ used(weights) + bias
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        gradient = (likely / likely.sum(axis=1, keepdims=True) - wanted) / len(images)
        rate = np.float32(_RATE * (1 - step / _STEPS))
        weights -= rate * (images.T @ gradient)
        bias -= rate * gradient.sum(axis=0)
    return weights, bias


@cache
def _float_model() -> tuple[Floats, Floats]:
    return _trained(np.zeros((64, 10), np.float32), np.zeros(10, np.float32), lambda weights: weights)


@cache
def _longer_trained() -> tuple[Floats, Floats]:
    """The float model with as many steps as one that is trained once more through the rounding."""
    return _trained(*_float_model(), lambda weights: weights)


def _right(weights: Floats, bias: Floats) -> float:
    """The share of held-out digits that are recognised, in per cent."""
    images, labels = (part[_TRAINED:] for part in _samples())
    return float(100 * ((images @ weights + bias).argmax(axis=1) == labels).mean())


def ptq_and_qat() -> str:
    """Held-out accuracy by bits: rounded after training, and trained through the rounding."""
    weights, bias = _longer_trained()
    after, aware = [], []
    for bits in (2, 3, 4, 5, 6, 8):
        after.append((float(bits), _right(fake_quantized(weights, bits), bias)))
        learned, offset = _trained(*_float_model(), partial(fake_quantized, bits=bits))
        aware.append((float(bits), _right(fake_quantized(learned, bits), offset)))
    lines = [
        Line("rounded after training (PTQ)", "quant", after, dots=True),
        Line("trained through the rounding (QAT)", "good", aware, dots=True),
        Line("float32", "float", [(2.0, _right(weights, bias)), (8.0, _right(weights, bias))], dashed=True),
    ]
    title = "Held-out accuracy by bits per weight, after training and with quantization-aware training"
    return chart(lines, Axis("bits per weight", 2, 8), Axis("digits recognised, %", 80, 100), title)


_KEPT = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05)


def fine_tuning() -> str:
    """Held-out accuracy by the share of weights that are left: cut off, and trained on with the rest."""
    weights, bias = _float_model()
    cut, tuned = [], []
    for kept in _KEPT:
        mask = np.abs(weights) >= np.quantile(np.abs(weights), 1 - kept)
        cut.append((100 * (1 - kept), _right(weights * mask, bias)))
        learned, offset = _trained(weights * mask, bias, partial(np.multiply, mask))
        tuned.append((100 * (1 - kept), _right(learned * mask, offset)))
    lines = [Line("pruned", "quant", cut, dots=True), Line("pruned, then fine-tuned", "good", tuned, dots=True)]
    title = "Held-out accuracy by the share of weights that are zero, before and after fine-tuning"
    return chart(lines, Axis("weights that are zero, %", 0, 100), Axis("digits recognised, %", 0, 100), title)


def pruning() -> str:
    """Accuracy of the gallery's perceptron by the share of weights that are zero, in float32 and in int8."""
    model, held_out = gallery.open_model("digits-mlp"), gallery.held_out("digits-mlp")
    arrays = {name: tensor.numpy() for name, tensor in model.tensors.items()}
    images = held_out.feeds["image"].reshape(len(held_out.labels), -1)
    plain: list[tuple[float, float]] = []
    coded: list[tuple[float, float]] = []
    for share in (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95):
        pruned = {name: _pruned(array, share) for name, array in arrays.items()}
        rounded = {name: _int8(array) for name, array in pruned.items()}
        for points, used in ((plain, pruned), (coded, rounded)):
            points.append((100 * share, 100 * float((_forward(images, used).argmax(axis=1) == held_out.labels).mean())))
    lines = [Line("float32", "float", plain, dots=True), Line("int8 per channel", "quant", coded, dashed=True)]
    title = "Accuracy of a perceptron by the share of weights that are zero"
    return chart(lines, Axis("weights that are zero, %", 0, 100), Axis("digits recognised, %", 0, 100), title)


def _pruned(array: Floats, share: float) -> Floats:
    """A weight without the given share of its values, those nearest to zero; biases stay."""
    if array.ndim == 1:
        return array
    kept: Floats = array * (np.abs(array) >= np.quantile(np.abs(array), share))
    return kept


def _int8(array: Floats) -> Floats:
    return array if array.ndim == 1 else playground.quantize(array, granularity="channel", axis=0).dequantize()


def _forward(images: Floats, weights: Mapping[str, Floats]) -> Floats:
    """The perceptron's logits."""
    values = images
    for layer in ("fc1", "fc2", "fc3"):
        values = values @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        values = np.maximum(values, 0) if layer != "fc3" else values
    return values


FIGURES = {"ptq-and-qat": ptq_and_qat, "fine-tuning": fine_tuning, "pruning": pruning}
