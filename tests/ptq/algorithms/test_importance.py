import numpy as np
import pytest

from playground import Range, Scheme, quantize
from playground.ptq.algorithms.importance import importance_task
from playground.quantization import quantize_within
from playground.tasks import run_sync


def weighted(values: np.ndarray, found: np.ndarray, importance: np.ndarray) -> float:
    return float((importance * (values.astype(np.float64) - found) ** 2).sum())


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["int3", "int4", "uint4"])
@pytest.mark.parametrize("seed", range(5))
def test_a_fine_search_over_all_ranges_finds_hardly_less(fmt: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_t(4, (1, 64)).astype(np.float32)
    importance = rng.exponential(size=(1, 64)).astype(np.float32)
    scheme = Scheme(fmt, symmetric=fmt != "uint4")
    found = weighted(values, run_sync(importance_task(values, importance, scheme, 40, 0.3)).dequantize(), importance)
    lo, hi = float(values.min()), float(values.max())
    brute = min(
        weighted(values, quantize_within(values, Range(lo * f, hi * f), scheme).dequantize(), importance)
        for f in np.linspace(0.3, 1.1, 2000)
    )
    nearest = weighted(values, quantize(values, scheme).dequantize(), importance)
    assert brute * (1 - 1e-6) <= found <= nearest
    assert found < 1.02 * brute


def test_what_matters_is_hit_and_what_does_not_is_clipped() -> None:
    values = np.array([[0.1, -0.2, 0.3, -0.35, 4.0]], np.float32)
    scheme = Scheme("int4")
    small = run_sync(importance_task(values, np.array([[1, 1, 1, 1, 1e-6]], np.float32), scheme, 40, 0.05)).dequantize()
    large = run_sync(importance_task(values, np.array([[1, 1, 1, 1, 10]], np.float32), scheme, 40, 0.05)).dequantize()
    assert np.abs(small - values)[0, :4].max() < 0.05
    assert small[0, 4] < 1
    assert abs(large[0, 4] - 4) < 0.3


def test_every_scale_is_searched_for_itself() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_t(3, (4, 32)).astype(np.float32)
    importance = rng.exponential(size=(4, 32)).astype(np.float32)
    together = run_sync(importance_task(values, importance, Scheme("int4", granularity="channel", axis=0), 20, 0.3))
    for row in range(4):
        alone = run_sync(importance_task(values[row : row + 1], importance[row : row + 1], Scheme("int4"), 20, 0.3))
        np.testing.assert_array_equal(together.dequantize()[row], alone.dequantize()[0])
