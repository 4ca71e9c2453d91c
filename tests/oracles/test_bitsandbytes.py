"""The bitsandbytes convention and its four-bit codebooks against bitsandbytes on the CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, formats, quantize
from tests.oracles.samples import COUNT, rows_of_every_size

torch = pytest.importorskip("torch")
functional = pytest.importorskip("bitsandbytes.functional")

NAMES = {"nf4": "nf4", "bnb_fp4": "fp4"}


def blocks_scheme(fmt: str, size: int, **rest: Any) -> Scheme:
    """Blocks run through all values, over the ends of rows."""
    return Scheme(fmt, "block", block_size=size, convention="bitsandbytes", **rest)


def codes_of(packed: Any, count: int) -> NDArray[np.uint8]:
    """Unpacked codes: bitsandbytes puts the first of two into the upper half of a byte."""
    octets = packed.numpy().ravel()
    return np.stack([octets >> 4, octets & 15], axis=1).ravel()[:count]


def block_values(count: int, size: int) -> NDArray[np.float32]:
    """Normal values in blocks of all magnitudes; blocks of zeros, of denormals and of a constant among them."""
    rng = np.random.default_rng(23)
    magnitudes = np.repeat(10.0 ** rng.uniform(-6, 6, -(-count // size)), size)[:count]
    x = (rng.normal(0, 1, count) * magnitudes).astype(np.float32)
    for i, value in enumerate((0, 1e-40, 1e-38, 0.37, -0.37, 3e38)):
        x[i * size : (i + 1) * size] = value
    return x


def on_boundaries(fmt: str, size: int) -> NDArray[np.float32]:
    """A million values whose quotients with the largest of their block lie on midpoints, as far as float32 can tell."""
    rng = np.random.default_rng(29)
    levels = formats()[fmt].grid.astype(np.float64)
    middles = (levels[1:] + levels[:-1]) / 2
    absmax = np.exp(rng.uniform(-7, 7, (COUNT // size, 1)))
    x = rng.choice(middles, (COUNT // size, size)) * absmax
    x[:, 0] = absmax[:, 0]
    return x.astype(np.float32).ravel()


@pytest.mark.parametrize("size", [32, 64, 256, 4096])
@pytest.mark.parametrize("fmt", NAMES)
def test_blocks(fmt: str, size: int) -> None:
    """Codes, stored absmax and what they decode to; the last block is not full.

    ``1 / max(absmax, 1e-38)`` is multiplied with, then the midpoints between neighbouring codes decide, ties go down.
    FP4 has two zeros: what is a little above zero gets the code of -0. (For a last block that is not full the tool
    divides instead of multiplying by the reciprocal; on no value here does that change the code.)
    """
    x = block_values(COUNT + 37, size)
    packed, state = functional.quantize_4bit(torch.from_numpy(x), blocksize=size, quant_type=NAMES[fmt])
    ours = quantize(x, blocks_scheme(fmt, size))
    np.testing.assert_array_equal(ours.qparams.scale_values, state.absmax.numpy())
    np.testing.assert_array_equal(ours.codes, codes_of(packed, x.size))
    back = functional.dequantize_4bit(packed, state)
    np.testing.assert_array_equal(ours.dequantize(), back.numpy().ravel())


@pytest.mark.parametrize("fmt", NAMES)
def test_blocks_on_midpoints(fmt: str) -> None:
    x = on_boundaries(fmt, 64)
    packed, _ = functional.quantize_4bit(torch.from_numpy(x), blocksize=64, quant_type=NAMES[fmt])
    np.testing.assert_array_equal(quantize(x, blocks_scheme(fmt, 64)).codes, codes_of(packed, x.size))


@pytest.mark.parametrize("fmt", NAMES)
def test_codebooks(fmt: str) -> None:
    table = functional.get_4bit_type(NAMES[fmt], device="cpu").numpy()
    np.testing.assert_array_equal(formats()[fmt].decode(np.arange(16, dtype=np.uint8)), table)


@pytest.mark.parametrize("shape", [(1000, 1000), (2, 500_000)])
def test_rows_of_int8(shape: tuple[int, int]) -> None:
    """``rint(x * (127 * (1 / absmax)))``, since PyTorch divides a number by a tensor that way.

    Rows whose inverse is infinite, zeros among them, get code 0 here as in the tool (which casts infinities and NaN).
    """
    x = rows_of_every_size(*shape) if shape[0] > 10 else np.random.default_rng(2).normal(0, 1, shape).astype(np.float32)
    if shape[0] > 10:
        x[6:9] = np.float32([[1e-40], [1e-37], [3e38]])
    codes, absmax, _ = functional.int8_vectorwise_quant(torch.from_numpy(x))
    ours = quantize(x, Scheme("int8", "token", convention="bitsandbytes"))
    np.testing.assert_array_equal(ours.codes, codes.numpy())
    np.testing.assert_array_equal(ours.qparams.scale_values.ravel(), (absmax / 127).numpy())


def test_rows_of_int8_on_ties() -> None:
    rng = np.random.default_rng(3)
    absmax = np.exp(rng.uniform(-7, 7, (100, 1)))
    x = ((rng.integers(-127, 127, (100, COUNT // 100)) + 0.5) / 127 * absmax).astype(np.float32)
    x[:, :1] = absmax
    codes, _, _ = functional.int8_vectorwise_quant(torch.from_numpy(x))
    np.testing.assert_array_equal(quantize(x, Scheme("int8", "token", convention="bitsandbytes")).codes, codes.numpy())


def blockwise(x: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    codes, state = functional.quantize_blockwise(torch.from_numpy(x), blocksize=256)
    return codes.numpy(), state.absmax.numpy()


def test_maps_of_eight_bits() -> None:
    """The quotient is rounded to 65536 steps, and a table says which code is nearest to that step.

    (In a block of zeros or of denormals the tool looks up NaN or infinity: left out.)
    """
    x = block_values(COUNT, 256)[3 * 256 :]
    codes, absmax = blockwise(x)
    ours = quantize(x, Scheme("bnb_dynamic8", "block", block_size=256, convention="bitsandbytes"))
    np.testing.assert_array_equal(ours.qparams.scale_values, absmax)
    np.testing.assert_array_equal(ours.codes, codes)


def test_double_quantization() -> None:
    """Absmax less its mean goes into a map of eight bits, in blocks of 256.

    The mean is the tool's only step without a defined order: PyTorch adds up in as many parts as it has threads. So the
    offset may differ in its last place; with the tool's own offset the codes are equal.
    """
    x = np.random.default_rng(6).normal(0, 1, 64 * 100_000).astype(np.float32)
    packed, state = functional.quantize_4bit(
        torch.from_numpy(x), blocksize=64, quant_type="nf4", compress_statistics=True
    )
    scales = Scheme("bnb_dynamic8", "block", block_size=256, convention="bitsandbytes")
    absmax = np.abs(x.reshape(-1, 64)).max(axis=1)
    inner = quantize(absmax - np.float32(state.offset.item()), scales)
    np.testing.assert_array_equal(inner.codes, state.absmax.numpy())
    np.testing.assert_array_equal(inner.qparams.scale_values, state.state2.absmax.numpy())

    whole = quantize(x, blocks_scheme("nf4", 64, scale_scheme=dataclasses.replace(scales, centre=True)))
    np.testing.assert_array_equal(whole.codes, codes_of(packed, x.size))
    back = functional.dequantize_4bit(packed, state).numpy()
    wrong = np.abs(whole.dequantize() - back) > 2e-6 * np.abs(back)
    assert wrong.mean() < 1e-3  # where the last place of the offset changed a scale's code
    assert whole.nbytes == x.size // 2 + 100_000 + 4 * -(-100_000 // 256) + 4
