import numpy as np
import pytest

from playground import host
from playground.programs import fast_products as _fast
from playground.programs.fast_products import batched_product, kernel_product, larger, product


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 8, 8), (37, 50, 21), (64, 9, 130)])
def test_kernel_is_the_matrix_product(shape: tuple[int, int, int]) -> None:
    rows, depth, columns = shape
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(rows, depth)).astype(np.float32), rng.normal(size=(depth, columns)).astype(np.float32)
    np.testing.assert_allclose(kernel_product(a, b), a @ b, 1e-5, 1e-5)
    np.testing.assert_allclose(kernel_product(b.T, a.T), b.T @ a.T, 1e-5, 1e-5)


def test_nan_and_infinity_flow_on() -> None:
    a, b = np.ones((6, 8), np.float32), np.ones((8, 9), np.float32)
    a[1, 5], a[2, 6], a[3, 7], a[4, :2] = np.nan, np.inf, -np.inf, (np.inf, -np.inf)
    sums = np.float32([8, np.nan, np.inf, -np.inf, np.nan, 8])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(kernel_product(a, b), np.repeat(sums[:, None], 9, axis=1))


def test_shapes_that_have_no_product() -> None:
    with pytest.raises(ValueError, match="have no product"):
        kernel_product(np.zeros((2, 3), np.float32), np.zeros((4, 2), np.float32))


def test_only_the_browser_uses_it_and_only_for_large_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    monkeypatch.setattr(_fast, "kernel_product", lambda a, b: used.append((a.dtype, a.size * b.shape[1])) or a @ b)
    matrices = [np.ones((n, n), dtype) for n in (8, 64) for dtype in (np.float32, np.float64)]
    for matrix in matrices:
        product(matrix, matrix)
    assert used == []
    monkeypatch.setattr(host, "IN_BROWSER", True)
    for matrix in matrices:
        product(matrix, matrix)
    assert used == [(np.float32, 64**3)]


@pytest.mark.parametrize("in_browser", [False, True])
def test_larger(monkeypatch: pytest.MonkeyPatch, in_browser: bool) -> None:
    monkeypatch.setattr(host, "IN_BROWSER", in_browser)
    a = np.array([1, -np.inf, np.inf, np.nan, -0.0], np.float32)
    found = larger(a, np.float32(0))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([1, 0, np.inf, np.nan, 0], np.float32))
    assert larger(np.int8([-128, 3]), np.int8([5, 2])).tolist() == [5, 3]


@pytest.mark.parametrize("in_browser", [False, True])
def test_batched_product(monkeypatch: pytest.MonkeyPatch, in_browser: bool) -> None:
    monkeypatch.setattr(host, "IN_BROWSER", in_browser)
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(2, 5, 7)).astype(np.float32)
    columns = rng.normal(size=(3, 2, 7, 40)).astype(np.float32)
    monkeypatch.setattr(_fast, "SMALL", 100)
    expected = np.einsum("gfd,bgdw->bgfw", kernels, columns)
    np.testing.assert_allclose(batched_product(kernels, columns), expected, 1e-5, 1e-5)
