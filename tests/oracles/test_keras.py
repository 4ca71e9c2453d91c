"""The keras convention against Keras 3 on its PyTorch backend: the functions, and layers that quantize themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, quantize
from tests.oracles.samples import rows_of_every_size, with_ties

keras = pytest.importorskip("keras")
quantizers = pytest.importorskip("keras.src.quantizers.quantizers")

RANGES = {"int8": (-127, 127), "int4": (-8, 7)}


def plain(tensor: Any) -> NDArray[Any]:
    values: NDArray[Any] = keras.ops.convert_to_numpy(tensor)
    return values


def inverse_scales(x: Any, fmt: str, **how: Any) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Our codes, and what Keras stores as the scale: what values are multiplied by, not what codes are."""
    ours = quantize(x, Scheme(fmt, convention="keras", **how))
    assert ours.qparams.factors is not None
    assert ours.qparams.factors.multiply is not None
    return ours.codes, ours.qparams.factors.multiply


@pytest.mark.parametrize("to_numpy", [True, False])
@pytest.mark.parametrize("fmt", RANGES)
def test_abs_max_quantize(fmt: str, to_numpy: bool) -> None:
    """``q = rint(x * s)`` with ``s = qmax / (absmax + 1e-7)``; a column of zeros has the scale qmax / 1e-7."""
    x = np.ascontiguousarray(rows_of_every_size().T)
    codes, scale = quantizers.abs_max_quantize(
        keras.ops.convert_to_tensor(x), axis=0, value_range=RANGES[fmt], to_numpy=to_numpy
    )
    ours, inverse = inverse_scales(x, fmt, granularity="channel", axis=1)
    np.testing.assert_array_equal(inverse, plain(scale))
    np.testing.assert_array_equal(ours, plain(codes))


@pytest.mark.parametrize("fmt", RANGES)
def test_abs_max_quantize_on_ties(fmt: str) -> None:
    rng = np.random.default_rng(3)
    steps = np.exp(rng.uniform(-7, 2, (1, 100))).astype(np.float32)
    x = with_ties(steps, (10_000, 100), spread=RANGES[fmt][1] / 3)
    codes, _ = quantizers.abs_max_quantize(keras.ops.convert_to_tensor(x), axis=0, value_range=RANGES[fmt])
    ours, _ = inverse_scales(x, fmt, granularity="channel", axis=1)
    np.testing.assert_array_equal(ours, plain(codes))


def test_grouped_with_zero_point() -> None:
    """Blocks along the input: the range is not stretched to zero, the zero-point is clamped, as Keras 3.15 does.

    So a block of values that are all far from zero saturates. That is what the tool does on the path its layers use
    (``to_numpy=True``); its other path treats constant blocks differently.
    """
    x = np.ascontiguousarray(rows_of_every_size(1000, 1024).T)
    x[:, 10] += 3 * np.abs(x[:, 10]).max()
    codes, scale, zero_point = quantizers.abs_max_quantize_grouped_with_zero_point(
        keras.ops.convert_to_tensor(x), block_size=128, to_numpy=True
    )
    ours = quantize(x, Scheme("int4", "block", 0, 128, symmetric=False, convention="keras"))
    np.testing.assert_array_equal(ours.qparams.scale, plain(scale))
    np.testing.assert_array_equal(ours.qparams.zero_point, plain(zero_point))
    np.testing.assert_array_equal(ours.codes, plain(codes))


def test_a_last_group_that_is_not_full_counts_its_padding() -> None:
    """Keras fills it with zeros before it looks for the range, so zero is in that range."""
    x = np.random.default_rng(8).uniform(2, 3, (200, 50)).astype(np.float32)
    codes, scale, zero_point = quantizers.abs_max_quantize_grouped_with_zero_point(
        keras.ops.convert_to_tensor(x), block_size=128, to_numpy=True
    )
    ours = quantize(x, Scheme("int4", "block", 0, 128, symmetric=False, convention="keras"))
    np.testing.assert_array_equal(ours.qparams.scale[0], plain(scale)[0])
    padded = np.concatenate([x, np.zeros((56, 50), np.float32)])
    ours = quantize(padded, Scheme("int4", "block", 0, 128, symmetric=False, convention="keras"))
    np.testing.assert_array_equal(ours.qparams.scale, plain(scale))
    np.testing.assert_array_equal(ours.qparams.zero_point, plain(zero_point))
    np.testing.assert_array_equal(ours.codes[:200], plain(codes))


def layer_of(kind: str) -> tuple[Any, NDArray[np.float32], int]:
    """A built layer, its weights, and the axis over which it takes the largest value."""
    if kind == "Dense":
        layer = keras.layers.Dense(256)
        layer.build((None, 512))
        return layer, plain(layer.kernel), 0
    if kind == "EinsumDense":
        layer = keras.layers.EinsumDense("abc,cd->abd", output_shape=(None, 256))
        layer.build((None, 4, 512))
        return layer, plain(layer.kernel), 0
    layer = keras.layers.Embedding(300, 256)
    layer.build()
    return layer, plain(layer.embeddings), 1


@pytest.mark.parametrize("kind", ["Dense", "EinsumDense", "Embedding"])
def test_layers_that_quantize_themselves_to_int8(kind: str) -> None:
    layer, weights, reduced = layer_of(kind)
    layer.quantize("int8")
    name = "embeddings" if kind == "Embedding" else "kernel"
    stored = {variable.name: plain(variable.value) for variable in layer.weights}
    ours, inverse = inverse_scales(weights, "int8", granularity="channel", axis=1 - reduced)
    np.testing.assert_array_equal(stored[name], ours)
    np.testing.assert_array_equal(stored[f"{name}_scale"].ravel(), inverse.ravel())


def test_dense_quantized_to_int4_per_channel_and_in_groups() -> None:
    for block_size in (-1, 128):
        layer, weights, _ = layer_of("Dense")
        config = keras.quantizers.Int4QuantizationConfig(block_size=block_size)
        layer.quantize("int4", config=config)
        stored = {variable.name: plain(variable.value) for variable in layer.weights}
        codes = plain(quantizers.unpack_int4(layer._kernel, 256, axis=-1))
        if block_size == -1:
            ours, inverse = inverse_scales(weights, "int4", granularity="channel", axis=1)
            np.testing.assert_array_equal(stored["kernel_scale"], inverse.ravel())
        else:
            held = quantize(weights, Scheme("int4", "block", 0, 128, symmetric=False, convention="keras"))
            ours = held.codes
            np.testing.assert_array_equal(stored["kernel_scale"], held.qparams.scale)
            np.testing.assert_array_equal(stored["kernel_zero"], held.qparams.zero_point)
        np.testing.assert_array_equal(codes, ours)


def test_layers_that_keras_does_not_quantize() -> None:
    """Convolutions have no quantized form: Keras refuses, and the reader of Keras files has to say so too."""
    layer = keras.layers.Conv2D(4, 3)
    layer.build((None, 8, 8, 3))
    with pytest.raises(NotImplementedError):
        layer.quantize("int8")
