"""Operators that work on every element alone, with NumPy's broadcasting, which is ONNX's."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from playground.engines.float_ops._fast import larger
from playground.engines.float_ops._op import Array, Call, FloatOp


def _unary(function: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda call, x: function(x).astype(x.dtype, copy=False)


def _binary(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    return lambda call, a, b: function(a, b)


def _variadic(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    return lambda call, *inputs: reduce(function, inputs)


def divide(call: Call, a: Array, b: Array) -> Array:
    """Division; between integers it cuts towards zero, as in C."""
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    quotient = np.floor_divide(a, b)
    inexact = (quotient * b != a) & ((a < 0) != (b < 0))
    return np.asarray(quotient + inexact, a.dtype)


def modulo(call: Call, a: Array, b: Array) -> Array:
    """The remainder: with the sign of the divisor, or of the dividend with ``fmod``."""
    return np.asarray(np.fmod(a, b) if call.get("fmod", 0) else np.mod(a, b))


def power(call: Call, base: Array, exponent: Array) -> Array:
    """Power; the result has the base's type, whatever the exponent's."""
    return np.asarray(np.power(base, exponent.astype(base.dtype, copy=False)))


def clip(call: Call, x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    """Clip to limits given as inputs, or as attributes before opset 11."""
    low, high = (call.get("min") if low is None else low), (call.get("max") if high is None else high)
    if low is not None:
        x = np.maximum(x, np.asarray(low, x.dtype))
    return x if high is None else np.minimum(x, np.asarray(high, x.dtype))


def leaky_relu(call: Call, x: Array) -> Array:
    """X where positive, alpha * x elsewhere."""
    return np.where(x < 0, x * x.dtype.type(call.get("alpha", 0.01)), x)


def prelu(call: Call, x: Array, slope: Array) -> Array:
    """X where positive, slope * x elsewhere."""
    return np.where(x < 0, x * slope, x)


def elu(call: Call, x: Array) -> Array:
    """X where positive, alpha * (exp(x) - 1) elsewhere."""
    return np.where(x < 0, x.dtype.type(call.get("alpha", 1.0)) * np.expm1(np.minimum(x, 0)), x)


def sigmoid(call: Call, x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow: the exponential is of a negative number on both sides of 0."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, x.dtype.type(1)) / (1 + small))


def hard_sigmoid(call: Call, x: Array) -> Array:
    """max(0, min(1, alpha * x + beta))."""
    alpha, beta = x.dtype.type(call.get("alpha", 0.2)), x.dtype.type(call.get("beta", 0.5))
    return np.asarray(np.clip(alpha * x + beta, 0, 1))


def hard_swish(call: Call, x: Array) -> Array:
    """X * max(0, min(1, x / 6 + 0.5))."""
    return np.asarray(x * np.clip(x / x.dtype.type(6) + x.dtype.type(0.5), 0, 1))


def erf(call: Call, x: Array) -> Array:
    """The error function to within an ulp of float32: N. Juffa's two polynomials, evaluated in float64."""
    a = x.astype(np.float64)
    t, s = np.minimum(np.abs(a), 4.0), a * a  # beyond 4 it is 1 in float32
    inner = np.polyval([-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1], s)
    outer = np.polyval(
        [-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1],
        t,
    )
    far = np.copysign(1 - np.exp(outer * t - t), a)
    return np.where(t > 0.921875, far, inner * a + a).astype(x.dtype)


def gelu(call: Call, x: Array) -> Array:
    """X * Phi(x), exact or by its tanh approximation."""
    half, one = x.dtype.type(0.5), x.dtype.type(1)
    if call.get("approximate", "none") == "tanh":
        inner = x.dtype.type(np.sqrt(2 / np.pi)) * (x + x.dtype.type(0.044715) * x * x * x)
        return np.asarray(half * x * (one + np.tanh(inner)))
    return np.asarray(half * x * (one + erf(call, x * x.dtype.type(np.sqrt(0.5)))))


def softplus(call: Call, x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def where(call: Call, condition: Array, a: Array, b: Array) -> Array:
    """A where the condition holds, b elsewhere."""
    return np.where(condition, a, b)


_UNARY: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Exp": np.exp,
    "Floor": np.floor,
    "Identity": lambda x: x,
    "Log": np.log,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Reciprocal": lambda x: 1 / x,
    "Relu": lambda x: larger(x, x.dtype.type(0)),
    "Round": np.rint,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sqrt": np.sqrt,
    "Tanh": np.tanh,
}
_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "And": np.logical_and,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Mul": np.multiply,
    "Or": np.logical_or,
    "Sub": np.subtract,
}

OPS = (
    *(FloatOp(name, _unary(function)) for name, function in _UNARY.items()),
    *(FloatOp(name, _binary(function)) for name, function in _BINARY.items()),
    FloatOp("Max", _variadic(np.maximum)),
    FloatOp("Min", _variadic(np.minimum)),
    FloatOp("Sum", _variadic(np.add)),
    FloatOp("Div", divide),
    FloatOp("Mod", modulo),
    FloatOp("Pow", power),
    FloatOp("Clip", clip),
    FloatOp("LeakyRelu", leaky_relu),
    FloatOp("PRelu", prelu),
    FloatOp("Elu", elu),
    FloatOp("Sigmoid", sigmoid),
    FloatOp("HardSigmoid", hard_sigmoid),
    FloatOp("HardSwish", hard_swish),
    FloatOp("Erf", erf),
    FloatOp("Gelu", gelu),
    FloatOp("com.microsoft.Gelu", gelu),
    FloatOp("Softplus", softplus),
    FloatOp("Where", where),
)
