"""Whole numbers bit by bit, casts, sums and products up to a place, windows of signal processing."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from playground.errors import InvalidInputError, UnsupportedError
from playground.operators import operator
from playground.programs.call import Call

RNG = np.random.default_rng(2)
WIDTHS = [np.uint8, np.uint16, np.uint32, np.uint64]


def numbers(kind: type, *shape: int) -> np.ndarray:
    return RNG.integers(np.iinfo(kind).min, np.iinfo(kind).max, shape, kind, endpoint=True)


@pytest.mark.parametrize("kind", [*WIDTHS, np.int8, np.int16, np.int32, np.int64])
def test_bits(check: Any, kind: type) -> None:
    for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        check(name, numbers(kind, 3, 4), numbers(kind, 4), opset=18)
    check("BitwiseNot", numbers(kind, 3, 4), opset=18)


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts(check: Any, kind: type, direction: str) -> None:
    by = RNG.integers(0, 8 * np.dtype(kind).itemsize, (5,)).astype(kind)
    check("BitShift", numbers(kind, 3, 5), by, direction=direction)


@pytest.mark.parametrize(("direction", "expected"), [("LEFT", [0, 0, 0, -128]), ("RIGHT", [-1, 0, -1, -1])])
def test_beyond_its_width_a_number_is_its_sign(direction: str, expected: list[int]) -> None:
    x, by = np.array([-128, 127, -1, -1], np.int8), np.array([8, 100, -1, 7], np.int8)
    made = operator("BitShift").run(Call({"direction": direction}), x, by)
    np.testing.assert_array_equal(made, np.array(expected, np.int8))


def test_bits_as_another_type_are_the_same_bits() -> None:
    cast = operator("BitCast")
    made = cast.run(Call({"to": 6}), np.float32([1.5, -0.0, np.nan]))
    np.testing.assert_array_equal(made, np.float32([1.5, -0.0, np.nan]).view(np.int32))
    with pytest.raises(InvalidInputError, match="width"):
        cast.run(Call({"to": 7}), np.float32([1]))
    with pytest.raises(UnsupportedError, match="bfloat16"):
        cast.run(Call({"to": 16}), np.int16([1]))
    with pytest.raises(UnsupportedError, match="text"):
        cast.run(Call({"to": 8}), np.int16([1]))


def test_casts_to_the_type_of_another_value() -> None:
    cast = operator("CastLike")
    made = cast.run(Call(cast.defaults, 1, ("float32", "float16")), np.float32([1.1]), np.float16([0]))
    np.testing.assert_array_equal(made, np.float16([1.1]))
    codes = cast.run(Call(cast.defaults, 1, ("float32", "float8_e5m2")), np.float32([1.1]), np.uint8([0]))
    np.testing.assert_array_equal(codes, np.float32([1.1]).astype(ml_dtypes.float8_e5m2).view(np.uint8))
    with pytest.raises(UnsupportedError, match="float6_e2m3fn"):
        cast.run(Call(cast.defaults, 1, ("float32", "float6_e2m3fn")), np.float32([1.1]), np.uint8([0]))


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sums_up_to_a_place(check: Any, normal: Any, axis: int, exclusive: int, reverse: int) -> None:
    how = {"exclusive": exclusive, "reverse": reverse}
    check("CumSum", normal(3, 4), np.array(axis), **how)
    check("CumSum", numbers(np.int32, 3, 4) // 8, np.array([axis], np.int32), **how)
    call, x = Call(how), normal(3, 4)
    logs = operator("CumSum").run(call, np.log(np.abs(x)), np.array(axis))
    made = operator("CumProd").run(call, np.abs(x), np.array(axis))
    np.testing.assert_allclose(made, np.exp(logs), rtol=1e-4)


def test_nothing_has_no_sum_before_it() -> None:
    made = operator("CumSum").run(Call({"exclusive": 1, "reverse": 0}), np.ones((0, 3)), np.array(0))
    assert made.shape == (0, 3)
    for wrong in (np.array(2), np.array([0, 1]), np.array(0.5)):
        with pytest.raises(InvalidInputError):
            operator("CumSum").run(Call({}), np.ones((2, 3)), wrong)


@pytest.mark.parametrize("name", ["BlackmanWindow", "HammingWindow", "HannWindow"])
@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("kind", [1, 11])
def test_windows_of_signals(check: Any, name: str, periodic: int, kind: int) -> None:
    for size in (2, 9, 10):
        check(name, np.array(size, np.int32), periodic=periodic, output_datatype=kind, atol=1e-6)


def test_what_is_not_finite(check: Any) -> None:
    x = np.float32([np.nan, np.inf, -np.inf, 0, 3e38])
    check("IsNaN", x)
    check("IsNaN", x.astype(np.float16))
    for negative, positive in ((0, 0), (0, 1), (1, 0), (1, 1)):
        check("IsInf", x, detect_negative=negative, detect_positive=positive)


ANGLES = {"Acos": 0.9, "Asin": 0.9, "Atan": 9, "Acosh": 9, "Asinh": 9, "Atanh": 0.9, "Cosh": 9}


@pytest.mark.parametrize("name", ANGLES)
def test_angles(check: Any, normal: Any, name: str) -> None:
    x = np.tanh(normal(50)) * ANGLES[name]
    check(name, np.abs(x) + 1 if name == "Acosh" else x)
