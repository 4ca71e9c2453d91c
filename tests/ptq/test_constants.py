import numpy as np
import pytest

from playground.api import quantize
from playground.model.graph import Tensor
from playground.ptq.constants import flat_parameters, quantize_bias, why_not, widen_for_bias
from playground.quantization import Scheme

F = np.float32
CHANNEL = Scheme(granularity="channel", axis=0)


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(F)


def test_bias_has_the_scale_of_the_accumulator() -> None:
    weight, bias, s = quantize(weights(3, 4), CHANNEL), F([1.5, -2, 0]), F(0.013)
    made = quantize_bias(bias, s, weight)
    assert made is not None
    assert made.scale.dtype == F
    assert np.array_equal(made.scale, weight.qparams.scale.reshape(-1) * s)
    assert made.codes.dtype == np.int32
    assert np.abs(made.codes * made.scale.astype(np.float64) - bias).max() <= made.scale.max() / 2


def test_bias_of_another_shape() -> None:
    one = quantize_bias(weights(2, 3), F(0.1), quantize(weights(3, 4), Scheme()))
    assert one is not None
    assert (one.codes.shape, one.scale.shape) == ((2, 3), ())
    assert quantize_bias(weights(2, 3), F(0.1), quantize(weights(3, 4), CHANNEL)) is None


@pytest.mark.parametrize("scheme", [CHANNEL, Scheme()])
def test_scale_is_widened_until_the_bias_fits(scheme: Scheme) -> None:
    values, bias, s = weights(3, 4) * F(1e-6), F([1e3, 1e-3, -2e3]), F(1e-3)
    narrow = quantize(values, scheme)
    wide = widen_for_bias(narrow, values, bias, s)
    made = quantize_bias(bias, s, wide)
    assert made is not None
    assert np.abs(made.codes).max() < 2**31 - 1, "nothing was cut off"
    np.testing.assert_allclose(made.codes * made.scale.astype(np.float64), bias, 1e-6, float(made.scale.max()) / 2)
    assert (wide.qparams.scale >= narrow.qparams.scale).all()
    if scheme is CHANNEL:
        assert wide.qparams.scale[1] == narrow.qparams.scale[1], "the small bias needs nothing"


def test_scale_that_is_wide_enough_stays() -> None:
    values = weights(3, 4)
    weight = quantize(values, CHANNEL)
    assert widen_for_bias(weight, values, F([1, 2, 3]), F(0.1)) is weight
    asymmetric = quantize(values, Scheme(symmetric=False))
    assert widen_for_bias(asymmetric, values, F([1e30] * 3), F(0.1)) is asymmetric


def test_parameters_as_dequantize_linear_takes_them() -> None:
    scale, zero_point = flat_parameters(quantize(weights(3, 4), CHANNEL))
    assert (scale.shape, zero_point.shape, zero_point.dtype) == ((3,), (3,), np.int8)
    scale, zero_point = flat_parameters(quantize(weights(3, 4), Scheme("uint8")))
    assert (scale.shape, zero_point.shape, zero_point.dtype) == ((), (), np.uint8)


def test_faults_are_told_without_reading_more_than_needed() -> None:
    huge = Tensor("w", "float16", (10**6, 10**6), 2 * 10**12, lambda: pytest.fail("it was read"))
    assert why_not(huge) == "its type is float16, and only float32 is quantized"
    assert "no elements" in why_not(Tensor.of("w", np.zeros((0, 3), F)))
    assert why_not(Tensor.of("w", F([1, np.nan, np.inf]))) == "2 of its 3 values are NaN or infinite"
    assert "no axis 2" in why_not(Tensor.of("w", weights(3, 4)), Scheme(granularity="channel", axis=2))
    assert why_not(Tensor.of("w", weights(3, 4)), CHANNEL) == ""
    assert why_not(Tensor.of("w", np.zeros(3, F))) == ""
