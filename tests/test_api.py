"""The front functions: defaults, overrides, and bad input from end to end."""

from typing import Any

import numpy as np
import pytest

import playground
from playground import Range, Scheme, quantize
from playground.errors import InvalidInputError


def test_the_public_names_exist() -> None:
    for name in ("Scheme", "Range", "QParams", "QTensor", "choose_qparams", "dequantize", "compare", "quantize"):
        assert callable(getattr(playground, name))
    assert "int8" in playground.formats()
    assert "minmax" in playground.calibrators()
    assert "onnxruntime" in playground.conventions()


def test_the_default_is_symmetric_int8_per_tensor() -> None:
    q = quantize([-2.54, 0.0, 1.27])
    assert (q.codes.tolist(), q.qparams.zero_point.tolist()) == ([-127, 0, 64], [0])
    assert q.qparams.scale.tolist() == [np.float32(2.54 / 127)]
    assert q.scheme == Scheme()


def test_a_given_range_is_used_instead_of_the_data_s() -> None:
    x = np.array([[-4.0, 1.0], [2.0, 8.0]])
    q = quantize(x, Scheme("int8", "channel", 0), Range(-2, 2))
    np.testing.assert_allclose(q.dequantize(), [[-2, 1], [2, 2]], atol=0.02)
    assert q.qparams.scale.shape == (2, 1)


def test_a_given_zero_point_is_used() -> None:
    q = quantize([0.0, 1.0], Scheme("uint4", symmetric=False), zero_point=5)
    assert (q.codes[0], q.qparams.zero_point.item()) == (5, 5)


@pytest.mark.parametrize("fmt", ["int8", "uint8", "int2", "uint3"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("convention", ["onnxruntime", "pytorch", "pytorch_fake"])
@pytest.mark.parametrize("calibrator", ["minmax", "percentile"])
def test_a_tensor_of_zeros_comes_back_as_zeros(fmt: str, symmetric: bool, convention: str, calibrator: str) -> None:
    scheme = Scheme(fmt, symmetric=symmetric, convention=convention, calibrator=calibrator)
    assert not quantize(np.zeros((3, 4)), scheme).dequantize().any()


@pytest.mark.parametrize("value", [5.0, -0.125, 1e-30, -3e38])
def test_a_constant_tensor_comes_back(value: float) -> None:
    for fmt, symmetric in [("uint8", False), ("int8", True), ("int8", False)]:
        found = quantize(np.full(7, value), Scheme(fmt, symmetric=symmetric)).dequantize()
        np.testing.assert_allclose(found, value, rtol=1e-6)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(24, dtype=">f4").reshape(4, 6),
        np.arange(24, dtype=np.float64).reshape(4, 6),
        np.arange(24).reshape(4, 6),
        np.arange(48, dtype=np.float32).reshape(4, 12)[:, ::2] / 2,
        np.asfortranarray(np.arange(24, dtype=np.float32).reshape(4, 6)),
    ],
    ids=["big-endian", "float64", "integer", "strided", "fortran"],
)
def test_how_an_array_lies_in_memory_does_not_matter(x: np.ndarray) -> None:
    scheme = Scheme("int5", "channel", 1, symmetric=False)
    plain = quantize(np.arange(24, dtype=np.float32).reshape(4, 6), scheme)
    np.testing.assert_array_equal(quantize(x, scheme).codes, plain.codes)
    assert quantize(x, scheme).codes.flags.c_contiguous


@pytest.mark.parametrize(
    ("x", "scheme", "error", "message"),
    [
        ([], {}, InvalidInputError, r"^x: an array of shape \(0,\) has no values\. Give at least one value$"),
        (np.zeros((3, 0, 2)), {}, InvalidInputError, r"^x: an array of shape \(3, 0, 2\) has no values"),
        ([1.0, np.nan], {}, InvalidInputError, r"^x: 1 of 2 values are NaN or infinite in float32, the first at \[1\]"),
        ([np.inf], {}, InvalidInputError, "^x: 1 of 1 values"),
        ([1e39], {}, InvalidInputError, "^x: 1 of 1 values are NaN or infinite in float32"),
        ("weights", {}, InvalidInputError, "^x: the text 'weights' is not an array of real numbers"),
        (1.0, {"granularity": "channel", "axis": 0}, InvalidInputError, "^axis: a scalar has no axis 0"),
        ([1.0], {"granularity": "channel", "axis": 1}, InvalidInputError, "^axis: 1 is not a valid axis"),
        ([1.0], {"granularity": "channel"}, InvalidInputError, "^axis: None is not a valid axis"),
        (
            [1.0],
            {"granularity": "block", "axis": 1, "block_size": 32},
            InvalidInputError,
            "^axis: 1 is not a valid axis",
        ),
        ([1.0], {"granularity": "block"}, InvalidInputError, "^block_size: a block size is missing"),
        (1.0, {"granularity": "token"}, InvalidInputError, r"^axis: a scalar has no axis -1"),
        ([1.0], {"calibrator": "entropie"}, InvalidInputError, "^calibrator: 'entropie' is not a calibrator"),
        (
            [1.0],
            {"calibrator_args": {"percentile": 99}},
            InvalidInputError,
            "^calibrator_args: minmax has no parameter",
        ),
    ],
)
def test_bad_input_gives_one_sentence(x: Any, scheme: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        quantize(x, Scheme(**scheme))
