"""k_error_stats against playground.metrics, bit for bit, and against sums formed by NumPy."""

import numpy as np
import pytest

from playground import host
from playground.metrics import compare, deterministic_sum, split_error
from playground.tensor_view.fast_path_kernels import ERROR_STATS

SIGNAL, NOISE, ROUNDING, CLIPPING, CLIPPED, LARGEST = range(6)


def sizes(shape):
    return dict(zip(("outer", "channels", "inner"), shape, strict=True))


def pair(rng, shape):
    x = rng.normal(size=shape).astype(np.float32)
    lo = -rng.uniform(0.5, 1.5, (1, shape[1], 1)).astype(np.float32)
    return x, (np.rint(np.clip(x, lo, -lo) * 8) / 8).astype(np.float32), lo


def require_equal(stats, x, x_hat, lo):
    """The same bits as the metrics, and near to what NumPy's own sums give."""
    split, noise = split_error(x, x_hat, lo, -lo, bins=1), compare(x, x_hat)
    assert stats[NOISE] / x.size == noise["mse"]
    assert stats[ROUNDING] / x.size == split.rounding_mse
    assert stats[CLIPPING] / x.size == split.clipping_mse
    assert stats[CLIPPED] == split.clipped
    assert stats[LARGEST] == noise["max_error"]
    a, b = x.astype(np.float64), x_hat.astype(np.float64)
    squared, clipped = (b - a) ** 2, (x < lo) | (x > -lo)
    expected = [(a * a).sum(), squared.sum(), squared[~clipped].sum(), squared[clipped].sum(), clipped.sum()]
    np.testing.assert_allclose(stats[:LARGEST], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (1, 1, 3), (1, 1, 64), (1, 1, 301), (3, 4, 25), (2, 3, 4), (9, 7, 1), (2, 3, 640), (1, 2, 1500)],
)
def test_error_stats(guarded, rng, out, shape):
    x, x_hat, lo = pair(rng, shape)
    given = {"x": x, "x_hat": x_hat, **sizes(shape), "lo": lo, "hi": -lo}
    require_equal(guarded("k_error_stats", **given, stats=out((6,), "float64")), x, x_hat, lo)


@pytest.mark.parametrize("shape", [(1, 1, 65536), (1, 1, 65537), (1, 1, 1_000_003), (3, 50, 777), (1500, 130, 1)])
def test_many_values(rng, shape):
    x, x_hat, lo = pair(rng, shape)
    kernels = host.kernels()
    stats = kernels.empty(6, np.float64)
    arrays = {name: kernels.resident(a) for name, a in {"x": x, "x_hat": x_hat, "lo": lo, "hi": -lo}.items()}
    kernels.call(ERROR_STATS, **arrays, **sizes(shape), stats=stats)
    require_equal(stats, x, x_hat, lo)
    assert deterministic_sum(x.astype(np.float64).reshape(-1)[:65536] ** 2) == pytest.approx(
        (x.reshape(-1)[:65536] ** 2).sum()
    )


def test_values_on_the_limits_are_not_clipped(guarded, out):
    x, bound = np.array([-1, 1, np.nextafter(np.float32(1), np.float32(2))], np.float32), np.ones(1, np.float32)
    given = {"x": x, "x_hat": np.zeros(3, np.float32), **sizes((1, 1, 3)), "lo": -bound, "hi": bound}
    stats = guarded("k_error_stats", **given, stats=out((6,), "float64"))
    assert stats[CLIPPED] == 1
    assert stats[ROUNDING] == 2
