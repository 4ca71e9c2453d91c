"""Codes and values: the formula with exact fractions, shapes, saturation, and parts that do not fit."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from playground import QParams, QTensor, Scheme, dequantize
from playground.errors import InvalidInputError
from playground.quantization import encode


@pytest.mark.parametrize(("fmt", "zero_point"), [("int8", -5), ("uint8", 200), ("int2", 0), ("uint5", 9)])
def test_codes_follow_the_formula_in_exact_arithmetic(fmt: str, zero_point: int) -> None:
    """A scale that is a power of two leaves nothing to float32's rounding, so Python's fractions decide, ties too."""
    scheme, scale = Scheme(fmt, symmetric=False), Fraction(1, 8)
    x = np.arange(-4000, 4000, dtype=np.float32) / 64
    qmin, qmax = scheme.limits
    expected = [min(max(round(Fraction(float(v)) / scale) + zero_point, qmin), qmax) for v in x]
    qparams = QParams(float(scale), zero_point)
    codes = encode(x, qparams, scheme)
    assert codes.tolist() == expected
    values = QTensor(codes, qparams, scheme, x.shape).dequantize()
    assert values.tolist() == [float((code - zero_point) * scale) for code in expected]


@pytest.mark.parametrize("convention", ["onnxruntime", "pytorch", "pytorch_fake"])
def test_values_far_beyond_the_range_saturate(convention: str) -> None:
    scheme = Scheme("int8", symmetric=False, convention=convention)
    codes = encode([3e38, -3e38, 1e30, -1e30], QParams(2e-38, 7), scheme)
    assert codes.tolist() == [127, -128, 127, -128]


@pytest.mark.parametrize("convention", ["onnxruntime", "pytorch", "pytorch_fake"])
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 3, 4)])
def test_shapes_are_kept(convention: str, shape: tuple[int, ...]) -> None:
    scheme = Scheme("uint4", symmetric=False, convention=convention)
    qparams = QParams(np.float32(0.5), 8)
    q = QTensor(encode(np.ones(shape), qparams, scheme), qparams, scheme, shape)
    assert q.codes.shape == q.dequantize().shape == shape
    assert q.dequantize().dtype == np.float32
    assert (dequantize(q) == 1).all()
    assert q.bits_per_weight == (8 * q.nbytes / q.codes.size if q.codes.size else 0)


def test_the_input_is_left_alone() -> None:
    x = np.linspace(-1, 1, 10, dtype=np.float32)
    before = x.copy()
    encode(x, QParams(0.01, 0), Scheme())
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(3,), (2, 1), (1, 1, 1), (4, 1)])
def test_scales_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    qparams = QParams(np.ones(shape), np.zeros(shape, int))
    with pytest.raises(InvalidInputError, match=r"^scale: scales of shape .* do not fit values of shape \(5, 2\)"):
        encode(np.ones((5, 2)), qparams, Scheme())


@pytest.mark.parametrize(
    ("codes", "shape"),
    [(np.zeros((2, 3), np.uint8), (2, 3)), (np.zeros((2, 3), np.int8), (3, 2)), (np.zeros(6, np.int32), (6,))],
)
def test_a_tensor_of_parts_that_contradict_each_other_is_refused(codes: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match=r"^codes: .*do not fit this tensor. Give int8 codes of shape"):
        QTensor(codes, QParams(1.0, 0), Scheme(), shape)


def test_stored_size_by_hand() -> None:
    """101 three-bit codes are 38 bytes; a scale takes 4 bytes; a zero-point takes 3 bits, rounded up to a byte."""
    x = np.linspace(-1, 2, 101)
    scheme = Scheme("uint3", symmetric=False)
    qparams = QParams(0.5, 2)
    q = QTensor(encode(x, qparams, scheme), qparams, scheme, x.shape)
    assert (q.packed().size, q.nbytes) == (38, 43)
    assert q.bits_per_weight == pytest.approx(8 * 43 / 101)
    without = QParams(0.5, 0)
    assert QTensor(encode(x, without, scheme), without, scheme, x.shape).nbytes == 42
