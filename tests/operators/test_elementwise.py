from typing import Any

import numpy as np
import pytest

F = np.float32
UNARY = """Abs Ceil Cos Elu Erf Exp Floor HardSigmoid HardSwish Identity LeakyRelu Neg Reciprocal Relu Round Sigmoid
    Sign Sin Softplus Tanh"""
SPECIAL = np.array([0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 100, -100, 1e-30, 3.9, -5], F)


@pytest.mark.parametrize("op", UNARY.split())
def test_unary(check: Any, normal: Any, op: str) -> None:
    with np.errstate(all="ignore"):
        check(op, SPECIAL, rtol=2e-6, atol=2e-6)
        check(op, 3 * normal(4, 1000), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("op", ["Sqrt", "Log"])
def test_unary_of_positive(check: Any, normal: Any, op: str) -> None:
    check(op, np.abs(normal(1000)), rtol=2e-6)


def test_relu_keeps_nan(check: Any) -> None:
    assert np.isnan(check("Relu", np.array([np.nan, -1], F))[0][0])


def test_not(check: Any) -> None:
    check("Not", np.array([True, False]))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Pow"])
def test_binary_broadcasts(check: Any, normal: Any, op: str) -> None:
    check(op, np.abs(normal(2, 3, 4)), normal(3, 1), rtol=1e-5)


@pytest.mark.parametrize("op", ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_comparisons(check: Any, op: str) -> None:
    check(op, np.array([1, 2, 3], F), np.array([2, 2, 2], F))


@pytest.mark.parametrize("op", ["And", "Or"])
def test_logic(check: Any, op: str) -> None:
    check(op, np.array([True, True, False, False]), np.array([True, False, True, False]))


def test_integer_division_cuts_towards_zero(check: Any) -> None:
    assert check("Div", np.array([7, -7, 7, -7, 6]), np.array([2, 2, -2, -2, -2]))[0].tolist() == [3, -3, -3, 3, -3]


def test_modulo(check: Any) -> None:
    a, b = np.array([7, -7, 7, -7]), np.array([3, 3, -3, -3])
    assert check("Mod", a, b)[0].tolist() == [1, 2, -2, -1]
    assert check("Mod", a, b, fmod=1)[0].tolist() == [1, -1, 1, -1]
    check("Mod", a.astype(F) / 2, b.astype(F), fmod=1)


def test_division_by_zero(check: Any) -> None:
    check("Div", np.array([1, -1, 0], F), np.zeros(3, F))


def test_power_has_the_type_of_its_base(check: Any) -> None:
    check("Pow", np.array([2, 3], F), np.array([3, 2]))
    check("Pow", np.array([2, 3]), np.array([3, 2], F))


@pytest.mark.parametrize("limits", [(-0.5, 0.5), (None, 0.5), (-0.5, None), (None, None)])
def test_clip(check: Any, normal: Any, limits: tuple[float | None, ...]) -> None:
    check("Clip", normal(100), *(None if limit is None else np.array(limit, F) for limit in limits))
    attributes = {name: limit for name, limit in zip(("min", "max"), limits, strict=True) if limit is not None}
    check("Clip", normal(100), opset=7, **attributes)


def test_parametrised_activations(check: Any, normal: Any) -> None:
    check("PRelu", normal(2, 3, 4), normal(3, 1))
    check("LeakyRelu", normal(100), alpha=0.3)
    check("HardSigmoid", 3 * normal(100), alpha=0.3, beta=0.4)


def test_gelu(check: Any, normal: Any) -> None:
    check("Gelu", 3 * normal(1000), opset=20)
    check("Gelu", 3 * normal(1000), opset=20, approximate="tanh")
    check("Gelu", 3 * normal(1000), domain="com.microsoft")


def test_variadic_and_where(check: Any, normal: Any) -> None:
    check("Sum", normal(3), normal(3), normal(2, 3))
    check("Max", normal(3))
    check("Where", np.array([True, False, True]), normal(2, 3), normal(1))
