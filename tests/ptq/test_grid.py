import numpy as np
import pytest

from playground import Scheme, quantize
from playground.ptq._grid import Grid, output_error, rounded_to, unusable
from tests.ptq.layers import gemm

SCHEMES = [
    Scheme("int8"),
    Scheme("int4", granularity="channel", axis=0),
    Scheme("uint3", granularity="channel", axis=1, symmetric=False),
    Scheme("int4", granularity="block", axis=1, block_size=4),
    Scheme("int4", narrow_range=True),
    Scheme("nf4", granularity="block", axis=1, block_size=5),
    Scheme("fp8_e4m3", granularity="channel", axis=0),
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_gives_the_codes_and_values_that_quantizing_gives(scheme: Scheme) -> None:
    x = np.random.default_rng(0).normal(size=(6, 12)).astype(np.float32)
    weight, layer = quantize(x, scheme), gemm(x.shape)
    grid = Grid.of(weight, layer)
    codes, values = grid.nearest(layer.of(x).astype(np.float64))
    np.testing.assert_array_equal(codes[0], weight.codes)
    np.testing.assert_allclose(values[0], weight.dequantize(), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(grid.columns(3).codes(layer.of(x)[:, :, 3].astype(np.float64))[0], weight.codes[:, 3])
    again = rounded_to(weight, codes, layer)
    np.testing.assert_array_equal(again.codes, weight.codes)
    assert again.codes.dtype == weight.codes.dtype
    assert unusable(scheme) == ""


def test_schemes_without_codes_of_their_own_say_why() -> None:
    assert unusable(Scheme("q4_0")) == "q4_0 chooses scales and codes together"
    assert "scale * (code - zero_point)" in unusable(Scheme("int4", rotation="hadamard"))
    assert "scale * (code - zero_point)" in unusable(Scheme("fp16"))
    assert unusable(Scheme("nf4"), integers_only=True) == "nf4 codes are not evenly spaced"


def test_the_output_error_is_that_of_the_outputs() -> None:
    rng = np.random.default_rng(1)
    error, x = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 50))
    assert output_error(error, x @ x.swapaxes(1, 2)) == pytest.approx(((error @ x) ** 2).sum())
