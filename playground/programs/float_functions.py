"""Functions of single float32 values, by NumPy.

As :mod:`playground.programs.integer_ops`, this is the specification that the WebAssembly kernels are tested against,
bit for bit: every float32 operation is rounded on its own, and none of NumPy's is used whose last bit depends on the
machine (its own ``exp``, ``log`` and ``tanh`` do). Polynomials are those of S. Moshier's Cephes library (exp, log,
tanh) and N. Juffa's (erf). ``tests/programs/test_float_functions.py`` states how far each is from the exact result.

In C they are in ``wasm_kernels/exp_f32.h``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from playground.programs.integer_ops import Float32

Function = Callable[[Float32, np.float32, np.float32], Float32]
"""``function(x, alpha, beta)``; most have no use for the two numbers."""

_F = np.float32
_ZERO, _HALF, _ONE, _TWO = _F(0), _F(0.5), _F(1), _F(2)
_LOG2_HIGH, _LOG2_LOW = _F(0.693359375), _F(-2.12194440e-4)

_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
_ERF_NEAR = (-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1)
_ERF_FAR = (
    *(-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2),
    *(-1.06777877e-1, -6.34846687e-1, -1.28717512e-1),
)


def _polynomial(coefficients: tuple[float, ...], x: Float32) -> Float32:
    """By Horner's scheme, the coefficient of the highest power first."""
    p = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        p = p * x + _F(c)
    return p


def within(x: Float32, lo: float, hi: float) -> Float32:
    """The values limited to lo .. hi, the upper limit last; NaN stays NaN."""
    raised = np.where(x < _F(lo), _F(lo), x)
    return np.where(raised > _F(hi), _F(hi), raised)


def exp(x: Float32) -> Float32:
    """The exponential, as a power of two times that of what is left, which is a polynomial.

    The power is multiplied in two halves: so results below 2^-126 are rounded once, and those above 2^128 are infinite.
    """
    limited = within(x, -104, 89)
    n = np.rint(limited * _F(1.44269504))
    r = limited - n * _LOG2_HIGH - n * _LOG2_LOW
    y = _polynomial(_EXP, r) * (r * r) + r + _ONE
    whole = np.where(np.isnan(n), _ZERO, n).astype(np.int32)
    half = whole >> 1
    return np.asarray(y * _power_of_two(half) * _power_of_two(whole - half))


def _power_of_two(n: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Float32:
    return ((n + np.int32(127)) << np.int32(23)).view(np.float32)


def log(x: Float32) -> Float32:
    """The natural logarithm; of negative numbers NaN, of 0 -inf."""
    tiny = x < _F(1.17549435e-38)
    bits = np.where(tiny, x * _F(2**23), x).view(np.int32)
    m = ((bits & np.int32(0x7FFFFF)) | np.int32(0x3F000000)).view(np.float32)  # 0.5 .. 1
    low = m < _F(0.707106781)
    e = ((bits >> np.int32(23)) - np.int32(126) - np.where(tiny, np.int32(23), np.int32(0)) - low).astype(np.float32)
    m = m + np.where(low, m, _ZERO) - _ONE
    z = m * m
    y = _polynomial(_LOG, m) * m * z + e * _LOG2_LOW - z * _HALF
    y = m + y + e * _LOG2_HIGH
    y = np.where(x == _F(np.inf), _F(np.inf), np.where(x == _ZERO, _F(-np.inf), y))
    return np.asarray(np.where(x >= _ZERO, y, _F(np.nan)), np.float32)


def sigmoid(x: Float32) -> Float32:
    """1 / (1 + exp(-x)), with the exponential of a negative number on both sides of 0."""
    small = exp(-np.abs(x))
    return np.asarray(np.where(x < _ZERO, small, _ONE) / (_ONE + small), np.float32)


def tanh(x: Float32) -> Float32:
    """The hyperbolic tangent: a polynomial up to 0.625, then ``1 - 2 / (exp(2 x) + 1)``."""
    a, z = np.abs(x), x * x
    near = _polynomial(_TANH, z) * z * x + x
    far = _ONE - _TWO / (exp(a + a) + _ONE)
    return np.where(a < _F(0.625), near, np.copysign(far, x))


def erf(x: Float32) -> Float32:
    """The error function: a polynomial up to 0.92, then 1 minus the exponential of one; beyond 4 it is 1."""
    a = np.abs(x)
    t = np.where(a > _F(4), _F(4), a)
    far = _ONE - exp(_polynomial(_ERF_FAR, t) * t - t)
    near = _polynomial(_ERF_NEAR, x * x) * x + x
    return np.where(t > _F(0.921875), np.copysign(far, x), near)


def softplus(x: Float32) -> Float32:
    """log(1 + exp(x)). What is lost where 1 is added to a small number is made up for by W. Kahan's quotient."""
    small = exp(-np.abs(x))
    whole = _ONE + small
    more = whole - _ONE
    logs = np.where(more == _ZERO, small, log(whole) * (small / more))
    return np.where(x < _ZERO, _ZERO, x) + logs


def gelu(x: Float32) -> Float32:
    """X times the normal distribution's probability of values below x."""
    return _HALF * x * (_ONE + erf(x * _F(0.707106781)))


def gelu_tanh(x: Float32) -> Float32:
    """The same by its approximation with a hyperbolic tangent."""
    return _HALF * x * (_ONE + tanh(_F(0.797884561) * (x + _F(0.044715) * x * x * x)))


def mish(x: Float32) -> Float32:
    """X * tanh(softplus(x)) as ``x * n / (n + 2)``, ``n = e * (e + 2)``, ``e = exp(x)``; beyond 20 it is x."""
    e = exp(np.where(x > _F(20), _F(20), x))
    n = e * (e + _TWO)
    return np.asarray(x * (n / (n + _TWO)), np.float32)


def sign(x: Float32) -> Float32:
    """1 above 0, -1 below; zeros and NaN stay what they are."""
    return np.where(x < _ZERO, -_ONE, np.where(x > _ZERO, _ONE, x))


def _softsign(x: Float32) -> Float32:
    return np.asarray(x / (_ONE + np.abs(x)), np.float32)


def _alone(function: Callable[[Float32], Float32]) -> Function:
    return lambda x, alpha, beta: function(x)


def _line(x: Float32, alpha: np.float32, beta: np.float32) -> Float32:
    return within(alpha * x + beta, 0, 1)


FUNCTIONS: Mapping[str, Function] = {
    "abs": _alone(np.abs),
    "neg": _alone(np.negative),
    "sqrt": _alone(np.sqrt),
    "reciprocal": _alone(lambda x: _ONE / x),
    "floor": _alone(np.floor),
    "ceil": _alone(np.ceil),
    "round": _alone(np.rint),
    "sign": _alone(sign),
    "square": _alone(lambda x: x * x),
    "cube": _alone(lambda x: x * x * x),
    "exp": _alone(exp),
    "log": _alone(log),
    "sigmoid": _alone(sigmoid),
    "tanh": _alone(tanh),
    "erf": _alone(erf),
    "softplus": _alone(softplus),
    "softsign": _alone(_softsign),
    "gelu": _alone(gelu),
    "gelu_tanh": _alone(gelu_tanh),
    "mish": _alone(mish),
    "swish": lambda x, alpha, beta: x * sigmoid(alpha * x),
    "elu": lambda x, alpha, beta: np.where(x < _ZERO, alpha * (exp(x) - _ONE), beta * x),
    "leaky": lambda x, alpha, beta: np.where(x < _ZERO, x * alpha, x),
    "hard_sigmoid": _line,
    "hard_swish": lambda x, alpha, beta: x * within(x / alpha + beta, 0, 1),
    "thresholded": lambda x, alpha, beta: np.where(x > alpha, x, _ZERO),
    "clip": lambda x, alpha, beta: within(x, float(alpha), float(beta)),
}
"""Name -> function, in the order of the numbers that k_unary_f32 takes."""


def apply(name: str, x: Float32, alpha: float = 0.0, beta: float = 0.0) -> Float32:
    """One of :data:`FUNCTIONS` of every value.

    Args:
        name: of the function.
        x: float32, of any shape.
        alpha: what the function makes of it is its own affair: a slope, a lower limit.
        beta: likewise: an offset, an upper limit.
    """
    with np.errstate(all="ignore"):
        return np.asarray(FUNCTIONS[name](x, _F(alpha), _F(beta)), np.float32)


def _prelu(a: Float32, b: Float32) -> Float32:
    return np.where(a < _ZERO, a * b, a)


def larger(a: Float32, b: Float32) -> Float32:
    """The larger of both; NaN if one is NaN."""
    return np.where(np.isnan(b), b, np.where(a < b, b, a))


def smaller(a: Float32, b: Float32) -> Float32:
    """The smaller of both; NaN if one is NaN."""
    return np.where(np.isnan(b), b, np.where(b < a, b, a))


COMBINATIONS: Mapping[str, Callable[[Float32, Float32], Float32]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "min": smaller,
    "max": larger,
    "prelu": _prelu,
}
"""Name -> function of two values, in the order of the numbers that k_binary_f32 takes."""


def combine(name: str, a: Float32, b: Float32, limits: tuple[float, float] = (-np.inf, np.inf)) -> Float32:
    """One of :data:`COMBINATIONS` of two arrays that broadcast, within limits."""
    with np.errstate(all="ignore"):
        return np.asarray(within(COMBINATIONS[name](a, b), *limits), np.float32)
