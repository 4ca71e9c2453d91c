"""Keras's layers as they come out of its files: what both of our engines answer, and what Keras does.

Its PyTorch backend pads a mean over windows at the border as no other backend does. So windows are such there that
nothing has to be padded, or the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import playground

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")
layers = keras.layers

IMAGE, ROWS, ROW, VOLUME = (12, 11, 3), (9, 4), (7,), (6, 6, 6, 2)

ONE: Mapping[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    **{
        f"{kind} {padding} {stride}": (
            lambda make=make, padding=padding, stride=stride: make(padding=padding, strides=stride),
            shape,
        )
        for padding in ("same", "valid")
        for stride in (1, 2, 3)
        for kind, make, shape in (
            ("conv", lambda **how: layers.Conv2D(5, (3, 4), activation="relu", **how), IMAGE),
            (
                "depthwise",
                lambda **how: layers.DepthwiseConv2D((3, 2), depth_multiplier=2, use_bias=False, **how),
                IMAGE,
            ),
            ("separable", lambda **how: layers.SeparableConv2D(4, 3, depth_multiplier=2, **how), IMAGE),
            ("transposed", lambda **how: layers.Conv2DTranspose(4, 3, **how), IMAGE),
            ("largest", lambda **how: layers.MaxPooling2D(3, **how), IMAGE),
            ("sequence", lambda **how: layers.Conv1D(4, 3, **how), ROWS),
            ("largest of a sequence", lambda **how: layers.MaxPooling1D(3, **how), ROWS),
        )
    },
    "mean": (lambda: layers.AveragePooling2D(2), IMAGE),
    "mean, padded": (lambda: layers.AveragePooling2D(3, 1, padding="same"), IMAGE),
    "dilated": (lambda: layers.Conv2D(4, 3, dilation_rate=2, padding="same"), IMAGE),
    "groups": (lambda: layers.Conv2D(6, 3, groups=3), IMAGE),
    "open sizes": (lambda: layers.Conv2D(6, 3, padding="same", strides=2), (None, None, 3)),
    "channels first": (lambda: layers.Conv2D(6, 3, data_format="channels_first"), (3, 9, 9)),
    "causal": (lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), ROWS),
    "separable sequence": (lambda: layers.SeparableConv1D(4, 3), ROWS),
    "depthwise sequence": (lambda: layers.DepthwiseConv1D(3), ROWS),
    "volume": (lambda: layers.Conv3D(4, 2), VOLUME),
    "norm": (layers.BatchNormalization, IMAGE),
    "norm of rows": (lambda: layers.BatchNormalization(scale=False, center=False), ROW),
    "norm of channels first": (lambda: layers.BatchNormalization(axis=1), IMAGE),
    "norm by layer": (layers.LayerNormalization, ROWS),
    "dense": (lambda: layers.Dense(4, "softmax"), ROW),
    "dense on rows": (lambda: layers.Dense(4, use_bias=False), ROWS),
    **{
        f"einsum {equation}": (
            lambda equation=equation, output=output, bias=bias: layers.EinsumDense(
                equation, output_shape=output, bias_axes=bias, activation="tanh"
            ),
            shape,
        )
        for equation, output, bias, shape in (
            ("abc,cd->abd", (9, 6), "d", ROWS),
            ("abc,cde->abde", (9, 2, 3), "de", ROWS),
            ("abcd,cde->abe", (12, 6), "e", IMAGE),
            ("...x,xy->...y", (9, 6), "y", ROWS),
            ("abc,bd->adc", (6, 4), None, ROWS),
            ("ab,bc->ac", (6,), "c", ROW),
        )
    },
    **{
        f"activation {name}": (lambda name=name: layers.Activation(name), ROWS)
        for name in (
            *("relu", "relu6", "sigmoid", "tanh", "softplus", "softsign", "selu", "elu", "gelu", "exponential", "mish"),
            *(
                "silu",
                "hard_silu",
                "hard_sigmoid",
                "hard_tanh",
                "leaky_relu",
                "log_softmax",
                "softmax",
                "celu",
                "linear",
            ),
        )
    },
    "relu": (lambda: layers.ReLU(max_value=0.5), IMAGE),
    "leaky relu": (layers.LeakyReLU, IMAGE),
    "elu": (lambda: layers.ELU(0.7), IMAGE),
    "prelu": (layers.PReLU, IMAGE),
    "softmax": (lambda: layers.Softmax(axis=1), IMAGE),
    "zeros": (lambda: layers.ZeroPadding2D(((1, 2), (0, 1))), IMAGE),
    "larger": (lambda: layers.UpSampling2D((2, 3)), IMAGE),
    "scale": (lambda: layers.Rescaling(1 / 255, 0.5), IMAGE),
    "flat": (layers.Flatten, IMAGE),
    "shape": (lambda: layers.Reshape((-1, 6)), IMAGE),
    "order": (lambda: layers.Permute((2, 1)), ROWS),
    "mean of all": (layers.GlobalAveragePooling2D, IMAGE),
    "largest of all": (lambda: layers.GlobalMaxPooling2D(keepdims=True), IMAGE),
    "dropout": (lambda: layers.Dropout(0.5), ROW),
}
"""A layer, and the shape of what it gets; behind a convolution if that is an image."""


def joined(x: Any) -> Any:
    """Every way of joining values."""
    y = layers.Average()([layers.Multiply()([x, x]), layers.Subtract()([x, layers.Maximum()([x, x])]), x])
    y = layers.Concatenate(axis=1)([layers.Add()([y, x]), layers.Minimum()([x, y])])
    return layers.Concatenate()([y, layers.Conv2D(2, 1)(y)])


def model_of(build: Callable[[Any], Any], shape: tuple[int | None, ...], dtype: str = "float32") -> Any:
    """A model with drawn weights."""
    x = keras.Input(shape, dtype=dtype, name="x")
    model = keras.Model(x, build(x))
    rng = np.random.default_rng(1)
    weights = [rng.normal(0, 0.4, value.shape).astype(np.float32) for value in model.get_weights()]
    for at, weight in enumerate(model.weights):
        if weight.path.endswith("variance"):
            weights[at] = np.abs(weights[at]) + 0.5
    model.set_weights(weights)
    return model


def check(model: Any, x: NDArray[Any], folder: Path, ending: str) -> None:
    """Both engines answer as Keras does, within 1e-5 of the largest value."""
    path = folder / f"m{ending}"
    model.save(path)
    wanted = model.predict(x, verbose=0)
    held = playground.load(path)
    assert held.graph is not None, held.no_graph
    for engine in ("reference", "wasm"):
        (found,) = playground.run(held, {"x": x}, engine=engine).values()
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", ONE)
def test_one_layer(name: str, ending: str, tmp_path: Path) -> None:
    make, shape = ONE[name]

    def build(x: Any) -> Any:
        # so that the layer gets its values with channels first
        return make()(layers.Conv2D(3, 1)(x) if shape == IMAGE else x)

    x = np.random.default_rng(2).normal(size=[2, *(size or 9 for size in shape)]).astype(np.float32)
    check(model_of(build, shape), x, tmp_path, ending)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_embedding(dtype: str, tmp_path: Path) -> None:
    x = np.random.default_rng(2).integers(0, 9, (2, 5)).astype(dtype)
    check(model_of(layers.Embedding(9, 4), (5,), dtype), x, tmp_path, ".keras")


def test_values_are_joined(tmp_path: Path) -> None:
    x = np.random.default_rng(2).normal(size=(2, *IMAGE)).astype(np.float32)
    check(model_of(joined, IMAGE), x, tmp_path, ".keras")


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_what_keras_quantizes(mode: str, tmp_path: Path) -> None:
    """Codes and what is kept beside them are those of the layer."""
    model = model_of(layers.Dense(5, name="d"), ROW)
    model.quantize(mode)
    path = tmp_path / "m.keras"
    model.save(path)
    held, layer = playground.load(path), model.get_layer("d")
    codes, scale = (np.asarray(keras.ops.convert_to_numpy(value)) for value in (layer._kernel, layer.kernel_scale))
    if mode == "int8":
        np.testing.assert_array_equal(held.tensors["d/kernel"].numpy(), codes)
        np.testing.assert_array_equal(held.tensors["d/kernel_scale"].numpy(), np.float32(1) / scale)
    else:
        tensor = held.tensors["d/kernel"]
        np.testing.assert_array_equal(tensor.parts["codes"].numpy(), codes)
        np.testing.assert_array_equal(tensor.parts["scale"].numpy(), scale)
        given = np.eye(7, dtype=np.float32)
        bias = held.tensors["d/bias"].numpy()
        np.testing.assert_allclose(tensor.numpy() + bias, model.predict(given, verbose=0), rtol=1e-5, atol=1e-6)
