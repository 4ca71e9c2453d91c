"""Our depthwise convolution beside ONNX Runtime Web's QLinearConv, in Node.js on one thread; and whether both agree.

Usage: python tests/benchmarks/depthwise.py             a table: milliseconds (the quickest of many runs), and ratios
       python tests/benchmarks/depthwise.py FOLDER      only writes what the bench page needs of two of the layers

Layers are 3 x 3, padded, uint8 times int8: those of MobileNetV1-0.25 at 96 x 96 pixels, and larger ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.programs.depthwise import pack_depthwise, scratch_bytes
from playground.programs.integer_ops import Window
from playground.programs.packing import Values

ROOT = Path(__file__).parents[2]
PAGE_LAYERS = [(64, 56, 1), (128, 6, 1)]
LAYERS = [(8, 48, 1), (64, 12, 1), (128, 6, 1), (256, 3, 1), (64, 56, 1), (64, 56, 2), (32, 112, 1)]
SCALES = {"x_scale": 0.02, "w_scale": 0.01, "y_scale": 0.1}
X_ZERO, Y_ZERO, SEED = 128, 120, 20260101


def layer(channels: int, size: int, stride: int) -> tuple[Graph, np.ndarray, Window]:
    """QLinearConv, its weights (channels, 3, 3), and how the window moves."""
    weights = np.random.default_rng(SEED).integers(-127, 128, (channels, 3, 3)).astype(np.int8)
    out = (size - 1) // stride + 1
    constants = {
        **{name: np.asarray(np.float32(scale)) for name, scale in SCALES.items()},
        "x_zero": np.asarray(np.uint8(X_ZERO)),
        "w": weights[:, None],
        "w_zero": np.asarray(np.int8(0)),
        "y_zero": np.asarray(np.uint8(Y_ZERO)),
    }
    inputs = ("x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero")
    how = {"pads": (1, 1, 1, 1), "strides": (stride, stride), "group": channels}
    graph = Graph(
        name="depthwise",
        inputs=(ValueInfo("x", "uint8", (1, channels, size, size)),),
        outputs=(ValueInfo("y", "uint8", (1, channels, out, out)),),
        nodes=(Node("QLinearConv", "conv", inputs, ("y",), how),),
        initializers={key: Tensor.of(key, values) for key, values in constants.items()},
        opset=17,
    )
    return graph, weights, Window((3, 3), (out, out), (stride, stride), (1, 1), (1, 1))


def write(folder: Path, layers: list[tuple[int, int, int]]) -> None:
    """Layers as ONNX models and as arguments of the kernel, for each way to multiply.

    Args:
        folder: exists.
        layers: channels, width and height, stride.
    """
    described = []
    for channels, size, stride in layers:
        graph, weights, window = layer(channels, size, stride)
        stem = f"depthwise-{channels}x{size}x{size}s{stride}"
        (folder / f"{stem}.onnx").write_bytes(to_onnx(graph))
        scratch = {}
        for dot in ("int16", "unsigned", "signed"):
            packed = pack_depthwise(weights.astype(np.int16), np.zeros(channels, np.int32), Values(False, X_ZERO, dot))
            (folder / f"{stem}.{dot}.weights").write_bytes(packed.weights.tobytes())
            (folder / f"{stem}.{dot}.bias").write_bytes(packed.bias.tobytes())
            scratch[dot] = scratch_bytes(window, dot)
        described.append({"stem": stem, "channels": channels, "size": size, "stride": stride, "scratch": scratch})
    multiplier = np.float32(SCALES["x_scale"]) * np.float32(SCALES["w_scale"]) / np.float32(SCALES["y_scale"])
    told = {"layers": described, "multiplier": float(multiplier), "xZero": X_ZERO, "yZero": Y_ZERO}
    (folder / "depthwise.json").write_text(json.dumps(told))


def main() -> None:
    """Write the layers to a folder of their own and run depthwise.mjs on it."""
    sys.path.insert(0, str(ROOT))
    from tools.downloads import node, node_modules

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), LAYERS)
        script = Path(__file__).with_suffix(".mjs")
        subprocess.run([*node("node"), script, folder, node_modules(), ROOT / "playground" / "kernels"], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]), PAGE_LAYERS)
    else:
        main()
