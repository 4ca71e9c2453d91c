"""Trains the gallery's models and writes what ``playground/gallery/`` holds: ``python -m tools.training.digits``.

Needs torch, scikit-learn, onnx and onnxruntime (the versions used are noted in ``measured.json``); nothing else in the
package imports them. Seeds are fixed and one thread computes: a second run on the same machine writes the same bytes.

Two properties are wanted, and both come from training alone, no weight is edited afterwards:

* ``digits-mlp`` has a few weights that stand far out of the rest of ``fc2.weight``, as large networks have. AdamW with
  a high learning rate and decoupled weight decay makes them in some runs: long after the training loss is near zero its
  normalised steps let a few weights grow on, while the decay shrinks the others. Seeds are tried in order until the
  largest weight is 20 standard deviations out.
* ``digits-convnet`` is trained with batch normalisation, which is then folded into the convolutions as every deployment
  tool does. That leaves channels of very different ranges, the reason for per-channel quantization.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import sklearn
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from playground.gallery import to_input
from tools.training.onnx_files import file_of

GALLERY = Path(__file__).resolve().parents[2] / "playground" / "gallery"
HELD_OUT = 360
CALIBRATION = 64
OUTLIER_RATIO = 20.0  # largest |weight| of fc2.weight over its standard deviation
OPSET, IR_VERSION = 17, 8

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def main() -> None:
    """Train, write, measure, print."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    train, held_out, calibration = split_digits()
    np.savez_compressed(
        GALLERY / "digits.npz",
        images=held_out[0],
        labels=held_out[1],
        calibration_images=calibration[0],
        calibration_labels=calibration[1],
    )
    measured: dict[str, Any] = {"versions": {"train": versions()}}
    for model_id, trained in (("digits-mlp", train_mlp(train)), ("digits-convnet", train_convnet(train))):
        onnx_bytes = to_onnx(model_id, trained)
        (GALLERY / f"{model_id}.onnx").write_bytes(onnx_bytes)
        measured[model_id] = measure(onnx_bytes, {"image": to_input(held_out[0])}, held_out[1])
        print(model_id, measured[model_id])
    note(measured)


def note(measured: dict[str, Any]) -> None:
    """Add to what ``measured.json`` says, or replace what it said of the same."""
    file = GALLERY / "measured.json"
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    versions = known.get("versions", {}) | measured["versions"]
    file.write_text(json.dumps(known | measured | {"versions": versions}, indent=2) + "\n", encoding="utf-8")


Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images (n, 8, 8) with grey levels 0..16, and labels (n,)."""


def split_digits() -> tuple[Digits, Digits, Digits]:
    """Training digits, the held-out ones (stratified), and those of the training digits that calibrate."""
    data = load_digits()
    images, labels = data.images.astype(np.uint8), data.target.astype(np.uint8)
    train, held_out = train_test_split(np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=0)
    _, calibration = train_test_split(train, test_size=CALIBRATION, stratify=labels[train], random_state=0)
    return tuple((images[rows], labels[rows]) for rows in (train, held_out, calibration))  # type: ignore[return-value]


def train_mlp(digits: Digits) -> nn.Sequential:
    """64 -> 512 -> 128 -> 10 with ReLU; see the module's docstring for its outliers."""
    for seed in count():
        torch.manual_seed(seed)
        net = named(
            flatten=nn.Flatten(),
            fc1=nn.Linear(64, 512),
            relu1=nn.ReLU(),
            fc2=nn.Linear(512, 128),
            relu2=nn.ReLU(),
            fc3=nn.Linear(128, 10),
        )
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.1)
        fit(net, optimizer, to_input(digits[0]), digits[1], epochs=60, seed=seed)
        weight = net.get_parameter("fc2.weight").detach()
        ratio = float(weight.abs().max() / weight.std())
        print(f"digits-mlp: seed {seed}: the largest weight of fc2 is {ratio:.3g} standard deviations out")
        if ratio >= OUTLIER_RATIO:
            break
    return net


def train_convnet(digits: Digits) -> nn.Sequential:
    """Two depthwise-separable blocks behind a 3x3 convolution, about 6k parameters, batch normalisation folded."""
    torch.manual_seed(0)
    net = named(
        **conv("conv1", 1, 24, kernel=3),
        **conv("depthwise1", 24, 24, kernel=3, groups=24),
        **conv("pointwise1", 24, 48, kernel=1),
        pool=nn.MaxPool2d(2),
        **conv("depthwise2", 48, 48, kernel=3, groups=48),
        **conv("pointwise2", 48, 64, kernel=1),
        mean=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    fit(net, optimizer, to_input(digits[0]), digits[1], epochs=80, seed=0, augment=shift_by_a_pixel)
    return fold_batch_norm(net)


def named(**layers: nn.Module) -> nn.Sequential:
    """A sequential network whose layers have names; they become the ONNX file's."""
    return nn.Sequential(OrderedDict(layers))


def conv(name: str, channels_in: int, channels_out: int, *, kernel: int, groups: int = 1) -> dict[str, nn.Module]:
    """Convolution that keeps the image's size, batch normalisation, ReLU."""
    layer = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return {name: layer, f"{name}_norm": nn.BatchNorm2d(channels_out), f"{name}_relu": nn.ReLU()}


def fit(
    net: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    samples: NDArray[np.float32],
    classes: NDArray[np.uint8],
    *,
    epochs: int,
    seed: int,
    augment: Augment | None = None,
) -> None:
    """Minimise the cross-entropy in batches of 64, the learning rate falling along a cosine; ends in eval mode."""
    inputs, labels = torch.from_numpy(samples), torch.from_numpy(classes.astype(np.int64))
    order = torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    net.train()
    for _ in range(epochs):
        shuffled = torch.randperm(len(labels), generator=order)
        for start in range(0, len(labels), 64):
            rows = shuffled[start : start + 64]
            batch = augment(inputs[rows], order) if augment else inputs[rows]
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(net(batch), labels[rows]))
            optimizer.step()
        schedule.step()
    net.eval()


def shift_by_a_pixel(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Move a batch by -1, 0 or 1 pixel along both axes (people do not draw in the middle)."""
    down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    return torch.roll(padded, (down, right), (2, 3))[..., 1:-1, 1:-1]


def fold_batch_norm(net: nn.Sequential) -> nn.Sequential:
    """The same function in eval mode, with each normalisation multiplied into the convolution before it."""
    layers = dict(net.named_children())
    for name, norm in [(n, m) for n, m in layers.items() if isinstance(m, nn.BatchNorm2d)]:
        before = layers[name.removesuffix("_norm")]
        assert isinstance(before, nn.Conv2d) and norm.running_var is not None and norm.running_mean is not None  # noqa: S101
        gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
        before.weight = nn.Parameter(before.weight.detach() * gain[:, None, None, None])
        before.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * gain)
        del layers[name]
    return named(**layers)


def to_onnx(model_id: str, net: nn.Sequential) -> bytes:
    """One ONNX operator a layer, named as it is; input ``image`` (batch, 1, 8, 8), output ``logits`` (batch, 10)."""
    nodes, initializers = [], []
    names = [name for name, _ in net.named_children()]
    outputs = [f"{name}.out" for name in names[:-1]] + ["logits"]
    for name, layer, source, target in zip(names, net, ["image", *outputs[:-1]], outputs, strict=True):
        op, attributes = operator_of(layer)
        constants = [f"{name}.{key}" for key, _ in layer.named_parameters()]
        nodes.append(helper.make_node(op, [source, *constants], [target], name=name, **attributes))
        for key, value in layer.named_parameters():
            initializers.append(numpy_helper.from_array(value.detach().numpy(), f"{name}.{key}"))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, model_id, [image], [logits], initializers)
    return file_of(graph, (OPSET, IR_VERSION), "tools.training.digits")


def operator_of(layer: nn.Module) -> tuple[str, dict[str, Any]]:
    """The ONNX operator of a torch layer and its attributes."""
    match layer:
        case nn.Linear():
            return "Gemm", {"transB": 1}
        case nn.Conv2d():
            kernel, pad = list(layer.kernel_size), int(layer.padding[0])
            return "Conv", {"kernel_shape": kernel, "pads": [pad] * 4, "group": layer.groups}
        case nn.MaxPool2d():
            return "MaxPool", {"kernel_shape": [layer.kernel_size] * 2, "strides": [layer.stride] * 2}
        case nn.AdaptiveAvgPool2d():
            return "GlobalAveragePool", {}
        case nn.Flatten():
            return "Flatten", {"axis": 1}
        case nn.ReLU():
            return "Relu", {}
    raise TypeError(f"no ONNX operator is known here for {layer!r}")


def measure(
    onnx_bytes: bytes, feeds: dict[str, NDArray[Any]], labels: NDArray[np.integer[Any]]
) -> dict[str, float | int]:
    """Accuracy (share) and mean cross-entropy (nats) of ONNX Runtime on held-out samples, and the model's size.

    Args:
        onnx_bytes: a model with one output, (..., classes).
        feeds: what it reads.
        labels: (...), the right classes.
    """
    session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], feeds)[0].astype(np.float64)
    peak = logits.max(axis=-1)
    log_sum = np.log(np.exp(logits - peak[..., None]).sum(axis=-1)) + peak
    losses = log_sum - np.take_along_axis(logits, labels[..., None].astype(np.int64), -1)[..., 0]
    floats = (t for t in onnx.load_from_string(onnx_bytes).graph.initializer if t.data_type == TensorProto.FLOAT)
    return {
        "float_accuracy": float((logits.argmax(axis=-1) == labels).mean()),
        "float_cross_entropy": float(losses.mean()),
        "parameters": sum(math.prod(t.dims) for t in floats),
    }


def versions() -> dict[str, str]:
    """What trained and measured, so that the numbers can be found again."""
    modules = {"torch": torch, "scikit-learn": sklearn, "onnx": onnx, "onnxruntime": onnxruntime, "numpy": np}
    return {name: module.__version__ for name, module in modules.items()}


if __name__ == "__main__":
    main()
