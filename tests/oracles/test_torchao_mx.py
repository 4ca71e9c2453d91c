"""The MX formats and NVFP4 against torchao's prototypes, and MX against the tables of the OCP specification."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import Scheme, formats, quantize
from tests.oracles.samples import COUNT

torch = pytest.importorskip("torch")
mx = pytest.importorskip("torchao.prototype.mx_formats.mx_tensor")
nvfp4 = pytest.importorskip("torchao.prototype.mx_formats.nvfp4_tensor")
kernels = pytest.importorskip("torchao.prototype.mx_formats.kernels")

ELEMENTS = {
    "mxfp8_e4m3": torch.float8_e4m3fn,
    "mxfp8_e5m2": torch.float8_e5m2,
    "mxfp6_e3m2": "fp6_e3m2",
    "mxfp6_e2m3": "fp6_e2m3",
    "mxfp4": torch.float4_e2m1fn_x2,
}
LARGEST = {"mxfp8_e4m3": 448, "mxfp8_e5m2": 57344, "mxfp6_e3m2": 28, "mxfp6_e2m3": 7.5, "mxfp4": 6}


def in_blocks(size: int, rows: int = 256) -> NDArray[np.float32]:
    """A million values in blocks of all magnitudes; of zeros, of a power of two, of what rounds up to the next one."""
    rng = np.random.default_rng(53)
    count = COUNT // rows // size + 1
    x = rng.normal(0, 1, (rows, count, size)) * 2.0 ** rng.uniform(-40, 40, (rows, count, 1))
    x[0, 0] = 0
    x[0, 1] = 2.0**-5
    x[0, 2] = np.nextafter(np.float32(8), np.float32(0))  # rounds up to 8, but its exponent is that of 4
    x[0, 3, :3] = 7.9, -0.01, 1e-6
    return x.reshape(rows, -1).astype(np.float32)


def on_ties(fmt: str, size: int) -> NDArray[np.float32]:
    """A million values between neighbouring numbers of the elements, times powers of two."""
    rng = np.random.default_rng(54)
    grid = formats()[fmt].element.grid
    middles = (grid[1:].astype(np.float64) + grid[:-1]) / 2
    x = rng.choice(middles, (COUNT // size, size))
    x[:, 0] = grid[-1]
    return (x * 2.0 ** rng.integers(-20, 20, (COUNT // size, 1))).astype(np.float32).reshape(125, -1)


def codes_of(data: Any, fmt: str) -> NDArray[np.uint8]:
    """One code a byte, as torchao's packed or plain bytes hold them."""
    octets: NDArray[np.uint8] = data.view(torch.uint8).numpy()
    if fmt not in ("mxfp4", "nvfp4"):
        return octets
    return np.stack([octets & 15, octets >> 4], axis=-1).reshape(*octets.shape[:-1], -1)


@pytest.mark.parametrize("values", ["random", "ties"])
@pytest.mark.parametrize("fmt", ELEMENTS)
def test_mx(fmt: str, values: str) -> None:
    """Scale codes, element codes, and what they decode to."""
    x = in_blocks(32) if values == "random" else on_ties(fmt, 32)
    scale, data = mx.to_mx(torch.from_numpy(x), ELEMENTS[fmt], 32)
    ours = quantize(x, Scheme(fmt, convention="torchao_mx"))
    scales = ours.qparams.scale
    np.testing.assert_array_equal(scales.codes, scale.view(torch.uint8).numpy())
    np.testing.assert_array_equal(ours.codes, codes_of(data, fmt))
    back = mx.to_dtype(data, scale, ELEMENTS[fmt], 32, torch.float32).numpy()
    np.testing.assert_array_equal(ours.dequantize(), back.reshape(x.shape))


def test_a_scale_below_the_normal_numbers() -> None:
    """Torchao stores 2 ** -127 as the specification says, but divides by 2 ** -126: its codes are half of ours."""
    x = np.full((1, 32), 2.0**-125, np.float32)
    scale, data = mx.to_mx(torch.from_numpy(x), ELEMENTS["mxfp8_e4m3"], 32)
    ours = quantize(x, Scheme("mxfp8_e4m3", convention="torchao_mx"))
    assert ours.qparams.scale.codes.item() == scale.view(torch.uint8).item() == 0
    np.testing.assert_array_equal(ours.dequantize(), x)
    np.testing.assert_array_equal(formats()["fp8_e4m3"].decode(codes_of(data, "mxfp8_e4m3")), np.full((1, 32), 2.0))


@pytest.mark.parametrize("fmt", ELEMENTS)
def test_element_maxima_of_the_specification(fmt: str) -> None:
    element = formats()[fmt].element
    assert (element.largest, element.smallest) == (LARGEST[fmt], -LARGEST[fmt])


def test_mxint8_as_specified() -> None:
    """As OCP MX 5.3.4: two's complement with an implied scale of 2 ** -6, so up to 1 63/64. (torchao has none.)"""
    element = formats()["mxint8"].element
    assert element.largest == 127 / 64
    x = in_blocks(32)
    ours = quantize(x, Scheme("mxint8"))
    blocks = x.reshape(-1, 32).astype(np.float64)
    absmax = np.abs(blocks).max(axis=1, keepdims=True)
    exponent = np.floor(np.log2(np.where(absmax > 0, absmax, 2.0**-127))).clip(-127, 127)
    np.testing.assert_array_equal(ours.qparams.scale.codes.reshape(-1, 1), exponent + 127)
    codes = np.rint(blocks / 2.0**exponent * 64).clip(-128, 127)
    np.testing.assert_array_equal(ours.codes.reshape(-1, 32), codes)


@pytest.mark.parametrize("values", ["random", "ties"])
def test_nvfp4(values: str) -> None:
    """Blocks of 16 with E4M3 scales, and one float32 for the tensor: absmax / (448 * 6)."""
    x = in_blocks(16) if values == "random" else on_ties("nvfp4", 16)
    if values == "random":  # E4M3 holds nine binary orders of magnitude with full precision
        x = np.sign(x) * np.abs(x) ** np.float32(0.125)
    tensor = torch.from_numpy(x)
    outer = nvfp4.per_tensor_amax_to_scale(tensor.abs().max())
    scale, data = nvfp4.nvfp4_quantize(tensor, 16, outer)
    ours = quantize(x, Scheme("nvfp4", convention="torchao_mx"))
    scales = ours.qparams.scale
    assert scales.qparams.scale.item() == outer.item()
    np.testing.assert_array_equal(scales.codes, scale.view(torch.uint8).numpy().reshape(scales.codes.shape))
    np.testing.assert_array_equal(ours.codes, codes_of(data, "nvfp4"))
    held = nvfp4.NVFP4Tensor(data, scale.view(len(x), -1), 16, torch.float32, per_tensor_scale=outer)
    np.testing.assert_array_equal(ours.dequantize(), held.dequantize(torch.float32).numpy())


def test_bits_per_weight() -> None:
    x = np.ones((64, 1024), np.float32)
    expected = {
        "mxfp8_e4m3": 8.25,
        "mxfp8_e5m2": 8.25,
        "mxfp6_e3m2": 6.25,
        "mxfp6_e2m3": 6.25,
        "mxfp4": 4.25,
        "mxint8": 8.25,
    }
    assert {fmt: quantize(x, Scheme(fmt)).bits_per_weight for fmt in expected} == expected
    assert quantize(x, Scheme("nvfp4")).bits_per_weight == 4.5 + 32 / x.size
