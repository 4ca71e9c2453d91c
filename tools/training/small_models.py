"""Trains the residual net and the tabular net: ``python -m tools.training.small_models``. Needs what digits.py needs.

* ``digits-resnet``: three blocks whose outputs are added to their inputs, so that values of different ranges meet.
  Batch normalisation is folded into the convolutions afterwards.
* ``breast-cancer-mlp``: a perceptron on the 30 measurements of a tumour in their own units (some are thousandths, some
  thousands). It is trained on standardised values; the standardisation is then folded into the first layer, as it is
  done to save a step in deployment. So one scale for all inputs ruins it, and the first layer has to stay in float.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

from playground.gallery import to_input
from tools.training.digits import GALLERY, fit, measure, named, note, shift_by_a_pixel, split_digits, versions
from tools.training.onnx_files import Parameters, Writer

STRIDES = {"block1": 1, "block2": 2, "block3": 1}
TUMOURS_HELD_OUT = 190


def main() -> None:
    """Train, write, measure, print."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    digits, digits_held_out, _ = split_digits()
    train, held_out, calibration = split_tumours()
    np.savez_compressed(
        GALLERY / "breast-cancer.npz",
        measurements=held_out[0],
        labels=held_out[1],
        calibration_measurements=calibration[0],
    )
    resnet, tabular = resnet_to_onnx(folded(train_resnet(digits))), tabular_to_onnx(train_tabular(train))
    (GALLERY / "digits-resnet.onnx").write_bytes(resnet)
    (GALLERY / "breast-cancer-mlp.onnx").write_bytes(tabular)
    measured: dict[str, Any] = {
        "digits-resnet": measure(resnet, {"image": to_input(digits_held_out[0])}, digits_held_out[1]),
        "breast-cancer-mlp": measure(tabular, {"measurements": held_out[0]}, held_out[1]),
    }
    print(measured)
    note(measured | {"versions": {"train_small": versions()}})


class Block(nn.Module):
    """Two 3x3 convolutions, and the input added to what they make."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """Where the number of channels or the size changes, the input goes through a 1x1 convolution first."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels_out), nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            conv = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
            self.shortcut = named(conv=conv, norm=nn.BatchNorm2d(channels_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float32 (batch, channels, height, width)."""
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


def resnet() -> nn.Sequential:
    """1x8x8 -> 10, about 38k parameters."""
    return named(
        stem=nn.Conv2d(1, 16, 3, padding=1, bias=False),
        stem_norm=nn.BatchNorm2d(16),
        relu=nn.ReLU(),
        block1=Block(16, 16, STRIDES["block1"]),
        block2=Block(16, 32, STRIDES["block2"]),
        block3=Block(32, 32, STRIDES["block3"]),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        head=nn.Linear(32, 10),
    )


def train_resnet(digits: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> nn.Sequential:
    """On the training digits, moved about by a pixel."""
    torch.manual_seed(0)
    net = resnet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.05)
    fit(net, optimizer, to_input(digits[0]), digits[1], epochs=30, seed=0, augment=shift_by_a_pixel)
    return net


def folded(net: nn.Sequential) -> Parameters:
    """The same function in eval mode as convolutions with biases: parameters by name, without normalisations."""
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    parameters: Parameters = {}
    for conv, norm in [("stem", "stem_norm"), *(pair for name in STRIDES for pair in _pairs(name, state))]:
        gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + nn.BatchNorm2d(1).eps)
        parameters[f"{conv}.weight"] = state[f"{conv}.weight"] * gain[:, None, None, None]
        parameters[f"{conv}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    shortcuts = {name: value for name, value in parameters.items() if ".shortcut.conv." in name}
    parameters |= {name.replace(".conv.", "."): value for name, value in shortcuts.items()}
    return parameters | {name: state[name] for name in ("head.weight", "head.bias")}


def _pairs(block: str, state: dict[str, NDArray[np.float32]]) -> list[tuple[str, str]]:
    """Convolutions of a block, each with the normalisation behind it."""
    pairs = [(f"{block}.conv{n}", f"{block}.norm{n}") for n in (1, 2)]
    shortcut = (f"{block}.shortcut.conv", f"{block}.shortcut.norm")
    return [*pairs, shortcut] if f"{shortcut[0]}.weight" in state else pairs


def resnet_to_onnx(parameters: Parameters) -> bytes:
    """Input ``image`` (batch, 1, 8, 8), output ``logits`` (batch, 10)."""
    writer = Writer(parameters)
    x = writer.add("Relu", "relu", writer.conv("stem", "image"))
    for name, stride in STRIDES.items():
        y = writer.add("Relu", f"{name}.relu1", writer.conv(f"{name}.conv1", x, stride))
        y = writer.conv(f"{name}.conv2", y)
        if f"{name}.shortcut.weight" in parameters:
            x = writer.conv(f"{name}.shortcut", x, stride)
        x = writer.add("Relu", f"{name}.relu2", writer.add("Add", f"{name}.add", y, x))
    x = writer.add("Flatten", "flatten", writer.add("GlobalAveragePool", "pool", x), axis=1)
    writer.gemm("head", x)
    return writer.file("digits-resnet", {"image": (np.float32, ["batch", 1, 8, 8])}, {"logits": ["batch", 10]})


Tumours = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""Measurements (n, 30) in their own units, and labels (n,): 0 malignant, 1 benign."""


def split_tumours() -> tuple[Tumours, Tumours, Tumours]:
    """Training tumours, the held-out ones (stratified), and those of the training tumours that calibrate."""
    data = load_breast_cancer()
    values, labels = data.data.astype(np.float32), data.target.astype(np.uint8)
    rows = np.arange(len(labels))
    train, held_out = train_test_split(rows, test_size=TUMOURS_HELD_OUT, stratify=labels, random_state=0)
    _, calibration = train_test_split(train, test_size=64, stratify=labels[train], random_state=0)
    return tuple((values[part], labels[part]) for part in (train, held_out, calibration))  # type: ignore[return-value]


def train_tabular(tumours: Tumours) -> Parameters:
    """30 -> 64 -> 32 -> 2 with ReLU, the standardisation of its inputs folded into the first layer."""
    torch.manual_seed(0)
    values, labels = tumours
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    net = named(fc1=nn.Linear(30, 64), relu1=nn.ReLU(), fc2=nn.Linear(64, 32), relu2=nn.ReLU(), fc3=nn.Linear(32, 2))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.3)
    fit(net, optimizer, (values - mean) / deviation, labels, epochs=12, seed=0)
    parameters = {name: p.detach().numpy() for name, p in net.named_parameters()}
    weight = parameters["fc1.weight"] / deviation
    bias = parameters["fc1.bias"] - weight.astype(np.float64) @ mean
    return parameters | {"fc1.weight": weight, "fc1.bias": bias.astype(np.float32)}


def tabular_to_onnx(parameters: Parameters) -> bytes:
    """Input ``measurements`` (batch, 30), output ``logits`` (batch, 2)."""
    writer = Writer(parameters)
    x = writer.add("Relu", "relu1", writer.gemm("fc1", "measurements"))
    x = writer.add("Relu", "relu2", writer.gemm("fc2", x))
    writer.gemm("fc3", x)
    return writer.file("breast-cancer-mlp", {"measurements": (np.float32, ["batch", 30])}, {"logits": ["batch", 2]})


if __name__ == "__main__":
    main()
