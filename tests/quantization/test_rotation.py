"""The randomised Hadamard rotation against the matrix it stands for."""

import numpy as np
import pytest

import playground
from playground import Scheme, quantize
from playground.errors import InvalidInputError
from playground.quantization.rotation import rotate, unrotate


def hadamard(size: int) -> np.ndarray:
    """Sylvester's construction."""
    matrix = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / np.sqrt(size)


@pytest.mark.parametrize(("length", "pieces"), [(1, [1]), (8, [8]), (256, [256]), (320, [256, 64]), (7, [4, 2, 1])])
def test_it_is_a_product_with_hadamard_matrices_and_signs(length: int, pieces: list[int]) -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, length)).astype(np.float32)
    matrix, at = np.zeros((length, length)), 0
    for size in pieces:
        matrix[at : at + size, at : at + size] = hadamard(size)
        at += size
    unsigned = rotate(np.eye(length, dtype=np.float32), seed=9)
    signs = np.sign((unsigned @ matrix).diagonal())
    assert set(signs) <= {-1, 1}
    np.testing.assert_allclose(rotate(x, seed=9), (x * signs) @ matrix, atol=1e-5)
    np.testing.assert_allclose(unrotate(rotate(x, seed=9), seed=9), x, atol=1e-5)


def test_lengths_are_kept_and_seeds_differ() -> None:
    x = np.random.default_rng(1).normal(size=(5, 96)).astype(np.float32)
    before = x.copy()
    y = rotate(x, 3)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-5)
    assert (rotate(x, 3) == y).all()
    assert (rotate(x, 4) != y).any()


def test_an_outlier_is_spread_so_that_four_bits_do_better() -> None:
    x = np.random.default_rng(2).normal(size=(64, 512)).astype(np.float32)
    x[:, 17] *= 60
    plain, turned = (
        playground.compare(x, quantize(x, Scheme("int4", "token", rotation=rotation)).dequantize())["rmse"]
        for rotation in (None, "hadamard")
    )
    assert turned < plain / 1.5


@pytest.mark.parametrize("name", ["int8", "nf4", "fp8_e4m3", "mxfp4", "q4_0", "q4_k", "kmeans4"])
def test_every_family_can_be_rotated(name: str) -> None:
    x = np.random.default_rng(3).normal(size=(4, 320)).astype(np.float32)
    q = quantize(x, Scheme(name, rotation="hadamard", seed=5))
    straight = quantize(rotate(x, 5), Scheme(name))
    np.testing.assert_array_equal(q.codes, straight.codes)
    np.testing.assert_array_equal(q.dequantize(), unrotate(straight.dequantize(), 5))
    assert q.nbytes == straight.nbytes


def test_what_cannot_be_rotated_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^rotation: 'givens' is not a valid rotation. Use one of: hadamard"):
        Scheme(rotation="givens")
    with pytest.raises(InvalidInputError, match=r"^rotation: a scalar has no axis to rotate along"):
        quantize(1.0, Scheme(rotation="hadamard"))
