"""Writes ``tests/model/readers/tflite_nets.zip``: small nets that TensorFlow's own converter makes, and their answers.

TensorFlow goes into an environment of its own: see ``tools/litert_convert.py``. Then, from the checkout:

    /tmp/tensorflow/bin/python -m tools.tflite_nets

Weights are drawn, the same ones each time. Of each net there is a float file and one or more in int8, calibrated on
normal samples: ``int8`` takes and gives codes, ``ends`` floats, ``tensor`` has one scale for all weights of a layer,
``wide`` has values in int16, ``weights`` weights in int8 alone, ``half`` in float16. ``NAME.KIND.npz`` has inputs and
what LiteRT gives for them.
"""

from __future__ import annotations

import io
import math
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tests.model.readers.tflite_nets import ARCHIVE

SAMPLES = 32
"""For calibration; 4 others are answered."""


class Weights:
    """Draws weights, each as large as keeps the values' size."""

    def __init__(self, seed: int) -> None:
        """Start a sequence of draws."""
        self._rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> NDArray[np.float32]:
        """Weights of a shape whose last axis is the outputs'."""
        reach = math.sqrt(2 / math.prod(shape[:-1]))
        # channels of different sizes, so that a scale for each matters
        sizes = self._rng.uniform(0.5, 2, shape[-1])
        made: NDArray[np.float32] = (self._rng.normal(size=shape) * reach * sizes).astype(np.float32)
        return made

    def bias(self, size: int) -> NDArray[np.float32]:
        """A bias."""
        return self._rng.normal(0, 0.2, size).astype(np.float32)


def dense(x: Any, w: Weights) -> Any:
    """Three layers and a softmax."""
    x = tf.nn.relu(tf.matmul(x, w(24, 48)) + w.bias(48))
    x = tf.nn.relu6(tf.matmul(x, w(48, 32)) + w.bias(32))
    return tf.nn.softmax(tf.matmul(x, w(32, 10)) + w.bias(10))


def _conv(x: Any, w: Weights, size: int, channels: int, stride: int = 1) -> Any:
    return tf.nn.conv2d(x, w(size, size, x.shape[-1], channels), stride, "SAME") + w.bias(channels)


def _depthwise(x: Any, w: Weights, stride: int = 1) -> Any:
    weights = (w(3, 3, 1, x.shape[-1]) * 2).transpose(0, 1, 3, 2)
    return tf.nn.depthwise_conv2d(x, weights, [1, stride, stride, 1], "SAME") + w.bias(x.shape[-1])


def mobilenet(x: Any, w: Weights) -> Any:
    """Convolution, two depthwise blocks, a mean over the image, a dense layer."""
    x = tf.nn.relu6(_conv(x, w, 3, 8, 2))
    for channels, stride in ((16, 1), (24, 2)):
        x = tf.nn.relu6(_depthwise(x, w, stride))
        x = tf.nn.relu6(_conv(x, w, 1, channels))
    return tf.matmul(tf.reduce_mean(x, [1, 2]), w(24, 10)) + w.bias(10)


def residual(x: Any, w: Weights) -> Any:
    """Two branches that are added, two that are concatenated, a pool, a mean over the image, a dense layer."""
    x = tf.nn.relu(_conv(x, w, 3, 8))
    x = tf.nn.relu(x + _conv(tf.nn.relu(_conv(x, w, 3, 8)), w, 3, 8))
    x = tf.nn.max_pool2d(x, 3, 2, "SAME")
    x = tf.nn.relu(tf.concat([x, _conv(x, w, 1, 4)], -1))
    x = tf.nn.relu(_conv(x, w, 1, 12) + x)
    return tf.matmul(tf.reduce_mean(x, [1, 2]), w(12, 6)) + w.bias(6)


def _spread(x: Any, w: Weights, channels: int, factor: float = 1) -> Any:
    weights = factor * w(3, 3, x.shape[-1], channels).transpose(0, 1, 3, 2)
    shape = [1, 2 * x.shape[1], 2 * x.shape[2], channels]
    return tf.nn.conv2d_transpose(x, weights, shape, 2) + w.bias(channels)


def upscaling(x: Any, w: Weights) -> Any:
    """A decoder: transposed convolutions, the nearest pixel, padding, a logistic function."""
    x = tf.nn.relu(_conv(x, w, 3, 8, 2))
    x = tf.nn.relu(_spread(x, w, 6))
    x = tf.compat.v1.image.resize_nearest_neighbor(x, [12, 12])
    x = tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]])
    # Steeper, one code before it would be two behind it
    return tf.nn.sigmoid(_spread(x, w, 1, 0.5))


def pooled(x: Any, w: Weights) -> Any:
    """What LiteRT's own kernels compute in several ways: means of windows, values between pixels; and a flat image."""
    x = tf.nn.relu(_conv(x, w, 3, 4))
    x = tf.nn.avg_pool2d(x, 2, 2, "VALID")
    x = tf.image.resize(x, [6, 6], "bilinear")
    return tf.matmul(tf.reshape(x, [-1, 144]), w(144, 6)) + w.bias(6)


def activations(x: Any, w: Weights) -> Any:
    """Functions of single values, differences and products."""
    x = _conv(x, w, 3, 8)
    x = x * tf.nn.relu6(x + 3) / 6
    y = tf.nn.tanh(_conv(x, w, 1, 8))
    x = x * y - tf.nn.leaky_relu(x, 0.1)
    x = tf.maximum(tf.abs(_conv(x, w, 1, 8)), tf.minimum(x, 0.5))
    return tf.reduce_mean(x, [1, 2], keepdims=True)


def attention(x: Any, w: Weights) -> Any:
    """Attention of two heads over a sequence: products of matrices, transposes, parts, a softmax."""
    length, width = x.shape[1], x.shape[2]
    x = tf.matmul(tf.reshape(x, [-1, width]), w(width, 3 * 16)) + w.bias(48)
    q, k, v = (tf.transpose(tf.reshape(part, [1, length, 2, 8]), [0, 2, 1, 3]) for part in tf.split(x, 3, -1))
    made = tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 8**0.5), v)
    made = tf.reshape(tf.transpose(made, [0, 2, 1, 3]), [length, 16])
    first, last = made[:4], made[-4::2, 2:10]
    both = tf.stack([first[:, :8], tf.concat([last, last], 0)], 1)
    return tf.matmul(tf.gather(both, [3, 0, 0, 2]), w(8, 5)) + w.bias(5)


@dataclass(frozen=True)
class Net:
    """A net, the shape of its input (None: any number of samples), and its kinds."""

    make: Callable[[Any, Weights], Any]
    shape: tuple[int | None, ...]
    kinds: tuple[str, ...]


NETS: Mapping[str, Net] = {
    "dense": Net(dense, (None, 24), ("float", "int8", "weights", "half")),
    "mobilenet": Net(mobilenet, (1, 16, 16, 3), ("float", "int8", "ends", "tensor", "wide", "half")),
    "residual": Net(residual, (None, 16, 16, 3), ("float", "int8", "ends")),
    "upscaling": Net(upscaling, (1, 16, 16, 3), ("float", "int8")),
    "pooled": Net(pooled, (1, 12, 12, 3), ("float", "int8")),
    "activations": Net(activations, (1, 8, 8, 3), ("float", "int8")),
    "attention": Net(attention, (1, 8, 12), ("float", "int8")),
}


def _samples(net: Net, count: int, seed: int) -> NDArray[np.float32]:
    """Normal samples, one feed each."""
    shape = [1 if size is None else size for size in net.shape]
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def converted(net: Net, kind: str) -> bytes:
    """The file of a net."""
    signature = tf.TensorSpec(list(net.shape), tf.float32, name="x")
    function = tf.function(lambda x: net.make(x, Weights(7)), input_signature=[signature], autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "half":
        converter.target_spec.supported_types = [tf.float16]
    if kind in ("int8", "ends", "tensor", "wide"):
        converter.representative_dataset = lambda: ([sample] for sample in _samples(net, SAMPLES, 1))
        sets = tf.lite.OpsSet
        wide = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [wide if kind == "wide" else sets.TFLITE_BUILTINS_INT8]
        converter._experimental_disable_per_channel = kind == "tensor"
        if kind in ("int8", "tensor"):
            converter.inference_input_type = converter.inference_output_type = tf.int8
    made: bytes = converter.convert()
    return made


def answers(file: bytes, samples: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The samples, as codes where the file takes codes, and what LiteRT's reference kernels give for each."""
    reference = tf.lite.experimental.OpResolverType.BUILTIN_REF
    model = tf.lite.Interpreter(model_content=file, experimental_op_resolver_type=reference)
    model.allocate_tensors()
    (given,), (wanted,) = model.get_input_details(), model.get_output_details()
    scale, point = given["quantization"]
    made = []
    if given["dtype"] == np.int8:
        samples = np.clip(np.rint(samples / scale) + point, -128, 127).astype(np.int8)
    for sample in samples:
        model.set_tensor(given["index"], sample)
        model.invoke()
        made.append(model.get_tensor(wanted["index"]))
    return samples, np.stack(made)


def members() -> Iterator[tuple[str, bytes]]:
    """Every file and its answers."""
    for name, net in NETS.items():
        for kind in net.kinds:
            file = converted(net, kind)
            held = io.BytesIO()
            x, y = answers(file, _samples(net, 4, 2))
            np.savez(held, x=x, y=y)
            print(f"{name}, {kind}: {len(file)} bytes", flush=True)
            yield f"{name}.{kind}.tflite", file
            yield f"{name}.{kind}.npz", held.getvalue()


def main(target: Path = ARCHIVE) -> None:
    """Convert every net."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member, content in members():
            archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
