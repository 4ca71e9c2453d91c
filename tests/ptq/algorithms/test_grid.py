import numpy as np
import pytest

from playground import Scheme, quantize
from playground.ptq.algorithms._grid import Grid, output_error_task, rounded_to, unusable
from playground.tasks import run_sync
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
    assert run_sync(output_error_task(error, x @ x.swapaxes(1, 2))) == pytest.approx(((error @ x) ** 2).sum())


def test_neighbours_are_the_codes_around_a_value() -> None:
    x = np.random.default_rng(2).normal(size=(6, 12)).astype(np.float32)
    weight, layer = quantize(x, Scheme("int3", granularity="channel", axis=0)), gemm(x.shape)
    W = 1.3 * layer.of(x).astype(np.float64)  # some lie beyond the last code
    grid = Grid.of(weight, layer)
    both = grid.neighbours(W)
    steps = W / grid.scale + grid.zero
    for far in (-100.0, 100.0):
        codes = both.codes(W + far)
        expected = np.clip(np.floor(steps) if far < 0 else np.floor(steps) + 1, *grid.scheme.limits)
        np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(both.codes(W), grid.codes(W))
    np.testing.assert_array_equal(both.columns(2).codes(W[..., 2] + 100), both.codes(W + 100)[..., 2])
    np.testing.assert_array_equal(both.outputs(slice(1, 3)).codes(W[:, 1:3] + 100), both.codes(W + 100)[:, 1:3])
