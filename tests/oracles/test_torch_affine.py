"""The pytorch conventions against torch itself, each on at least a million values with ties among them.

Needs torch, which is large: the module is skipped where it is not installed.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import QParams, QTensor, Range, Scheme, calibration, choose_qparams
from playground.errors import InvalidInputError
from playground.quantization import encode

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*quantiz.*deprecated.*"),
]

COUNT = 1_000_000
DTYPES = {"int8": torch.qint8, "uint8": torch.quint8}
PER_TENSOR = [(0.25, 0.5), (0.0231, 0.53), (1 / 3, 0.0), (7e-4, 1.0), (0.0117, 0.25)]
"""Scale, and where between the smallest and largest code the zero-point lies."""


def values_with_ties(scale: NDArray[np.float32] | float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Normal values that reach into saturation, a third of them between two codes as far as float32 can tell."""
    rng = np.random.default_rng(31)
    codes = rng.normal(0, 90, shape)
    ties = rng.random(shape) < 1 / 3
    codes[ties] = np.floor(codes[ties]) + 0.5
    x: NDArray[np.float32] = codes.astype(np.float32) * np.asarray(scale, np.float32)
    return x


def per_tensor(fmt: str, scale: float, share: float, convention: str) -> tuple[Scheme, QParams]:
    scheme = Scheme(fmt, symmetric=False, convention=convention)
    qmin, qmax = scheme.limits
    return scheme, QParams(np.float32(scale), round(qmin + share * (qmax - qmin)))


def per_channel(fmt: str, axis: int, convention: str) -> tuple[Scheme, QParams, NDArray[np.float32]]:
    rng = np.random.default_rng(axis)
    shape = tuple(100 if i == axis else 1 for i in range(3))
    scheme = Scheme(fmt, "channel", axis, symmetric=False, convention=convention)
    scale = np.exp(rng.uniform(-7, 2, shape)).astype(np.float32)
    qparams = QParams(scale, rng.integers(scheme.limits[0], scheme.limits[1] + 1, shape))
    return scheme, qparams, values_with_ties(scale, (100, 100, 100))


@pytest.mark.parametrize("fmt", DTYPES)
@pytest.mark.parametrize(("scale", "share"), PER_TENSOR)
def test_quantize_per_tensor(fmt: str, scale: float, share: float) -> None:
    """FBGEMM multiplies and adds in one fused operation: separately, thousands of the ties here round elsewhere."""
    scheme, qparams = per_tensor(fmt, scale, share, "pytorch")
    x = values_with_ties(scale, (COUNT,))
    expected = torch.quantize_per_tensor(
        torch.from_numpy(x), qparams.scale.item(), qparams.zero_point.item(), DTYPES[fmt]
    )
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(ours.codes, expected.int_repr().numpy())
    np.testing.assert_array_equal(ours.dequantize(), expected.dequantize().numpy())


@pytest.mark.parametrize("fmt", DTYPES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quantize_per_channel(fmt: str, axis: int) -> None:
    """Not fused, unlike the function for a whole tensor."""
    scheme, qparams, x = per_channel(fmt, axis, "pytorch")
    scales, points = (torch.from_numpy(array.reshape(-1)) for array in (qparams.scale, qparams.zero_point))
    expected = torch.quantize_per_channel(torch.from_numpy(x), scales, points, axis, DTYPES[fmt])
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(ours.codes, expected.int_repr().numpy())
    np.testing.assert_array_equal(ours.dequantize(), expected.dequantize().numpy())


@pytest.mark.parametrize("fmt", ["int8", "uint8", "int4", "uint3"])
@pytest.mark.parametrize(("scale", "share"), PER_TENSOR)
def test_fake_quantize_per_tensor(fmt: str, scale: float, share: float) -> None:
    scheme, qparams = per_tensor(fmt, scale, share, "pytorch_fake")
    x = values_with_ties(scale, (COUNT,))
    expected = torch.fake_quantize_per_tensor_affine(
        torch.from_numpy(x), qparams.scale.item(), qparams.zero_point.item(), *scheme.limits
    )
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(ours.dequantize(), expected.numpy())


@pytest.mark.parametrize("fmt", ["int8", "uint4"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_fake_quantize_per_channel(fmt: str, axis: int) -> None:
    scheme, qparams, x = per_channel(fmt, axis, "pytorch_fake")
    scales, points = (torch.from_numpy(array.reshape(-1)) for array in (qparams.scale, qparams.zero_point))
    expected = torch.fake_quantize_per_channel_affine(torch.from_numpy(x), scales, points, axis, *scheme.limits)
    ours = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    np.testing.assert_array_equal(ours.dequantize(), expected.numpy())


def test_the_two_pytorch_conventions_differ_on_these_values() -> None:
    """Otherwise the tests above could not tell them apart."""
    scheme, qparams = per_tensor("int8", 0.0231, 0.53, "pytorch")
    x = values_with_ties(0.0231, (COUNT,))
    fake = Scheme("int8", symmetric=False, convention="pytorch_fake")
    assert (encode(x, qparams, scheme) != encode(x, qparams, fake)).sum() > 1000


def ranges(count: int) -> NDArray[np.float32]:
    """Pairs of all magnitudes and signs, zero, and quotients that are ties."""
    rng = np.random.default_rng(41)
    pairs = rng.normal(0, 1, (count, 2)) * 10.0 ** rng.uniform(-9, 9, (count, 1))
    halves = rng.integers(0, 255, count // 4)
    pairs[: count // 4] = np.stack([-(halves + 0.5), 254.5 - halves], axis=1)  # scale 1, lo / scale a tie
    pairs[count // 4 : count // 4 + 100] = 0
    return np.sort(pairs, axis=1).astype(np.float32)


OBSERVED = [  # format, narrow range, how torch is told about codes that are not its own; it refuses 1 .. 255
    ("int8", False, {}),
    ("uint8", False, {}),
    ("int8", True, {"quant_min": -127, "quant_max": 127}),
    ("int4", False, {"quant_min": -8, "quant_max": 7}),
    ("uint4", False, {"quant_min": 0, "quant_max": 15}),
    ("int3", True, {"quant_min": -3, "quant_max": 3}),
    ("uint2", False, {"quant_min": 0, "quant_max": 3}),
]


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(("fmt", "narrow", "limits"), OBSERVED)
def test_per_channel_observer(fmt: str, narrow: bool, limits: dict[str, int], symmetric: bool) -> None:
    """A million channels of two values: a million scales and zero-points."""
    x = ranges(COUNT)
    scheme = Scheme(fmt, "channel", 0, symmetric=symmetric, narrow_range=narrow, convention="pytorch")
    observer = torch.ao.quantization.PerChannelMinMaxObserver(
        ch_axis=0,
        dtype=torch.qint8 if fmt.startswith("int") else torch.quint8,
        qscheme=torch.per_channel_symmetric if symmetric else torch.per_channel_affine,
        **limits,
    )
    observer(torch.from_numpy(x))
    scale, zero_point = observer.calculate_qparams()
    ours = choose_qparams(calibration.calibrate(x, scheme), scheme)
    np.testing.assert_array_equal(ours.scale.reshape(-1), scale.numpy())
    np.testing.assert_array_equal(ours.zero_point.reshape(-1), zero_point.numpy())


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(("fmt", "narrow", "limits"), OBSERVED)
def test_per_tensor_observer_on_a_stream(fmt: str, narrow: bool, limits: dict[str, int], symmetric: bool) -> None:
    scheme = Scheme(fmt, symmetric=symmetric, narrow_range=narrow, convention="pytorch")
    observer = torch.ao.quantization.MinMaxObserver(
        dtype=torch.qint8 if fmt.startswith("int") else torch.quint8,
        qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine,
        **limits,
    )
    state = calibration.start(scheme)
    rng = np.random.default_rng(43)
    for sigma in (0.2, 3.1, 1.0):
        batch = rng.normal(0.4, sigma, (500, 700)).astype(np.float32)
        observer(torch.from_numpy(batch))
        state.update(batch)
        scale, zero_point = observer.calculate_qparams()
        ours = choose_qparams(state.range(), scheme)
        assert ours.scale.item() == scale.item()
        assert ours.zero_point.item() == zero_point.item()


def test_a_range_too_wide_for_float32_is_refused_where_torch_answers_with_infinity() -> None:
    observer = torch.ao.quantization.MinMaxObserver(dtype=torch.quint8)
    observer(torch.tensor([-3e38, 3e38]))
    assert torch.isinf(observer.calculate_qparams()[0]).all()
    with pytest.raises(InvalidInputError, match="scale: 1 of 1 values are NaN or infinite"):
        choose_qparams(Range(-3e38, 3e38), Scheme("uint8", symmetric=False, convention="pytorch"))
