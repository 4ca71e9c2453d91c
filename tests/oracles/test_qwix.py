"""The qwix convention against Qwix on JAX, on the CPU and not compiled as a whole (see the last test)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import QParams, QTensor, Range, Scheme, choose_qparams, formats, quantize
from playground.quantization import encode
from tests.oracles.samples import COUNT, ranges, rows_of_every_size, with_ties

jax = pytest.importorskip("jax")
qarray = pytest.importorskip("qwix._src.core.qarray")

CALIBRATION = {True: "absmax", False: "minmax"}
BITS = {"int8": 8, "int4": 4, "int2": 2, "int3": 3, "int5": 5, "int6": 6, "int7": 7}
AFFINE = ("int8", "int4")
"""Qwix refuses the others when they are not symmetric."""


def kind(fmt: str) -> Any:
    return getattr(jax.numpy, fmt) if fmt in AFFINE else fmt


def plain(array: Any, dtype: Any = None) -> NDArray[Any]:
    return np.asarray(array).astype(dtype) if dtype else np.asarray(array)


def how(fmt: str, symmetric: bool, **rest: Any) -> Any:
    return qarray.HowToQuantize(qtype=kind(fmt), calibration_method=CALIBRATION[symmetric], **rest)


@pytest.mark.parametrize(("fmt", "symmetric"), [*((fmt, True) for fmt in BITS), *((fmt, False) for fmt in AFFINE)])
def test_scales_and_zero_points(fmt: str, symmetric: bool) -> None:
    """A million ranges: ``s = absmax * (1 / 127.5)``, since XLA turns a division by a constant into a product.

    It does so where there are several scales; a single one is divided, see ``test_whole_tensors_and_tiles``. Scales
    below 2**-63 become 1. The zero-point is computed all the same, so a row of zeros gets -128.
    """
    x = ranges(magnitudes=25)
    theirs = qarray.quantize(jax.numpy.asarray(x), how(fmt, symmetric, channelwise_axes=(0,)))
    scheme = Scheme(fmt, "channel", 0, symmetric=symmetric, convention="qwix")
    ours = choose_qparams(Range(x[:, :1], x[:, 1:]), scheme)
    np.testing.assert_array_equal(ours.scale, plain(theirs.scale))
    if not symmetric:
        np.testing.assert_array_equal(ours.zero_point, plain(theirs.zero_point, np.int32))


@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize(("fmt", "symmetric"), [*((fmt, True) for fmt in BITS), *((fmt, False) for fmt in AFFINE)])
def test_codes(fmt: str, symmetric: bool, rows: int) -> None:
    """``rint(x * (1 / s) + z)``: the source divides, XLA multiplies by the reciprocal of a shared divisor."""
    rng = np.random.default_rng(9)
    scheme = Scheme(fmt, "channel", 0, symmetric=symmetric, convention="qwix")
    qmin, qmax = scheme.limits
    scale = np.exp(rng.uniform(-7, 2, (rows, 1))).astype(np.float32)
    points = np.zeros((rows, 1), np.int32) if symmetric else rng.integers(qmin, qmax + 1, (rows, 1))
    x = with_ties(scale, (rows, COUNT // rows), spread=(qmax - qmin) / 2.5)
    theirs = qarray.quantize_with_scale_zero_point(
        jax.numpy.asarray(x),
        kind(fmt),
        jax.numpy.asarray(scale),
        None if symmetric else jax.numpy.asarray(points.astype(np.int8)).astype(kind(fmt)),
    )
    qparams = QParams(scale, points)
    codes = encode(x, qparams, scheme)
    np.testing.assert_array_equal(codes, plain(theirs.qvalue, np.int8))
    assert {codes.min(), codes.max()} == {qmin, qmax}
    np.testing.assert_array_equal(
        QTensor(codes, qparams, scheme, x.shape).dequantize(), plain(qarray.dequantize(theirs))
    )


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("fmt", AFFINE)
def test_whole_tensors_and_tiles(fmt: str, symmetric: bool) -> None:
    x = rows_of_every_size(512, 2048)
    for rest, where in (
        ({}, {}),
        ({"channelwise_axes": (1,)}, {"granularity": "channel", "axis": 1}),
        ({"channelwise_axes": (0,), "tiled_axes": {1: 128}}, {"granularity": "block", "axis": 1, "block_size": 128}),
    ):
        theirs = qarray.quantize(jax.numpy.asarray(x), how(fmt, symmetric, **rest))
        ours = quantize(x, Scheme(fmt, symmetric=symmetric, convention="qwix", **where))
        np.testing.assert_array_equal(ours.qparams.scale, plain(theirs.scale))
        np.testing.assert_array_equal(ours.codes, plain(theirs.qvalue, np.int8))


def test_nf4() -> None:
    """The nearest code by distance, the lower one if the distances are equal as float32.

    So a midpoint that float32 had to round belongs to the neighbour that it is nearer to; bitsandbytes gives all of
    them to the lower one. The last row holds all midpoints and what is just beside them.
    """
    x = rows_of_every_size(512, 2048)
    levels = formats()["nf4"].grid
    middles = (levels[1:] + levels[:-1]) / np.float32(2)
    beside = [middles, np.nextafter(middles, np.float32(2)), np.nextafter(middles, np.float32(-2)), [np.float32(1)]]
    x[-1, :64] = np.resize(np.concatenate(beside), 64)
    theirs = qarray.quantize(
        jax.numpy.asarray(x),
        qarray.HowToQuantize(qtype="nf4", channelwise_axes=(0,), tiled_axes={1: 64}),
    )
    ours = quantize(x, Scheme("nf4", "block", 1, 64, convention="qwix"))
    np.testing.assert_array_equal(ours.qparams.scale, plain(theirs.scale))
    np.testing.assert_array_equal(ours.codes, plain(theirs.qvalue, np.uint8))
    np.testing.assert_array_equal(ours.dequantize(), plain(qarray.dequantize(theirs)))


def test_compiled_as_a_whole_xla_fuses_multiply_and_add() -> None:
    """Not what our convention reproduces: under ``jax.jit`` the same Qwix function rounds some ties elsewhere."""
    scale, point = np.full((1, 1), 0.0117, np.float32), np.full((1, 1), 3, np.int8)
    x = with_ties(scale, (1, COUNT))
    arguments = (jax.numpy.asarray(x), jax.numpy.int8, jax.numpy.asarray(scale), jax.numpy.asarray(point))
    plainly = qarray.quantize_with_scale_zero_point(*arguments).qvalue
    compiled = jax.jit(qarray.quantize_with_scale_zero_point, static_argnums=1)(*arguments).qvalue
    fused = np.rint((x * (1 / scale).astype(np.float64) + point).astype(np.float32)).clip(-128, 127)
    np.testing.assert_array_equal(plain(compiled), fused)
    assert (plain(compiled) != plain(plainly)).any()
